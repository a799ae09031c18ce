/** Backups of the configuration end to end: what is read page by page, what is written to the bucket, what changed, what is never written. */
import {
  ApplicationAutoScalingClient,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { DisableAlarmActionsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  type Change,
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readBackup } from '../../../functions/configuration/stored.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import type { Json } from '../../../functions/engine/remediation.ts';
import { Store } from '../../../functions/engine/store.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { createRoute53 } from '../../../local/stand-ins/route53/route53.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as base, service } from '../../support/fixtures.ts';
import { openTestWorld, REGION, type TestWorld } from '../ecs/support.ts';

jest.setTimeout(90_000);
const BUCKET = 'nightshift-test-000000000000-eu-west-1';
const PLANTED = 'planted-value-that-nobody-may-see';
/** More than one page of Route 53 (300). */
const RECORDS = 320;

let w: TestWorld;
let upstream: string;
let store: Store;
let job: Job<Json>;
let config: RuntimeConfig;
let closing: { destroy(): void }[] = [];

beforeAll(async () => {
  w = await openTestWorld();
  upstream = (await startMinistack(w.world, { endpointUrl: w.gateway.url })).url;
  w.gateway.upstreamUrl = upstream;
  const route53 = createRoute53(w.world, { metrics: w.cloudwatch, checkEveryMs: 60_000 });
  w.gateway.register(route53);
  await route53.start();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: w.gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    NIGHTSHIFT_ARCHIVE_BUCKET: BUCKET,
  });
  const dynamodb = new DynamoDBClient(w.config);
  await dynamodb.send(journalTable('journal'));
  store = new Store('journal', dynamodb);
  await fetch(`${upstream}/${BUCKET}`, { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  job = (await import('../../../functions/jobs/back-up-configuration/handler.ts')).job as unknown as Job<Json>;
  closing = [dynamodb];
  const zone = await seed();
  config = {
    ...base,
    region: REGION,
    services: { backend: { ...service, minTasks: 1, maxTasks: 4 } },
    configurationBackup: {
      ...{ zones: [zone], parameters: ['/orders/'], alarms: ['mine-'], rules: ['orders-'], stateMachines: ['orders-'] },
      lockDays: 35,
    },
  };
});
afterEach(() => {
  for (const { name } of w.gateway.faults.list()) w.gateway.faults.remove(name);
});
afterAll(async () => {
  for (const client of closing) client.destroy();
  await w?.close();
});

/** A small company, with a secret wherever one may be. @returns the id of its zone. */
async function seed(): Promise<string> {
  const [scaling, route53, ssm] = [
    new ApplicationAutoScalingClient(w.config),
    new Route53Client(w.config),
    new SSMClient(w.config),
  ];
  const [events, states, secrets] = [
    new EventBridgeClient(w.config),
    new SFNClient(w.config),
    new SecretsManagerClient(w.config),
  ];
  closing.push(scaling, route53, ssm, events, states, secrets);
  const { ecs, cloudwatch } = w.clients;
  await ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  await release('one');
  await ecs.send(
    new CreateServiceCommand({ cluster: 'orders', serviceName: 'backend', taskDefinition: 'backend', desiredCount: 1 }),
  );
  const target = {
    ServiceNamespace: 'ecs',
    ResourceId: 'service/orders/backend',
    ScalableDimension: 'ecs:service:DesiredCount',
  } as const;
  await scaling.send(new RegisterScalableTargetCommand({ ...target, MinCapacity: 1, MaxCapacity: 4 }));
  await scaling.send(
    new PutScalingPolicyCommand({
      ...{ ...target, PolicyName: 'cpu', PolicyType: 'TargetTrackingScaling' },
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 60,
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      },
    }),
  );
  const alarm = (AlarmName: string, ServiceName: string) =>
    cloudwatch.send(
      new PutMetricAlarmCommand({
        ...{ AlarmName, Namespace: 'AWS/ECS', MetricName: 'CPUUtilization', Statistic: 'Average', Period: 60 },
        ...{ EvaluationPeriods: 3, Threshold: 80, ComparisonOperator: 'GreaterThanThreshold' },
        Dimensions: [
          { Name: 'ClusterName', Value: 'orders' },
          { Name: 'ServiceName', Value: ServiceName },
        ],
      }),
    );
  await alarm('backend-cpu', 'backend');
  await alarm('somebody-elses', 'another');
  const { HostedZone } = await route53.send(
    new CreateHostedZoneCommand({ Name: 'example.com', CallerReference: 'test' }),
  );
  const zone = HostedZone?.Id?.replace('/hostedzone/', '') ?? '';
  const Changes = Array.from(
    { length: RECORDS },
    (_, index): Change => ({
      Action: 'CREATE',
      ResourceRecordSet: {
        ...{ Name: `h${index}.example.com`, Type: 'A', TTL: 60 },
        ResourceRecords: [{ Value: '192.0.2.1' }],
      },
    }),
  );
  await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone, ChangeBatch: { Changes } }));
  await ssm.send(new PutParameterCommand({ Name: '/orders/token', Type: 'SecureString', Value: PLANTED }));
  await ssm.send(new PutParameterCommand({ Name: '/orders/colour', Type: 'String', Value: PLANTED }));
  await ssm.send(new PutParameterCommand({ Name: '/other/colour', Type: 'String', Value: 'red' }));
  await secrets.send(new CreateSecretCommand({ Name: 'orders/login', SecretString: PLANTED }));
  await events.send(new PutRuleCommand({ Name: 'orders-nightly', EventPattern: '{"source":["orders"]}' }));
  const Targets = [
    { Id: '1', Arn: `arn:aws:sqs:${REGION}:000000000000:orders`, Input: JSON.stringify({ key: PLANTED }) },
  ];
  await events.send(new PutTargetsCommand({ Rule: 'orders-nightly', Targets }));
  const definition = JSON.stringify({
    StartAt: 'End',
    States: { End: { Type: 'Pass', Result: { key: PLANTED }, End: true } },
  });
  const roleArn = 'arn:aws:iam::000000000000:role/orders';
  await states.send(new CreateStateMachineCommand({ name: 'orders-nightly', roleArn, definition }));
  return zone;
}

/** A revision with a secret in its environment. */
const release = (image: string) =>
  w.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'backend',
      containerDefinitions: [
        { name: 'backend', image, environment: [{ name: 'TOKEN', value: PLANTED }], command: ['serve', PLANTED] },
      ],
    }),
  );

let days = 0;

async function backUp() {
  days++;
  const scheduledAt = new Date(Date.UTC(2026, 10, days, 3)).toISOString();
  const order = { job: 'back-up-configuration', subject: 'all', scheduledAt };
  const around = { store, config, now: Date.now, remaining: () => 60_000 };
  for (let turns = 0; turns < 20; turns++) {
    const turn = await takeTurn(around, job, order);
    if (turn.kind !== 'ended') continue;
    const [latest] = await readRuns(store, order, 1);
    if (!latest?.verdict) throw new Error('it ended without a verdict');
    return latest.verdict;
  }
  throw new Error('it never ended');
}

const whole = (folder: Json | undefined) => readBackup({ name: BUCKET, region: REGION }, String(folder));
const headers = {
  authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/s3/aws4_request, SignedHeaders=host, Signature=0`,
};

async function objects(): Promise<Map<string, string>> {
  const listing = await (await fetch(`${upstream}/${BUCKET}?list-type=2`, { headers })).text();
  const keys = [...listing.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
  const texts = keys.map(
    async (key) => [key, await (await fetch(`${upstream}/${BUCKET}/${key}`, { headers })).text()] as const,
  );
  return new Map(await Promise.all(texts));
}

describe('back-up-configuration', () => {
  it('[5a/config-backup, D50] keeps how everything is configured, locked, page by page, without a single secret', async () => {
    const { kind, summary, report } = await backUp();
    expect({ kind, summary }).toMatchObject({ kind: 'passed', summary: expect.stringContaining('none before it') });
    const { items, unread } = await whole(report.folder);
    expect(unread).toEqual([]);
    const of = (wanted: string) => items.filter((item) => item.kind === wanted).map(({ id }) => id);
    expect(of('service')).toEqual(['orders/backend']);
    expect(of('scaling')).toEqual(['orders/backend']);
    expect(of('alarm')).toEqual(['backend-cpu']);
    expect(of('parameter')).toEqual(['/orders/colour', '/orders/token']);
    expect(of('rule')).toEqual(['default/orders-nightly']);
    expect(of('state-machine')).toEqual(['orders-nightly']);
    expect(of('record').filter((id) => id.endsWith('/A'))).toHaveLength(RECORDS);
    const kept = await objects();
    expect(kept.size).toBe(8);
    expect([...kept.values()].join('\n')).not.toContain(PLANTED);
    const asked = w.gateway.callsSince(0).calls.map(({ operation }) => operation);
    expect(asked.filter((each) => /^Get(Secret|Parameter)/.test(each))).toEqual([]);
    const [key = ''] = kept.keys();
    const locked = await fetch(`${upstream}/${BUCKET}/${key}`, { method: 'HEAD', headers });
    expect(locked.headers.get('x-amz-object-lock-mode')).toBe('GOVERNANCE');
    expect(locked.headers.get('x-amz-object-lock-retain-until-date')).toBe('2026-12-06T03:00:00.000Z');
  });

  it('says nothing of a day on which nothing was changed, though auto scaling was at work', async () => {
    const { ecs } = w.clients;
    await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'backend', desiredCount: 2 }));
    expect(await backUp()).toMatchObject({
      ...{ kind: 'passed', summary: expect.stringContaining('nothing changed') },
      report: { changes: 0 },
    });
  });

  it('names what somebody changed by hand', async () => {
    const { ecs, cloudwatch } = w.clients;
    await release('two');
    await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'backend', taskDefinition: 'backend:2' }));
    await cloudwatch.send(new DisableAlarmActionsCommand({ AlarmNames: ['backend-cpu'] }));
    const { report } = await backUp();
    const told = JSON.stringify(report.changed);
    expect(report.changes).toBe(2);
    expect(told).toContain('alarm/backend-cpu: ActionsEnabled: true -> false');
    expect(told).toMatch(/definition\.containers\.backend\.image: one -> two/);
    expect(told).toMatch(/taskDefinition: \S+backend:1 -> \S+backend:2/);
  });

  it('names what it may not read, keeps the rest, and takes nothing of it for removed', async () => {
    w.gateway.faults.add({
      ...{ name: 'refused', kind: 'refused' },
      match: { service: 'route53', operation: 'ListResourceRecordSets' },
    });
    const { kind, check, summary, report } = await backUp();
    expect({ kind, check }).toEqual({ kind: 'failed', check: 'unread' });
    expect(summary).toMatch(/record\/Z\S+\/\*: .*nothing changed since the one before/);
    expect((await whole(report.folder)).items).not.toHaveLength(0);
  });
});
