/** Two scalers of one service, as `nightshift doctor` finds them by the reading calls that it makes on AWS. */
import {
  ApplicationAutoScalingClient,
  DeleteScalingPolicyCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { DeleteAlarmsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { CreateClusterCommand, CreateServiceCommand, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Aws, awsOf } from '../../../cli/doctor/aws.ts';
import { checkAlarms } from '../../../cli/doctor/checks.ts';
import { checkScalers } from '../../../cli/doctor/scalers.ts';
import { DESIRED_COUNT } from '../../../functions/ecs/scalable.ts';
import type { ServiceConfig } from '../../../functions/engine/config.ts';
import { manifest as scaleIn } from '../../../functions/remediations/scale-in-service/manifest.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { config, limits, service as one } from '../../support/fixtures.ts';
import { LOCAL_PLACE } from '../../unit/cli/harness.ts';
import { openTestWorld, type TestWorld } from '../ecs/support.ts';

let world: TestWorld;
let scaling: ApplicationAutoScalingClient;
let aws: Aws;
beforeAll(async () => {
  world = await openTestWorld({ startDelayMs: 10 });
  scaling = new ApplicationAutoScalingClient(world.config);
  const { region, endpoint, credentials } = world.config;
  aws = awsOf({ ...LOCAL_PLACE, region, endpoint, clientSettings: { region, endpoint, credentials } });
  await world.clients.ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  const task = { family: 'task', containerDefinitions: [{ name: 'task', image: 'task:1' }] };
  await world.clients.ecs.send(new RegisterTaskDefinitionCommand(task));
});
afterAll(async () => {
  aws?.destroy();
  scaling?.destroy();
  await world?.close();
});

/** A service without tasks, and its scaling: policies by their names. */
async function scaled(name: string, policies: Readonly<Record<string, Partial<PutScalingPolicyCommandInput>>>) {
  const service = { cluster: 'orders', serviceName: name, taskDefinition: 'task', desiredCount: 0 };
  await world.clients.ecs.send(new CreateServiceCommand(service));
  await scaling.send(new RegisterScalableTargetCommand({ ...targetOf(name), MinCapacity: 0, MaxCapacity: 10 }));
  for (const [PolicyName, policy] of Object.entries(policies))
    await scaling.send(new PutScalingPolicyCommand({ ...targetOf(name), PolicyName, ...policy }));
}
const targetOf = (name: string) => ({ ...DESIRED_COUNT, ResourceId: `service/orders/${name}` });
const remove = (name: string, PolicyName: string) =>
  scaling.send(new DeleteScalingPolicyCommand({ ...targetOf(name), PolicyName }));

const tracking = (TargetValue: number): Partial<PutScalingPolicyCommandInput> => ({
  PolicyType: 'TargetTrackingScaling',
  TargetTrackingScalingPolicyConfiguration: {
    ...{ TargetValue, PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' } },
  },
});
const steps = (ScalingAdjustment: number): Partial<PutScalingPolicyCommandInput> => ({
  PolicyType: 'StepScaling',
  StepScalingPolicyConfiguration: {
    ...{ AdjustmentType: 'ChangeInCapacity', StepAdjustments: [{ MetricIntervalUpperBound: 0, ScalingAdjustment }] },
  },
});

const configured = (name: string, more: Partial<ServiceConfig> = {}) => ({
  name: 'test',
  config: {
    ...config,
    ladders: { [scaleOut.name]: { rungs: [scaleOut.name], startedBy: scaleOut.triggers, severity: 'P2' as const } },
    runbooks: { [scaleOut.name]: limits, [scaleIn.name]: limits },
    services: { [name]: { ...one, cpuAbovePercent: 80, cpuBelowPercent: 0, ...{ name, service: name }, ...more } },
  },
  manifests: [scaleOut, scaleIn],
});
const examine = (name: string, more: Partial<ServiceConfig> = {}) =>
  checkScalers({ aws, deployment: configured(name, more) as never });
const told = async (...asked: Parameters<typeof examine>) =>
  (await examine(...asked)).map(({ verdict, what }) => `${verdict}: ${what}`);

it('doctor names a second scaler of a service, which ends each scale-out of the first, until only one is left [D9, D59]', async () => {
  await scaled('twice', { 'keep-cpu': tracking(60), nightly: steps(-2), burst: steps(3) });
  expect(await examine('twice')).toEqual([
    {
      ...{ check: 'scalers', subject: 'ecs-service/orders/twice', verdict: 'wrong' },
      what: 'nightly takes tasks away by steps, which keep-cpu may add again at once',
      todo: expect.stringContaining('delete nightly (DeleteScalingPolicy)'),
    },
  ]);
  await remove('twice', 'nightly');
  expect(await told('twice')).toEqual([
    'ok: Application Auto Scaling keeps it between 0 and 10 tasks by burst, keep-cpu; Nightshift only raises its minimum for a while',
  ]);
});

it('doctor names two policies that track one metric under different names', async () => {
  const own = {
    Namespace: 'AWS/ECS',
    ...{ MetricName: 'CPUUtilization', Statistic: 'Average' as const, Unit: 'Percent' },
    Dimensions: [
      { Name: 'ServiceName', Value: 'tracked' },
      { Name: 'ClusterName', Value: 'orders' },
    ],
  };
  const customized = {
    PolicyType: 'TargetTrackingScaling' as const,
    TargetTrackingScalingPolicyConfiguration: { TargetValue: 70, CustomizedMetricSpecification: own },
  };
  const requests = {
    ...{ TargetValue: 100 },
    PredefinedMetricSpecification: {
      ...{ PredefinedMetricType: 'ALBRequestCountPerTarget' as const, ResourceLabel: 'app/shop/1/targetgroup/shop/2' },
    },
  };
  await scaled('tracked', {
    ...{ a: tracking(60), b: customized },
    requests: { PolicyType: 'TargetTrackingScaling', TargetTrackingScalingPolicyConfiguration: requests },
  });
  expect(await told('tracked')).toEqual([
    'wrong: a (60) and b (70) track the same metric, AWS/ECS CPUUtilization: only the lower target counts',
  ]);
  await remove('tracked', 'b');
  expect((await examine('tracked')).map(({ verdict }) => verdict)).toEqual(['ok']);
});

it('doctor names target tracking that Nightshift would scale against, and scaling in that can never happen', async () => {
  await scaled('crossed', { 'keep-cpu': tracking(80) });
  expect(await told('crossed', { cpuAbovePercent: 80, cpuBelowPercent: 20 })).toEqual([
    'wrong: keep-cpu keeps AWS/ECS CPUUtilization at 80 %, and scale-out-service is started above 80 %: both would scale it in turns',
    'wrong: scale-in-service is to take tasks away below 20 % of CPU, and never does: Application Auto Scaling owns their number',
  ]);
  expect((await examine('crossed', { cpuAbovePercent: 81, cpuBelowPercent: 0 })).map((each) => each.verdict)).toEqual([
    'ok',
  ]);
});

it('doctor names another deployment that scales the same service', async () => {
  await world.clients.ecs.send(
    new CreateServiceCommand({ cluster: 'orders', serviceName: 'shared', taskDefinition: 'task', desiredCount: 0 }),
  );
  expect(await told('shared')).toEqual(['ok: nothing but Nightshift scales it']);
  const AlarmName = 'nightshift-eu-shared-cpu';
  await world.clients.cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName, Namespace: 'AWS/ECS', MetricName: 'CPUUtilization', Statistic: 'Average', Period: 60 },
      ...{ Threshold: 80, EvaluationPeriods: 5, ComparisonOperator: 'GreaterThanThreshold' },
      Dimensions: [
        { Name: 'ClusterName', Value: 'orders' },
        { Name: 'ServiceName', Value: 'shared' },
      ],
      Tags: [
        { Key: 'nightshift:runbook', Value: scaleOut.name },
        { Key: 'nightshift:deployment', Value: 'eu' },
      ],
    }),
  );
  const seconds = async () => {
    const checks = await checkAlarms({
      aws,
      deployment: configured('shared'),
      place: { region: world.config.region },
    } as never);
    return checks.filter(({ check }) => check === 'scalers').map(({ what }) => what);
  };
  expect(await seconds()).toEqual([
    'the alarm nightshift-eu-shared-cpu has another deployment, eu, answer with scale-out-service, too',
  ]);
  await world.clients.cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [AlarmName] }));
  expect(await seconds()).toEqual([]);
});
