/** One of three tasks fails its health checks while ECS ignores them: the load balancer sends it nothing, and nobody replaces it. */
import { DEMO } from '../../services/seed.ts';
import { askFor, targetOf, tasksOf } from '../../services/troubled.ts';
import { untilTasks } from '../support/service.ts';
import { changesSince, play } from '../support/trouble.ts';
import { expectThat } from '../types.ts';

const SERVICE = 'images';

export const scenario = play({
  name: 'sick-task',
  rank: 35,
  summary: 'one of three tasks is unhealthy and stays; it is stopped, and another takes its place',
  target: targetOf(SERVICE),
  environment: askFor(SERVICE),
  ends: 'resolved',
  ready: (world, stage) => untilTasks(world, stage, tasksOf(SERVICE), 30_000, SERVICE),
  trouble: async (world, stage) => {
    const [sick] = world.ecs.processes(DEMO.cluster, SERVICE);
    expectThat(sick?.pid !== undefined, 'expected a task with a process');
    process.kill(sick.pid, 'SIGUSR2');
    stage.step('one of its tasks fails its health checks from now on');
  },
  after: async (world, stage, { since }) => {
    await untilTasks(world, stage, tasksOf(SERVICE), 30_000, SERVICE);
    const changes = changesSince(world, '', since).filter((operation) => operation === 'StopTask');
    expectThat(changes.length === 1, `expected one task to be stopped, but it was ${changes.length}`);
    return { stopped: changes.length };
  },
});
