/** The AWS side of `scale-out-service`: ECS, and Application Auto Scaling where it owns the desired count. */
import { ApplicationAutoScalingClient, RegisterScalableTargetCommand } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient, GetMetricDataCommand, type MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readServiceGuards } from '../../ecs/guards.ts';
import { DESIRED_COUNT, readScalableTarget, resourceId } from '../../ecs/scalable.ts';
import { ofService } from '../../ecs/target.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, Remediation } from '../../engine/remediation.ts';
import {
  alreadyApplied,
  type Capacity,
  capacityOf,
  decide,
  decideHandBack,
  liveCapacity,
  type Observation,
  verify,
} from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const ecsChanges = new ECSClient(changingClientDefaults());
const scaling = new ApplicationAutoScalingClient(clientDefaults());
const scalingChanges = new ApplicationAutoScalingClient(changingClientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());

async function observe(target: ServiceConfig, config: RuntimeConfig): Promise<Observation> {
  const [service, scalableTarget, usage] = await Promise.all([
    readService(target),
    readScalableTarget(scaling, target),
    readUsage(target, config),
  ]);
  return service.kind === 'missing' ? service : { ...service, ...(scalableTarget && { scalableTarget }), ...usage };
}

async function readService(target: ServiceConfig): Promise<Observation> {
  const what = `describe ECS service ${target.cluster}/${target.service}`;
  try {
    const reply = await ecs.send(new DescribeServicesCommand({ cluster: target.cluster, services: [target.service] }));
    const service = reply.services?.[0];
    if (service?.status !== 'ACTIVE') {
      const status = service?.status ?? reply.failures?.[0]?.reason ?? 'MISSING';
      return { kind: 'missing', why: `ECS service ${target.cluster}/${target.service} is ${status}` };
    }
    const deployments = service.deployments ?? [];
    return {
      kind: 'service',
      desired: service.desiredCount ?? 0,
      running: service.runningCount ?? 0,
      deploying: deployments.length > 1 || deployments.some((each) => each.rolloutState === 'IN_PROGRESS'),
    };
  } catch (error) {
    if (error instanceof Error && error.name === 'ClusterNotFoundException') {
      return { kind: 'missing', why: `ECS cluster ${target.cluster} does not exist` };
    }
    throw classifyAwsError(what, error);
  }
}

interface Usage {
  readonly cpuPercent?: number;
  readonly memoryPercent?: number;
  readonly connections?: Readonly<Record<string, number>>;
}

/** Newest complete datapoints of CPU and memory, and of the connections of databases that one more task would add to, in one call. */
async function readUsage(target: ServiceConfig, config: RuntimeConfig): Promise<Usage> {
  const periodMs = config.alarmPeriodSeconds * 1000;
  const end = Math.floor(Date.now() / periodMs) * periodMs;
  const databases = target.connectionsPerTask > 0 ? target.dependsOn : [];
  try {
    const reply = await cloudwatch.send(
      new GetMetricDataCommand({
        StartTime: new Date(end - 3 * periodMs),
        EndTime: new Date(end),
        ScanBy: 'TimestampDescending',
        MetricDataQueries: usageQueries(target, databases, config.alarmPeriodSeconds),
      }),
    );
    const newest = (id: string) => reply.MetricDataResults?.find((each) => each.Id === id)?.Values?.[0];
    const [cpuPercent, memoryPercent] = [newest('cpu'), newest('memory')];
    const counts = databases.map((name, index) => [name, newest(`database${index}`)] as const);
    const connections = Object.fromEntries(counts.filter((each): each is [string, number] => each[1] !== undefined));
    return {
      ...(cpuPercent !== undefined && { cpuPercent }),
      ...(memoryPercent !== undefined && { memoryPercent }),
      ...(databases.length > 0 && { connections }),
    };
  } catch (error) {
    throw classifyAwsError(`read CPU and memory of ${resourceId(target)}`, error);
  }
}

function usageQueries(target: ServiceConfig, databases: readonly string[], Period: number): MetricDataQuery[] {
  const query = (
    Id: string,
    Namespace: string,
    MetricName: string,
    Stat: string,
    dimensions: Record<string, string>,
  ) => {
    const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
    return { Id, MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat } };
  };
  const service = { ClusterName: target.cluster, ServiceName: target.service };
  return [
    query('cpu', 'AWS/ECS', 'CPUUtilization', 'Average', service),
    query('memory', 'AWS/ECS', 'MemoryUtilization', 'Average', service),
    ...databases.map((name, index) =>
      query(`database${index}`, 'AWS/RDS', 'DatabaseConnections', 'Maximum', { DBInstanceIdentifier: name }),
    ),
  ];
}

/** ECS can't compare before it writes, so one re-read comes directly before the change (design section 1, "What fences"). */
async function act(
  target: ServiceConfig,
  change: Change,
  _remaining: () => number,
  config: RuntimeConfig,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const [before, after] = [capacityOf(change, 'before'), capacityOf(change, 'after')];
  await Promise.all([assertUnchanged(target, before), mayGoOn()]);
  const what = `set ${after.field} of ${resourceId(target)} to ${after.value}`;
  try {
    if (after.field === 'desiredCount') {
      await ecsChanges.send(
        new UpdateServiceCommand({ cluster: target.cluster, service: target.service, desiredCount: after.value }),
      );
    } else {
      await scalingChanges.send(
        new RegisterScalableTargetCommand({
          ...DESIRED_COUNT,
          ResourceId: resourceId(target),
          MinCapacity: after.value,
        }),
      );
    }
  } catch (error) {
    throw classifyAwsError(what, error);
  }
  return {
    summary: `${what} (was ${before.value})`,
    data: { field: after.field, before: before.value, after: after.value, region: config.region },
  };
}

async function assertUnchanged(target: ServiceConfig, before: Capacity): Promise<void> {
  const [service, scalableTarget] = await Promise.all([
    readService(target),
    before.field === 'minCapacity' ? readScalableTarget(scaling, target) : undefined,
  ]);
  const live =
    service.kind === 'missing' ? undefined : liveCapacity({ ...service, ...(scalableTarget && { scalableTarget }) });
  if (live?.field === before.field && live.value === before.value) return;
  const found = live ? `${live.field} ${live.value}` : 'no such service';
  throw new ChangedBySomeoneElseError(resourceId(target), `${before.field} ${before.value}`, found);
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  ...ofService,
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  decideHandBack,
  examine,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
};

export const handler = remediationHandler(remediation);
