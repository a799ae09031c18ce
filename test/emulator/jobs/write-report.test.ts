/** Reports end to end: journal, bucket and bus on the emulator, figures on the stand-in for CloudWatch; at times that are fixed. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { zipSync } from 'fflate';
import { deployedJobs } from '../../../cli/deployment.ts';
import { type ReportDocument, reportDocument } from '../../../events/published/report.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import type { Json } from '../../../functions/engine/remediation.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putEntry } from '../../../functions/engine/writes.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job, Step } from '../../../functions/jobs/job.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as base, database, service } from '../../support/fixtures.ts';
import { storyEntries } from '../../support/story.ts';
import { openTestWorld, REGION, type TestWorld } from '../ecs/support.ts';

jest.setTimeout(90_000);
const BUCKET = 'nightshift-test-000000000000-eu-west-1';
const BUS = 'nightshift-test';
const HOUR = 3_600_000;
const DRILL = '2026-11-10T10:00:00.000Z';
const targetGroup = 'targetgroup/backend/0123456789abcdef';
const loadBalancer = 'app/shop/0123456789abcdef';
const SHOP = { loadBalancer: 'app/front/0123456789abcdef', targetGroup: 'targetgroup/shop/0123456789abcdef' };
const config: RuntimeConfig = {
  ...base,
  region: REGION,
  services: {
    backend: { ...service, balancedBy: { loadBalancer, targetGroup } },
    shop: { ...service, name: 'shop', service: 'shop', balancedBy: SHOP },
  },
  databases: {
    'orders-db': {
      ...database,
      backup: {
        ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, keepDays: 30, keepWeeks: 8, keepMonths: 12 },
        keepAtLeast: 3,
      },
    },
  },
  reports: {
    timeZone: 'UTC',
    services: { backend: { objectivePercent: 99.9, latencySeconds: 2, errorsPercent: 1 } },
  },
};

let w: TestWorld;
let upstream: string;
let store: Store;
let job: Job<Json>;

beforeAll(async () => {
  w = await openTestWorld();
  upstream = (await startMinistack(w.world, { endpointUrl: w.gateway.url })).url;
  w.gateway.upstreamUrl = upstream;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: w.gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    NIGHTSHIFT_ARCHIVE_BUCKET: BUCKET,
    NIGHTSHIFT_BUS: BUS,
    NIGHTSHIFT_JOBS: JSON.stringify([{ job: 'back-up-database', subject: 'orders-db' }]),
  });
  const dynamodb = new DynamoDBClient(w.config);
  await dynamodb.send(journalTable('journal'));
  store = new Store('journal', dynamodb);
  await fetch(`${upstream}/${BUCKET}`, { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  const events = new EventBridgeClient(w.config);
  await events.send(new CreateEventBusCommand({ Name: BUS }));
  events.destroy();
  job = (await import('../../../functions/jobs/write-report/handler.ts')).job as unknown as Job<Json>;

  // An incident of 2026-11-20, acknowledged and over, with one change.
  for (const entry of storyEntries()) await store.transact([putEntry('journal', entry)]);
  // A recovery plan that was run, with the figures of its last entry.
  const steps: string[] = [];
  const recovery = {
    run: 'rehearsal-1',
    verdict: 'rehearsed',
    recoveryTimeMs: 200_000,
    frozenMs: 0,
    targetRecoveryTimeMs: 180_000,
    steps,
  };
  const [opened, , , , , , , , , , resolved] = storyEntries();
  for (const [entry, data] of [
    [opened, { title: 'service-recovery of backend', target: 'plan/service-recovery', severity: 'P3' }],
    [resolved, { recovery }],
  ] as const)
    if (entry)
      await store.transact([putEntry('journal', { ...entry, incidentId: 'inc-01KAGYT5G0DRILL', at: DRILL, data })]);
  // Ten hours of requests on that day; in one of them some failed, of others the target never answered (504), and some came when there was none to choose (503).
  const at = Date.parse('2026-11-20T00:00:00Z');
  for (let hour = 0; hour < 10; hour++) {
    figure('RequestCount', 1000, at + hour * HOUR, true);
    figure('TargetResponseTime', hour === 3 ? 3 : 0.2, at + hour * HOUR, true);
  }
  figure('HTTPCode_Target_5XX_Count', 15, at + 3 * HOUR, true);
  figure('HTTPCode_ELB_5XX_Count', 5, at + 3 * HOUR, false);
  figure('HTTPCode_ELB_504_Count', 3, at + 3 * HOUR, false);
  figure('HTTPCode_ELB_503_Count', 2, at + 3 * HOUR, false);
  // The other service's load balancer told of as many, none of which failed.
  put('AWS/ApplicationELB', 'RequestCount', { LoadBalancer: SHOP.loadBalancer, TargetGroup: SHOP.targetGroup }, [
    [at, 1000],
  ]);
  const [ofService, ofDatabase] = [
    { ClusterName: service.cluster, ServiceName: service.service },
    { DBInstanceIdentifier: 'orders-db' },
  ];
  const later = at + HOUR;
  put('AWS/ECS', 'CPUUtilization', ofService, [
    [later, 90],
    [at, 50],
  ]);
  put('AWS/ECS', 'MemoryUtilization', ofService, [[later, 30]]);
  put('AWS/RDS', 'CPUUtilization', ofDatabase, [[later, 20]]);
  put('AWS/RDS', 'DatabaseConnections', ofDatabase, [[later, 10]]);
  put('AWS/RDS', 'FreeStorageSpace', ofDatabase, [
    [later, 50 * 1024 ** 3],
    [at, 60 * 1024 ** 3],
  ]);
  // Three backups of that month, one of which failed.
  await backUp('2026-11-18T02:00:00Z', 'passed');
  await backUp('2026-11-19T02:00:00Z', 'failed');
  await backUp('2026-11-20T02:00:00Z', 'passed');
});
afterEach(() => {
  for (const { name } of w.gateway.faults.list()) w.gateway.faults.remove(name);
});
afterAll(async () => {
  await w?.close();
});

function figure(name: string, value: number, at: number, ofTargets: boolean): void {
  const dimensions = { LoadBalancer: loadBalancer, ...(ofTargets && { TargetGroup: targetGroup }) };
  w.cloudwatch.put({
    ...{ region: REGION, namespace: 'AWS/ApplicationELB', name, dimensions, value },
    at: new Date(at),
  });
}

/** The newest first: the stand-in drops what is older than what comes. */
function put(
  namespace: string,
  name: string,
  dimensions: Record<string, string>,
  values: readonly (readonly [at: number, value: number])[],
): void {
  for (const [at, value] of values)
    w.cloudwatch.put({ region: REGION, namespace, name, dimensions, value, at: new Date(at) });
}

/** A run of the backup's job, as its own engine writes it. */
async function backUp(scheduledAt: string, kind: 'passed' | 'failed'): Promise<void> {
  const ends = async (): Promise<Step<Json>> => ({
    ...{ kind: 'verdict', state: null, verdict: { kind, summary: `it ${kind}`, report: {} } },
  });
  const name = 'back-up-database';
  const { manifest } = await import('../../../functions/jobs/back-up-database/manifest.ts');
  const around = { store, config, now: () => Date.parse(scheduledAt) + 60_000, remaining: () => 60_000 };
  for (let turns = 0; turns < 5; turns++) {
    const order = { job: name, subject: 'orders-db', scheduledAt };
    const turn = await takeTurn(around, { manifest, begin: () => null, step: ends }, order);
    if (turn.kind === 'ended') return;
  }
  throw new Error('the backup never ended');
}

/** @returns how the run ended, and what lies in its folder. */
async function write(subject: string, scheduledAt: string) {
  const order = { job: 'write-report', subject, scheduledAt };
  const around = { store, config, now: () => Date.parse(scheduledAt) + 5_000, remaining: () => 60_000 };
  for (let turns = 0; turns < 5; turns++) {
    const turn = await takeTurn(around, job, order);
    if (turn.kind !== 'ended') continue;
    const run = (await readRuns(store, order)).find((each) => each.scheduledAt === scheduledAt);
    const folder = String(run?.verdict?.report.folder);
    const read = async (file: string) => (await fetch(`${upstream}/${BUCKET}/${folder}/${file}`)).text();
    return { turn, folder, read };
  }
  throw new Error(`${subject} was never written`);
}

const documentOf = async ({ read }: Awaited<ReturnType<typeof write>>): Promise<ReportDocument> =>
  reportDocument.parse(JSON.parse(await read('report.json')));
const rowsOf = ({ sections }: ReportDocument, title: string) =>
  sections.find((section) => section.title === title)?.table?.rows;

describe('the daily report', () => {
  it('[9/report-daily-health] tells what happened the day before, and is told with its figures', async () => {
    const before = w.gateway.callsSince(0).calls.length;
    const written = await write('daily-operations', '2026-11-21T07:30:00Z');
    expect(written.turn).toMatchObject({ verdict: 'passed', summary: 'Daily operations of 2026-11-20 is written' });
    const report = await documentOf(written);
    expect(report.period).toMatchObject({ from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' });
    const figures = new Map(report.headline.map(({ label, value }) => [label, value]));
    expect(figures.get('Incidents opened')).toBe('1');
    expect(figures.get('Not over now')).toBe('0');
    // 10,002 requests of which 20 failed: twice what the objective lets fail.
    expect(figures.get('backend available')).toBe('99.800 %, -100 % of its downtime budget left');
    expect(rowsOf(report, 'Incidents')?.[0]).toEqual(expect.arrayContaining(['P2', 'resolved', '5 min', '1 change']));
    expect(rowsOf(report, 'Scheduled jobs')?.[0]).toEqual(expect.arrayContaining(['back-up-database', 'orders-db']));
    expect(report.unknown).toContain(
      'backend: no request is told of in 14 hours; an outage that kept every request away isn’t counted.',
    );
    expect(await written.read('report.html')).toContain('<svg viewBox=');
    expect(await written.read('report.md')).toContain('# Daily operations: 2026-11-20');
    const told = w.gateway.callsSince(0).calls.slice(before);
    expect(told.filter(({ operation }) => operation === 'PutEvents')).toHaveLength(1);
    expect(told.map(({ operation }) => operation)).not.toContain('Scan');
  });

  it('is written once, however often its run is taken up again', async () => {
    const first = await write('daily-operations', '2026-11-21T07:30:00Z');
    const page = await first.read('report.html');
    const again = await write('daily-operations', '2026-11-21T07:30:00Z');
    expect([again.folder, await again.read('report.html')]).toEqual([first.folder, page]);
  });

  it('is the same report in every form, though it was killed between them and the world went on', async () => {
    const match = { service: 's3', operation: 'PutObject', resource: 'report.json' };
    w.gateway.faults.add({ name: 'last', match, kind: 'throttled' });
    await expect(write('daily-operations', '2026-10-20T07:30:00Z')).rejects.toThrow();
    w.gateway.faults.remove('last');
    figure('RequestCount', 1000, Date.parse('2026-10-19T03:00:00Z'), true);
    const written = await write('daily-operations', '2026-10-20T07:30:00Z');
    const unknown = 'backend: no request is known of in the whole period.';
    expect((await documentOf(written)).unknown).toContain(unknown);
    expect(await written.read('report.md')).toContain(unknown);
  });

  it('names what it may not read, instead of calling it nothing', async () => {
    w.gateway.faults.add({ name: 'no', match: { service: 'monitoring', operation: 'GetMetricData' }, kind: 'refused' });
    const report = await documentOf(await write('daily-operations', '2026-11-22T07:30:00Z'));
    expect(report.unknown.some((sentence) => sentence.startsWith('the figures of services couldn’t be read'))).toBe(
      true,
    );
    expect(report.headline).toContainEqual({ label: 'backend available', value: 'not known' });
  });
});

describe('a report made by hand', () => {
  it('knows the jobs that are deployed from what the reconciler watches', async () => {
    const watched = [{ job: 'back-up-database', subject: 'orders-db', overdueAfterSeconds: 1, severity: 'P3' }];
    const lambda = new LambdaClient(w.config);
    await lambda.send(
      new CreateFunctionCommand({
        ...{ FunctionName: 'nightshift-test-reconciler', Runtime: 'nodejs22.x', Handler: 'index.handler' },
        Role: 'arn:aws:iam::000000000000:role/none',
        Code: { ZipFile: zipSync({ 'index.js': Buffer.from('export const handler = () => 0;') }) },
        Environment: { Variables: { NIGHTSHIFT_JOBS: JSON.stringify(watched) } },
      }),
    );
    lambda.destroy();
    const place = { account: '000000000000', region: REGION, table: 'nightshift-test-journal' };
    expect(await deployedJobs({ ...place, clientSettings: { region: REGION, endpoint: w.gateway.url } })).toEqual(
      watched,
    );
  });
});

describe('the weekly report', () => {
  it('[5c/alert-review] tells which targets were in trouble most often, and how often that passed without any change', async () => {
    const report = await documentOf(await write('weekly-maintenance', '2026-11-23T08:00:00Z'));
    expect(report.period.label).toBe('2026-11-16 to 2026-11-22');
    expect(rowsOf(report, 'What was in trouble most often')?.toSorted()).toEqual([
      ['ecs-service/orders/backend', '1', '1', '0', '0'],
      ['job/back-up-database/orders-db', '1', '0', '1', '0'],
    ]);
    expect(rowsOf(report, 'Scheduled jobs')?.[0]?.slice(0, 4)).toEqual([
      ...['back-up-database', 'orders-db', 'overdue', '2 passed, 1 failed, 0 not over'],
    ]);
  });

  it('[5c/resource-usage-report, 9/report-resource-usage, 5c/cpu-analysis, 9/report-database-growth, 5d/review-requests-limits] tells what was used, how a database grew, and whose tasks are too small', async () => {
    const report = await documentOf(await write('weekly-maintenance', '2026-11-23T08:00:00Z'));
    expect(rowsOf(report, 'Use of resources')).toEqual([
      ['service', 'backend', '70 %, at most 90 %', '30 %, at most 30 %', '', ''],
      ['service', 'shop', 'not known', 'not known', '', ''],
      [
        'database',
        'orders-db',
        '20 %, at most 20 %',
        '',
        '10, at most 10',
        '50.0 GiB, 10.0 GiB less than at the beginning',
      ],
    ]);
    expect(rowsOf(report, 'Sizes of tasks')).toEqual([
      ['backend', '90 %', '30 %', 'CPU is short'],
      ['shop', 'not known', 'not known', 'not known'],
    ]);
  });
});

describe('the monthly reports', () => {
  it('[9/report-sla, 9/report-performance-trends, 5d/performance-trends, D82] hold each service to its own targets', async () => {
    const report = await documentOf(await write('service-levels', '2026-12-01T08:00:00Z'));
    expect(rowsOf(report, 'Service levels')).toEqual([
      [
        ...['backend', '10,002', '99.800 %, missed (99.9 %)', '0.200 %, met (below 1 %)'],
        ...['above 2 s in 1 of 10 hours, missed', '-100.0 %: -43.2 of 43.2 minutes'],
      ],
      [...['shop', '1,000', '100.000 %', '0.000 %, met (below 1 %)'], ...['not known', 'no objective is configured']],
    ]);
    const [errors, latency] = report.sections[0]?.charts ?? [];
    expect(errors?.points).toHaveLength(720);
    expect(errors?.points.filter(({ value }) => value !== null)).toHaveLength(10);
    expect(latency?.points.find(({ at }) => at === '2026-11-20T03:00:00.000Z')?.value).toBe(3);
  });

  it('[9/report-dr-test, D99] tell of backups against their objective, and of a plan against its target', async () => {
    const report = await documentOf(await write('backups-and-drills', '2026-12-01T08:30:00Z'));
    expect(rowsOf(report, 'Backups')?.[0]).toEqual([
      ...['orders-db', '2 of 3', 'at least 17 d 2 h', '1 d 0 h', 'nothing proves them', 'not known'],
    ]);
    expect(rowsOf(report, 'Runs of recovery plans')).toEqual([
      [
        '2026-11-10 10:00:00.000 UTC',
        'service-recovery of backend',
        '3 min 20 s',
        '3 min',
        'missed',
        'inc-01KAGYT5G0DRILL',
      ],
    ]);
  });

  it('tell how long acknowledging and resolving took', async () => {
    const report = await documentOf(await write('response-times', '2026-12-01T08:15:00Z'));
    expect(rowsOf(report, 'Times to acknowledge and resolve')?.[0]?.slice(0, 2)).toEqual(['P2', '2']);
  });
});

describe('the handoff', () => {
  it('[7b/on-call-handoff, 7b/postmortem-deadline, M20] tells who comes what is open, what is to be reviewed until when, and what happened in 24 hours', async () => {
    const [opened] = storyEntries();
    const at = '2026-11-20T08:30:00.000Z';
    const data = { title: 'shop-cpu on ecs-service/orders/shop', target: 'ecs-service/orders/shop', severity: 'P3' };
    if (opened) await store.transact([putEntry('journal', { ...opened, incidentId: 'inc-01KAGYT5G0SHIFT', at, data })]);
    const report = await documentOf(await write('on-call-handoff', '2026-11-20T09:00:00Z'));
    expect(report.period.from).toBe('2026-11-19T09:00:00.000Z');
    expect(rowsOf(report, 'Open incidents')?.map(([, , , target]) => target)).toEqual(['ecs-service/orders/shop']);
    // The one of that night, and the backup's that was over with the next backup.
    expect(rowsOf(report, 'Over since')?.map(([, , , target]) => target)).toEqual([
      'ecs-service/orders/backend',
      'job/back-up-database/orders-db',
    ]);
    expect(rowsOf(report, 'Reviews due')?.map(([until, , target]) => [until, target])).toContainEqual([
      ...['2026-11-22 03:05:00.000 UTC', 'ecs-service/orders/backend'],
    ]);
    expect(report.sections.map(({ title }) => title)).toContain('Temporary changes and take-overs');
  });
});
