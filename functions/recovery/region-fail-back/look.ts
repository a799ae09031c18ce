/** What the steps of `region-fail-back` look at, in both regions: this deployment's is the standby's, the first one's is its `standbyRegion`. */
import { createHash } from 'node:crypto';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { readAuthority } from '../../authority/items.ts';
import type { Authority } from '../../authority/rules.ts';
import { askerOf } from '../../databases/ask-function.ts';
import { readInstance } from '../../databases/instance.ts';
import { probeSite } from '../../dns/probe.ts';
import { readTasks } from '../../ecs/tasks.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { FailBack, PairConfig, RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import { addressesOf, type Resolve, readReplicaLag } from '../region-failover/look.ts';
import { readHealth } from '../service-health.ts';
import type { StepContext, Targets } from '../step.ts';
import { type AsideSeen, asideName, type FollowSeen, type LagSeen, type Named, type SetAside } from './databases.ts';
import type { Input, Leaving, Outlook, Writer } from './decide.ts';
import { type ReplicationAnswer, type ReplicationOrder, replicationAnswer } from './helper/orders.ts';
import { LOOK_REPLICATION, manifest } from './manifest.ts';

export type Context = StepContext<Input>;

/** Asks the function that speaks SQL in this region. @throws RetryableError when it doesn't answer. */
export type AskReplication = (order: ReplicationOrder, deployment: string) => Promise<ReplicationAnswer>;

const ask = askerOf(manifest.helper.timeoutSeconds);
export const byFunction: AskReplication = async (order, deployment) =>
  replicationAnswer.parse(await ask(`nightshift-${deployment}-${LOOK_REPLICATION}`, order));

interface ServiceWanted {
  readonly target: ServiceConfig;
  /** How many it needs to serve everybody. */
  readonly tasks: number;
}
export interface Side {
  readonly region: string;
  /** Identifier of its database. */
  readonly database: string;
  readonly services: readonly ServiceWanted[];
  readonly kmsKeyArn: string | undefined;
}
export interface Sides {
  readonly pair: PairConfig & { readonly failBack: FailBack };
  readonly first: Side;
  readonly standby: Side;
}

function find({ pair: name }: Pick<Input, 'pair'>, config: RuntimeConfig): Sides | undefined {
  const pair = config.pairs?.[name];
  if (!pair?.failBack) return undefined;
  const { failBack } = pair;
  const own = Object.entries(pair.tasks).flatMap(([key, tasks]) => {
    const target = config.services[key];
    return target ? [{ key, target, tasks }] : [];
  });
  const there = own.flatMap(({ key, target: { balancedBy: _here, ...like } }) => {
    const found = failBack.services[key];
    if (!found) return [];
    const { cluster, service = key, tasks, balancedBy } = found;
    return [{ target: { ...like, cluster, service, ...(balancedBy && { balancedBy }) }, tasks }];
  });
  return {
    pair: { ...pair, failBack },
    first: {
      ...{ region: config.standbyRegion, database: failBack.database, services: there },
      kmsKeyArn: failBack.kmsKeyArn,
    },
    standby: {
      ...{ region: config.region, database: pair.replica, kmsKeyArn: failBack.standbyKmsKeyArn },
      services: own.map(({ target, tasks }) => ({ target, tasks })),
    },
  };
}

/** @throws ActionFailedError when the configuration that is deployed by now doesn't have it any more. */
export function sidesOf({ input, config }: Pick<Context, 'input' | 'config'>): Sides {
  const found = find(input, config);
  if (!found) throw new ActionFailedError(`pairs.${input.pair}.failBack: not in the configuration any more`);
  return found;
}

/** What this region's remediations and plans have to keep away from; those of the first region are another journal's. */
export function targetsOf(input: Input, config: RuntimeConfig): Targets {
  const found = find(input, config);
  if (found)
    return {
      kind: 'targets',
      targets: [
        `rds-instance/${found.standby.database}`,
        ...found.standby.services.map(({ target: { cluster, service } }) => `ecs-service/${cluster}/${service}`),
      ],
    };
  const names = Object.values(config.pairs ?? {}).flatMap(({ name, failBack }) => (failBack ? [name] : []));
  return {
    kind: 'refused',
    why: `pair: "${input.pair}" has no failBack in the configuration; there are ${names.join(', ') || 'none'}`,
  };
}

const clients = new Map<string, { readonly ecs: ECSClient; readonly cloudwatch: CloudWatchClient }>();
/** For reads; made once for each region. */
export function readingIn(region: string) {
  const known = clients.get(region);
  if (known) return known;
  const options = { ...clientDefaults(), region };
  const made = { ecs: new ECSClient(options), cloudwatch: new CloudWatchClient(options) };
  clients.set(region, made);
  return made;
}

/** Of a hundred tasks: those that still stop may be on any page. */
const STOPPED_PAGES = 50;

/** @throws EngineError, also when not all tasks could be looked at. */
export const readWriters = ({ region, services }: Side, context: Context): Promise<Writer[]> =>
  Promise.all(
    services.map(async ({ target, tasks }) => {
      const { ecs, cloudwatch } = readingIn(region);
      const config = { ...context.config, region };
      const [seen, stopped] = await Promise.all([
        readHealth({ ecs, cloudwatch }, target, config, context.lastChangeAt),
        // "Amazon ECS task lifecycle": a task that is told to stop runs on until it has ended, and its service doesn't count it any more.
        readTasks(ecs, target, 'STOPPED', STOPPED_PAGES),
      ]);
      return { target, tasks, seen, stopping: stopped.filter(({ lastStatus }) => lastStatus !== 'STOPPED').length };
    }),
  );

const named = async (name: string, region: string): Promise<Named> => ({
  name,
  reading: await readInstance({ name }, region),
});
const databaseOf = ({ database, region }: Side) => named(database, region);

export const otherOf = ({ first, standby }: Sides, side: Side): Side =>
  side.region === first.region ? standby : first;

/** Eight letters that are the run's own. */
const lettersOf = (run: string): string => createHash('sha256').update(run).digest('hex').slice(0, 8);
export const asideOf = (side: Side, { run }: Context): string => asideName(side.database, lettersOf(run));

export async function readAside(side: Side, context: Context): Promise<AsideSeen> {
  const sides = sidesOf(context);
  const like = side.region === sides.first.region ? context.input.like : undefined;
  const [own, aside, source, model] = await Promise.all([
    databaseOf(side),
    named(asideOf(side, context), side.region),
    databaseOf(otherOf(sides, side)),
    like === undefined ? undefined : named(like, side.region),
  ]);
  return { named: own, aside, source: source.reading, like: model };
}

export async function readFollow(side: Side, context: Context): Promise<FollowSeen> {
  const [own, source] = await Promise.all([databaseOf(side), databaseOf(otherOf(sidesOf(context), side))]);
  return { named: own, source };
}

/** @throws ActionFailedError when the step left nothing. */
export function likeOf({ results }: Pick<Context, 'results'>, step: 'set-aside' | 'retire'): SetAside['like'] {
  const found = results[step] as unknown as SetAside | undefined;
  if (!found) throw new ActionFailedError(`${step} left no result`);
  return found.like;
}

/** What the standby's database says of the first region's, and what CloudWatch does. @throws EngineError */
export async function readLag(context: Context, askReplication: AskReplication): Promise<LagSeen> {
  const { first } = sidesOf(context);
  const [caughtUp, points] = await Promise.all([
    readCaughtUp(context, askReplication),
    readReplicaLag(readingIn(first.region).cloudwatch, first.database, context),
  ]);
  const newest = points.toSorted((one, other) => other.at - one.at)[0];
  return { ...caughtUp, lagSeconds: newest?.lagSeconds };
}

export async function readCaughtUp(
  context: Context,
  askReplication: AskReplication,
): Promise<Omit<LagSeen, 'lagSeconds'>> {
  const { first, standby } = sidesOf(context);
  const [answer, { reading }] = await Promise.all([
    askReplication({ database: standby.database }, context.config.name),
    databaseOf(first),
  ]);
  return { answer, resourceId: reading.kind === 'instance' ? reading.resourceId : undefined };
}

/** The users' name, and whether it leads to a site. @param url of that site alone. */
async function readName(userUrl: string, url: string, resolve: Resolve) {
  const [addresses, site, answers] = await Promise.all([
    addressesOf(userUrl, resolve),
    addressesOf(url, resolve),
    probeSite(userUrl),
  ]);
  return { addresses, site, answers };
}

export const readFirstName = (context: Context, resolve: Resolve) => {
  const { pair } = sidesOf(context);
  return readName(pair.userUrl, pair.failBack.probeUrl, resolve);
};

/** Of a side that is taken out of use. @param withWriters its services should have ended by now. */
export async function readLeaving(
  side: Side,
  context: Context,
  resolve: Resolve,
  withWriters: boolean,
): Promise<Leaving> {
  const sides = sidesOf(context);
  const { pair } = sides;
  const url = side.region === sides.first.region ? pair.standbyProbeUrl : pair.failBack.probeUrl;
  const [addresses, site, other, writers] = await Promise.all([
    addressesOf(pair.userUrl, resolve),
    addressesOf(url, resolve),
    databaseOf(otherOf(sides, side)),
    withWriters ? readWriters(side, context) : [],
  ]);
  return { name: { addresses, site }, other, writers };
}

export const readFirstSite = (context: Context) => probeSite(sidesOf(context).pair.failBack.probeUrl);

export async function readOutlook(context: Context, resolve: Resolve): Promise<Outlook> {
  const { pair, first, standby } = sidesOf(context);
  const [name, site, ...rest] = await Promise.all([
    readName(pair.userUrl, pair.standbyProbeUrl, resolve),
    probeSite(pair.standbyHealthUrl),
    ...[databaseOf(standby), databaseOf(first)],
  ]);
  const [own, there] = rest as [Named, Named];
  const [standbyServices, firstServices] = await Promise.all([
    readWriters(standby, context),
    readWriters(first, context),
  ]);
  return {
    ...{ name, site, standby: own, first: there },
    services: { standby: standbyServices, first: firstServices },
  };
}

export async function readSettled(context: Context) {
  const { pair, first } = sidesOf(context);
  return { answers: await probeSite(pair.userUrl), services: await readWriters(first, context) };
}

/** @throws EngineError when the journal can't be read. */
export async function readAuthorityOf(context: Context): Promise<Authority | undefined> {
  const { name, fencing } = sidesOf(context).pair;
  return fencing.by === 'self' ? readAuthority(context.store, name) : undefined;
}
