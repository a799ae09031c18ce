/** What a backup needs next. Pure. */
import type { Snapshot } from '../../databases/snapshot-id.ts';
import type { BackupConfig } from '../../engine/config.ts';
import type { Step, Verdict } from '../job.ts';

/** Kept between turns. */
export interface State {
  readonly [key: string]: string;
  /** Follows from the run, so that it is made once however often this is tried. */
  readonly snapshotId: string;
}

/** A database instance as RDS describes it. */
export interface Instance {
  readonly status: string;
  readonly encrypted: boolean;
  /** Days for which automated backups are kept; 0: none. */
  readonly automatedBackupDays: number;
  /** Up to when a point in time can be restored (epoch milliseconds). */
  readonly latestRestorableAt: number | undefined;
}

export interface View {
  readonly instance: Instance | undefined;
  readonly snapshot: Snapshot | undefined;
}

const POLL_SECONDS = 30;

/** `create`: the snapshot is to be asked for now. */
export function nextStep(
  { instance, snapshot }: View,
  state: State,
  backup: BackupConfig,
  now: number,
): Step<State> | { readonly kind: 'create' } {
  const wait = (note: string): Step<State> => ({ kind: 'wait', seconds: POLL_SECONDS, state, note });
  const verdict = (result: Verdict): Step<State> => ({ kind: 'verdict', state, verdict: result });
  if (!instance) return verdict(failed('database', 'the database instance is missing', {}));
  if (!snapshot) {
    // "CreateDBSnapshot", Amazon RDS API Reference: the source must be in the available state.
    return instance.status === 'available' ? { kind: 'create' } : wait(`the instance is ${instance.status}`);
  }
  if (snapshot.status === 'creating') return wait(`the snapshot is being made (${snapshot.progressPercent} %)`);
  return verdict(judge(instance, snapshot, state, backup, now));
}

function judge(instance: Instance, snapshot: Snapshot, state: State, backup: BackupConfig, now: number): Verdict {
  const takenAt = snapshot.takenAt === undefined ? null : new Date(snapshot.takenAt).toISOString();
  const report = { snapshotId: state.snapshotId, takenAt, sizeGib: snapshot.sizeGib, encrypted: snapshot.encrypted };
  if (snapshot.status !== 'available')
    return failed('snapshot', `the snapshot ${state.snapshotId} ended as ${snapshot.status}`, report);
  if (instance.encrypted && !snapshot.encrypted)
    return failed('encryption', `the database is encrypted and its snapshot ${state.snapshotId} isn't`, report);
  const lagging = whyNoPointInTime(instance, backup, now);
  if (lagging) return failed('recovery-point', lagging, report);
  return { kind: 'passed', summary: `snapshot ${state.snapshotId} of ${snapshot.sizeGib} GiB`, report };
}

/** Snapshots alone lose what was written since; where logs are to fill that gap, they must be there and young enough. */
function whyNoPointInTime(
  { automatedBackupDays, latestRestorableAt }: Instance,
  { pointInTimeRecovery, recoveryPointSeconds }: BackupConfig,
  now: number,
): string | undefined {
  if (!pointInTimeRecovery) return undefined;
  if (automatedBackupDays === 0)
    return 'automated backups are switched off, so no point in time can be restored: set a backup retention period on the instance';
  if (latestRestorableAt === undefined) return 'RDS names no time up to which it can be restored';
  const behind = Math.round((now - latestRestorableAt) / 1000);
  if (behind <= recoveryPointSeconds) return undefined;
  return `it can be restored up to ${new Date(latestRestorableAt).toISOString()} only, ${behind} s ago; the objective is ${recoveryPointSeconds} s`;
}

const failed = (check: string, summary: string, report: Verdict['report']): Verdict => ({
  kind: 'failed',
  check,
  summary,
  report,
});
