/** Which backups go, and what is told of it. Pure; the plan itself is `retention.ts`. */
import { type KeptSnapshot, timeOfSnapshotId } from '../../databases/snapshot-id.ts';
import type { BackupConfig } from '../../engine/config.ts';
import type { Step, Verdict } from '../job.ts';
import { type Backup, planRetention } from '../retention.ts';
import { type BackupObjective, backupEverySeconds } from '../schedule.ts';
import type { Proofs } from '../verify-backup/history.ts';

/** A verdict as a run's state can keep it. */
type OwnVerdict = Pick<Verdict, keyof Verdict>;

/** Kept between turns. */
export type State = {
  /** What the plan said before anything was removed; null: it isn't made yet. */
  readonly planned: readonly string[] | null;
  /** What came of the own region, once it is the turn of the copies in the standby region. */
  readonly own?: OwnVerdict;
};

export interface View {
  readonly snapshots: readonly KeptSnapshot[];
  readonly proofs: Proofs;
  /** `DbiResourceId` of the database as it is now; undefined: it doesn't exist. */
  readonly instanceResourceId: string | undefined;
  /** Set where these are copies: the region of their originals. */
  readonly copiedFrom?: string | undefined;
}

/** So many go in one run, at least: what is wrong with a plan is seen before everything is gone. */
export const MOST_REMOVED = 10;
/** Twice what is made in a day, where that is more: otherwise there would be more of them every day. */
export const mostRemoved = (backup: BackupObjective): number =>
  Math.max(MOST_REMOVED, Math.ceil((2 * 86_400) / backupEverySeconds(backup)));

/** @param prefix of our snapshots' names: permissions are given for those alone. */
export interface Policy {
  readonly backup: BackupConfig;
  readonly madeBy: string;
  readonly prefix: string;
}

export type Next =
  | Step<State>
  /** These go now: they were planned, and still may. */
  | { readonly kind: 'remove'; readonly ids: readonly string[]; readonly verdict: Verdict };

/** Plans, writes the plan down, and then removes only what a new plan still allows. @param now epoch milliseconds. */
export function nextStep(state: State, view: View, { backup, madeBy, prefix }: Policy, now: number): Next {
  const backups = view.snapshots
    .filter(({ isAutomated }) => !isAutomated)
    .map((each) => asBackup(each, view, prefix, now));
  const plan = planRetention(backups, { ...backup, everySeconds: backupEverySeconds(backup) }, madeBy, now);
  const kept = plan.keep.length;
  const stored = storedIn(view.snapshots, madeBy);
  if (plan.halted) {
    const verdict: Verdict = {
      kind: 'failed',
      check: 'halted',
      summary: `nothing is removed: ${plan.halted}`,
      report: { kept, removed: [], stored },
    };
    return { kind: 'verdict', state, verdict };
  }
  if (state.planned === null) {
    const planned = oldestFirst(
      plan.remove.map(({ id }) => id),
      backups,
    ).slice(0, mostRemoved(backup));
    if (planned.length === 0) return { kind: 'verdict', state, verdict: passed([], kept, 0, stored) };
    return {
      kind: 'wait',
      seconds: 1,
      state: { ...state, planned },
      note: `${planned.length} backups are to be removed`,
    };
  }
  const allowed = new Set(plan.remove.map(({ id }) => id));
  const ids = state.planned.filter((id) => allowed.has(id));
  const isLeft = new Set(backups.map(({ id }) => id));
  // Those that a turn removed whose function then died are gone already.
  const removed = state.planned.filter((id) => allowed.has(id) || !isLeft.has(id));
  return { kind: 'remove', ids, verdict: passed(removed, kept, plan.remove.length - ids.length, stored) };
}

const oldestFirst = (ids: readonly string[], backups: readonly Backup[]): string[] => {
  const at = new Map(backups.map(({ id, createdAt }) => [id, createdAt]));
  return [...ids].sort((a, b) => (at.get(a) ?? 0) - (at.get(b) ?? 0));
};

const passed = (removed: readonly string[], kept: number, later: number, stored: Stored): Verdict => ({
  kind: 'passed',
  summary: `${removed.length} backups removed, ${kept} kept${later > 0 ? `, ${later} more go with the next runs` : ''}`,
  report: { removed: [...removed], kept, stored },
});

/** What lay in the store when it was looked at, before anything was removed. */
type Stored = {
  readonly ours: number;
  /** Of other deployments, and by hand. */
  readonly others: number;
  /** RDS's own. */
  readonly automated: number;
  /** Of the storage that they were taken of; what is billed is what is in them, which RDS doesn't tell. */
  readonly atMostGib: number;
  readonly oldest: string | null;
  readonly newest: string | null;
};

function storedIn(snapshots: readonly KeptSnapshot[], madeBy: string): Stored {
  const times = snapshots.flatMap(({ takenAt }) => takenAt ?? []).sort((a, b) => a - b);
  const [oldest, newest] = [times[0], times.at(-1)];
  const manual = snapshots.filter(({ isAutomated }) => !isAutomated);
  const ours = manual.filter((each) => each.madeBy === madeBy).length;
  return {
    ...{ ours, others: manual.length - ours, automated: snapshots.length - manual.length },
    atMostGib: manual.reduce((sum, { sizeGib }) => sum + sizeGib, 0),
    oldest: oldest === undefined ? null : new Date(oldest).toISOString(),
    newest: newest === undefined ? null : new Date(newest).toISOString(),
  };
}

/** What is named otherwise, or was taken of another instance that had this name, is nobody's to remove, whatever its tags say. */
function asBackup(snapshot: KeptSnapshot, view: View, prefix: string, now: number): Backup {
  const { id, status, takenAt } = snapshot;
  const origin = originOf(snapshot, view.copiedFrom);
  const isOurs = id.startsWith(prefix) && origin !== undefined && (view.instanceResourceId ?? origin) === origin;
  return {
    id,
    // One that failed may have no time of its own (RDS tells it once the copy began): its name has that of its run.
    createdAt: takenAt ?? timeOfSnapshotId(id) ?? now,
    status: status === 'available' || status === 'failed' ? status : 'creating',
    madeBy: isOurs ? snapshot.madeBy : undefined,
    verifiedAt: view.proofs.verified.get(id),
    isBad: view.proofs.failed.has(id),
  };
}

/** Which instance's data it has. Of the own region, a copy is another deployment's, that copies to it; of the other, only one of our snapshot of the same name is ours, for the instance that we noted. */
const originOf = (
  { id, copyOf, copiedInstance, instanceResourceId }: KeptSnapshot,
  region: string | undefined,
): string | undefined => {
  if (region === undefined) return copyOf === undefined ? instanceResourceId : undefined;
  const [, , service, from, , kind, name] = copyOf?.split(':') ?? [];
  return service === 'rds' && from === region && kind === 'snapshot' && name === id ? copiedInstance : undefined;
};

/** The own region is followed by the standby region, where there are copies; each has a plan of its own. */
export function afterPlace(state: State, verdict: Verdict, standbyRegion: string | undefined): Step<State> {
  if (standbyRegion === undefined) return { kind: 'verdict', state, verdict };
  if (!state.own)
    return {
      ...{ kind: 'wait', seconds: 1, state: { planned: null, own: verdict } },
      note: `copies in ${standbyRegion} are next`,
    };
  return { kind: 'verdict', state, verdict: together(state.own, verdict, standbyRegion) };
}

function together(own: Verdict, copies: Verdict, region: string): Verdict {
  const bad = [own, copies].find(({ kind }) => kind === 'failed');
  return {
    kind: bad ? 'failed' : 'passed',
    ...(bad?.check !== undefined && { check: bad.check }),
    summary: `${own.summary}; of the copies in ${region}: ${copies.summary}`,
    report: { ...own.report, copies: copies.report },
  };
}
