/** Eight requests at once need more memory than a task has: it is killed. Its successors get the next size, and bear them. */
import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { DEMO } from '../../services/seed.ts';
import { askFor, targetOf, tasksOf } from '../../services/troubled.ts';
import type { World } from '../../world/world.ts';
import { deploy, presentRevision, untilTasks } from '../support/service.ts';
import { changesSince, play } from '../support/trouble.ts';
import { expectThat } from '../types.ts';

const SERVICE = 'reports';
const AT_ONCE = 8;

/** @returns how many of them were answered. */
async function askAtOnce(world: World): Promise<number> {
  const url = world.ecs.serviceUrl(DEMO.cluster, SERVICE);
  const ask = () => fetch(url, { signal: AbortSignal.timeout(20_000) }).then(({ ok }) => ok);
  const answers = await Promise.allSettled(Array.from({ length: AT_ONCE }, ask));
  return answers.filter((answer) => answer.status === 'fulfilled' && answer.value).length;
}

export const scenario = play({
  name: 'out-of-memory',
  rank: 34,
  summary: 'a task is killed for want of memory; its service gets tasks of the next size',
  target: targetOf(SERVICE),
  environment: askFor(SERVICE),
  ends: 'resolved',
  ready: (world, stage) => untilTasks(world, stage, tasksOf(SERVICE), 30_000, SERVICE),
  trouble: async (world, stage) => {
    const before = await presentRevision(world, SERVICE);
    stage.restore('the size that it had', async () => {
      if ((await presentRevision(world, SERVICE)) !== before) await deploy(world, before, SERVICE);
    });
    expectThat((await askAtOnce(world)) < AT_ONCE, 'expected the task to be killed by so many requests at once');
    stage.step(`${AT_ONCE} requests came at once, and the task was killed`);
  },
  after: async (world, stage, { since }) => {
    await untilTasks(world, stage, tasksOf(SERVICE), 30_000, SERVICE);
    const taskDefinition = await presentRevision(world, SERVICE);
    const { taskDefinition: found } = await world
      .clients()
      .ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
    const answered = await askAtOnce(world);
    expectThat(answered === AT_ONCE, `expected all of ${AT_ONCE} requests to be answered now, but it was ${answered}`);
    const changes = changesSince(world, SERVICE, since);
    expectThat(changes.includes('UpdateService'), `expected a change of the service, but it was ${changes.join(', ')}`);
    return { memoryMib: Number(found?.memory) };
  },
});
