/**
 * Orders are given asynchronously, and in a storm they wait in Lambda's queue behind the storm's own events. All of them would then be carried out in the moment
 * the queue is empty, however slowly they were given. So no more orders are open than may read at once: an order is taken up when its work isn't any more what
 * it was when it was handed out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { duePartitions, type Key, type WorkItem } from '../../engine/items.ts';
import type { Store } from '../../engine/store.ts';

/** An order that isn't taken up within this is taken for lost; its work is due again all the same. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 300;

interface Open {
  readonly key: Key;
  /** When its work is due again, by which it is known. */
  readonly dueAt: number;
  readonly handedOutAt: number;
}

/** Orders that earlier runs gave and nobody has taken up yet, by remediation. @throws EngineError when the journal can't be read. */
export async function openOrders(store: Store, now: number, periodMs: number): Promise<Map<string, Open[]>> {
  const pages = await Promise.all(
    duePartitions().map((partition) =>
      store.query({
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :pk AND dueAt BETWEEN :now AND :later',
        FilterExpression: 'handedOutAt > :since',
        ExpressionAttributeValues: {
          ':pk': { S: partition },
          ':now': { N: String(now) },
          ':later': { N: String(now + periodMs) },
          ':since': { N: String(now - PATIENCE_MS) },
        },
      }),
    ),
  );
  const open = new Map<string, Open[]>();
  for (const { pk, sk, remediation, dueAt, handedOutAt = 0 } of pages.flat() as unknown as WorkItem[])
    open.set(remediation, [...(open.get(remediation) ?? []), { key: { pk, sk }, dueAt, handedOutAt }]);
  return open;
}

/** Turns for the orders of one remediation. */
export class Turns {
  readonly #store: Store;
  readonly #most: number;
  readonly #now: () => number;
  #open: readonly Open[];
  /** Turns that were taken and whose orders aren't given yet. */
  #reserved = 0;

  /** @param most Orders that may be open at a time. */
  constructor(store: Store, most: number, open: readonly Open[], now: () => number) {
    this.#store = store;
    this.#most = most;
    this.#open = open;
    this.#now = now;
  }

  /**
   * Resolves when one more order may be given, with `given` or `forgone` to follow; false when `goOn` says that there is no time left to wait.
   * @throws EngineError when the journal can't be read.
   */
  async take(goOn: () => boolean): Promise<boolean> {
    while (this.#isFull()) {
      await this.#look();
      if (!this.#isFull()) break;
      if (!goOn()) return false;
      await sleep(LOOK_EVERY_MS);
    }
    this.#reserved++;
    return true;
  }

  readonly #isFull = (): boolean => this.#open.length + this.#reserved >= this.#most;

  /** An order was given for this work, which is due again at `dueAt`. */
  given({ pk, sk }: Key, dueAt: number): void {
    this.#reserved--;
    this.#open = [...this.#open, { key: { pk, sk }, dueAt, handedOutAt: this.#now() }];
  }

  /** No order was given after all. */
  forgone(): void {
    this.#reserved--;
  }

  async #look(): Promise<void> {
    const items = await this.#store.readAll(this.#open.map(({ key }) => key));
    const since = this.#now() - PATIENCE_MS;
    this.#open = this.#open.filter(
      ({ key, dueAt, handedOutAt }) => handedOutAt > since && items.get(key.pk)?.dueAt === dueAt,
    );
  }
}
