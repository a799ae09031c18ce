/** What a backup needs next. Pure. */
import type { KeptSnapshot, Snapshot } from '../../databases/snapshot-id.ts';
import type { BackupConfig } from '../../engine/config.ts';
import type { Step, Verdict } from '../job.ts';

/** Kept between turns. */
export type State = {
  /** Follows from the run, so that it is made once however often this is tried. The copy in the standby region has the same name. */
  readonly snapshotId: string;
  /** Why a person asked for it; absent: its schedule did. */
  readonly why?: string;
  /** When the snapshot was taken (ISO 8601), noted while its copy is still under way. */
  readonly takenAt?: string;
};

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
  readonly snapshot: (Snapshot & Pick<KeptSnapshot, 'arn' | 'copyOf'>) | undefined;
  /** What has the snapshot's name in the standby region; looked for where `backup.copy` is configured. */
  readonly copy?: (Snapshot & Pick<KeptSnapshot, 'copyOf'>) | undefined;
  /** The standby region couldn't be asked: the backup itself is judged all the same. */
  readonly copyTrouble?: CopyTrouble | undefined;
}

export interface CopyTrouble {
  /** Asked again until the run's deadline; otherwise there will be no copy. */
  readonly passes: boolean;
  readonly says: string;
}

const POLL_SECONDS = 30;
/** A copy to another region takes longer, up to hours ("Copying a DB snapshot", Amazon RDS User Guide). */
const COPY_POLL_SECONDS = 60;

/** `create`, `copy`: that is to be asked for now. */
export type Next = Step<State> | { readonly kind: 'create' } | { readonly kind: 'copy'; readonly sourceArn: string };

/** @param standbyRegion where copies go. @param now epoch milliseconds. */
export function nextStep(view: View, state: State, backup: BackupConfig, standbyRegion: string, now: number): Next {
  const { instance, snapshot } = view;
  const wait = (note: string): Step<State> => ({ kind: 'wait', seconds: POLL_SECONDS, state, note });
  const verdict = (result: Verdict): Step<State> => ({ kind: 'verdict', state, verdict: result });
  if (!instance)
    return verdict({
      ...{ kind: 'failed', check: 'database', summary: 'the database instance is missing', report: {} },
    });
  if (!snapshot) {
    // "CreateDBSnapshot", Amazon RDS API Reference: the source must be in the available state.
    return instance.status === 'available' ? { kind: 'create' } : wait(`the instance is ${instance.status}`);
  }
  // A deployment of the same name in another region that copies to this one: its copies have the names of ours.
  if (snapshot.copyOf !== undefined) {
    const summary = `${state.snapshotId} is a copy of ${snapshot.copyOf}, not a snapshot of this database: deployments in two regions need different names`;
    return verdict({ kind: 'failed', check: 'snapshot', summary, report: {} });
  }
  if (snapshot.status === 'creating') return wait(`the snapshot is being made (${snapshot.progressPercent} %)`);
  const copying = copyStep(view, state, backup, standbyRegion);
  if (copying.kind !== 'settled') return copying;
  return verdict(judge({ ...view, instance, snapshot }, [...copying.faults], { state, backup, standbyRegion, now }));
}

interface Fault {
  readonly check: string;
  readonly says: string;
}
type Copying = Next | { readonly kind: 'settled'; readonly faults: readonly Fault[] };

/** The copy is asked for as soon as there is something to copy, and waited for: the run's deadline says how long. */
function copyStep({ snapshot, copy, copyTrouble }: View, state: State, backup: BackupConfig, region: string): Copying {
  const settled = (says?: string): Copying => ({ kind: 'settled', faults: says ? [{ check: 'copy', says }] : [] });
  if (!backup.copy || snapshot?.status !== 'available') return settled();
  if (snapshot.encrypted && backup.copy.kmsKeyArn === undefined)
    return settled(`it can't be copied to ${region}: it is encrypted, and backup.copy.kmsKeyArn names no key there`);
  if (snapshot.arn === undefined) return settled(`it can't be copied to ${region}: RDS names no ARN of it`);
  if (copyTrouble)
    return copyTrouble.passes
      ? { kind: 'wait', seconds: COPY_POLL_SECONDS, state: withTime(state, snapshot), note: copyTrouble.says }
      : settled(`it isn't copied to ${region}: ${copyTrouble.says}`);
  if (!copy) return { kind: 'copy', sourceArn: snapshot.arn };
  if (copy.copyOf !== snapshot.arn)
    return settled(`the snapshot of the same name in ${region} is not a copy of it, but of ${copy.copyOf ?? 'none'}`);
  if (copy.status === 'failed') return settled(`its copy in ${region} failed`);
  if (copy.status === 'available')
    return settled(
      (snapshot.encrypted || backup.copy.kmsKeyArn !== undefined) && !copy.encrypted
        ? `its copy in ${region} isn't encrypted`
        : undefined,
    );
  const note = `it is copied to ${region} (${copy.status}, ${copy.progressPercent} %)`;
  return { kind: 'wait', seconds: COPY_POLL_SECONDS, state: withTime(state, snapshot), note };
}

/** What later proofs compare the snapshot's own time with: noted before the copy is there, which may take hours. */
const withTime = (state: State, { takenAt }: Snapshot): State =>
  takenAt === undefined ? state : { ...state, takenAt: new Date(takenAt).toISOString() };

interface Judged {
  readonly state: State;
  readonly backup: BackupConfig;
  readonly standbyRegion: string;
  readonly now: number;
}

function judge(
  { instance, snapshot, copy }: View & { readonly instance: Instance; readonly snapshot: Snapshot },
  copyFaults: readonly Fault[],
  { state: { snapshotId }, backup, standbyRegion, now }: Judged,
): Verdict {
  const isCopied = backup.copy !== undefined && copyFaults.length === 0 && copy?.status === 'available';
  const report = {
    snapshotId,
    takenAt: snapshot.takenAt === undefined ? null : new Date(snapshot.takenAt).toISOString(),
    sizeGib: snapshot.sizeGib,
    encrypted: snapshot.encrypted,
    ...(isCopied && { copiedTo: standbyRegion }),
  };
  const lagging = whyNoPointInTime(instance, backup, now);
  const faults: readonly Fault[] = [
    ...(snapshot.status === 'available'
      ? []
      : [{ check: 'snapshot', says: `the snapshot ${snapshotId} ended as ${snapshot.status}` }]),
    ...(snapshot.status === 'available' && instance.encrypted && !snapshot.encrypted
      ? [{ check: 'encryption', says: `the database is encrypted and its snapshot ${snapshotId} isn't` }]
      : []),
    ...copyFaults.map(({ check, says }) => ({ check, says: `the snapshot ${snapshotId} is there, but ${says}` })),
    ...(lagging ? [{ check: 'recovery-point', says: lagging }] : []),
  ];
  const [first] = faults;
  if (first) return { kind: 'failed', check: first.check, summary: faults.map(({ says }) => says).join('; '), report };
  const copied = isCopied ? `, copied to ${standbyRegion}` : '';
  return { kind: 'passed', summary: `snapshot ${snapshotId} of ${snapshot.sizeGib} GiB${copied}`, report };
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

/** A reason as RDS takes it. Data type Tag, Amazon RDS API Reference: letters, digits, spaces and _.:/=+-@, 256 of them, not beginning with `aws:` or `rds:`. */
export const tagText = (text: string): string =>
  [...text.replaceAll(/[^\p{L}\p{N} _.:/=+\-@]/gu, ' ').replace(/^(?=(?:aws|rds):)/i, 'why: ')].slice(0, 256).join('');
