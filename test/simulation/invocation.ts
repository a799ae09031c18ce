/** One run of a function: its calls take time, may be disturbed, and end with it when it dies. */
import {
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { Store } from '../../functions/engine/store.ts';
import type { VirtualClock } from './clock.ts';
import type { Random } from './random.ts';
import type { Fault } from './scenario.ts';
import { awsError, conflict, type TableCommand, type TableModel } from './table/table.ts';

/** What all invocations of a run share. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly table: TableModel;
  /** What becomes of the run's next call; counts it. */
  nextFault(what: string): Fault | undefined;
  /** Told of every transaction that was written. */
  written(command: TransactWriteItemsCommand, by: Invocation): void;
}

/** The SDK gives up after so long: three tries of three seconds. */
const GIVEN_UP_AFTER_MS = 9_000;
/** A slow call is still answered. */
const SLOW_MS = 2_500;
export const JOURNAL = 'journal';

const never = <T>(): Promise<T> => new Promise(() => {});

export class Invocation {
  readonly store: Store;
  readonly requestId: string;
  readonly #around: Surroundings;
  readonly #endsAt: number;
  readonly #onDeath: () => void;
  #isDead = false;

  constructor(around: Surroundings, requestId: string, timeoutMs: number, onDeath: () => void) {
    this.#around = around;
    this.requestId = requestId;
    this.#endsAt = around.clock.now + timeoutMs;
    this.#onDeath = onDeath;
    // Only `send` is used of a client.
    this.store = new Store(JOURNAL, {
      send: (command: TableCommand) => this.#journal(command),
    } as unknown as DynamoDBClient);
  }

  readonly remaining = (): number => this.#endsAt - this.#around.clock.now;

  /** A call of a target's API. */
  async call<T>(what: string, effect: () => T): Promise<T> {
    return this.#call(what, 20, effect);
  }

  #journal(command: TableCommand): Promise<object> {
    const { table } = this.#around;
    return this.#call(
      nameOf(command),
      4,
      () => {
        const reply = table.execute(command);
        if (command instanceof TransactWriteItemsCommand) this.#around.written(command, this);
        return reply;
      },
      command instanceof TransactWriteItemsCommand ? (command.input.TransactItems ?? []).length : 0,
    );
  }

  /** @param takesMs About as long as it takes when it isn't disturbed. @param items Of a transaction. */
  async #call<T>(what: string, takesMs: number, effect: () => T, items = 0): Promise<T> {
    const { clock, random } = this.#around;
    if (this.#isDead) return never();
    const fault = this.#around.nextFault(what);
    await clock.sleep(takesMs * (0.5 + random()) + (fault === 'slow' ? SLOW_MS : 0));
    if (this.#isOver()) return never();
    switch (fault) {
      case 'throttled':
        throw awsError('ThrottlingException', 'Rate exceeded');
      case 'refused':
        throw awsError('AccessDeniedException', 'not authorized', 403);
      case 'conflict':
        if (items > 0) throw conflict(items);
        break;
      case 'lost-before':
        await clock.sleep(GIVEN_UP_AFTER_MS);
        if (this.#isOver()) return never();
        throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
      case 'dies-before':
        return this.#die();
      default:
    }
    const result = effect();
    if (fault === 'dies-after') return this.#die();
    await clock.sleep(fault === 'lost-after' ? GIVEN_UP_AFTER_MS : takesMs * random());
    if (this.#isOver()) return never();
    if (fault === 'lost-after') throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
    return result;
  }

  /** Lambda ends a function at its timeout, wherever it is. */
  #isOver(): boolean {
    if (!this.#isDead && this.remaining() <= 0) void this.#die();
    return this.#isDead;
  }

  #die<T>(): Promise<T> {
    this.#isDead = true;
    this.#onDeath();
    return never();
  }
}

function nameOf(command: TableCommand): string {
  if (command instanceof TransactWriteItemsCommand) return 'write';
  if (command instanceof BatchGetItemCommand) return 'read all';
  if (command instanceof GetItemCommand) return 'read';
  return command instanceof QueryCommand ? 'query' : 'call';
}
