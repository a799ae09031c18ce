/** What an export needs next, and what came of it. Pure. */
import type { ExportedTable } from '../../databases/export-files.ts';
import type { Task } from '../../databases/export-task.ts';
import type { KeptSnapshot } from '../../databases/snapshot-id.ts';
import type { Step, Verdict } from '../job.ts';
import type { ProvedRows } from '../verify-backup/history.ts';

export type Chosen = {
  readonly snapshotId: string;
  readonly arn: string;
  readonly takenAt: string;
  /** Rows by table, as they were counted when it was proved. */
  readonly rows: Readonly<Record<string, number>>;
};

/** Kept between turns. */
export type State = {
  /** The backup that a person named; null: the newest that is proved. */
  readonly wanted: string | null;
  readonly chosen: Chosen | null;
  /** Written before it is asked for; null: not asked for yet. */
  readonly exportId: string | null;
};

/** "Creating snapshot export tasks", Amazon RDS User Guide. */
export const MOST_AT_ONCE = 5;
const UNDER_WAY = new Set(['STARTING', 'IN_PROGRESS', 'CANCELING']);
/** An export takes half an hour at least. */
const POLL_SECONDS = 300;

export interface Known {
  readonly snapshots: readonly KeptSnapshot[];
  readonly proved: ProvedRows;
}

const wait = (state: State, note: string, seconds = POLL_SECONDS): Step<State> => ({
  kind: 'wait',
  seconds,
  state,
  note,
});
const failed = (state: State, check: string, summary: string, report: Verdict['report'] = {}): Step<State> => ({
  kind: 'verdict',
  state,
  verdict: { kind: 'failed', check, summary, report },
});

/** The newest of ours that is there and proved, or the one that was named. Its tables are known by its proof alone: without one, nobody could say what is missing. @param madeBy this deployment. */
export function choose(state: State, { snapshots, proved }: Known, madeBy: string): Step<State> {
  const ours = snapshots.filter((each) => each.madeBy === madeBy && each.copyOf === undefined && !each.isAutomated);
  const candidates = ours
    .filter(
      ({ id, status }) => status === 'available' && (state.wanted === null ? proved.has(id) : id === state.wanted),
    )
    .sort((a, b) => (b.takenAt ?? 0) - (a.takenAt ?? 0));
  const [found] = candidates;
  if (!found)
    return failed(
      state,
      'backup',
      state.wanted === null
        ? 'no backup is there that was proved'
        : `there is no backup ${state.wanted} of this deployment`,
    );
  const rows = proved.get(found.id);
  if (!rows) return failed(state, 'backup', `${found.id} isn't proved: nightshift verify ${found.id}`);
  if (found.arn === undefined || found.takenAt === undefined)
    return failed(state, 'backup', `RDS names neither ARN nor time of ${found.id}`);
  const chosen = { snapshotId: found.id, arn: found.arn, takenAt: new Date(found.takenAt).toISOString(), rows };
  return wait({ ...state, chosen }, `${found.id} is chosen`, 1);
}

export type Next =
  | Step<State>
  /** That is to be asked for now. */
  | { readonly kind: 'start'; readonly exportId: string }
  /** RDS says that it is done: what it wrote is to be looked at. */
  | { readonly kind: 'look'; readonly task: Task };

/** Those of a snapshot that are ours, by their names. @param base name of the first attempt. */
const attemptsOf = ({ arn }: Chosen, tasks: readonly Task[], base: string): readonly Task[] =>
  tasks.filter(({ id, sourceArn }) => sourceArn === arn && (id === base || id.startsWith(`${base}-`)));

/** Names of those that RDS calls complete, which it does also after what they wrote is gone. @param base name of the first attempt. */
export const completeOf = (chosen: Chosen, tasks: readonly Task[], base: string): readonly string[] =>
  attemptsOf(chosen, tasks, base).flatMap(({ id, status }) => (status === 'COMPLETE' ? [id] : []));

/**
 * One export of each snapshot: one that is under way or complete is gone on with, whoever asked for it; after one that failed, or of which nothing is left in the bucket, a new name is taken.
 * @param idOf name of the n-th attempt, from 0. @param gone names of complete ones whose files were deleted, by the bucket's lifecycle or a person.
 */
export function nextStep(
  state: State,
  chosen: Chosen,
  tasks: readonly Task[],
  idOf: (attempt: number) => string,
  gone: ReadonlySet<string>,
): Next {
  const { exportId } = state;
  if (exportId !== null) return followed(state, chosen, exportId, tasks);
  const ours = attemptsOf(chosen, tasks, idOf(0));
  const known =
    ours.find(({ id, status }) => status === 'COMPLETE' && !gone.has(id)) ??
    ours.find(({ status }) => UNDER_WAY.has(status));
  if (known) return wait({ ...state, exportId: known.id }, `${known.id} is there already`, 1);
  const running = tasks.filter(({ status }) => UNDER_WAY.has(status));
  const other = running.find(({ sourceArn }) => sourceArn === chosen.arn);
  if (other) return wait(state, `somebody else exports ${chosen.snapshotId} (${other.id})`);
  if (running.length >= MOST_AT_ONCE)
    return wait(state, `${running.length} exports are under way, and RDS allows ${MOST_AT_ONCE}`);
  return wait({ ...state, exportId: idOf(ours.length) }, `${chosen.snapshotId} is to be exported`, 1);
}

function followed(state: State, chosen: Chosen, exportId: string, tasks: readonly Task[]): Next {
  const task = tasks.find(({ id }) => id === exportId);
  if (!task) return { kind: 'start', exportId };
  if (task.status === 'COMPLETE') return { kind: 'look', task };
  if (UNDER_WAY.has(task.status)) return wait(state, `${exportId}: ${task.status}, ${task.progressPercent} %`);
  const why = task.failure === undefined ? '' : `: ${task.failure}`;
  return failed(state, 'export', `the export of ${chosen.snapshotId} ended as ${task.status}${why}`, {
    exportId,
    snapshotId: chosen.snapshotId,
  });
}

/** What lies in S3. */
export interface Written {
  /** Why what RDS wrote of it can't be used; undefined: it can. */
  readonly unreadable?: string | undefined;
  readonly tables: readonly ExportedTable[];
  /** Of the tables that had rows when the backup was proved: those without a file of data. */
  readonly withoutData: readonly string[];
}

/** As many as a person reads in a message. */
const TOLD = 5;

export function judge(
  chosen: Chosen,
  task: Task,
  written: Written,
  place: { readonly bucket: string; readonly folder: string; readonly database: string },
): Verdict {
  const { bucket, folder, database } = place;
  const complete = new Set(written.tables.filter(({ status }) => status === 'COMPLETE').map(({ target }) => target));
  const partial = written.tables
    .filter(({ status }) => status !== 'COMPLETE')
    .map(({ target, status }) => `${target} (${status})`);
  const missing = Object.keys(chosen.rows).filter(
    (table) => !written.tables.some(({ target }) => target === `${database}.${table}`),
  );
  const skipped = skippedIn(task.warning);
  const faults = [
    ...(written.unreadable === undefined ? [] : [['files', written.unreadable] as const]),
    ...listed('tables', partial, 'not whole'),
    ...(written.unreadable === undefined ? listed('tables', missing, 'missing, though the backup has them') : []),
    ...listed('skipped', skipped, 'left out by RDS'),
    ...(written.unreadable === undefined
      ? listed('data', written.withoutData, 'without data, though they had rows')
      : []),
  ];
  const report = {
    ...{ exportId: task.id, snapshotId: chosen.snapshotId, takenAt: chosen.takenAt, bucket, folder },
    ...{ tables: complete.size, sizeGb: task.sizeGb },
    ...(task.startedAt !== undefined &&
      task.endedAt !== undefined && { seconds: Math.round((task.endedAt - task.startedAt) / 1000) }),
  };
  const [first] = faults;
  if (first)
    return {
      kind: 'failed',
      check: first[0],
      summary: `the export of ${chosen.snapshotId} is not whole: ${faults.map(([, says]) => says).join('; ')}`,
      report,
    };
  return {
    kind: 'passed',
    summary: `${complete.size} tables of ${chosen.snapshotId} are in s3://${bucket}/${folder}/`,
    report,
  };
}

function listed(check: string, names: readonly string[], what: string): (readonly [string, string])[] {
  if (names.length === 0) return [];
  const more = names.length > TOLD ? ` and ${names.length - TOLD} more` : '';
  return [[check, `${names.slice(0, TOLD).join(', ')}${more} ${names.length === 1 ? 'is' : 'are'} ${what}`]];
}

/** `WarningMessage` is JSON: `{"skippedTables":[],"skippedObjectives":[],"general":[]}` ("Monitoring snapshot exports"). What can't be read is told as it is. */
function skippedIn(warning: string | undefined): string[] {
  if (warning === undefined) return [];
  try {
    const found = JSON.parse(warning) as Record<string, unknown>;
    return Object.entries(found).flatMap(([kind, entries]) =>
      Array.isArray(entries)
        ? entries.map((each) => (typeof each === 'string' ? each : `${kind}: ${JSON.stringify(each)}`).slice(0, 200))
        : [],
    );
  } catch {
    return [warning.slice(0, 500)];
  }
}
