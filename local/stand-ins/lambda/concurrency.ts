/** Lambda's concurrency quotas (Lambda developer guide, "Understanding Lambda function scaling"): reserved for a function, or shared by the rest of the account. */
import type { FunctionDefinition, ThrottleReason } from './types.ts';

export class Concurrency {
  accountLimit = 1_000;
  readonly #running = new Map<string, number>();
  readonly #unreserved = new Map<string, number>();

  /**
   * Counts one more execution.
   * @param reservedByOthers concurrency that functions of the region keep for themselves.
   * @returns the function that ends it, or why it is throttled.
   */
  enter(
    definition: FunctionDefinition,
    reservedByOthers: number,
  ): { leave: () => void } | { throttled: ThrottleReason } {
    const key = `${definition.region} ${definition.name}`;
    const running = this.#running.get(key) ?? 0;
    if (definition.reservedConcurrency !== undefined) {
      if (running >= definition.reservedConcurrency)
        return { throttled: 'ReservedFunctionConcurrentInvocationLimitExceeded' };
      return this.#count(this.#running, key);
    }
    const shared = this.#unreserved.get(definition.region) ?? 0;
    if (shared >= this.accountLimit - reservedByOthers) return { throttled: 'ConcurrentInvocationLimitExceeded' };
    return this.#count(this.#unreserved, definition.region);
  }

  #count(counts: Map<string, number>, key: string): { leave: () => void } {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return { leave: () => counts.set(key, (counts.get(key) ?? 1) - 1) };
  }
}
