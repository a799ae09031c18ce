/**
 * A database that lets nobody in, from the heartbeat that notices it by way of the alarm that the deployment makes to a real PostgreSQL that answers again. What RDS counts
 * and heartbeats measure is what they see at that moment; only the minutes in which CloudWatch is told of it are made up.
 */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CloudWatchClient, PutMetricAlarmCommand, type PutMetricAlarmCommandInput } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { App, Stack } from 'aws-cdk-lib/core';
import pg from 'pg';
import type { Outcome } from '../../../events/outcome.ts';
import type { DatabaseConfig } from '../../../functions/engine/config.ts';
import { handle } from '../../../functions/engine/handler.ts';
import { nextIn } from '../../../functions/engine/ladder.ts';
import { metricLine } from '../../../functions/engine/metrics.ts';
import type { Remediation } from '../../../functions/engine/remediation.ts';
import { beat } from '../../../functions/heartbeats/write-heartbeat/beat.ts';
import { HEARTBEAT_GRANTS } from '../../../functions/heartbeats/write-heartbeat/sql.ts';
import type { Observation } from '../../../functions/remediations/fail-over-database/decide.ts';
import { Protection } from '../../../infra/constructs/protection.ts';
import { type CloudWatch, createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { embeddedMetrics } from '../../../local/stand-ins/lambda/embedded-metrics.ts';
import type { AwsEvent } from '../../../local/world/types.ts';
import { config as base, database, limits } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually, REGION } from '../rds/harness.ts';

jest.setTimeout(150_000);
const MINUTE_MS = 60_000;
/** Connected while all was well. */
const CLIENTS = 20;
const DEPLOYMENT = 'main';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Both rungs share the journal, and neither looks into what the other observes. */
type Rung = Remediation<DatabaseConfig, never>;
let w: RdsRemediationWorld<Observation>;
let rungs: Readonly<Record<string, Rung>>;
let cloudwatch: CloudWatch;
let client: CloudWatchClient;
const alarmEvents: AwsEvent[] = [];

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/fail-over-database/handler.ts'));
  const { remediation: restart } = await import('../../../functions/remediations/restart-database/handler.ts');
  rungs = { 'fail-over-database': w.remediation as unknown as Rung, 'restart-database': restart as unknown as Rung };
  cloudwatch = createCloudWatch(w.world.world, {
    events: { publish: async (event) => ({ id: `alarm-${alarmEvents.push(event)}` }) },
  });
  w.world.gateway.register(cloudwatch);
  client = new CloudWatchClient({ endpoint: w.world.gateway.url, region: REGION, credentials: CREDENTIALS });
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
});
afterAll(async () => {
  client?.destroy();
  await w?.close();
});

/** The alarm as the deployment has it. */
async function protect(id: string): Promise<void> {
  const stack = new Stack(new App(), 'Watched', { env: { region: REGION, account: '000000000000' } });
  const protection = new Protection(stack, 'Nightshift', {
    deployment: DEPLOYMENT,
    pageTopic: new Topic(stack, 'Pages'),
  });
  const { host, maxConnections } = database;
  protection.protectDatabase(id, {
    ...{
      host,
      maxConnections,
      resourceId: 'db-TEST',
      securityGroupId: 'sg-0',
      databaseName: 'orders',
      heartbeat: true,
    },
  });
  const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
  const down = alarms.map(({ Properties }) => Properties).find((each) => each.AlarmName.endsWith(`${id}-down`));
  await client.send(new PutMetricAlarmCommand(down as PutMetricAlarmCommandInput));
}

async function create(id: string, more: { readonly MultiAZ?: boolean } = {}): Promise<DatabaseConfig> {
  await w.create(id, { DBName: 'orders', EnableIAMDatabaseAuthentication: true, ...more });
  const { Address: host = '', Port: port = 0 } = (await w.describe(id))?.Endpoint ?? {};
  const master = new pg.Client({
    ...{ host, port, user: 'postgres', password: 'for-tests-only', database: 'orders' },
    ssl: { ca: w.world.ca, servername: host },
  });
  await master.connect();
  await master.query(HEARTBEAT_GRANTS);
  await master.end();
  await protect(id);
  return { ...database, name: id, host, port, databaseName: 'orders', heartbeat: true };
}

/** The server hangs: it lives, RDS calls the instance available, and whoever comes waits in vain. */
function hang(id: string): void {
  const { pid } = w.world.instance(id).database.server;
  if (pid === undefined) throw new Error(`${id} has no server`);
  process.kill(pid, 'SIGSTOP');
}

/** Two minutes of that are told to CloudWatch, up to `until` (epoch milliseconds), and the alarm is judged then. @returns its event. */
async function judgeAlarm(id: string, isAnswered: boolean, connections: number, until: number) {
  const unanswered = {
    name: 'DatabaseUnanswered',
    value: isAnswered ? 0 : 1,
    dimensions: { DBInstanceIdentifier: id },
  } as const;
  for (const at of [until - 2 * MINUTE_MS, until - MINUTE_MS]) {
    for (const metric of embeddedMetrics(JSON.stringify(metricLine(DEPLOYMENT, unanswered, at, true))))
      for (const value of metric.values) cloudwatch.put({ ...metric, region: REGION, value });
    const counted = { region: REGION, namespace: 'AWS/RDS', name: 'DatabaseConnections', value: connections };
    cloudwatch.put({ ...counted, dimensions: { DBInstanceIdentifier: id }, at: new Date(at) });
  }
  await cloudwatch.evaluateNow(new Date(until));
  const event = alarmEvents.filter(({ resources }) => resources[0]?.endsWith(`${id}-down`)).at(-1);
  if (!event) throw new Error(`the alarm of ${id} told nothing`);
  const { detailType, time, ...rest } = event;
  return {
    ...{ ...rest, version: '0', id: `${id}-${until}`, account: '000000000000', 'detail-type': detailType },
    time: new Date(time ?? until).toISOString(),
  };
}

const isAnswered = async (target: DatabaseConfig) => (await beat(target, REGION, { beats: 1, everyMs: 0 })).isAnswered;

/** What RDS counts from now on. */
async function connectionsOf(id: string): Promise<number> {
  const counted = () =>
    w.world.metrics.filter(
      ({ name, dimensions }) => name === 'DatabaseConnections' && dimensions.DBInstanceIdentifier === id,
    );
  const before = counted().length;
  const seen = await eventually(`connections of ${id}`, counted, ({ length }) => length > before);
  return seen.at(-1)?.value ?? Number.NaN;
}

/** Makes a database whose alarm is OK, brings its server to hang, and has what heartbeat and RDS see then judged. */
async function fallenSilent(id: string, more: { readonly MultiAZ?: boolean } = {}) {
  const target = await create(id, more);
  expect(await isAnswered(target)).toBe(true);
  expect(stateOf(await judgeAlarm(id, true, CLIENTS, minute() - 3 * MINUTE_MS))).toBe('OK');
  hang(id);
  const [answered, connections] = await Promise.all([isAnswered(target), connectionsOf(id)]);
  expect([answered, connections]).toEqual([false, 0]);
  const alarm = await judgeAlarm(id, answered, connections, minute());
  expect(stateOf(alarm)).toBe('ALARM');
  return { target, alarm };
}

/** The heartbeat gets in again: only therefore is the alarm over. */
async function isOver(target: DatabaseConfig, rung: string): Promise<void> {
  const over = await judgeAlarm(target.name, await isAnswered(target), 0, minute() + 3 * MINUTE_MS);
  expect(stateOf(over)).toBe('OK');
  const later = () => Date.now() + 4 * MINUTE_MS;
  // The alarm tells the first rung; the follow-through has the one that acted look at its change.
  await deliver(target, over, 'fail-over-database', later);
  const settle = { nightshift: 1, command: 'settle', target: `rds-instance/${target.name}`, alarms: {} };
  if (rung !== 'fail-over-database') await deliver(target, settle, rung, later);
}

const deliver = (target: DatabaseConfig, event: unknown, to: string, now = Date.now): Promise<Outcome> =>
  handle(event, {
    remediation: rungs[to] as Rung,
    store: w.store,
    config: {
      ...{ ...base, name: DEPLOYMENT, databases: { [target.name]: target } },
      runbooks: { 'fail-over-database': limits, 'restart-database': limits },
    },
    ...{ now, requestId: `request-${Math.random()}`, remaining: () => 30_000, random: Math.random },
  });

/** The last whole minute. */
const minute = () => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const stateOf = (event: object) => (event as { detail: { state: { value: string } } }).detail.state.value;

describe('a database that lets nobody in', () => {
  // Side by side: a server that hangs keeps whoever comes waiting for five seconds.
  let single: Awaited<ReturnType<typeof fallenSilent>>;
  let multi: Awaited<ReturnType<typeof fallenSilent>>;
  beforeAll(async () => {
    [single, multi] = await Promise.all([fallenSilent('pair-single'), fallenSilent('pair-multi', { MultiAZ: true })]);
  });

  it('[2a/database-down] is restarted where it has no standby, and its alarm is over because it answers', async () => {
    const { target, alarm } = single;
    const first = await deliver(target, alarm, 'fail-over-database');
    expect(first).toMatchObject({
      kind: 'handed-on',
      to: 'restart-database',
      reason: expect.stringContaining('no standby'),
    });
    const { timeline } = await w.incident(first);
    const next = timeline.map(nextIn).find((each) => each !== undefined);
    const { result, changing } = await w.callsDuring(() => deliver(target, next?.command, next?.remediation ?? ''));
    expect([result.kind, changing]).toEqual(['remediated', ['RebootDBInstance']]);
    await w.untilTold('pair-single', 'RDS-EVENT-0006');
    await w.untilAvailable('pair-single');
    await isOver(target, 'restart-database');
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('[2a/database-down] has its standby take over where it has one', async () => {
    const { target, alarm } = multi;
    const { result, changing } = await w.callsDuring(() => deliver(target, alarm, 'fail-over-database'));
    expect([result.kind, changing]).toEqual(['remediated', ['RebootDBInstance']]);
    await w.untilTold('pair-multi', 'RDS-EVENT-0049');
    await w.untilAvailable('pair-multi');
    await isOver(target, 'fail-over-database');
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
    expect((await w.describe('pair-multi'))?.AvailabilityZone).toBe('us-east-1b');
  });
});
