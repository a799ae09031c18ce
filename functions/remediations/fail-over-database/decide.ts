/** Whether the standby takes over, whether it already did, and whether that helped. Pure. */
import { type Connected, notDown } from '../../databases/down.ts';
import { happened, type PastEvent, underWay } from '../../databases/happened.ts';
import type { Instance } from '../../databases/instance.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export type Observation =
  | { readonly kind: 'missing'; readonly why: string }
  | ({
      readonly kind: 'instance';
      /** When it was looked at (ISO 8601). */
      readonly at: string;
      /** Of the last hour, oldest first. */
      readonly events: readonly PastEvent[];
      readonly connected: Connected;
    } & Pick<Instance, 'status' | 'cluster' | 'multiAz' | 'zone' | 'secondaryZone' | 'pending'>);

type Seen = Extract<Observation, { kind: 'instance' }>;

/** Which zone the primary and which the standby is in. */
export interface Placement {
  readonly zone: string;
  readonly secondaryZone: string;
}
/** What the journal keeps of the state before: where, and when that was seen. */
export interface Before extends Placement {
  readonly seenAt: string;
}

export const beforeOf = (change: Change): Before => change.before as unknown as Before;
export const afterOf = (change: Change): Placement => change.after as unknown as Placement;

const RECHECK_SECONDS = 60;
/** So long after a failover its alarm may still be firing on old data, and the standby be catching up. */
const SETTLING_MS = 10 * 60_000;
const STOP_SECONDS = 3600;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });
const wait = (detail: string): Decision => ({
  kind: 'hold',
  reason: 'change-under-way',
  detail,
  recheckAfterSeconds: RECHECK_SECONDS,
});

export function decide({ signal, target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const { name } = target;
  const blocked =
    whyNeverHere(name, observation) ??
    notAvailable(name, observation.status) ??
    lately(name, observation) ??
    notDown(name, signal, observation.connected);
  if (blocked) return blocked;
  const { zone, secondaryZone } = observation;
  if (!secondaryZone || secondaryZone === zone)
    return callPerson(`${name} is Multi-AZ, but RDS names no standby in another zone to fail over to`);
  const before: Before = { zone, secondaryZone, seenAt: observation.at };
  const after: Placement = { zone: secondaryZone, secondaryZone: zone };
  return {
    kind: 'act',
    change: {
      summary: `fail ${name} over from ${zone} to its standby in ${secondaryZone} (every connection drops for a minute or two)`,
      before: { ...before },
      after: { ...after },
      undo: `fail ${name} over again to have its primary in ${zone}; nothing else has changed`,
    },
  };
}

/** What no waiting changes. */
function whyNeverHere(name: string, { cluster, multiAz, pending }: Seen): Decision | undefined {
  if (cluster)
    return callPerson(`${name} is a member of cluster ${cluster}, which fails over as a whole (FailoverDBCluster)`);
  if (!multiAz)
    return callPerson(`${name} has no standby (Single-AZ): restart or restore it, and make it Multi-AZ afterwards`);
  if (pending.includes('MultiAZ'))
    return callPerson(`${name} is about to lose its standby (a pending change of MultiAZ)`);
  return undefined;
}

/** Failovers of the last hour: one is waited for, a second one would only go back. */
function lately(name: string, { at, events }: Seen): Decision | undefined {
  const running = underWay(events, 'failover-started', 'failover-completed');
  if (running) return wait(`a failover of ${name} began at ${running} and RDS hasn't said that it is over`);
  const recovering = underWay(events, 'recovery-started', 'recovery-completed');
  if (recovering) return wait(`RDS has been recovering the standby of ${name} since ${recovering}`);
  const crashed = underWay(events, 'crash-recovery-started', 'crash-recovery-completed');
  if (crashed)
    return wait(`${name} has been recovering from a crash since ${crashed}: its standby would begin that anew`);
  const last = happened(events, 'failover-completed').at(-1);
  if (last === undefined) return undefined;
  if (Date.parse(at) - Date.parse(last) < SETTLING_MS) return wait(`${name} failed over at ${last} and is settling`);
  return callPerson(
    `${name} failed over at ${last} already and is in trouble again: another failover would only go back`,
  );
}

/**
 * The zones tell, and RDS's events where the zones could mean two things. A reboot that is under way, or was made without a failover, leaves it unclear.
 */
export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const { status, zone, secondaryZone, events } = observation;
  const before = beforeOf(change);
  const isSwapped = zone === before.secondaryZone && secondaryZone === before.zone;
  if (isSwapped) return 'yes';
  const isAsBefore = zone === before.zone && secondaryZone === before.secondaryZone && status === 'available';
  if (!isAsBefore) return 'unclear';
  const touched = (
    ['failover-started', 'failover-completed', 'failover-abandoned', 'shutdown', 'restarted'] as const
  ).some((what) => happened(events, what, before.seenAt).length > 0);
  return touched ? 'unclear' : 'no';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { status, zone, events } = observation;
  const before = beforeOf(change);
  if (happened(events, 'failover-abandoned', before.seenAt).length > 0 && zone === before.zone)
    return {
      kind: 'bad',
      detail: `RDS abandoned the failover, because another one was recent: the primary is still in ${zone}`,
      stopForSeconds: STOP_SECONDS,
    };
  if (status !== 'available') return { kind: 'not-yet', detail: `it is ${status}` };
  if (zone === before.zone) return { kind: 'not-yet', detail: `the primary is still in ${zone}` };
  return { kind: 'good', detail: `the primary is in ${zone} now and available` };
}
