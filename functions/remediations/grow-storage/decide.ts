/** How much storage a database gets, and whether it got it. Pure. */
import { happened } from '../../databases/happened.ts';
import type { Look } from '../../databases/look.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

type Used = 'kind' | 'at' | 'events' | 'status' | 'cluster' | 'storageGib' | 'autoscalingUpToGib' | 'pending';
type Seen = Pick<Extract<Look, { kind: 'instance' }>, Used>;
export type Observation = Extract<Look, { kind: 'missing' }> | Seen;

const GROWTH = 1.2;
const LEAST_MORE_GIB = 10;
/** "Increasing DB instance storage capacity", Amazon RDS User Guide: an increase is at least 10 percent. */
const LEAST_GROWTH = 1.1;
/**
 * "Increasing DB instance storage capacity": storage can't be modified again for six hours, or until its optimization is over, whichever is longer. (Newer
 * editions allow four changes a day once it is over; this is the stricter of the two.)
 */
export const RESTS_FOR_MINUTES = 360;
const RECHECK_SECONDS = 60;
const AUTOSCALING_SECONDS = 300;

export const gibOf = (change: Change, side: 'before' | 'after'): number => (change[side] as { gib: number }).gib;

const callPerson = (reason: string, recheckAfterSeconds = RECHECK_SECONDS): Decision => ({
  kind: 'escalate',
  reason,
  recheckAfterSeconds,
});
const wait = (detail: string, recheckAfterSeconds: number): Decision => ({
  kind: 'hold',
  reason: 'change-under-way',
  detail,
  recheckAfterSeconds,
});

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const { name, maxStorageGib } = target;
  const { storageGib } = observation;
  const blocked = whyNot(name, observation);
  if (blocked) return blocked;
  const after = Math.min(maxStorageGib, Math.max(storageGib + LEAST_MORE_GIB, Math.ceil(storageGib * GROWTH)));
  if (after < Math.ceil(storageGib * LEAST_GROWTH))
    return callPerson(
      maxStorageGib === 0
        ? `${name} has ${storageGib} GiB and maxStorageGib isn't set: it is never grown`
        : `${name} has ${storageGib} GiB and may not have more than ${maxStorageGib}`,
    );
  return {
    kind: 'act',
    change: {
      summary: `grow the storage of ${name} from ${storageGib} to ${after} GiB (it can never shrink again)`,
      before: { gib: storageGib },
      after: { gib: after },
      undo: 'it cannot be undone: the storage of a DB instance only grows',
    },
  };
}

function whyNot(
  name: string,
  { status, cluster, pending, autoscalingUpToGib, events, at }: Seen,
): Decision | undefined {
  if (cluster) return callPerson(`${name} is a member of cluster ${cluster}, whose storage grows by itself`);
  // The one status besides `available` in which growing is what helps.
  const blocked = status === 'storage-full' ? undefined : notAvailable(name, status);
  if (blocked) return blocked;
  if (pending.length > 0)
    return callPerson(
      `changes of ${name} wait for its maintenance window (${pending.join(', ')}): growing it now would put them in force, too`,
    );
  if (autoscalingUpToGib !== undefined && status !== 'storage-full')
    return wait(`RDS grows ${name} by itself, up to ${autoscalingUpToGib} GiB`, AUTOSCALING_SECONDS);
  const last = happened(events, 'storage-changed').at(-1);
  if (last === undefined) return undefined;
  const allowedIn = RESTS_FOR_MINUTES * 60 - (Date.parse(at) - Date.parse(last)) / 1000;
  if (allowedIn <= 0) return undefined;
  return callPerson(
    `the storage of ${name} was changed at ${last}, and RDS takes no other change for six hours: free some space`,
    Math.ceil(allowedIn),
  );
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const { storageGib, pending } = observation;
  if (storageGib >= gibOf(change, 'after') || pending.includes('AllocatedStorage')) return 'yes';
  return storageGib === gibOf(change, 'before') ? 'no' : 'unclear';
}

/** While RDS optimizes the new storage, for hours, it can be used. */
const USABLE = ['available', 'storage-optimization'];

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { status, storageGib } = observation;
  const is = `it has ${storageGib} GiB and is ${status}`;
  return { kind: storageGib >= gibOf(change, 'after') && USABLE.includes(status) ? 'good' : 'not-yet', detail: is };
}
