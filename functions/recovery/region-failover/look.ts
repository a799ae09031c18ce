/** What the steps of `region-failover` look at: everything is asked in the standby region, or of the sites themselves. */
import { resolve4 } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { CloudWatchClient, DescribeAlarmsCommand, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { readAuthority } from '../../authority/items.ts';
import type { Authority } from '../../authority/rules.ts';
import { readInstance } from '../../databases/instance.ts';
import { probeSite } from '../../dns/probe.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { PairConfig, RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { readHealth } from '../service-health.ts';
import type { StepContext, Targets } from '../step.ts';
import type { Confirmed, Input, LagSeen, NameSeen, Outlook, SeenAlarm, SeenService } from './decide.ts';
import { whyAttested } from './fence.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());

export type Context = StepContext<Input>;

/** The IPv4 addresses of a host name. @throws the resolver's error. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface PairFound {
  readonly pair: PairConfig;
  readonly services: readonly { readonly target: ServiceConfig; readonly tasks: number }[];
}

function find({ pair: name }: Input, { pairs = {}, services }: Pick<RuntimeConfig, 'pairs' | 'services'>) {
  const pair = pairs[name];
  if (!pair) return undefined;
  const found = Object.entries(pair.tasks).flatMap(([key, tasks]) => {
    const target = services[key];
    return target ? [{ target, tasks }] : [];
  });
  return { pair, services: found };
}

/** @throws ActionFailedError when the configuration that is deployed by now doesn't have it any more. */
export function pairOf({ input, config }: Context): PairFound {
  const found = find(input, config);
  if (!found) throw new ActionFailedError(`pairs.${input.pair}: not in the configuration any more`);
  return found;
}

export function targetsOf(input: Input, config: RuntimeConfig): Targets {
  const found = find(input, config);
  if (found)
    return {
      kind: 'targets',
      targets: [
        `rds-instance/${found.pair.replica}`,
        ...found.services.map(({ target: { cluster, service } }) => `ecs-service/${cluster}/${service}`),
      ],
    };
  const names = Object.keys(config.pairs ?? {}).join(', ') || 'none';
  return { kind: 'refused', why: `pair: "${input.pair}" isn't in the configuration; there are ${names}` };
}

export const readServices = (context: Context): Promise<SeenService[]> =>
  Promise.all(
    pairOf(context).services.map(async ({ target, tasks }) => ({
      ...{ target, tasks },
      seen: await readHealth({ ecs, cloudwatch }, target, context.config, context.lastChangeAt),
    })),
  );

export const readReplica = (context: Context) => readInstance({ name: pairOf(context).pair.replica });

/** Those that can't be found are told as missing. @throws EngineError */
async function readAlarms(names: readonly string[]): Promise<SeenAlarm[]> {
  try {
    const reply = await cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmNames: [...names], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
    );
    const found = [...(reply.MetricAlarms ?? []), ...(reply.CompositeAlarms ?? [])];
    return names.map((name) => {
      const alarm = found.find(({ AlarmName }) => AlarmName === name);
      const since = (alarm?.StateTransitionedTimestamp ?? alarm?.StateUpdatedTimestamp)?.getTime();
      return { name, state: alarm?.StateValue ?? 'missing', ...(since !== undefined && { since }) };
    });
  } catch (error) {
    throw classifyAwsError(`describe the alarms ${names.join(', ')}`, error);
  }
}

export async function readOutlook(context: Context): Promise<Outlook> {
  const { pair } = pairOf(context);
  const [primary, standby, alarms, replica, services] = await Promise.all([
    probeSite(pair.primaryProbeUrl),
    probeSite(pair.standbyHealthUrl),
    readAlarms(pair.outageAlarms),
    readReplica(context),
    readServices(context),
  ]);
  return { primary, standby, alarms, replica, services };
}

/** How far back datapoints of the lag are looked for: RDS publishes one each minute. */
const LAG_MINUTES = 15;

/**
 * "Monitoring read replication" (Amazon RDS User Guide): ReplicaLag of PostgreSQL is the time since the last transaction that was replayed, so its time less its value is when that
 * transaction was made; the newest of these counts. @throws EngineError
 */
async function readRecoveryPoint(context: Context): Promise<Pick<LagSeen, 'recoveryPointAt'>> {
  const points = await readReplicaLag(cloudwatch, pairOf(context).pair.replica, context);
  return {
    recoveryPointAt:
      points.length > 0 ? Math.max(...points.map(({ at, lagSeconds }) => at - lagSeconds * 1000)) : undefined,
  };
}

/** Datapoints of the last minutes, `at` in epoch milliseconds. @throws EngineError */
export async function readReplicaLag(
  client: CloudWatchClient,
  replica: string,
  { now, config }: Pick<Context, 'now' | 'config'>,
): Promise<{ readonly at: number; readonly lagSeconds: number }[]> {
  const at = now();
  const Metric = {
    ...{ Namespace: 'AWS/RDS', MetricName: 'ReplicaLag' },
    Dimensions: [{ Name: 'DBInstanceIdentifier', Value: replica }],
  };
  try {
    const { MetricDataResults = [] } = await client.send(
      new GetMetricDataCommand({
        StartTime: new Date(at - LAG_MINUTES * 60_000),
        EndTime: new Date(at + 60_000),
        MetricDataQueries: [{ Id: 'lag', MetricStat: { Metric, Period: config.metricPeriodSeconds, Stat: 'Maximum' } }],
      }),
    );
    const [{ Timestamps = [], Values = [] } = {}] = MetricDataResults;
    // RDS tells -1 of a replica whose lag it can't determine.
    return Timestamps.flatMap((time, index) => {
      const lagSeconds = Values[index];
      return lagSeconds === undefined || lagSeconds < 0 ? [] : [{ at: time.getTime(), lagSeconds }];
    });
  } catch (error) {
    throw classifyAwsError(`read ReplicaLag of ${replica}`, error);
  }
}

/** What would be lost, and how the old primary is kept from writing. @throws EngineError */
export async function readLag(context: Context): Promise<LagSeen> {
  const [point, authority] = await Promise.all([readRecoveryPoint(context), readAuthorityOf(context)]);
  const { cutAt } = (context.results.confirm ?? {}) as Partial<Confirmed>;
  const why = whyAttested(pairOf(context).pair, authority, cutAt);
  return { ...point, mayWriteUntil: authority?.until, whyAttested: why };
}

/** Who may write, as this region's journal has it; undefined: nobody was ever granted anything, or this pair knows no leases. @throws EngineError */
export async function readAuthorityOf(context: Context): Promise<Authority | undefined> {
  const { name, fencing } = pairOf(context).pair;
  return fencing.by === 'self' ? readAuthority(context.store, name) : undefined;
}

export const readStandby = (context: Context) => probeSite(pairOf(context).pair.standbyProbeUrl);

export const readAnswers = async (context: Context) => ({
  answers: await probeSite(pairOf(context).pair.userUrl),
  services: await readServices(context),
});

/** What can't be resolved leads nowhere. */
export async function addressesOf(url: string, resolve: Resolve): Promise<readonly string[]> {
  const { hostname } = new URL(url);
  if (isIPv4(hostname)) return [hostname];
  return resolve(hostname).catch(() => []);
}

export async function readName(context: Context, resolve: Resolve = resolve4): Promise<NameSeen> {
  const { userUrl, standbyProbeUrl } = pairOf(context).pair;
  const [addresses, site, answers] = await Promise.all([
    addressesOf(userUrl, resolve),
    addressesOf(standbyProbeUrl, resolve),
    probeSite(userUrl),
  ]);
  return { addresses, site, answers };
}
