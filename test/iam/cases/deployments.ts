/** The remediations of services that the demo doesn't start: each by an alarm of its own on the demo's service. */
import { DeleteAlarmsCommand, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { RUNBOOK_TAG } from '../../../functions/engine/manifest.ts';
import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import { deploy, presentRevision, release, setTasks, untilTasks } from '../../../local/scenarios/support/service.ts';
import type { Scenario, Stage } from '../../../local/scenarios/types.ts';
import { DEMO } from '../../../local/services/seed.ts';
import type { World } from '../../../local/world/world.ts';
import { fireUntil, nextCall, SERVICE_TARGET } from './support.ts';

interface ServiceCase {
  readonly remediation: string;
  readonly namespace?: string;
  readonly metricName: string;
  /** The changing call that ends the case. */
  readonly operation: string;
  /** What is restored afterwards would look like somebody else's change while its incident is open. */
  readonly healsFirst?: true;
  prepare(world: World, stage: Stage): Promise<void>;
}

const SETTLED_WITHIN_MS = 60_000;
const INSIGHTS = 'ECS/ContainerInsights';

const serviceCase = ({
  remediation,
  namespace = INSIGHTS,
  metricName,
  operation,
  healsFirst,
  prepare,
}: ServiceCase): Scenario<World> => ({
  name: `service-${remediation}`,
  summary: `${remediation} is started by an alarm on ${metricName}`,
  groups: [],
  rank: 3,
  targets: [SERVICE_TARGET],
  uses: [SERVICE_TARGET, DATABASE_TARGET],
  timeLimitMs: 180_000,
  run: async (world, stage) => {
    await untilQuiet(world, stage, SERVICE_TARGET, remediation);
    await untilTasks(world, stage, DEMO.tasks, SETTLED_WITHIN_MS);
    await prepare(world, stage);
    const alarm = await makeAlarm(world, stage, remediation, namespace, metricName);
    await fireUntil(world, alarm, nextCall(world, stage, `nightshift-demo-${remediation}`, operation));
    await setState(world, alarm, 'OK');
    await untilTasks(world, stage, DEMO.tasks, SETTLED_WITHIN_MS);
    if (healsFirst) await untilQuiet(world, stage, SERVICE_TARGET, remediation);
    return {};
  },
});

const setState = (world: World, AlarmName: string, StateValue: 'OK' | 'ALARM') =>
  world.clients().cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'set by a case' }));

/** An alarm that no data ever moves, tagged with the runbook; deleted with the case. */
async function makeAlarm(
  world: World,
  stage: Stage,
  runbook: string,
  Namespace: string,
  MetricName: string,
): Promise<string> {
  const { cloudwatch } = world.clients();
  const AlarmName = `case-${runbook}`;
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName,
      ...{ Namespace, MetricName, Statistic: 'Average', Period: 60, EvaluationPeriods: 1 },
      Dimensions: [
        { Name: 'ClusterName', Value: DEMO.cluster },
        { Name: 'ServiceName', Value: DEMO.service },
      ],
      Threshold: 1e15,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'ignore',
      Tags: [{ Key: RUNBOOK_TAG, Value: runbook }],
      ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
    }),
  );
  await setState(world, AlarmName, 'OK');
  stage.restore(`alarm ${AlarmName}`, async () => {
    await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [AlarmName] }));
  });
  return AlarmName;
}

async function sameRevisionAfterwards(world: World, stage: Stage): Promise<void> {
  const before = await presentRevision(world);
  stage.restore('the release that was there', async () => {
    if ((await presentRevision(world)) !== before) await deploy(world, before);
  });
}

/** A release that works, and is said to be bad. */
async function released(world: World, stage: Stage): Promise<void> {
  await sameRevisionAfterwards(world, stage);
  await release(world, { name: `case-${Date.now()}` });
  await untilTasks(world, stage, DEMO.tasks, SETTLED_WITHIN_MS);
}

/** More tasks than so little load needs. */
async function overProvisioned(world: World, stage: Stage): Promise<void> {
  stage.restore('the base load', () => world.load.setRate(DEMO.baseRequestsPerSecond));
  stage.restore('two tasks', () => setTasks(world, DEMO.tasks));
  world.load.setRate(DEMO.baseRequestsPerSecond / 5);
  await setTasks(world, 2 * DEMO.tasks);
  await untilTasks(world, stage, 2 * DEMO.tasks, SETTLED_WITHIN_MS);
}

/** One task turns sick, and the grace period keeps ECS from replacing it. */
async function sickTask(world: World, stage: Stage): Promise<void> {
  const { ecs } = world.clients();
  const grace = (healthCheckGracePeriodSeconds: number) =>
    ecs.send(new UpdateServiceCommand({ cluster: DEMO.cluster, service: DEMO.service, healthCheckGracePeriodSeconds }));
  stage.restore('no grace period', async () => {
    await grace(0);
  });
  await grace(3_600);
  const [first] = world.ecs.processes(DEMO.cluster, DEMO.service);
  if (first?.pid) process.kill(first.pid, 'SIGUSR2');
}

export const DEPLOYMENT_CASES = [
  serviceCase({
    remediation: 'roll-back-deployment',
    metricName: 'RunningTaskCount',
    operation: 'UpdateService',
    prepare: released,
  }),
  serviceCase({
    remediation: 'restart-service',
    metricName: 'RunningTaskCount',
    operation: 'UpdateService',
    prepare: async () => {},
  }),
  serviceCase({
    remediation: 'scale-in-service',
    namespace: 'AWS/ECS',
    metricName: 'CPUUtilization',
    operation: 'UpdateService',
    healsFirst: true,
    prepare: overProvisioned,
  }),
  // After others, so that there are stopped tasks to be looked at.
  serviceCase({
    remediation: 'raise-task-resources',
    namespace: 'AWS/ECS',
    metricName: 'MemoryUtilization',
    operation: 'UpdateService',
    healsFirst: true,
    prepare: sameRevisionAfterwards,
  }),
  serviceCase({
    remediation: 'stop-unhealthy-task',
    metricName: 'UnHealthyContainerHealthStatus',
    operation: 'StopTask',
    prepare: sickTask,
  }),
];
