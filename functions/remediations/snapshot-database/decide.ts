/** Whether a snapshot is taken, under which name, and what came of it. Pure. */
import type { Instance } from '../../databases/instance.ts';
import { isTakenInAnswer, type Snapshot, snapshotIdOf } from '../../databases/snapshot-id.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export interface Seen extends Pick<Instance, 'status' | 'cluster' | 'kmsKeyId'> {
  readonly kind: 'instance';
  /** All of the instance, whoever made them. */
  readonly snapshots: readonly Snapshot[];
  /** Manual snapshots of the account in this region, and how many it may have. */
  readonly quota: { readonly used: number; readonly max: number };
}
export type Observation = { readonly kind: 'missing'; readonly why: string } | Seen;

const RECHECK_SECONDS = 60;
/** An alarm that comes back hour after hour must not take the room of scheduled backups and of people. */
const KEPT_FREE = 5;
/** Nor may it make more and more of one instance: it deletes none itself, so a person looks through them. */
const MOST_OF_ONE = 10;
/** After one that failed: RDS says why in its events, and a person reads them. */
const STOP_AFTER_FAILURE_SECONDS = 3_600;

/** What is recorded: the name, and whose it is. */
export interface Wanted {
  readonly snapshotId: string;
  readonly deployment: string;
}
export const wantedOf = ({ after }: Change): Wanted => after as unknown as Wanted;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

export function decide({ signal, target, observation, config }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const { name } = target;
  const { snapshots, status, cluster, quota, kmsKeyId } = observation;
  if (cluster) return callPerson(`${name} is a member of cluster ${cluster}: snapshots are taken of the cluster`);
  const since = snapshots.find(
    (each) => each.status === 'available' && each.takenAt !== undefined && each.takenAt >= Date.parse(signal.at),
  );
  if (since) return { kind: 'fine', reason: `the snapshot ${since.id} was taken since` };
  const making = snapshots.find((each) => each.status === 'creating');
  if (making)
    return {
      kind: 'hold',
      reason: 'change-under-way',
      detail: `the snapshot ${making.id} is being made (${making.progressPercent} %)`,
      recheckAfterSeconds: RECHECK_SECONDS,
    };
  const blocked = notAvailable(name, status);
  if (blocked) return blocked;
  if (quota.max - quota.used <= KEPT_FREE)
    return callPerson(
      `the account has ${quota.used} of ${quota.max} manual snapshots in this region, and the last ${KEPT_FREE} are left to others: delete some, or have the quota raised`,
    );
  const own = snapshots.filter(({ id }) => isTakenInAnswer(id, config.name, name));
  if (own.length >= MOST_OF_ONE)
    return callPerson(
      `${name} has ${own.length} snapshots of this runbook's already, and only prune-backups deletes them, after keepDays, where backup is configured: look what keeps coming back, and delete what isn't needed`,
    );
  const snapshotId = snapshotIdOf(config.name, name, signal.at, 19);
  return {
    kind: 'act',
    change: {
      summary: `take the ${kmsKeyId ? 'encrypted ' : ''}snapshot ${snapshotId} of ${name}`,
      before: { snapshotId: null },
      after: { snapshotId, deployment: config.name } satisfies Wanted,
      undo: `delete the snapshot ${snapshotId}`,
    },
  };
}

const ours = (change: Change, { snapshots }: Seen): Snapshot | undefined =>
  snapshots.find(({ id }) => id === wantedOf(change).snapshotId);

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  return ours(change, observation) ? 'yes' : 'no';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { snapshotId } = wantedOf(change);
  const snapshot = ours(change, observation);
  if (!snapshot) return { kind: 'not-yet', detail: `there is no snapshot ${snapshotId}` };
  const bad = (detail: string): Verification => ({ kind: 'bad', detail, stopForSeconds: STOP_AFTER_FAILURE_SECONDS });
  if (snapshot.status === 'creating')
    return { kind: 'not-yet', detail: `the snapshot ${snapshotId} is being made (${snapshot.progressPercent} %)` };
  if (snapshot.status !== 'available') return bad(`the snapshot ${snapshotId} ended as ${snapshot.status}`);
  if (observation.kmsKeyId && !snapshot.encrypted)
    return bad(`the database is encrypted and its snapshot ${snapshotId} isn't`);
  return { kind: 'good', detail: `the snapshot ${snapshotId} of ${snapshot.sizeGib} GiB is available` };
}
