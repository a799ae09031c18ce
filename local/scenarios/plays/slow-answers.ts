/** More requests than one task answers in time: clients wait long before CPU is called high, and another task makes them wait less. */
import { createLoad } from '../../services/load.ts';
import { DEMO } from '../../services/seed.ts';
import { askFor, targetOf, tasksOf } from '../../services/troubled.ts';
import { serviceState, untilTasks } from '../support/service.ts';
import { changesSince, play } from '../support/trouble.ts';
import { expectThat } from '../types.ts';

const SERVICE = 'catalog';
/** 104 % of one task, 52 % of two. */
const PER_SECOND = 26;

export const scenario = play({
  name: 'slow-answers',
  rank: 33,
  summary: 'clients of a service wait too long; it gets another task for a while',
  target: targetOf(SERVICE),
  environment: askFor(SERVICE),
  ends: 'resolved',
  ready: (world, stage) => untilTasks(world, stage, tasksOf(SERVICE), 60_000, SERVICE),
  trouble: async (world, stage) => {
    const url = world.ecs.serviceUrl(DEMO.cluster, SERVICE);
    const load = createLoad({ url, requestsPerSecond: PER_SECOND });
    stage.restore('the load', () => load.stop());
    stage.step(`${PER_SECOND} requests a second come to one task`);
  },
  after: async (world, _, { since }) => {
    const { desired } = await serviceState(world, SERVICE);
    expectThat(desired > tasksOf(SERVICE), `expected more tasks than ${tasksOf(SERVICE)}, but ${desired} are wanted`);
    const [first] = changesSince(world, SERVICE, since);
    expectThat(first === 'UpdateService', `expected a change of the service, but it was ${first}`);
    return { tasks: desired };
  },
});
