/** What is looked at before people are called, of each kind of target: an escalation is written, and the publisher has its target looked at. */
import { entryMaker, newId, putEntry } from '../../../functions/engine/writes.ts';
import { expectThat, type Scenario, type Stage } from '../../../local/scenarios/types.ts';
import { ENDPOINT } from '../../../local/services/endpoint.ts';
import { DEMO } from '../../../local/services/seed.ts';
import type { World } from '../../../local/world/world.ts';
import { journalOf, nextUse, PUBLISHER, SERVICE_TARGET, unlisted } from './support.ts';

const DIAGNOSE = 'nightshift-demo-diagnose';

/** By target, what has to be asked for of it. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  [SERVICE_TARGET]: ['ecs:DescribeServices', 'ecs:ListTasks', 'ecs:DescribeTasks', 'cloudwatch:GetMetricData'],
  'rds-instance/orders-db': ['rds:DescribeDBInstances', 'rds:DescribeEvents'],
  [`dns-endpoint/${ENDPOINT.name}`]: ['route53:GetHealthCheckStatus'],
};

/** An incident of its own, that no other knows of; it ends with the case. */
async function escalate(world: World, stage: Stage, target: string): Promise<void> {
  const store = journalOf(world);
  const id = `inc-${newId(Date.now())}`;
  const make = entryMaker(id, 'scale-out-service', Date.now());
  const opened = make('opened', 'diagnosed', { title: 'diagnosed', target, severity: 'P1' });
  const written = await store.transact([
    unlisted(putEntry(store.table, opened)),
    putEntry(store.table, make('escalated', 'beyond help')),
  ]);
  expectThat(written.ok, `${id} could not be written`);
  stage.restore(id, async () => {
    await store.transact([
      putEntry(store.table, entryMaker(id, 'person:ann', Date.now())('resolved', 'the case is over')),
    ]);
  });
}

const diagnoses: Scenario<World> = {
  name: 'diagnoses',
  summary: 'a service, a database and an endpoint are looked at before people are called for them',
  groups: [],
  rank: 9,
  targets: [],
  // A task of the service is ended.
  uses: [PUBLISHER, SERVICE_TARGET],
  timeLimitMs: 120_000,
  run: async (world, stage) => {
    // A task that has stopped lately, without which there is nothing to describe.
    const [task] = world.ecs.processes(DEMO.cluster, DEMO.service).filter(({ pid }) => pid !== undefined);
    expectThat(task?.pid !== undefined, 'no task of the demo runs');
    process.kill(task?.pid ?? 0, 'SIGKILL');
    await stage.until(
      'the task has stopped',
      () => !world.ecs.processes(DEMO.cluster, DEMO.service).some(({ taskArn }) => taskArn === task?.taskArn),
      { withinMs: 30_000 },
    );
    for (const [target, actions] of Object.entries(ASKED)) {
      const asked = actions.map((action) => nextUse(world, stage, DIAGNOSE, action));
      await escalate(world, stage, target);
      await Promise.all(asked);
    }
    return {};
  },
};

export const DIAGNOSE_CASES = [diagnoses];
