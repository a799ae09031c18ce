/** What `region-fail-back` decides of sites, services and the authority to write. Pure. */
import { type Authority, handedOver } from '../../authority/rules.ts';
import type { Probes } from '../../dns/probe.ts';
import type { FailBack, PairConfig } from '../../engine/config.ts';
import type { Change } from '../../engine/remediation.ts';
import { type NameSeen, type SeenService, tell } from '../region-failover/decide.ts';
import { nameOf } from '../rolling.ts';
import type { StepDecision } from '../step.ts';
import { type Named, whyNotAside, whyNotFollowed } from './databases.ts';

export type Input = {
  readonly pair: string;
  readonly like?: string | undefined;
  readonly reason?: string | undefined;
};

/** A service, with tasks that were told to stop and may still write until they have. */
export interface Writer extends SeenService {
  readonly stopping: number;
}

export interface Outlook {
  readonly name: NameSeen;
  readonly site: Probes;
  /** The database that users are served from, and the old one. */
  readonly standby: Named;
  readonly first: Named;
  readonly services: { readonly standby: readonly SeenService[]; readonly first: readonly SeenService[] };
}

const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });

const unfit = (services: readonly SeenService[], where: string): string[] =>
  services.flatMap(({ target, seen: { service } }) => {
    if (service.kind === 'missing') return [`in the ${where} region: ${service.why}`];
    return service.controller === 'ECS'
      ? []
      : [`${nameOf(target)} of the ${where} region: its deployments are controlled by ${service.controller}`];
  });

/** Why the way back can't be begun, a sentence each. */
function faultsOf(seen: Outlook, { failBack }: { readonly failBack: FailBack }): string[] {
  const { standby, first, services } = seen;
  const faults = [...unfit(services.standby, 'standby'), ...unfit(services.first, 'first')];
  const inTheWay = whyNotAside(first, standby.reading);
  if (inTheWay !== undefined) faults.push(inTheWay);
  const isEncrypted = standby.reading.kind === 'instance' && standby.reading.kmsKeyId !== undefined;
  if (isEncrypted && !(failBack.kmsKeyArn && failBack.standbyKmsKeyArn))
    faults.push(
      `${standby.name} is encrypted: failBack.kmsKeyArn and failBack.standbyKmsKeyArn have to name a key of each region`,
    );
  return faults;
}

/** Why users aren't served by the standby, which alone there is a way back from. */
function notServing({ standby, name, site }: Outlook): string[] {
  const faults = [whyNotFollowed(standby)].filter((why) => why !== undefined);
  if (!leadsTo(name)) faults.push(`users are sent to ${name.addresses.join(', ') || 'nothing'}, not to the standby`);
  if (name.answers.healthy < name.answers.all) faults.push(`asked by users' name: ${tell(name.answers)}`);
  if (site.healthy < site.all) faults.push(`the standby: ${tell(site)}`);
  return faults;
}

const leadsTo = ({ addresses, site }: Pick<NameSeen, 'addresses' | 'site'>): boolean =>
  addresses.length > 0 && addresses.every((address) => site.includes(address));

/**
 * RDS tells no rate of making a replica in another region (a snapshot is made, copied and restored); so much a second is assumed.
 * Both ways: the first region's, and the standby's again.
 */
const ASSUMED_MIB_PER_SECOND = 30;
const LEAST_REBUILD_SECONDS = 1_800;
const SETUP_SECONDS = { rename: 600, stop: 60, promote: 300 };
/** "Health check interval", Amazon Route 53: three looks, each after 30 s. */
const NOTICED_SECONDS = 90;

export interface Estimate {
  readonly rebuildMinutes: number;
  readonly withoutServiceMinutes: number;
}

/** How long it may take. @param storageGib of the database. */
export function estimate(storageGib: number, { ttlSeconds }: Pick<PairConfig, 'ttlSeconds'>): Estimate {
  const rebuild = SETUP_SECONDS.rename + Math.max(LEAST_REBUILD_SECONDS, (storageGib * 1024) / ASSUMED_MIB_PER_SECOND);
  const without = SETUP_SECONDS.stop + SETUP_SECONDS.promote + NOTICED_SECONDS + ttlSeconds;
  return { rebuildMinutes: Math.ceil(rebuild / 60), withoutServiceMinutes: Math.ceil(without / 60) };
}

export function confirm(
  seen: Outlook,
  pair: Pick<PairConfig, 'ttlSeconds'> & { readonly failBack: FailBack },
  rehearse: boolean,
): StepDecision {
  const faults = faultsOf(seen, pair);
  const serving = notServing(seen);
  // Practised while the first region serves, as it mostly does.
  if (!rehearse) faults.push(...serving);
  if (faults.length > 0) return fail(`there is no way back yet: ${faults.join('; ')}`);
  const storageGib = seen.standby.reading.kind === 'instance' ? seen.standby.reading.storageGib : 0;
  const { rebuildMinutes, withoutServiceMinutes } = estimate(storageGib, pair);
  const how = `${storageGib} GiB: about ${rebuildMinutes} min until the first region's database is rebuilt, then about ${withoutServiceMinutes} min in which nobody is served, then as long again for the standby's`;
  const told = rehearse && serving.length > 0 ? `; now: ${serving.join('; ')}` : '';
  return { kind: 'done', detail: `${how}${told}`, result: { rebuildMinutes, withoutServiceMinutes } };
}

/** Writers of a side are still stopped; undefined: they are. Asked again directly before what relies on it. */
export function whoWrites(writers: readonly Writer[]): string | undefined {
  const found = writers.find(
    ({ seen: { service }, stopping }) =>
      stopping > 0 || (service.kind === 'service' && service.desired + service.running + service.pending > 0),
  );
  return found && `${nameOf(found.target)} has tasks: somebody started it again`;
}

/** A side that is taken out of use, as it is directly before. */
export interface Leaving {
  /** Where users are sent; `site`: the other side's addresses, where they should be. */
  readonly name: Pick<NameSeen, 'addresses' | 'site'>;
  /** The other side's database, which should take the writes. */
  readonly other: Named;
  /** This side's services, where they should have ended. */
  readonly writers: readonly Writer[];
}

/** Why a side is in use, by now: what `confirm` and `settle` saw may be hours old (frozen, moved by a person meanwhile). Undefined: it isn't. */
export function whyInUse({ name, other, writers }: Leaving): string | undefined {
  const followed = whyNotFollowed(other);
  if (followed !== undefined) return followed;
  if (!leadsTo(name)) return `users are sent to ${name.addresses.join(', ') || 'nothing'}, not to the other region`;
  return whoWrites(writers);
}

/** Why a side can't serve by now; undefined: it has the tasks that it needs. */
export function whyUnready(services: readonly SeenService[]): string | undefined {
  const found = services.find(({ tasks, seen: { service } }) => service.kind !== 'service' || service.running < tasks);
  return found && `${nameOf(found.target)} has fewer than the ${found.tasks} tasks that it needs`;
}

/** The standby's services as far as they have none: they are there, and are scaled by the next failover. */
export function decideStandBy(services: readonly SeenService[]): StepDecision {
  const none = services.filter(
    ({ seen: { service }, target }) => service.kind === 'service' && service.desired === 0 && target.minTasks > 0,
  );
  if (none.length === 0) return { kind: 'done', detail: 'they have tasks' };
  const counts = (count: (each: SeenService) => number) => ({
    tasks: Object.fromEntries(none.map((each) => [nameOf(each.target), count(each)])),
  });
  const change: Change = {
    summary: `start ${none.map(({ target }) => `${nameOf(target)} with ${target.minTasks} tasks`).join(', ')}`,
    before: counts(() => 0),
    after: counts(({ target }) => target.minTasks),
    undo: 'stop them again',
  };
  return { kind: 'act', change };
}

/** The keeper looks at the database first, and grants it nothing before it has the guard and lets it in. */
export function decideGrant(authority: Authority | undefined, { fencing }: Pick<PairConfig, 'fencing'>): StepDecision {
  if (fencing.by === 'attested') return { kind: 'done', detail: 'it takes writes without a lease' };
  if (!authority || handedOver(authority) === undefined)
    return { kind: 'done', detail: 'nothing keeps it from being granted time to write' };
  return {
    kind: 'act',
    change: {
      summary: `let ${fencing.database} be granted time to write`,
      before: { state: authority.state },
      after: { state: 'granting' },
      undo: 'withdraw it again',
    },
  };
}
