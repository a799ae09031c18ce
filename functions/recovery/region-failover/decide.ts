/** What `region-failover` decides: whether there is an outage, whether anything may be promoted, and whether users have moved. Pure. */
import type { InstanceReading } from '../../databases/instance.ts';
import { notAvailable } from '../../databases/status.ts';
import type { Probes } from '../../dns/probe.ts';
import type { PairConfig, ServiceConfig } from '../../engine/config.ts';
import type { Change } from '../../engine/remediation.ts';
import type { Health } from '../remediation-step.ts';
import { healthSince, type ServiceSeen } from '../service-health.ts';
import type { StepDecision, StepProof } from '../step.ts';

export type Input = {
  readonly pair: string;
  readonly fenced?: string | undefined;
  readonly acceptLossSeconds?: number | 'unknown' | undefined;
  readonly reason?: string | undefined;
};

export const POLL_SECONDS = 5;

export interface SeenAlarm {
  readonly name: string;
  readonly state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA' | 'missing';
  /** Since when it has been in that state, in epoch milliseconds. */
  readonly since?: number;
}

export interface SeenService {
  readonly target: ServiceConfig;
  /** How many tasks it needs to serve everybody. */
  readonly tasks: number;
  readonly seen: ServiceSeen;
}

export interface Outlook {
  readonly primary: Probes;
  readonly standby: Probes;
  readonly alarms: readonly SeenAlarm[];
  readonly replica: InstanceReading;
  readonly services: readonly SeenService[];
}

/** What `confirm` leaves, at each of its turns. */
export type Confirmed = {
  /** Since when no probe of the primary was answered well (epoch milliseconds). */
  readonly sickSince: number;
  /** When it last looked. */
  readonly lookedAt?: number;
  /** Since when everything tells of the outage; set once it is confirmed. */
  readonly cutAt?: number;
};

const nameOf = ({ cluster, service }: Pick<ServiceConfig, 'cluster' | 'service'>): string => `${cluster}/${service}`;
export const tell = ({ healthy, all, lastFailure }: Probes): string =>
  `${healthy} of ${all} probes good${lastFailure === undefined ? '' : ` (${lastFailure})`}`;
const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });
const isGood = ({ healthy, all }: Probes): boolean => all > 0 && healthy === all;

/** Why the standby can't take over, a sentence each. */
export function unready({ replica, services }: Pick<Outlook, 'replica' | 'services'>): string[] {
  const sick = services.flatMap(({ target, seen: { service } }) => {
    if (service.kind === 'missing') return [service.why];
    return service.controller === 'ECS'
      ? []
      : [`${nameOf(target)}: its deployments are controlled by ${service.controller}`];
  });
  if (replica.kind === 'missing') return [...sick, replica.why];
  if (replica.replicaOf === undefined) return [...sick, 'the database of the standby is no read replica (any more)'];
  const busy = notAvailable('the read replica', replica.status);
  return busy?.kind === 'escalate' ? [...sick, busy.reason] : sick;
}

/** Looks further apart than this (frozen in between) say nothing of the time between them. */
const LONGEST_GAP_SECONDS = 60;

/**
 * An outage: no probe of the primary was answered well at any look for `unhealthyForSeconds`, and every outage alarm is in ALARM by then. So never one signal, and never one moment. Whatever
 * else is seen is no reason to promote anything.
 * @param before what the last turn left.
 */
export function confirm(
  seen: Outlook,
  pair: Pick<PairConfig, 'unhealthyForSeconds'>,
  {
    now,
    before,
    rehearse,
  }: { readonly now: number; readonly before: Confirmed | undefined; readonly rehearse: boolean },
): StepDecision {
  const { primary, standby, alarms, replica } = seen;
  const sites = `the primary: ${tell(primary)}; the standby: ${tell(standby)}`;
  const told = alarms.map(({ name, state }) => `${name} is ${state}`).join(', ');
  const faults = unready(seen);
  const missing = alarms.filter(({ state }) => state === 'missing');
  if (missing.length > 0)
    faults.push(`the alarm ${missing.map(({ name }) => name).join(', ')} doesn't exist in this region`);
  if (alarms.length === 0) faults.push('no alarm tells of an outage');
  if (faults.length > 0) return fail(`the standby isn't ready: ${faults.join('; ')}`);
  if (!isGood(standby))
    return primary.healthy === 0
      ? fail(`both sites are down, so nobody is sent anywhere: ${sites}`)
      : fail(`the standby doesn't answer: ${sites}`);
  if (rehearse)
    return { kind: 'done', detail: `a rehearsal: ${sites}; ${told}`, result: { sickSince: now, cutAt: now } };
  if (primary.healthy > 0) return fail(`the primary answers, which is no outage: ${sites}; ${told}`);
  const longestGapMs = Math.max(LONGEST_GAP_SECONDS, pair.unhealthyForSeconds) * 1000;
  const goesOn = before && now - (before.lookedAt ?? now) <= longestGapMs;
  const sickSince = goesOn ? before.sickSince : now;
  const silent = alarms.every(({ state }) => state === 'ALARM');
  const isLong = now - sickSince >= pair.unhealthyForSeconds * 1000;
  // Being backed up, or changed, passes by itself, and nothing can be promoted meanwhile.
  const busy = replica.kind === 'instance' && replica.status !== 'available' ? replica.status : undefined;
  const detail = `${sites}, for ${Math.round((now - sickSince) / 1000)} s; ${told}${busy ? `; the read replica is ${busy}` : ''}`;
  if (!silent || !isLong || busy)
    return { kind: 'wait', seconds: POLL_SECONDS, detail, result: { sickSince, lookedAt: now } };
  // One alarm may have fired before, of another trouble, while the primary took writes: it counts from the last one on.
  const cutAt = Math.min(sickSince, Math.max(...alarms.map(({ since }) => since ?? sickSince)));
  return { kind: 'done', detail, result: { sickSince, cutAt } };
}

export interface LagSeen {
  /** Until when the old primary may write by itself (epoch milliseconds); why that can't be relied on, so that a person has to say that it is fenced. */
  readonly mayWriteUntil: number | undefined;
  readonly whyAttested: string | undefined;
  /**
   * When the newest change that the replica has was made (epoch milliseconds): the time of a datapoint of ReplicaLag, less its value. Undefined: no datapoint.
   */
  readonly recoveryPointAt: number | undefined;
}

/** Nothing is promoted while somebody may still write to the old primary, nor when more is lost than the pair allows: then a person says so. */
export function gate(
  { recoveryPointAt, mayWriteUntil, whyAttested }: LagSeen,
  { fenced, acceptLossSeconds }: Input,
  pair: Pick<PairConfig, 'name' | 'recoveryPointSeconds'>,
  { sickSince, cutAt, rehearse }: Required<Pick<Confirmed, 'sickSince' | 'cutAt'>> & { readonly rehearse: boolean },
): StepDecision {
  // The primary made a change after the alarms had fired, so they don't tell when it stopped: it may have made more until the first look.
  const isAfter = recoveryPointAt !== undefined && recoveryPointAt > cutAt;
  const told = isAfter ? sickSince : cutAt;
  // Whoever reaches it may have gone on writing until its lease is over; a person who fenced it has ended that.
  const writtenUntil = fenced === undefined ? Math.max(told, mayWriteUntil ?? told) : told;
  const lossSeconds = recoveryPointAt === undefined ? undefined : Math.max(0, (writtenUntil - recoveryPointAt) / 1000);
  const loss = lossSeconds === undefined ? 'it is unknown how much is lost' : `${Math.ceil(lossSeconds)} s may be lost`;
  const result = { recoveryPointAt: recoveryPointAt ?? null, writtenUntil };
  if (rehearse) return { kind: 'done', detail: `a rehearsal: ${loss}`, result };
  if (fenced === undefined && whyAttested !== undefined)
    return fail(
      `nobody has said that the old primary writes nothing any more, and it isn't known to stop by itself (${whyAttested}): make sure of it, then start again with fenced='<who, and how>'; ${loss}`,
    );
  const allowed =
    lossSeconds === undefined
      ? acceptLossSeconds === 'unknown'
      : acceptLossSeconds === 'unknown' || lossSeconds <= Math.max(pair.recoveryPointSeconds, acceptLossSeconds ?? 0);
  if (!allowed)
    return fail(
      `${loss}, and pairs.${pair.name} allows ${pair.recoveryPointSeconds} s: to go on all the same, start again with acceptLossSeconds=${lossSeconds === undefined || isAfter ? 'unknown' : Math.ceil(lossSeconds)}`,
    );
  return { kind: 'done', detail: `fenced by ${fenced ?? 'itself, once its authority is over'}; ${loss}`, result };
}

type Counts = Readonly<Record<string, number>>;
export const countsOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): Counts =>
  (change[side] as { tasks: Counts }).tasks;

const desiredOf = ({ seen: { service } }: SeenService): number => (service.kind === 'service' ? service.desired : 0);

/** Services that have fewer tasks than they need. */
export function decideScale(services: readonly SeenService[]): StepDecision {
  const faults = services.flatMap(({ seen: { service } }) => (service.kind === 'missing' ? [service.why] : []));
  if (faults.length > 0) return fail(faults.join('; '));
  const few = services.filter((each) => desiredOf(each) < each.tasks);
  if (few.length === 0) return { kind: 'done', detail: 'they have as many tasks as they need' };
  const counts = (count: (each: SeenService) => number) => ({
    tasks: Object.fromEntries(few.map((each) => [nameOf(each.target), count(each)])),
  });
  const what = few.map((each) => `${nameOf(each.target)} from ${desiredOf(each)} to ${each.tasks}`).join(', ');
  return {
    kind: 'act',
    change: {
      summary: `set the number of tasks of ${what}`,
      before: counts(desiredOf),
      after: counts(({ tasks }) => tasks),
      undo: 'set them back',
    },
  };
}

/** By what is wanted: that tasks run is another step's. */
export function scaleApplied(change: Change, services: readonly SeenService[]): 'yes' | 'no' | 'unclear' {
  const [before, after] = [countsOf(change, 'before'), countsOf(change, 'after')];
  const present = services.flatMap((each) => {
    const name = nameOf(each.target);
    return name in after ? [{ name, desired: desiredOf(each) }] : [];
  });
  if (present.every(({ name, desired }) => desired === after[name])) return 'yes';
  // Of several, some may have been set: setting all of them again changes nothing of those.
  return present.every(({ name, desired }) => desired === after[name] || desired === before[name]) ? 'no' : 'unclear';
}

export const proveScale = (change: Change, services: readonly SeenService[]): StepProof =>
  scaleApplied(change, services) === 'yes'
    ? { kind: 'good', detail: change.summary }
    : { kind: 'not-yet', detail: 'the numbers of tasks are not seen yet', seconds: POLL_SECONDS };

/** Back only from what the run itself set. */
export function decideScaleBack(services: readonly SeenService[], made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was scaled' };
  const [from, to] = [countsOf(made, 'after'), countsOf(made, 'before')];
  const ours = services.filter(({ target }) => nameOf(target) in from);
  const foreign = ours.find((each) => ![from, to].some((counts) => counts[nameOf(each.target)] === desiredOf(each)));
  if (foreign)
    return fail(`${nameOf(foreign.target)} has ${desiredOf(foreign)} tasks, which this run neither found nor set`);
  if (ours.every((each) => desiredOf(each) === to[nameOf(each.target)]))
    return { kind: 'done', detail: 'they have as many tasks as before' };
  return {
    kind: 'act',
    change: {
      summary: 'set the numbers of tasks back',
      before: { tasks: from },
      after: { tasks: to },
      undo: 'set them again',
    },
  };
}

export function decidePromotion(replica: InstanceReading, name: string): StepDecision {
  if (replica.kind === 'missing') return fail(replica.why);
  if (replica.replicaOf === undefined) return fail(`${name} is no read replica any more: somebody promoted it`);
  if (replica.status !== 'available')
    return { kind: 'wait', seconds: POLL_SECONDS, detail: `${name} is ${replica.status}` };
  return {
    kind: 'act',
    change: {
      summary: `promote ${name}, the read replica of ${replica.replicaOf}`,
      before: { replicaOf: replica.replicaOf },
      after: { replicaOf: null },
      undo: 'none: it can’t follow the old primary again',
    },
  };
}

/** Being changed is taken for it: nobody else has the instance in hand, and the proof waits for what only a promotion brings. */
export function promotionApplied(replica: InstanceReading): 'yes' | 'no' | 'unclear' {
  if (replica.kind === 'missing') return 'unclear';
  if (replica.replicaOf === undefined || replica.status === 'modifying' || replica.status === 'rebooting') return 'yes';
  return replica.status === 'available' ? 'no' : 'unclear';
}

/** "Viewing Amazon RDS DB instance status": it can be used. The first backup of what was promoted may take hours, and nobody is to wait for that; whether it takes writes is proved by the site. */
const USABLE = ['available', 'backing-up'];

export function provePromotion(replica: InstanceReading): StepProof {
  if (replica.kind === 'missing') return { kind: 'bad', detail: replica.why };
  const { replicaOf, status } = replica;
  return replicaOf === undefined && USABLE.includes(status)
    ? { kind: 'good', detail: 'it is a database of its own' }
    : { kind: 'not-yet', detail: `it is ${status}${replicaOf ? ' and still a replica' : ''}`, seconds: POLL_SECONDS };
}

/** The first that isn't well, or undefined when all are. */
function firstSick(services: readonly SeenService[], since: Parameters<typeof healthSince>[2]): string | undefined {
  const looks = services.map(({ target, tasks, seen }): { readonly name: string; readonly health: Health } => {
    const { service } = seen;
    const few = service.kind === 'service' && service.running < tasks;
    const health = healthSince(seen, target, since);
    return {
      name: nameOf(target),
      health: few ? { healthy: false, detail: `${service.running} of the ${tasks} tasks that it needs` } : health,
    };
  });
  const sick = looks.find(({ health }) => !health.healthy);
  return sick && `${sick.name}: ${sick.health.detail}`;
}

export function steady(services: readonly SeenService[], since: Parameters<typeof healthSince>[2]): StepDecision {
  const sick = firstSick(services, since);
  if (sick !== undefined) return { kind: 'wait', seconds: POLL_SECONDS, detail: sick };
  return {
    kind: 'done',
    detail: services.map(({ target, tasks }) => `${nameOf(target)}: ${tasks} tasks run`).join('; '),
  };
}

/** @param site in words. */
export const proveSite = (probes: Probes, site: string): StepDecision =>
  isGood(probes)
    ? { kind: 'done', detail: `${site}: ${tell(probes)}` }
    : { kind: 'wait', seconds: POLL_SECONDS, detail: `${site}: ${tell(probes)}` };

export interface NameSeen {
  /** What the name that users know resolves to; empty: to nothing. */
  readonly addresses: readonly string[];
  /** What the own name of the site that they are to be sent to resolves to. */
  readonly site: readonly string[];
  /** Asked by the users' name. */
  readonly answers: Probes;
}

/** Resolvers keep an answer for as long as its record lives: only then does nobody who keeps to that ask the old site any more. */
export function moved(
  { addresses, site: wanted, answers }: NameSeen,
  { ttlSeconds }: Pick<PairConfig, 'ttlSeconds'>,
  { now, since, site }: { readonly now: number; readonly since: number | undefined; readonly site: string },
): StepDecision {
  const there = addresses.length > 0 && addresses.every((address) => wanted.includes(address));
  const wait = (detail: string, movedSince: number | null): StepDecision => ({
    ...{ kind: 'wait', seconds: Math.min(POLL_SECONDS, ttlSeconds), detail },
    result: { movedSince },
  });
  if (!there) return wait(`the name leads to ${addresses.join(', ') || 'nothing'}, not to ${site}`, null);
  if (!isGood(answers)) return wait(`the name leads to ${site}: ${tell(answers)}`, since ?? now);
  const movedSince = since ?? now;
  if (now - movedSince < ttlSeconds * 1000)
    return wait(`the name leads to ${site}; resolvers may keep the old answer for ${ttlSeconds} s`, movedSince);
  return { kind: 'done', detail: `the name leads to ${site}: ${tell(answers)}`, result: { movedSince } };
}

/** Sick in between begins it anew. */
export function settled(
  seen: { readonly answers: Probes; readonly services: readonly SeenService[] },
  { settleSeconds }: Pick<PairConfig, 'settleSeconds'>,
  {
    now,
    wellSince,
    since,
    site,
  }: {
    readonly now: number;
    readonly wellSince: number | undefined;
    readonly since: Parameters<typeof healthSince>[2];
    readonly site: string;
  },
): StepDecision {
  const sick = isGood(seen.answers) ? firstSick(seen.services, since) : `asked by users' name: ${tell(seen.answers)}`;
  const from = sick === undefined ? (wellSince ?? now) : null;
  if (from !== null && now - from >= settleSeconds * 1000)
    return { kind: 'done', detail: `${site} serves everybody, and was well for ${settleSeconds} s` };
  const seconds = Math.min(30, Math.max(1, Math.ceil(settleSeconds / 10)));
  return {
    ...{ kind: 'wait', seconds, result: { wellSince: from } },
    detail: sick ?? `well for ${Math.round((now - (from ?? now)) / 1000)} of ${settleSeconds} s`,
  };
}
