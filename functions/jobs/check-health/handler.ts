import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { readInstance } from '../../databases/instance.ts';
import { readService } from '../../ecs/service.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { DatabaseConfig, HealthChecks, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { requireComplete } from '../../metrics/complete.ts';
import { newestPeriod, readResults } from '../../metrics/newest-period.ts';
import { type Finding, verdictOf } from '../findings.ts';
import { jobHandler } from '../handler.ts';
import type { Job } from '../job.ts';
import {
  type AlarmSeen,
  alarmFindings,
  type DatabaseSeen,
  databaseFindings,
  type RequestsSeen,
  requestFindings,
  serviceFindings,
} from './decide.ts';
import { manifest } from './manifest.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
const ecs = new ECSClient(clientDefaults());

const DAY_SECONDS = 86_400;
const GIB = 1024 ** 3;
/** RDS publishes FreeStorageSpace once a minute ("Amazon CloudWatch instance-level metrics for Amazon RDS"). */
const MINUTE_SECONDS = 60;
/** Of the names that are looked at; whoever has more firing alarms knows it. */
const ALARMS_MOST = 500;

/** One look at everything, one thing after the other: it has all morning. */
export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step({ config, now }) {
    if (!config.checks) throw new ActionFailedError('checks: not in the configuration any more');
    const { health } = config.checks;
    const findings: Finding[] = [];
    for (const service of Object.values(config.services)) findings.push(...(await ofService(service, health, now())));
    for (const database of Object.values(config.databases)) findings.push(...(await ofDatabase(database, health)));
    findings.push(...alarmFindings(await firingAlarms(), health, now()));
    return { kind: 'verdict', state: null, verdict: verdictOf(findings) };
  },
};

async function ofService(service: ServiceConfig, health: HealthChecks, now: number): Promise<Finding[]> {
  const { name, minTasks, balancedBy } = service;
  const read = await readService(ecs, service);
  const seen =
    read.kind === 'missing'
      ? read
      : {
          kind: 'service' as const,
          desired: read.desired,
          running: read.running,
          rollingOut: read.deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS'),
        };
  const ofTasks = serviceFindings(name, seen, minTasks);
  return balancedBy ? [...ofTasks, ...requestFindings(name, await requestsOf(balancedBy, now), health)] : ofTasks;
}

async function ofDatabase(database: DatabaseConfig, health: HealthChecks): Promise<Finding[]> {
  const read = await readInstance(database);
  if (read.kind === 'missing') return databaseFindings(database.name, read, health);
  const seen: DatabaseSeen = {
    kind: 'instance',
    status: read.status,
    storageGib: read.storageGib,
    freeGib: await freeGibOf(database.name),
  };
  return databaseFindings(database.name, seen, health);
}

async function freeGibOf(database: string): Promise<number | undefined> {
  try {
    const values = await newestPeriod(
      cloudwatch,
      {
        free: {
          namespace: 'AWS/RDS',
          metricName: 'FreeStorageSpace',
          dimensions: { DBInstanceIdentifier: database },
          stat: 'Minimum',
        },
      },
      MINUTE_SECONDS,
    );
    return values?.free === undefined ? undefined : values.free / GIB;
  } catch (error) {
    throw classifyAwsError(`read the free storage of ${database}`, error);
  }
}

/** "CloudWatch metrics for your Application Load Balancer": errors of the targets and of the load balancer itself are two metrics. */
async function requestsOf(
  { loadBalancer, targetGroup }: NonNullable<ServiceConfig['balancedBy']>,
  now: number,
): Promise<RequestsSeen | undefined> {
  const metric = (metricName: string) => ({
    ...{ namespace: 'AWS/ApplicationELB', metricName, stat: 'Sum' as const },
    dimensions: { LoadBalancer: loadBalancer, TargetGroup: targetGroup },
  });
  const wanted = { requests: metric('RequestCount'), errors: metric('HTTPCode_Target_5XX_Count') };
  try {
    const results = await readResults(cloudwatch, wanted, 3600, { start: now - DAY_SECONDS * 1000, end: now });
    requireComplete(`read the requests of ${targetGroup}`, results, Object.keys(wanted));
    const sum = (id: string) =>
      results.filter(({ Id }) => Id === id).reduce((total, { Values = [] }) => total + sumOf(Values), 0);
    const requests = sum('requests');
    return requests === 0 ? undefined : { requests, errors: sum('errors') };
  } catch (error) {
    throw classifyAwsError(`read the requests of ${targetGroup}`, error);
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function firingAlarms(): Promise<AlarmSeen[]> {
  const alarms: AlarmSeen[] = [];
  try {
    for await (const { MetricAlarms = [], CompositeAlarms = [] } of paginateDescribeAlarms(
      { client: cloudwatch, pageSize: 100 },
      { StateValue: 'ALARM', AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] },
    )) {
      for (const {
        AlarmName = '',
        AlarmDescription,
        ActionsEnabled,
        StateTransitionedTimestamp,
        StateUpdatedTimestamp,
      } of [...MetricAlarms, ...CompositeAlarms])
        alarms.push({
          name: AlarmName,
          description: AlarmDescription,
          isHeard: ActionsEnabled !== false,
          // StateUpdatedTimestamp also moves when only the reason changed ("MetricAlarm", Amazon CloudWatch API Reference).
          firingSince: (StateTransitionedTimestamp ?? StateUpdatedTimestamp)?.getTime() ?? 0,
        });
      if (alarms.length >= ALARMS_MOST) break;
    }
  } catch (error) {
    throw classifyAwsError('list the firing alarms', error);
  }
  return alarms;
}

export const handler = jobHandler(job);
