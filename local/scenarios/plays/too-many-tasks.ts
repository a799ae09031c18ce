/** Somebody gave a service three tasks and forgot about it: its load needs one, and nothing is wrong. */
import { askFor, targetOf, tasksOf } from '../../services/troubled.ts';
import { setTasks, untilTasks } from '../support/service.ts';
import { changesSince, play } from '../support/trouble.ts';
import { expectThat } from '../types.ts';

const SERVICE = 'labels';

export const scenario = play({
  name: 'too-many-tasks',
  rank: 36,
  summary: 'a service has more tasks than its load needs; they are taken away again',
  target: targetOf(SERVICE),
  environment: askFor(SERVICE),
  ends: 'resolved',
  ready: (world, stage) => untilTasks(world, stage, tasksOf(SERVICE), 60_000, SERVICE),
  trouble: async (world, stage) => {
    stage.restore('the tasks that it had', () => setTasks(world, tasksOf(SERVICE), SERVICE));
    await setTasks(world, 3, SERVICE);
    stage.step('it gets three tasks');
  },
  after: async (world, stage, { since }) => {
    await untilTasks(world, stage, tasksOf(SERVICE), 60_000, SERVICE);
    // Its tasks need memory for themselves, so it may take more than one step.
    const changes = new Set(changesSince(world, SERVICE, since));
    expectThat(changes.has('UpdateService'), `expected a change of the service, but it was ${[...changes].join(', ')}`);
    return { tasks: tasksOf(SERVICE) };
  },
});
