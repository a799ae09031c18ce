/** How two copies of a database differ, table by table: the damaged one as its evidence has it, and the one restored from before. Pure. */
import { type Digest, MOST_ROWS, type Rows } from '../../jobs/verify-backup/reading.ts';

/** Keys of each kind that are listed. */
export const MOST_KEYS = 20;
/** Rounds of questions about the rows of one table; what is left then is counted as one row each that may differ. */
export const MOST_ROUNDS = 4;

export type Side = 'damaged' | 'restored';

/** How one table differs. Rows are told apart by their primary key. */
export type TableDifference = {
  readonly table: string;
  /** Rows of each; null: it isn't there. */
  readonly rows: { readonly damaged: number | null; readonly restored: number | null };
  /** In the damaged one alone: given up when the restored one takes its place. */
  readonly onlyDamaged: number;
  /** In the restored one alone: they come back. */
  readonly onlyRestored: number;
  /** In both, with other values: the damaged one's are given up. */
  readonly changed: number;
  /** Rows in parts that differ and weren't looked at one by one, because there are too many. */
  readonly notCompared: number;
  /** Some keys of each kind, of tables whose keys only count rows: at most `MOST_KEYS`. */
  readonly keys: {
    readonly onlyDamaged: readonly string[];
    readonly onlyRestored: readonly string[];
    readonly changed: readonly string[];
  };
};

/** How far the comparison of a table is: which parts differ, and in how many rounds they are asked for. */
export type TableProgress = {
  readonly difference: TableDifference;
  /** Parts that are still to be asked for, a round each. */
  readonly rounds: readonly (readonly number[])[];
};

const rowsOf = ({ key, buckets }: Digest): number | null =>
  key === null ? null : buckets.reduce((sum, { rows }) => sum + rows, 0);

/** Which parts of a table differ. */
export function partsThatDiffer(damaged: Digest, restored: Digest): TableProgress {
  const [ours, theirs] = [damaged, restored].map((each) => new Map(each.buckets.map((part) => [part.bucket, part])));
  const parts = [...new Set([...(ours?.keys() ?? []), ...(theirs?.keys() ?? [])])]
    .sort((a, b) => a - b)
    .flatMap((bucket) => {
      const [one, other] = [ours?.get(bucket), theirs?.get(bucket)];
      if (one?.rows === other?.rows && one?.hash === other?.hash) return [];
      return [{ bucket, rows: Math.max(one?.rows ?? 0, other?.rows ?? 0) }];
    });
  const { rounds, notCompared } = roundsOf(parts);
  return {
    rounds,
    difference: {
      table: damaged.table,
      rows: { damaged: rowsOf(damaged), restored: rowsOf(restored) },
      ...{ onlyDamaged: 0, onlyRestored: 0, changed: 0, notCompared },
      keys: { onlyDamaged: [], onlyRestored: [], changed: [] },
    },
  };
}

/** As many parts a round as one answer can tell of. */
function roundsOf(parts: readonly { readonly bucket: number; readonly rows: number }[]) {
  const rounds: number[][] = [];
  let [inRound, notCompared] = [0, 0];
  for (const { bucket, rows } of parts) {
    const isNew = rounds.length === 0 || inRound + rows > MOST_ROWS;
    if (rows > MOST_ROWS || (isNew && rounds.length === MOST_ROUNDS)) {
      notCompared += rows;
      continue;
    }
    if (isNew) {
      rounds.push([]);
      inRound = 0;
    }
    rounds.at(-1)?.push(bucket);
    inRound += rows;
  }
  return { rounds, notCompared };
}

/** Adds what one round of rows tells. Rows without a key are counted by how often each is there. */
export function addRound({ difference, rounds }: TableProgress, damaged: Rows, restored: Rows): TableProgress {
  const [ours, theirs] = [byKey(damaged), byKey(restored)];
  const found = { onlyDamaged: [] as string[], onlyRestored: [] as string[], changed: [] as string[] };
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [one = [], other = []] = [ours.get(key), theirs.get(key)];
    for (let n = other.length; n < one.length; n++) found.onlyDamaged.push(key);
    for (let n = one.length; n < other.length; n++) found.onlyRestored.push(key);
    for (let n = 0; n < Math.min(one.length, other.length); n++) if (one[n] !== other[n]) found.changed.push(key);
  }
  const listed = (kind: keyof typeof found) =>
    [...difference.keys[kind], ...found[kind].filter(isTold)].slice(0, MOST_KEYS);
  return {
    rounds: rounds.slice(1),
    difference: {
      ...difference,
      onlyDamaged: difference.onlyDamaged + found.onlyDamaged.length,
      onlyRestored: difference.onlyRestored + found.onlyRestored.length,
      changed: difference.changed + found.changed.length,
      keys: { onlyDamaged: listed('onlyDamaged'), onlyRestored: listed('onlyRestored'), changed: listed('changed') },
    },
  };
}

/** A key as it is, as JSON. Any other is told as a hash to compare by: it may be made of somebody's data, which a hash of a phone number gives away. */
const isTold = (key: string): boolean => key.startsWith('[');

function byKey({ rows }: Rows): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { key, hash } of rows) {
    const same = found.get(key);
    if (same) same.push(hash);
    else found.set(key, [hash]);
  }
  for (const hashes of found.values()) hashes.sort();
  return found;
}

/** What is given up by putting the restored copy in the damaged one's place: rows that are there alone, or with values that are there alone. */
export const givenUp = ({ onlyDamaged, changed, notCompared }: TableDifference): number =>
  onlyDamaged + changed + notCompared;

export const differs = (each: TableDifference): boolean =>
  givenUp(each) + each.onlyRestored > 0 || (each.rows.damaged === null) !== (each.rows.restored === null);

/** One table in words: "public.orders: 12 rows given up (3, 7, ...), 5 come back, 2 as they were before". */
export function inWords({
  table,
  rows,
  onlyDamaged,
  onlyRestored,
  changed,
  notCompared,
  keys,
}: TableDifference): string {
  const list = (found: readonly string[], of: number) =>
    found.length === 0 ? '' : ` (${found.join(', ')}${of > found.length ? ', ...' : ''})`;
  const parts = [
    ...(rows.damaged === null ? ['it is missing in the damaged one'] : []),
    ...(rows.restored === null ? ['it is missing in the restored one'] : []),
    ...(onlyDamaged > 0
      ? [`${onlyDamaged} rows are only in the damaged one${list(keys.onlyDamaged, onlyDamaged)}`]
      : []),
    ...(onlyRestored > 0 ? [`${onlyRestored} rows come back${list(keys.onlyRestored, onlyRestored)}`] : []),
    ...(changed > 0 ? [`${changed} rows get their earlier values${list(keys.changed, changed)}`] : []),
    ...(notCompared > 0 ? [`up to ${notCompared} more may differ`] : []),
  ];
  return `${table}: ${parts.length > 0 ? parts.join(', ') : `the same ${rows.damaged ?? 0} rows`}`;
}
