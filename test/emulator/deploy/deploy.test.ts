/** The whole way into a world: synthesis, the CDK's own commands against the emulator, and what is made afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetDashboardCommand,
  ListTagsForResourceCommand,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { GetFunctionCommand, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import {
  GetScheduleCommand,
  paginateListSchedules,
  SchedulerClient,
  type ScheduleSummary,
} from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Deployed, deployNightshift } from '../../../local/deploy/deploy.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { BACKUPS } from '../../../local/services/backups.ts';
import { CONFIGURATION } from '../../../local/services/configuration-backup.ts';
import { askFor } from '../../../local/services/troubled.ts';
import { type CloudWatch, createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { balancerOf } from '../../../local/stand-ins/ecs/balancer-metrics.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

jest.setTimeout(240_000);
const DEPLOYED = 'test/emulator/deploy/deployed.config.ts';
/** `checkout` is watched through its load balancer, too. */
const ENVIRONMENT = {
  NIGHTSHIFT_DEMO_DATABASE_PORT: '5499',
  [BACKUPS.switch]: '1',
  [CONFIGURATION.switch]: '1',
  ...askFor('checkout'),
};
let scratch: string;
let world: OpenWorld;
let gateway: Gateway;
let cloudwatch: CloudWatch;
let deployed: Deployed;
const lines: string[] = [];

const client = () => ({
  endpoint: gateway.url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'nightshift-deploy-test-'));
  // A world keeps its last logs beside its root.
  const root = join(scratch, 'worlds');
  world = await openWorld({ name: 'deploy-test', timeScale: 1, report: () => {}, root });
  gateway = await startGateway(world);
  // Not started: alarms are kept with their tags, and nothing is judged.
  cloudwatch = createCloudWatch(world, { events: { publish: async () => ({ id: 'not-published' }) } });
  gateway.register(cloudwatch);
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  deployed = await deployNightshift(world, {
    endpointUrl: gateway.url,
    configPath: DEPLOYED,
    environment: ENVIRONMENT,
    report: (line) => lines.push(line),
  });
});

afterAll(async () => {
  await world?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Widget {
  readonly properties: {
    readonly markdown?: string;
    readonly alarms?: readonly string[];
    readonly metrics?: readonly (readonly string[])[];
  };
}

const deployContradicting = () =>
  deployNightshift(world, {
    endpointUrl: gateway.url,
    configPath: 'test/emulator/deploy/contradicting.config.ts',
    environment: ENVIRONMENT,
    report: () => {},
  });

async function alarmsOf(prefix: string): Promise<readonly MetricAlarm[]> {
  const { MetricAlarms = [] } = await new CloudWatchClient(client()).send(
    new DescribeAlarmsCommand({ AlarmNamePrefix: prefix, MaxRecords: 100 }),
  );
  return MetricAlarms;
}

describe('deployNightshift', () => {
  it('puts out the journal table and the page topic, and says how long each part took', () => {
    expect(deployed.outputs).toMatchObject({
      JournalTable: 'nightshift-demo-journal',
      PageTopic: 'arn:aws:sns:us-east-1:000000000000:nightshift-demo-pages',
    });
    for (const part of Object.values(deployed.seconds)) expect(part).toBeGreaterThan(0);
  });

  it('makes the journal with its keys, indexes and stream', async () => {
    const { Table } = await new DynamoDBClient(client()).send(
      new DescribeTableCommand({ TableName: 'nightshift-demo-journal' }),
    );
    expect(Table?.KeySchema?.map((key) => key.AttributeName)).toEqual(['pk', 'sk']);
    expect(Table?.GlobalSecondaryIndexes?.map((index) => index.IndexName).sort()).toEqual(['due', 'incidents']);
    expect(Table?.AttributeDefinitions).toContainEqual({ AttributeName: 'dueAt', AttributeType: 'N' });
    expect(Table?.StreamSpecification?.StreamViewType).toBe('NEW_IMAGE');
  });

  it('gives each rule its function, retry policy and dead-letter queue', async () => {
    const { Targets } = await new EventBridgeClient(client()).send(
      new ListTargetsByRuleCommand({ Rule: 'nightshift-demo-scale-out-service' }),
    );
    expect(Targets).toEqual([
      expect.objectContaining({
        Arn: 'arn:aws:lambda:us-east-1:000000000000:function:nightshift-demo-scale-out-service',
        DeadLetterConfig: { Arn: 'arn:aws:sqs:us-east-1:000000000000:nightshift-demo-scale-out-service-failures' },
        RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
      }),
    ]);
  });

  it('makes the alarms with their tags, thresholds and resolved page topic [M39]', async () => {
    const alarms = await alarmsOf('nightshift-demo-');
    const byName = new Map(alarms.map((alarm) => [alarm.AlarmName, alarm]));
    const cpu = byName.get('nightshift-demo-backend-cpu');
    expect(cpu).toMatchObject({ Threshold: 80, Period: 10, EvaluationPeriods: 1 });
    expect(byName.get('nightshift-demo-orders-db-connections')).toMatchObject({ Threshold: 64 });
    expect(byName.get('nightshift-demo-backend-cpu-backstop')?.AlarmActions).toEqual([deployed.outputs.PageTopic]);
    const { Tags } = await new CloudWatchClient(client()).send(
      new ListTagsForResourceCommand({ ResourceARN: cpu?.AlarmArn }),
    );
    expect(Tags).toContainEqual({ Key: 'nightshift:runbook', Value: 'scale-out-service' });
  });

  it('gives every alarm a number, a time, a statistic, a severity and an answer [D6, D41, D43]', async () => {
    const alarms = await alarmsOf('nightshift-demo-');
    const answered = alarms.filter(({ AlarmDescription = '' }) => AlarmDescription.includes(' answers with '));
    expect(answered.length).toBeGreaterThanOrEqual(8);
    for (const alarm of answered) {
      const { AlarmName, AlarmDescription, Threshold, EvaluationPeriods, Metrics = [] } = alarm;
      const statistics = [
        alarm.Statistic ?? alarm.ExtendedStatistic,
        ...Metrics.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Stat] : [])),
      ].filter((each) => each !== undefined);
      const periods = [alarm.Period, ...Metrics.map(({ MetricStat }) => MetricStat?.Period)].filter((each) => each);
      expect({ AlarmName, Threshold, EvaluationPeriods }).toEqual({
        AlarmName,
        Threshold: expect.any(Number),
        EvaluationPeriods: expect.any(Number),
      });
      expect([AlarmName, statistics.length > 0, periods.length > 0]).toEqual([AlarmName, true, true]);
      expect(AlarmDescription).toMatch(/^P[1-4]\. .+\. Nightshift demo answers with [a-z-]+\.$/);
      expect(alarms.map((each) => each.AlarmName)).toContain(`${AlarmName}-backstop`);
    }
  });

  it('watches CPU and memory as shares of what tasks have, and latency by a percentile [D32, D33, D39]', async () => {
    const of = (alarms: readonly MetricAlarm[], name: string) => alarms.find(({ AlarmName }) => AlarmName === name);
    const alarms = await alarmsOf('nightshift-demo-checkout-');
    const percent = { Namespace: 'AWS/ECS', Statistic: 'Average', ComparisonOperator: 'GreaterThanThreshold' };
    expect(of(alarms, 'nightshift-demo-checkout-cpu')).toMatchObject({ ...percent, MetricName: 'CPUUtilization' });
    expect(of(alarms, 'nightshift-demo-checkout-memory')).toMatchObject({
      ...{ ...percent, MetricName: 'MemoryUtilization' },
    });
    expect(of(alarms, 'nightshift-demo-checkout-latency')).toMatchObject({
      ...{ MetricName: 'TargetResponseTime', ExtendedStatistic: 'p95' },
    });
  });

  it('has errors judged by their share of all answers, which is zero without errors [D31, D40, D106]', async () => {
    const { loadBalancer: LoadBalancer, targetGroup: TargetGroup } = balancerOf('checkout');
    const periodMs = 10_000;
    let at = Math.floor(Date.now() / periodMs) * periodMs;
    const stateAfter = async (requests: number, errors: number | undefined) => {
      const put = (name: string, value: number) =>
        cloudwatch.put({
          ...{ region: 'us-east-1', namespace: 'AWS/ApplicationELB', name, value, at: new Date(at + 1_000) },
          dimensions: { LoadBalancer, TargetGroup },
        });
      put('RequestCount', requests);
      if (errors !== undefined) put('HTTPCode_Target_5XX_Count', errors);
      at += periodMs;
      await cloudwatch.evaluateNow(new Date(at + 1_000));
      const [alarm] = await alarmsOf('nightshift-demo-checkout-errors');
      return alarm?.StateValue;
    };
    expect(await stateAfter(200, undefined)).toBe('OK');
    // As many errors a second, once as a large share and once as a small one.
    expect(await stateAfter(20, 10)).toBe('ALARM');
    expect(await stateAfter(2_000, 10)).toBe('OK');
  });

  it('takes, proves, prunes and sweeps backups on schedules that came with it, each with a zone and a queue [M29, 3a/install-backup-tool]', async () => {
    const scheduler = new SchedulerClient(client());
    const names: ScheduleSummary[] = [];
    for await (const { Schedules = [] } of paginateListSchedules({ client: scheduler }, {})) names.push(...Schedules);
    const jobs = names.filter(({ GroupName }) => GroupName === 'nightshift-demo-jobs');
    expect(jobs.map(({ Name }) => Name)).toEqual(
      expect.arrayContaining([
        ...['back-up-database-orders-db', 'verify-backup-orders-db', 'prune-backups-orders-db', 'sweep-scratch-all'],
      ]),
    );
    for (const { Name, GroupName } of jobs) {
      const { Target, ScheduleExpressionTimezone } = await scheduler.send(new GetScheduleCommand({ Name, GroupName }));
      expect({ Name, ...Target, ScheduleExpressionTimezone }).toMatchObject({
        ...{ Name, ScheduleExpressionTimezone: 'UTC' },
        Arn: 'arn:aws:states:us-east-1:000000000000:stateMachine:nightshift-demo-jobs',
        DeadLetterConfig: { Arn: expect.stringContaining(':nightshift-demo-') },
      });
    }
  });

  it('keeps all that it writes in one bucket, encrypted and versioned, and has backups proved and pruned [D114, D119]', async () => {
    const buckets: Record<string, string> = {};
    for await (const { Functions = [] } of paginateListFunctions({ client: new LambdaClient(client()) }, {}))
      for (const { FunctionName = '', Environment: { Variables = {} } = {} } of Functions)
        if (Variables.NIGHTSHIFT_ARCHIVE_BUCKET) buckets[FunctionName] = Variables.NIGHTSHIFT_ARCHIVE_BUCKET;
    const bucket = 'nightshift-demo-000000000000-us-east-1';
    expect(Object.keys(buckets)).toEqual(
      expect.arrayContaining(['nightshift-demo-archiver', 'nightshift-demo-back-up-configuration']),
    );
    expect([...new Set(Object.values(buckets))]).toEqual([bucket]);
    const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`;
    const asked = async (what: string) =>
      (await fetch(`${gateway.url}/${bucket}?${what}`, { headers: { authorization } })).text();
    expect(await asked('encryption')).toContain('<SSEAlgorithm>AES256</SSEAlgorithm>');
    expect(await asked('versioning')).toContain('<Status>Enabled</Status>');
    const scheduler = new SchedulerClient(client());
    for (const Name of ['verify-backup-orders-db', 'prune-backups-orders-db'])
      expect(await scheduler.send(new GetScheduleCommand({ Name, GroupName: 'nightshift-demo-jobs' }))).toMatchObject({
        State: 'ENABLED',
      });
  });

  it('backs up as often as the objective asks, and refuses a schedule that can not meet it [D13, D44, D83]', async () => {
    const { ScheduleExpression } = await new SchedulerClient(client()).send(
      new GetScheduleCommand({ Name: 'back-up-database-orders-db', GroupName: 'nightshift-demo-jobs' }),
    );
    expect(ScheduleExpression).toBe('cron(0 0/4 * * ? *)');
    await expect(deployContradicting()).rejects.toThrow(
      /jobs\.back-up-database\.cron: "0 2 \* \* \? \*"; databases\.orders-db\.backup asks for a backup every 4 h/,
    );
  });

  it('is refused with nobody to call for what acts by itself [M10, M21]', async () => {
    await expect(deployContradicting()).rejects.toThrow(/contacts\.pageEmails: \[\]; at least one address while \S+/);
  });

  it('brings a page of graphs, made from the configuration, of metrics and alarms that are there [M3, 9/dashboard-system-overview, 9/dashboard-application, 9/dashboard-infrastructure, 9/dashboard-links, 5c/dashboard-update]', async () => {
    const { DashboardBody = '' } = await new CloudWatchClient(client()).send(
      new GetDashboardCommand({ DashboardName: 'nightshift-demo-protected' }),
    );
    const { widgets } = JSON.parse(DashboardBody) as { readonly widgets: readonly Widget[] };
    const [links, alarms] = widgets;
    expect(links?.properties.markdown).toContain('#dashboards:');
    expect(links?.properties.markdown).toContain('[Service checkout](https://us-east-1.console.aws.amazon.com/ecs/');
    const shown = alarms?.properties.alarms ?? [];
    const made = (await alarmsOf('nightshift-demo-')).map(({ AlarmArn }) => AlarmArn);
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.filter((arn) => !made.includes(arn))).toEqual([]);
    const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []);
    const named = (...parts: readonly string[]) =>
      metrics.filter((metric) => parts.every((each) => metric.includes(each)));
    for (const service of ['backend', 'checkout'])
      for (const metric of ['CPUUtilization', 'MemoryUtilization'])
        expect(named('AWS/ECS', metric, service)).toHaveLength(1);
    const { targetGroup } = balancerOf('checkout');
    for (const metric of ['RequestCount', 'HTTPCode_Target_5XX_Count', 'TargetResponseTime', 'UnHealthyHostCount'])
      expect(named('AWS/ApplicationELB', metric, targetGroup)).toHaveLength(1);
    for (const metric of [
      'CPUUtilization',
      'DatabaseConnections',
      'FreeStorageSpace',
      'FreeableMemory',
      'WriteLatency',
    ])
      expect(named('AWS/RDS', metric, 'orders-db')).toHaveLength(1);
    expect(named('AWS/CertificateManager', 'DaysToExpiry')).toHaveLength(1);
  });

  it('deploys functions whose code holds this configuration', async () => {
    const { Configuration, Code } = await new LambdaClient(client()).send(
      new GetFunctionCommand({ FunctionName: 'nightshift-demo-scale-out-service' }),
    );
    expect(Configuration).toMatchObject({
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Environment: { Variables: { NIGHTSHIFT_TABLE: 'nightshift-demo-journal', AWS_SDK_UA_APP_ID: 'nightshift-demo' } },
    });
    expect(Code?.Location).toContain(gateway.url);
  });

  it('tells every type that went another way, with its reason', () => {
    expect(lines).toContainEqual(
      expect.stringMatching(/^AWS::CloudWatch::Alarm \(\d+\): made by its API after the deployment\. /),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^AWS::EC2::SecurityGroupEgress \(\d+\): left out\. /));
  });

  it('fails with all faults of a bad configuration, before anything is deployed', async () => {
    const bad = deployNightshift(world, {
      endpointUrl: gateway.url,
      configPath: 'test/emulator/deploy/bad.config.ts',
      environment: {},
      report: () => {},
    });
    await expect(bad).rejects.toThrow(
      /2 faults\n {2}standbyRegion: missing; expected string\n {2}regoin: "us-east-1"; unknown; did you mean 'region'\?/,
    );
  });
});
