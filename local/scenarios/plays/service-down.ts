/** A service's tasks are killed as soon as they run, though nothing was released: automation has nothing to go back to, and a person is called. */

import { DEMO } from '../../services/seed.ts';
import { askFor, targetOf, tasksOf } from '../../services/troubled.ts';
import { untilTasks } from '../support/service.ts';
import { changesSince, play } from '../support/trouble.ts';
import { expectThat } from '../types.ts';

const SERVICE = 'search';
/** Shorter than a task takes to start and be counted. */
const EVERY_MS = 400;

export const scenario = play({
  name: 'service-down',
  rank: 32,
  summary: 'a service has no running task and no release is to blame; a person is called',
  target: targetOf(SERVICE),
  environment: askFor(SERVICE),
  ends: { escalated: /./ },
  ready: (world, stage) => untilTasks(world, stage, tasksOf(SERVICE), 30_000, SERVICE),
  trouble: async (world, stage) => {
    const killing = setInterval(() => {
      for (const { pid } of world.ecs.processes(DEMO.cluster, SERVICE)) if (pid) kill(pid);
    }, EVERY_MS);
    stage.restore('the killing', () => clearInterval(killing));
    stage.step('its tasks are killed as soon as they run');
  },
  after: async (world, _, { since }) => {
    const changes = changesSince(world, SERVICE, since);
    expectThat(changes.length === 0, `expected no change, but Nightshift made ${changes.join(', ')}`);
    return { changes: 0 };
  },
});

/** It may have ended by itself. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
