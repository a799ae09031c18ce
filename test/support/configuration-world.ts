/** A small company with a secret wherever one may be, its bucket and its journal; and backups of how it is configured, as the job's own engine makes them. */
import {
  ApplicationAutoScalingClient,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateClusterCommand, CreateServiceCommand, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
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
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import type { Json } from '../../functions/engine/remediation.ts';
import { Store } from '../../functions/engine/store.ts';
import { readRuns } from '../../functions/jobs/items.ts';
import type { Job, Verdict } from '../../functions/jobs/job.ts';
import { takeTurn } from '../../functions/jobs/run.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import { jsonReply } from '../../local/gateway/reply.ts';
import { createAcm } from '../../local/stand-ins/acm/acm.ts';
import { createRoute53 } from '../../local/stand-ins/route53/route53.ts';
import { createSsm } from '../../local/stand-ins/ssm/ssm.ts';
import { openTestWorld, REGION } from '../emulator/ecs/support.ts';
import { issueBundle, makeAuthority } from './certificates.ts';
import { journalTable } from './engine-world.ts';
import { config as base, certificate, service } from './fixtures.ts';

export const BUCKET = `nightshift-test-000000000000-${REGION}`;
export const PLANTED = 'planted-value-that-nobody-may-see';
/** More than one page of Route 53 (300). */
export const RECORDS = 320;

interface Recorded {
  readonly eventName: string;
  readonly eventTime: string;
  readonly userIdentity: { readonly arn: string };
  readonly requestParameters: object;
}

export type ConfigurationWorld = Awaited<ReturnType<typeof openConfigurationWorld>>;

/** The environment is pointed at it, so that production code can be called as it is. */
export async function openConfigurationWorld() {
  const w = await openTestWorld();
  const upstream = (await startMinistack(w.world, { endpointUrl: w.gateway.url })).url;
  w.gateway.upstreamUrl = upstream;
  const route53 = createRoute53(w.world, { metrics: w.cloudwatch, checkEveryMs: 60_000 });
  w.gateway.register(route53);
  w.gateway.register(createSsm(w.gateway));
  const acm = createAcm(w.world, {
    metrics: w.cloudwatch,
    events: { publish: async () => ({ id: '1' }) },
    cname: () => undefined,
  });
  w.gateway.register(acm);
  /** What CloudTrail has recorded ("LookupEvents": by the call's name, from a time on). */
  const trail: Recorded[] = [];
  w.gateway.register({
    services: ['cloudtrail'],
    handle: async (call) => {
      const { LookupAttributes = [], StartTime = 0 } = call.params as {
        readonly LookupAttributes?: readonly { readonly AttributeValue: string }[];
        readonly StartTime?: number;
      };
      const found = trail.filter(
        ({ eventName, eventTime }) =>
          LookupAttributes.some(({ AttributeValue }) => AttributeValue === eventName) &&
          Date.parse(eventTime) >= StartTime * 1000,
      );
      return jsonReply(call, { Events: found.map((each) => ({ CloudTrailEvent: JSON.stringify(each) })) });
    },
  });
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
  const store = new Store('journal', dynamodb);
  await fetch(`${upstream}/${BUCKET}`, { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  const clients = {
    scaling: new ApplicationAutoScalingClient(w.config),
    route53: new Route53Client(w.config),
    ssm: new SSMClient(w.config),
    events: new EventBridgeClient(w.config),
    states: new SFNClient(w.config),
    secrets: new SecretsManagerClient(w.config),
    ...w.clients,
  };
  const zone = await seed(clients);
  const bundle = await issueBundle(await makeAuthority(), { domains: ['imported.example.com'], days: 90 });
  const imported = acm.import(bundle.certificate, bundle.privateKey, bundle.chain);
  const issued = acm.issue({ domains: ['shop.example.com', 'www.example.com'], daysLeft: 200, method: 'DNS' });
  const config: RuntimeConfig = {
    ...base,
    region: REGION,
    services: { backend: { ...service, minTasks: 1, maxTasks: 4 } },
    certificates: {
      shop: { ...certificate, name: 'shop', arn: issued },
      imported: { ...certificate, name: 'imported', arn: imported },
    },
    configurationBackup: {
      ...{ zones: [zone], parameters: ['/orders/'], alarms: ['mine-'], rules: ['orders-'], stateMachines: ['orders-'] },
      lockDays: 35,
    },
  };
  const job = (await import('../../functions/jobs/back-up-configuration/handler.ts')).job as unknown as Job<Json>;
  let days = 0;
  /** One run to its end, a day after the one before. */
  async function backUp(): Promise<Verdict> {
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
  return {
    ...{ w, upstream, store, config, zone, clients, backUp, acm, trail, bundle, certificates: { issued, imported } },
    release: (image: string) => release(clients.ecs, image),
    async close() {
      for (const client of [dynamodb, ...Object.values(clients)]) client.destroy();
      await w.close();
    },
  };
}

type Clients = {
  readonly scaling: ApplicationAutoScalingClient;
  readonly route53: Route53Client;
  readonly ssm: SSMClient;
  readonly events: EventBridgeClient;
  readonly states: SFNClient;
  readonly secrets: SecretsManagerClient;
} & Awaited<ReturnType<typeof openTestWorld>>['clients'];

/** @returns the id of its zone. */
async function seed({ ecs, cloudwatch, scaling, route53, ssm, events, states, secrets }: Clients): Promise<string> {
  await ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  await release(ecs, 'one');
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
const release = (ecs: Clients['ecs'], image: string) =>
  ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'backend',
      containerDefinitions: [
        { name: 'backend', image, environment: [{ name: 'TOKEN', value: PLANTED }], command: ['serve', PLANTED] },
      ],
    }),
  );
