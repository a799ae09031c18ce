import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { type ContainerDefinition, ECSClient, type Task } from '@aws-sdk/client-ecs';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { readDefinition } from '../../ecs/definition.ts';
import { readScalableTarget } from '../../ecs/scalable.ts';
import { readService } from '../../ecs/service.ts';
import { readTasks } from '../../ecs/tasks.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig, StandbyChecks } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { newestPeriod } from '../../metrics/newest-period.ts';
import { type Finding, verdictOf } from '../findings.ts';
import { jobHandler } from '../handler.ts';
import type { Job } from '../job.ts';
import { BACKUP_WITHIN_SECONDS, backupEverySeconds } from '../schedule.ts';
import {
  copyFinding,
  type Image,
  type InstanceSeen,
  replicaFindings,
  type ServiceReading,
  serviceFindings,
} from './decide.ts';
import { manifest } from './manifest.ts';

type Place = Pick<ServiceConfig, 'cluster' | 'service'>;
interface There {
  readonly region: string;
  readonly ecs: ECSClient;
  readonly scaling: ApplicationAutoScalingClient;
  readonly cloudwatch: CloudWatchClient;
}

const ownEcs = new ECSClient(clientDefaults());
let standby: There | undefined;

/** Known from the configuration only, which isn't there yet when this file is loaded. */
function thereIn(region: string): There {
  if (standby?.region === region) return standby;
  const options = { ...clientDefaults(), region };
  standby = {
    region,
    ecs: new ECSClient(options),
    scaling: new ApplicationAutoScalingClient(options),
    cloudwatch: new CloudWatchClient(options),
  };
  return standby;
}

/** One look at everything, one thing after the other. A region that can't be reached fails the run, which is what it should tell. */
export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step({ config, now }) {
    const limits = config.checks?.standby;
    if (!limits) throw new ActionFailedError('checks.standby: not in the configuration any more');
    const there = thereIn(config.standbyRegion);
    const findings: Finding[] = [];
    for (const name of Object.keys(limits.services))
      findings.push(...(await ofService(name, limits, config, there, now())));
    for (const name of Object.keys(limits.databases)) findings.push(...(await ofReplica(name, limits, config, there)));
    findings.push(...(await ofCopies(config, there.region, now())));
    return { kind: 'verdict', state: null, verdict: verdictOf(findings) };
  },
};

async function ofService(name: string, limits: StandbyChecks, config: RuntimeConfig, there: There, now: number) {
  const [own, expected] = [config.services[name], limits.services[name]];
  if (!own || !expected) throw new ActionFailedError(`services.${name}: not in the configuration any more`);
  const at: Place = { cluster: expected.cluster, service: expected.service ?? own.service };
  const scalable = await readScalableTarget(there.scaling, at);
  return serviceFindings(
    { subject: name, standbyRegion: there.region, minTasks: expected.minTasks },
    await look(ownEcs, own, now),
    await look(there.ecs, at, now),
    scalable?.max,
  );
}

async function look(ecs: ECSClient, place: Place, now: number): Promise<ServiceReading> {
  const read = await readService(ecs, place);
  if (read.kind === 'missing') return read;
  const current = read.deployments.find(({ primary }) => primary)?.taskDefinition;
  const named = current ? ((await readDefinition(ecs, current)).definition.containerDefinitions ?? []) : [];
  const tasks = (await readTasks(ecs, place, 'RUNNING')).filter(({ lastStatus }) => lastStatus === 'RUNNING');
  return {
    kind: 'service',
    desired: read.desired,
    running: read.running,
    rollingOut: isRollingOut(read.deployments, now),
    images: imagesOf(named, tasks),
  };
}

/** Without a circuit breaker a deployment whose tasks never start is IN_PROGRESS for ever: one as old as this is no reason to look another time. */
const ROLLS_OUT_WITHIN_MS = 3 * 3_600_000;

/** Pure. @param now epoch milliseconds. */
export const isRollingOut = (
  deployments: readonly { readonly rolloutState: string; readonly createdAtMs: number }[],
  now: number,
): boolean =>
  deployments.some(
    ({ rolloutState, createdAtMs }) => rolloutState === 'IN_PROGRESS' && now - createdAtMs < ROLLS_OUT_WITHIN_MS,
  );

/** Pure: of what runs; of what is named, where nothing runs. */
export function imagesOf(
  named: readonly Pick<ContainerDefinition, 'name' | 'image'>[],
  tasks: readonly Pick<Task, 'containers'>[],
): Image[] {
  const running = tasks.flatMap(({ containers = [] }) =>
    containers
      .filter(({ name }) => named.some((each) => each.name === name))
      .map(({ name = '', image = '', imageDigest }) => ({
        container: name,
        image,
        digest: imageDigest ?? digestIn(image),
      })),
  );
  if (running.length > 0) return running;
  return named.map(({ name = '', image = '' }) => ({ container: name, image, digest: digestIn(image) }));
}

const digestIn = (image: string): string | undefined => /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];

async function ofReplica(name: string, limits: StandbyChecks, config: RuntimeConfig, there: There) {
  const expected = limits.databases[name];
  if (!expected) throw new ActionFailedError(`checks.standby.databases.${name}: not in the configuration any more`);
  return replicaFindings(
    {
      ...{ subject: name, replica: expected.replica, standbyRegion: there.region },
      ...{ lagAboveSeconds: limits.replicaLagAboveSeconds, instanceClass: expected.instanceClass },
    },
    await instance(name),
    await instance(expected.replica, there.region),
    await lagOf(expected.replica, there.cloudwatch, config.metricPeriodSeconds),
  );
}

async function instance(id: string, region?: string): Promise<InstanceSeen | undefined> {
  const found = await describeInstance(id, region);
  return (
    found && {
      arn: found.DBInstanceArn ?? '',
      status: found.DBInstanceStatus ?? 'unknown',
      engineVersion: found.EngineVersion ?? 'unknown',
      instanceClass: found.DBInstanceClass ?? 'unknown',
      replicaOf: found.ReadReplicaSourceDBInstanceIdentifier,
    }
  );
}

/** "Amazon CloudWatch instance-level metrics for Amazon RDS": of a read replica, behind its source. */
async function lagOf(
  replica: string,
  cloudwatch: CloudWatchClient,
  periodSeconds: number,
): Promise<number | undefined> {
  const lag = {
    ...{ namespace: 'AWS/RDS', metricName: 'ReplicaLag', stat: 'Maximum' as const },
    dimensions: { DBInstanceIdentifier: replica },
  };
  try {
    return (await newestPeriod(cloudwatch, { lag }, periodSeconds))?.lag;
  } catch (error) {
    throw classifyAwsError(`read the replication lag of ${replica}`, error);
  }
}

/** Only our own copies count, and only those that are there. */
async function ofCopies(config: RuntimeConfig, region: string, now: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, backup } of Object.values(config.databases)) {
    if (!backup?.copy) continue;
    const times = (await readSnapshotsOf(name, region))
      .filter(({ madeBy, status, copyOf }) => madeBy === config.name && status === 'available' && copyOf !== undefined)
      .flatMap(({ takenAt }) => takenAt ?? []);
    const limit = backupEverySeconds(backup) + BACKUP_WITHIN_SECONDS;
    findings.push(copyFinding(name, region, times.length > 0 ? Math.max(...times) : undefined, limit, now));
  }
  return findings;
}

export const handler = jobHandler(job);
