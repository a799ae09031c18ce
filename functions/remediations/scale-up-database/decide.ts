/** Which class a database gets, and whether it got it. Pure. */
import { happened } from '../../databases/happened.ts';
import type { Look } from '../../databases/look.ts';
import { costInWords, priceOf } from '../../databases/price.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

type Used =
  | 'kind'
  | 'at'
  | 'events'
  | 'status'
  | 'cluster'
  | 'multiAz'
  | 'instanceClass'
  | 'parametersPending'
  | 'pending';
type Seen = Pick<Extract<Look, { kind: 'instance' }>, Used>;
export type Observation = Extract<Look, { kind: 'missing' }> | Seen;

const RECHECK_SECONDS = 60;
/** How far back changes of the class count: so long after one the alarm may still be firing on old data. */
export const SETTLING_MINUTES = 15;

export const classOf = (change: Change, side: 'before' | 'after'): string =>
  (change[side] as { instanceClass: string }).instanceClass;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const blocked = whyNot(target.name, observation);
  if (blocked) return blocked;
  const { name, costApprovals } = target;
  const { instanceClass: before, multiAz } = observation;
  const next = nextClass(target, before);
  if (typeof next === 'string') return callPerson(next);
  const after = next.name;
  const cost = costOf(target, before, after);
  const outage = multiAz
    ? 'its standby takes over: every connection drops, usually for one or two minutes'
    : 'it restarts: nobody can use it for some minutes';
  const change: Change = {
    summary: `change the class of ${name} from ${before} to ${after} (${outage}${costInWords(cost)})`,
    before: { instanceClass: before },
    after: { instanceClass: after },
    undo: `set the class of ${name} back to ${before} in a quiet hour, which restarts it once more`,
  };
  if (costApprovals === 0) return { kind: 'act', change };
  const why = 'a change of class drops every connection and costs more until somebody takes it back';
  return { kind: 'act', change, approval: { people: costApprovals, why } };
}

function whyNot(name: string, observation: Seen): Decision | undefined {
  const { status, cluster, pending, parametersPending, events, at } = observation;
  if (cluster)
    return callPerson(`${name} is a member of cluster ${cluster}: change its class there, its readers first`);
  const blocked = notAvailable(name, status);
  if (blocked) return blocked;
  if (pending.length > 0)
    return callPerson(
      `changes of ${name} wait for its maintenance window (${pending.join(', ')}): a new class now would put them in force, too`,
    );
  if (parametersPending)
    return callPerson(
      `a new class restarts ${name}, which would put parameter changes in force that wait for one; decide about them first`,
    );
  const last = happened(events, 'class-changed').at(-1);
  if (last === undefined) return undefined;
  const settledIn = SETTLING_MINUTES * 60 - (Date.parse(at) - Date.parse(last)) / 1000;
  if (settledIn <= 0) return undefined;
  return {
    kind: 'hold',
    reason: 'change-under-way',
    detail: `${name} got a new class at ${last} and is settling`,
    recheckAfterSeconds: Math.ceil(settledIn),
  };
}

type InstanceClass = DatabaseConfig['instanceClasses'][number];

/** The next step of the ladder, or why there is none. */
function nextClass({ name, instanceClasses }: DatabaseConfig, before: string): InstanceClass | string {
  if (instanceClasses.length === 0)
    return `${name} is a ${before} and instanceClasses isn't set: its class is never changed`;
  const at = instanceClasses.findIndex((each) => each.name === before);
  if (at < 0) return `${name} is a ${before}, which isn't one of its instanceClasses: nothing says what is larger`;
  return instanceClasses[at + 1] ?? `${name} is a ${before} already, the largest of its instanceClasses`;
}

/** US dollars an hour that `after` costs more than `before`; undefined unless both prices are configured. */
function costOf(target: Pick<DatabaseConfig, 'instanceClasses'>, before: string, after: string): number | undefined {
  const [from, to] = [priceOf(target, before), priceOf(target, after)];
  return from === undefined || to === undefined ? undefined : Math.round((to - from) * 1e6) / 1e6;
}

export const costPerHourUsd = (change: Change, target: string, { databases }: RuntimeConfig): number | undefined => {
  const configured = Object.values(databases).find(({ name }) => target === `rds-instance/${name}`);
  return configured && costOf(configured, classOf(change, 'before'), classOf(change, 'after'));
};

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const { instanceClass, pending } = observation;
  if (instanceClass === classOf(change, 'after') || pending.includes('DBInstanceClass')) return 'yes';
  return instanceClass === classOf(change, 'before') ? 'no' : 'unclear';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { status, instanceClass } = observation;
  const hasIt = instanceClass === classOf(change, 'after') && status === 'available';
  return { kind: hasIt ? 'good' : 'not-yet', detail: `it is a ${instanceClass} and ${status}` };
}
