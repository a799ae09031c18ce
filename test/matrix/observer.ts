/** Watches the wire: which items were written about which target, and every changing call at the moment before it takes effect. */
import type { Gateway } from '../../local/gateway/index.ts';
import { isChanging } from '../../local/gateway/verbs.ts';
import type { AwsCall, StandIn } from '../../local/world/types.ts';
import { TOKENS } from './types.ts';

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** Called with a changing call of a customer's API before it takes effect. */
export type ChangeListener = (call: AwsCall) => Promise<void>;

export class Observer implements StandIn {
  readonly services = [
    ...['dynamodb', 'ecs', 'application-autoscaling', 'rds', 'route53'],
    ...['sns', 'events', 'lambda', 'sqs', 'states'],
  ];
  readonly #keys = new Map<string, Map<string, ItemKey>>();
  readonly #callers = new Map<string, string>();
  readonly #changes = new Set<ChangeListener>();
  readonly #reached = new Set<(call: AwsCall) => void>();

  /** Registered first, it sees each call that reaches a service, whoever answers it; it answers none. */
  constructor(gateway: Pick<Gateway, 'register'>) {
    gateway.register(this);
  }

  async handle(call: AwsCall): Promise<undefined> {
    this.#callers.set(call.accessKeyId, call.caller);
    for (const listener of this.#reached) listener(call);
    if (call.service === 'dynamodb') this.#noteItems(call);
    else if (isChanging(call.service, call.operation)) for (const listener of this.#changes) await listener(call);
    return undefined;
  }

  /** The function that an access key belongs to, once it has made a call. */
  callerOf(accessKeyId: string): string {
    return this.#callers.get(accessKeyId) ?? '';
  }

  /** Items that transactions tried to write about a target; whether they were written, the table knows. */
  keysOf(token: string): ItemKey[] {
    return [...(this.#keys.get(token)?.values() ?? [])];
  }

  forget(token: string): void {
    this.#keys.delete(token);
  }

  onChange(listener: ChangeListener): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /** Told of every call that reaches a service: one that a fault keeps from taking effect isn't among them. */
  onReached(listener: (call: AwsCall) => void): () => void {
    this.#reached.add(listener);
    return () => this.#reached.delete(listener);
  }

  #noteItems(call: AwsCall): void {
    if (call.operation !== 'TransactWriteItems') return;
    const text = call.body.toString('utf8');
    const keys = [...text.matchAll(/"pk":\{"S":"([^"]+)"\},"sk":\{"S":"([^"]+)"\}/g)];
    for (const token of new Set(text.match(TOKENS))) {
      const known = this.#keys.get(token) ?? new Map<string, ItemKey>();
      this.#keys.set(token, known);
      for (const [, pk = '', sk = ''] of keys) if (!/^(SWITCH|SLOT)#/.test(pk)) known.set(`${pk} ${sk}`, { pk, sk });
    }
  }
}
