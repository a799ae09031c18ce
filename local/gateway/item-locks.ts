/**
 * Which items are being written at this moment, to model DynamoDB's transaction conflicts ("Amazon DynamoDB Transactions: How it works",
 * section "Transaction conflict handling in DynamoDB"): a transaction conflicts with any write under way on one of its items, a single write with a
 * transaction only, a transactional read with a transaction only.
 */

export type Access = 'transaction' | 'write' | 'transactional-read';

interface Held {
  transaction: number;
  write: number;
}

const conflicts = (access: Access, held: Held): boolean =>
  access === 'transaction' ? held.transaction + held.write > 0 : held.transaction > 0;

/** Locks on items, by any string that identifies one. */
export class ItemLocks {
  readonly #held = new Map<string, Held>();

  /**
   * Takes every item, or none.
   * @returns the release function, or the positions of the items that are in conflict.
   */
  take(access: Access, items: readonly string[]): { release: () => void } | { conflicts: readonly number[] } {
    const clashing = items.flatMap((item, index) => {
      const held = this.#held.get(item);
      return held && conflicts(access, held) ? [index] : [];
    });
    if (clashing.length > 0) return { conflicts: clashing };
    if (access === 'transactional-read') return { release: () => {} };
    for (const item of items) {
      const held = this.#held.get(item) ?? { transaction: 0, write: 0 };
      held[access] += 1;
      this.#held.set(item, held);
    }
    return { release: () => this.#release(access, items) };
  }

  #release(access: 'transaction' | 'write', items: readonly string[]): void {
    for (const item of items) {
      const held = this.#held.get(item);
      if (!held) continue;
      held[access] -= 1;
      if (held.transaction + held.write === 0) this.#held.delete(item);
    }
  }
}
