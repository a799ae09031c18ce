/** How two copies of a table are compared: by parts first, then row by row where parts differ. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Digest, MOST_ROWS, type Rows } from '../../../functions/jobs/verify-backup/reading.ts';
import {
  addRound,
  differs,
  givenUp,
  inWords,
  MOST_KEYS,
  MOST_ROUNDS,
  partsThatDiffer,
  type TableDifference,
} from '../../../functions/recovery/data-corruption/compare.ts';

const TABLE = 'public.orders';
type Table = ReadonlyMap<number, string>;

/** As the reader would: parts by the key's last bits, a hash that doesn't depend on the order. */
const PARTS = 8;
function digest(table: Table | null): Digest {
  const parts = new Map<number, { rows: number; hash: bigint }>();
  for (const [key, value] of table ?? []) {
    const at = parts.get(key % PARTS) ?? { rows: 0, hash: 0n };
    const hash = createHash('sha256').update(`${key}:${value}`).digest().readBigInt64BE();
    parts.set(key % PARTS, { rows: at.rows + 1, hash: at.hash + hash });
  }
  const buckets = [...parts].map(([bucket, { rows, hash }]) => ({ bucket, rows, hash: String(hash) }));
  return { kind: 'digest', table: TABLE, key: table === null ? null : ['id'], buckets };
}
const rows = (table: Table | null, buckets: readonly number[]): Rows => ({
  kind: 'rows',
  table: TABLE,
  rows: [...(table ?? [])]
    .filter(([key]) => buckets.includes(key % PARTS))
    .map(([key, value]) => ({ key: `[${key}]`, hash: value })),
});
function compare(damaged: Table | null, restored: Table | null): TableDifference {
  let progress = partsThatDiffer(digest(damaged), digest(restored));
  for (let [round] = progress.rounds; round; [round] = progress.rounds)
    progress = addRound(progress, rows(damaged, round), rows(restored, round));
  return progress.difference;
}

const tables = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom('a', 'b')), { maxLength: 40 })
  .map((pairs) => new Map(pairs));

describe('two copies of a table', () => {
  it('differ by exactly the rows that are in one alone, or have other values', () => {
    fc.assert(
      fc.property(tables, tables, (damaged, restored) => {
        const found = compare(damaged, restored);
        const only = (one: Table, other: Table) => [...one.keys()].filter((key) => !other.has(key));
        const changed = [...damaged].filter(([key, value]) => restored.has(key) && restored.get(key) !== value);
        expect(found).toMatchObject({
          rows: { damaged: damaged.size, restored: restored.size },
          onlyDamaged: only(damaged, restored).length,
          onlyRestored: only(restored, damaged).length,
          changed: changed.length,
          notCompared: 0,
        });
        for (const key of found.keys.onlyDamaged)
          expect(only(damaged, restored).map((each) => `[${each}]`)).toContain(key);
        // What comes back one way is given up the other way.
        const back = compare(restored, damaged);
        expect([back.onlyDamaged, back.onlyRestored]).toEqual([found.onlyRestored, found.onlyDamaged]);
      }),
    );
  });

  it('that are the same are not asked for any rows, and give nothing up', () => {
    fc.assert(
      fc.property(tables, (table) => {
        expect(partsThatDiffer(digest(table), digest(new Map([...table].reverse()))).rounds).toEqual([]);
        const same = compare(table, table);
        expect([differs(same), givenUp(same)]).toEqual([false, 0]);
      }),
    );
  });

  it('list some keys of each kind, in words', () => {
    const damaged = new Map(Array.from({ length: 50 }, (_, n) => [n, n === 49 ? 'blank' : 'x']));
    const found = compare(damaged, new Map([...[...damaged].slice(30), [49, 'name'], [99, 'back']]));
    expect(found.onlyDamaged).toBe(30);
    expect(found.keys.onlyDamaged).toHaveLength(MOST_KEYS);
    expect(inWords(found)).toMatch(
      /^public\.orders: 30 rows are only in the damaged one \(.*, \.\.\.\), 1 rows come back \(\[99\]\), 1 rows get their earlier values \(\[49\]\)$/,
    );
    expect(givenUp(found)).toBe(31);
  });

  it('differ when a table is missing in one', () => {
    const gone = compare(null, new Map([[1, 'a']]));
    expect(gone).toMatchObject({ rows: { damaged: null, restored: 1 }, onlyRestored: 1 });
    expect([differs(gone), inWords(gone)]).toEqual([true, expect.stringMatching(/missing in the damaged one/)]);
    expect(differs(compare(new Map(), null))).toBe(true);
  });

  it('count rows without a key by how often each is there', () => {
    const same = { key: 'k', hash: 'h' };
    const start = partsThatDiffer(digest(new Map([[1, 'a']])), digest(new Map()));
    const { difference } = addRound(
      start,
      { kind: 'rows', table: TABLE, rows: [same, same, same] },
      {
        kind: 'rows',
        table: TABLE,
        rows: [same],
      },
    );
    // Such a key is a hash of somebody's data: it is counted, and not told.
    expect(difference).toMatchObject({ onlyDamaged: 2, onlyRestored: 0, changed: 0, keys: { onlyDamaged: [] } });
  });

  it('say how many rows were too many to be looked at, and count them as given up', () => {
    const part = (bucket: number, count: number, hash: string) => ({ bucket, rows: count, hash });
    const many = Array.from({ length: MOST_ROUNDS + 2 }, (_, bucket) => part(bucket, MOST_ROWS, 'x'));
    const of = (buckets: Digest['buckets']): Digest => ({ kind: 'digest', table: TABLE, key: ['id'], buckets });
    const { rounds, difference } = partsThatDiffer(of(many), of(many.map((each) => ({ ...each, hash: 'y' }))));
    expect(rounds).toHaveLength(MOST_ROUNDS);
    expect(difference.notCompared).toBe(2 * MOST_ROWS);
    expect(givenUp(difference)).toBe(2 * MOST_ROWS);
    const one = partsThatDiffer(of([part(1, MOST_ROWS + 1, 'x')]), of([]));
    expect([one.rounds, one.difference.notCompared]).toEqual([[], MOST_ROWS + 1]);
  });
});
