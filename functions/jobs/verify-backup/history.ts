/** What earlier runs found, read from their reports. Pure: a report that isn't as expected is of another version, and tells nothing. */
import * as z from 'zod/mini';
import type { RunItem } from '../items.ts';
import type { Verified } from './checks.ts';
import type { Position } from './reading.ts';

const verified = z.object({
  snapshotId: z.string(),
  takenAt: z.iso.datetime(),
  instanceResourceId: z.optional(z.nullable(z.string())),
  systemId: z.string(),
  majorVersion: z.number(),
  nextXid: z.string(),
  rows: z.record(z.string(), z.number()),
});
const position = z.object({ fullReadNext: z.nullable(z.object({ table: z.string(), block: z.number() })) });
const taken = z.object({ snapshotId: z.string(), takenAt: z.iso.datetime() });

type Ended = Pick<RunItem, 'verdict' | 'endedAt' | 'wanted'> & Partial<Pick<RunItem, 'state'>>;

/** A run about a backup that a person named says nothing of the newest ones: what follows isn't compared with it. */
const isOfNewest = ({ wanted }: Ended): boolean => wanted === undefined;

/** Backups that were verified, with when (epoch milliseconds). @param runs of `verify-backup`, newest first. */
export const verifiedBackups = (runs: readonly Ended[]): readonly (Verified & { readonly at: number })[] =>
  runs.filter(isOfNewest).flatMap(({ verdict, endedAt }) => {
    const found = verdict?.kind === 'passed' ? verified.safeParse(verdict.report) : undefined;
    return found?.success && endedAt !== undefined
      ? [
          {
            ...found.data,
            takenAt: Date.parse(found.data.takenAt),
            instanceResourceId: found.data.instanceResourceId ?? null,
            at: endedAt,
          },
        ]
      : [];
  });

const about = z.object({ snapshotId: z.string() });
const findings = z.object({ findings: z.array(z.object({ check: z.string(), ok: z.boolean() })) });

export interface Proofs {
  /** When each was verified (epoch milliseconds), by name. */
  readonly verified: ReadonlyMap<string, number>;
  /** Names of those that failed when they were looked at last. */
  readonly failed: ReadonlySet<string>;
}

/** Checks that say nothing of a backup itself: it is old, its copy was taken away while it was read, or stayed. */
const NOT_ITS_FAULT = new Set(['age', 'scratch', 'clean-up']);

/** Undefined: it says nothing of the backup, whichever way it ended. */
function isGood({ verdict }: Ended): boolean | undefined {
  if (verdict?.kind !== 'failed') return verdict !== undefined;
  const found = findings.safeParse(verdict.report);
  const bad = found.success ? found.data.findings.filter(({ ok }) => !ok).map(({ check }) => check) : [];
  const all = verdict.check === undefined ? bad : [...bad, verdict.check];
  return all.length > 0 && all.every((check) => NOT_ITS_FAULT.has(check)) ? undefined : false;
}

/** What the last run that says something of it says about each backup. @param runs of `verify-backup`, newest first. */
export function lastProofs(runs: readonly Ended[]): Proofs {
  const newest = new Map<string, number | undefined>();
  for (const run of runs) {
    const found = about.safeParse(run.verdict?.report);
    const good = isGood(run);
    if (found.success && good !== undefined && !newest.has(found.data.snapshotId))
      newest.set(found.data.snapshotId, good ? run.endedAt : undefined);
  }
  return {
    verified: new Map([...newest].flatMap(([id, at]) => (at === undefined ? [] : [[id, at] as const]))),
    failed: new Set([...newest].flatMap(([id, at]) => (at === undefined ? [id] : []))),
  };
}

/** Rows by table, by the name of a backup: as they were counted when it was proved last. */
export type ProvedRows = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** Of the backups that are good, what was counted in each. @param runs of `verify-backup`, newest first. */
export function provedRows(runs: readonly Ended[]): ProvedRows {
  const good = lastProofs(runs).verified;
  const counted = new Map<string, Readonly<Record<string, number>>>();
  for (const { verdict } of runs) {
    const found = verdict?.kind === 'passed' ? verified.safeParse(verdict.report) : undefined;
    if (found?.success && good.has(found.data.snapshotId) && !counted.has(found.data.snapshotId))
      counted.set(found.data.snapshotId, found.data.rows);
  }
  return counted;
}

/** Where the last full read stopped; undefined: at the end, or there was none. @param runs of `verify-backup`, newest first. */
export function readUpTo(runs: readonly Ended[]): Position | undefined {
  for (const { verdict } of runs.filter(isOfNewest)) {
    const found = position.safeParse(verdict?.report);
    if (found.success) return found.data.fullReadNext ?? undefined;
  }
  return undefined;
}

/** When each backup was taken, by name (epoch milliseconds), also of one that is still being copied, or whose copy wasn't there in time. @param runs of `back-up-database`. */
export const takenTimes = (runs: readonly Ended[]): ReadonlyMap<string, number> =>
  new Map(
    runs.flatMap(({ verdict, state }) => {
      const found = [verdict?.report, state].map((each) => taken.safeParse(each)).find(({ success }) => success)?.data;
      return found ? [[found.snapshotId, Date.parse(found.takenAt)] as const] : [];
    }),
  );
