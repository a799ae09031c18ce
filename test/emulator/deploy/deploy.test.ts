/** The whole way into a world: synthesis, the CDK's own commands against the emulator, and what is made afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand, ListTagsForResourceCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Deployed, deployNightshift } from '../../../local/deploy/deploy.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

let scratch: string;
let world: OpenWorld;
let gateway: Gateway;
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
  gateway.register(createCloudWatch(world, { events: { publish: async () => ({ id: 'not-published' }) } }));
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  deployed = await deployNightshift(world, {
    endpointUrl: gateway.url,
    configPath: 'local/demo.config.ts',
    environment: { NIGHTSHIFT_DEMO_DATABASE_PORT: '5499' },
    report: (line) => lines.push(line),
  });
});

afterAll(async () => {
  await world?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

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

  it('makes the alarms with their tags, thresholds and resolved page topic', async () => {
    const cloudwatch = new CloudWatchClient(client());
    const { MetricAlarms = [] } = await cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmNamePrefix: 'nightshift-demo-' }),
    );
    const byName = new Map(MetricAlarms.map((alarm) => [alarm.AlarmName, alarm]));
    const cpu = byName.get('nightshift-demo-backend-cpu');
    expect(cpu).toMatchObject({ Threshold: 80, Period: 10, EvaluationPeriods: 1 });
    expect(byName.get('nightshift-demo-orders-db-connections')).toMatchObject({ Threshold: 64 });
    expect(byName.get('nightshift-demo-backend-cpu-backstop')?.AlarmActions).toEqual([deployed.outputs.PageTopic]);
    const { Tags } = await cloudwatch.send(new ListTagsForResourceCommand({ ResourceARN: cpu?.AlarmArn }));
    expect(Tags).toContainEqual({ Key: 'nightshift:runbook', Value: 'scale-out-service' });
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
    expect(lines).toContainEqual(expect.stringMatching(/^AWS::EC2::SecurityGroupEgress \(1\): left out\. /));
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
