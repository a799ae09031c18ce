/** Whether a database is restarted, whether that happened, and whether it helped. Pure. */
import { type Connected, DATABASE_DOWN, notDown } from '../../databases/down.ts';
import { happened, underWay } from '../../databases/happened.ts';
import type { Look } from '../../databases/look.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

type Used = 'kind' | 'at' | 'events' | 'status' | 'cluster' | 'parametersPending';
type Missing = Extract<Look, { kind: 'missing' }>;
type Looked = Pick<Extract<Look, { kind: 'instance' }>, Used>;
type Seen = Looked & { readonly connected: Connected };
export type Observation = Missing | Seen;

const RECHECK_SECONDS = 60;
/** So long after a restart the alarm may still be firing on old data, and caches be cold. */
const SETTLING_MS = 10 * 60_000;

const wait = (detail: string): Decision => ({
  kind: 'hold',
  reason: 'change-under-way',
  detail,
  recheckAfterSeconds: RECHECK_SECONDS,
});
const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

/** When the state before was seen (ISO 8601); the state after is a restart later than that. */
export const seenAt = (change: Change): string => (change.before as { seenAt: string }).seenAt;

/** What is left when a database stays down. */
const RESTORE = 'else restore it beside the old one (nightshift recover database-restore)';

/** A database that is down and isn't restarted: whoever is called is told what is left. */
export function decide(input: DecideInput<DatabaseConfig, Observation>): Decision {
  const decision = judge(input);
  if (decision.kind !== 'escalate' || input.signal.runbook !== DATABASE_DOWN) return decision;
  return { ...decision, reason: `${decision.reason}; ${RESTORE}` };
}

function judge({ signal, target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const { name } = target;
  const { status, cluster, parametersPending, at, events } = observation;
  if (cluster) return callPerson(`${name} is a member of cluster ${cluster}: restart it there, its readers first`);
  const blocked = notAvailable(name, status);
  if (blocked) return blocked;
  const recovering = underWay(events, 'crash-recovery-started', 'crash-recovery-completed');
  if (recovering)
    return wait(`${name} has been recovering from a crash since ${recovering}: a restart would begin that anew`);
  const serves = notDown(name, signal, observation.connected);
  if (serves) return serves;
  if (parametersPending)
    return callPerson(
      `a restart of ${name} would put parameter changes in force that wait for one; decide about them first`,
    );
  const last = lastRestart(events, '');
  if (last !== undefined && Date.parse(at) - Date.parse(last) < SETTLING_MS)
    return wait(`${name} restarted at ${last} and is settling`);
  if (last !== undefined)
    return callPerson(
      `${name} restarted at ${last} already and is in trouble again: another restart would not last longer`,
    );
  return {
    kind: 'act',
    change: {
      summary: `restart ${name} (every connection drops, usually for less than a minute)`,
      before: { seenAt: at },
      after: { restartedAfter: at },
      undo: 'nothing to put back: clients connect again by themselves',
    },
  };
}

function lastRestart(events: Seen['events'], since: string): string | undefined {
  return [...happened(events, 'restarted', since), ...happened(events, 'shutdown', since)].sort().at(-1);
}

/** What is different from when the change was decided; `undefined` when nothing is. */
export function notAsSeen(change: Change, observation: Missing | Looked): string | undefined {
  if (observation.kind === 'missing') return observation.why;
  const { status, parametersPending, events } = observation;
  if (status !== 'available') return status;
  if (parametersPending) return 'parameter changes that wait for a restart';
  const last = lastRestart(events, seenAt(change));
  return last === undefined ? undefined : `restarted at ${last}`;
}

/**
 * Any restart since is the one that was wanted, whoever made it. That there is no sign of one doesn't say that there was none: RDS tells its events on
 * a best effort, and nothing else of an instance tells when its server started.
 */
export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const isRestarting = observation.status === 'rebooting';
  return isRestarting || lastRestart(observation.events, seenAt(change)) !== undefined ? 'yes' : 'unclear';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { status, events } = observation;
  if (status !== 'available') return { kind: 'not-yet', detail: `it is ${status}` };
  const last = lastRestart(events, seenAt(change));
  if (last === undefined) return { kind: 'not-yet', detail: 'RDS has told of no restart yet' };
  return { kind: 'good', detail: `it restarted at ${last} and is available` };
}
