/** The evidence, the copy made of it, and what people are asked. Pure. */
import type { KeptSnapshot } from '../../databases/snapshot-id.ts';
import { type Chosen, decideRestore, isOf, type Old, type RestoreSeen } from '../database-restore/decide.ts';
import type { StepDecision, StepProof } from '../step.ts';
import { differs, givenUp, inWords, type TableDifference, type TableProgress } from './compare.ts';
import { type Writer, writesAgain } from './writers.ts';

const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });

/** What `keep-evidence` leaves. */
export type Evidence = { readonly snapshotId: string; readonly takenAt: number };

export interface EvidenceSeen {
  readonly snapshot: KeptSnapshot | undefined;
  readonly writers: readonly Writer[];
}

export function decideEvidence({ snapshot, writers }: EvidenceSeen, id: string, database: string): StepDecision {
  if (snapshot) return fail(`a snapshot ${id} exists already, and this run didn't make it`);
  const again = writesAgain(writers);
  if (again !== undefined) return fail(again);
  return {
    kind: 'act',
    change: {
      summary: `take the snapshot ${id} of ${database}, as evidence`,
      before: { snapshot: null },
      after: { snapshot: id },
      undo: 'none: evidence is kept until a person deletes it',
    },
  };
}

/** Its name is a hash of the run: nobody else gives it. */
export const evidenceApplied = ({ snapshot }: EvidenceSeen): 'yes' | 'no' => (snapshot ? 'yes' : 'no');

export function proveEvidence({ snapshot }: EvidenceSeen, seconds: number): StepProof {
  if (!snapshot) return { kind: 'not-yet', detail: "RDS doesn't show it yet", seconds };
  const { id, status, progressPercent, takenAt } = snapshot;
  if (status === 'failed') return { kind: 'bad', detail: `${id} failed` };
  if (status !== 'available' || takenAt === undefined)
    return { kind: 'not-yet', detail: `${id} is ${status} (${progressPercent} %)`, seconds };
  const result: Evidence = { snapshotId: id, takenAt };
  return { kind: 'good', detail: `the evidence is ${id}`, result };
}

/** The damaged database, as a restore of its evidence. */
export const damagedCopy = (evidence: Evidence, old: Old, newId: string): Chosen => ({
  ...evidence,
  ...{ snapshotResourceId: old.resourceId, newId, old, before: null },
});

export const decideExamine = (seen: RestoreSeen, copy: Chosen): StepDecision => decideRestore(seen, copy);

/** Left to a person where it isn't the run's, or RDS doesn't remove it: the recovery goes on. */
export const isRemovable = ({ instance }: RestoreSeen, owner: Readonly<Record<string, string>>): boolean =>
  instance !== undefined && isOf(instance, owner);

/** What `compare` found so far. */
export type Compared = {
  /** Questions about the damaged copy that were answered. */
  readonly asked: readonly string[];
  /** What is damaged, a sentence each. */
  readonly damage: readonly string[];
  readonly tables: readonly TableDifference[];
  /** The table that is being compared. */
  readonly now: TableProgress | null;
};

export const NOTHING_COMPARED: Compared = { asked: [], damage: [], tables: [], now: null };

export type Comparing =
  | { readonly kind: 'unreachable'; readonly passing: boolean; readonly why: string }
  | { readonly kind: 'read'; readonly compared: Compared; readonly left: number };

/** Longest list of what is damaged that is told. */
const MOST_DAMAGE = 10;

export function decideCompared(seen: Comparing, pollSeconds: number): StepDecision {
  if (seen.kind === 'unreachable')
    return seen.passing
      ? { kind: 'wait', seconds: pollSeconds, detail: `it lets nobody in yet: ${seen.why}` }
      : fail(`it can't be read: ${seen.why}`);
  const { compared, left } = seen;
  // What is kept in the journal: plain data.
  const result = JSON.parse(JSON.stringify(compared));
  if (left > 0) return { kind: 'wait', seconds: 1, detail: `${left} questions are left`, result };
  const { damage, tables } = compared;
  if (damage.length === 0 && !tables.some(differs))
    return fail(
      'the restored database has the same rows in every configured table, and nothing is damaged there: choose an earlier point (since, snapshot or at)',
    );
  const detail = [...damage.slice(0, MOST_DAMAGE), ...tables.filter(differs).map(inWords)].join('; ');
  return { kind: 'done', detail, result };
}

/** What people are asked, always: only configured tables are compared, and everything else goes back, too, by an amount that nobody counted. */
export function decideAgree(
  { damage, tables }: Compared,
  database: string,
  {
    evidence,
    restoredTo,
  }: {
    /** Its snapshot. */
    readonly evidence: string;
    /** Epoch milliseconds. */
    readonly restoredTo: number;
  },
): StepDecision {
  const rows = tables.reduce((sum, each) => sum + givenUp(each), 0);
  const found = [
    ...damage.filter((each) => each.startsWith(UNREADABLE)),
    ...tables.filter((each) => givenUp(each) > 0).map(inWords),
  ];
  const compared = tables.map(({ table }) => table).join(', ') || 'no table';
  return {
    kind: 'act',
    change: {
      summary: `give up ${rows} rows of ${database} that are in the damaged database alone${found.length > 0 ? `: ${found.join('; ')}` : ''}; compared were ${compared}: whatever else is in it goes back to ${new Date(restoredTo).toISOString()} uncounted`,
      before: Object.fromEntries(tables.map(({ table, rows: { damaged } }) => [table, damaged])),
      after: Object.fromEntries(tables.map(({ table, rows: { restored } }) => [table, restored])),
      undo: `restore ${evidence}, which has them, and copy what is wanted by hand`,
    },
  };
}

/** Begins what is told of a table that couldn't be compared. */
export const UNREADABLE = 'not compared: ';
