/** The plan `service-recovery` on a service that is really sick, in two ways: it has no tasks, then a release that never gets healthy. */
import { readTarget } from '../../../functions/engine/context.ts';
import { toldFrom } from '../../../functions/metrics/newest-period.ts';
import { type RunItem, stepOf } from '../../../functions/recovery/items.ts';
import { manifest } from '../../../functions/recovery/service-recovery/manifest.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { firstChange, startOfScenario, untilQuiet } from '../support/incidents.ts';
import { startPlan, storeOf, tookMs, untilEnded, watchingClient } from '../support/plans.ts';
import { deploy, presentRevision, release, setTasks, untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const PLAN = manifest.name;
const TARGET = `ecs-service/${DEMO.cluster}/${DEMO.service}`;
/** Beside the base load: few enough that two new tasks aren't too few for both. */
const CLIENT_REQUESTS_PER_SECOND = 5;
const ENDED_WITHIN_MS = 120_000;

export const scenario: Scenario<World> = {
  name: 'service-recovery',
  groups: ['plans'],
  rank: 10,
  summary:
    'a service without tasks, then with a release that never gets healthy, is brought back by a plan that a person starts',
  targets: [TARGET],
  uses: [TARGET],
  timeLimitMs: 300_000,
  run: async (world, stage): Promise<Figures> => {
    await untilQuiet(world, stage, TARGET, 'roll-back-deployment');
    await untilTasks(world, stage, DEMO.tasks, 30_000);
    const good = await presentRevision(world);
    stage.restore('the number of tasks', () => setTasks(world, DEMO.tasks));
    stage.restore('the release that was steady', async () => {
      if ((await presentRevision(world)) !== good) await deploy(world, good);
    });
    const figures = await withoutTasks(world, stage);
    const rolledBack = await withBadRelease(world, stage, good);
    const item = await readTarget(storeOf(world), TARGET);
    expectThat(
      item.leaseHolder === undefined,
      `expected nobody to have ${TARGET} in hand, but ${item.leaseHolder} has`,
    );
    return { ...figures, badReleaseRecoveryTimeMs: timeOf(rolledBack) };
  },
};

const timeOf = ({ startedAt, endedAt = startedAt }: RunItem): number => endedAt - startedAt;

async function withoutTasks(world: World, stage: Stage): Promise<Figures> {
  const client = watchingClient(world.ecs.serviceUrl(DEMO.cluster, DEMO.service), CLIENT_REQUESTS_PER_SECOND);
  stage.restore('the client', () => client.stop());
  const since = startOfScenario();
  await setTasks(world, 0);
  await stage.until('the client’s requests to fail', () => client.downtimeMs() > 0 || undefined);
  stage.step('the service has no tasks left: requests fail');
  const run = await startPlan(world, stage, PLAN, { service: 'backend', startedBy: 'person:demo-user' });
  await untilTasks(world, stage, DEMO.tasks, 60_000);
  const steadyAt = Date.now();
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  client.stop();
  expectWell(ended);
  expectThat(
    stepOf(ended, 'restore-configuration').forward?.actedAt !== undefined,
    'expected its number of tasks to be what helped',
  );
  const change = firstChange(world, { service: 'ecs', operation: 'UpdateService', resource: DEMO.service, since });
  stage.step(`recovered: ${ended.summary}`);
  const changedAt = Date.parse(change?.at ?? '');
  const neededMs = steadyAt - changedAt;
  // The step is good once a period's requests tell so: CloudWatch has it no sooner, however often it is asked.
  const untoldMs = Math.max(0, toldFrom(changedAt, DEMO.metricPeriodSeconds * 1000) - steadyAt);
  const settlingMs = untoldMs + tookMs(ended, 'prove');
  return {
    incidentId: ended.incidentId,
    recoveryTimeMs: timeOf(ended),
    targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
    dataLossMs: 0,
    /** Beyond what ECS itself needed, and what was waited for requests to tell how they fare. */
    addedMs: timeOf(ended) - neededMs - settlingMs,
    settlingMs,
    waitScale: 1,
    clientDowntimeMs: client.downtimeMs(),
    rowsLost: 0,
  };
}

async function withBadRelease(world: World, stage: Stage, good: string): Promise<RunItem> {
  const since = startOfScenario();
  await release(world, { name: `sick-${since}`, environment: { SERVICE_FAIL_HEALTH: '1' } });
  const run = await startPlan(world, stage, PLAN, { service: 'backend', startedBy: 'person:demo-user' });
  stage.step('a release is deployed whose tasks fail their health checks, and the plan is started');
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  expectWell(ended);
  expectThat((await presentRevision(world)) === good, `expected ${good} to run again`);
  const others = world.gateway
    .calls()
    .filter(
      ({ at, changing, operation, resource, caller }) =>
        changing &&
        operation === 'UpdateService' &&
        // Other scenarios change other services meanwhile.
        resource.includes(DEMO.service) &&
        Date.parse(at) >= since &&
        caller.startsWith('nightshift-'),
    )
    .map(({ caller }) => caller);
  const own = `nightshift-demo-${PLAN}`;
  expectThat(
    others.every((caller) => caller === own),
    `expected only the plan to change the service meanwhile, but ${others.join(', ')} did`,
  );
  stage.step(`recovered: ${ended.summary}`);
  return ended;
}

const expectWell = ({ verdict, summary }: RunItem): void =>
  expectThat(verdict === 'recovered', `expected the run to recover the service, but it ${verdict}: ${summary}`);
