/** Whatever transactions and writes come and go: no two that AWS keeps apart ever hold one item together, and nothing stays locked. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Access, ItemLocks } from '../../../local/gateway/item-locks.ts';

const step = fc.oneof(
  fc.record({
    take: fc.constantFrom<Access>('transaction', 'write', 'transactional-read'),
    items: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
  }),
  fc.record({ release: fc.nat(5) }),
);

describe('item locks', () => {
  it('admit exactly what a plain list of holders admits', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const locks = new ItemLocks();
        let holders: { access: Access; items: readonly string[]; release: () => void }[] = [];
        for (const one of steps) {
          if ('release' in one) {
            const at = holders.length === 0 ? -1 : one.release % holders.length;
            holders[at]?.release();
            holders = holders.filter((_, index) => index !== at);
            continue;
          }
          const clashing = one.items.flatMap((item, index) =>
            holders.some(
              (holder) =>
                holder.items.includes(item) &&
                (holder.access === 'transaction' || one.take === 'transaction') &&
                holder.access !== 'transactional-read',
            )
              ? [index]
              : [],
          );
          const taken = locks.take(one.take, one.items);
          expect('conflicts' in taken ? taken.conflicts : []).toEqual(clashing);
          if ('release' in taken) holders.push({ access: one.take, items: one.items, release: taken.release });
        }
        for (const { release } of holders) release();
        expect('release' in locks.take('transaction', ['a', 'b', 'c'])).toBe(true);
      }),
    );
  });
});
