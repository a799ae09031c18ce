/** A release that is bad, and what has to be so once it is taken back. */
import { askFor, type TroubledName, targetOf, tasksOf } from '../../services/troubled.ts';
import type { World } from '../../world/world.ts';
import { expectThat } from '../types.ts';
import { deploy, presentRevision, release, untilTasks } from './service.ts';
import { changesSince, type Plot, play } from './trouble.ts';

/** @param before what is done to the service before the release and goes on while it runs, such as asking it. */
export function badRelease(
  told: Pick<Plot, 'name' | 'rank' | 'summary'>,
  service: TroubledName,
  environment: Readonly<Record<string, string>>,
  before: Plot['ready'] = async () => {},
) {
  let good = '';
  return play({
    ...told,
    ...{ target: targetOf(service), environment: askFor(service), ends: 'resolved' },
    ready: async (world, stage) => {
      await untilTasks(world, stage, tasksOf(service), 60_000, service);
      await before(world, stage);
    },
    trouble: async (world, stage) => {
      good = await presentRevision(world, service);
      stage.restore('the release that was steady', () => goBack(world, service, good));
      await release(world, { name: `bad-${Date.now()}`, environment: { ...environment } }, service);
      stage.step(`a release of ${service} is deployed`);
    },
    after: async (world, stage, { since }) => {
      await untilTasks(world, stage, tasksOf(service), 60_000, service);
      expectThat((await presentRevision(world, service)) === good, `expected ${good} to run again`);
      const changes = changesSince(world, service, since);
      const updates = changes.filter((operation) => operation === 'UpdateService');
      expectThat(updates.length === 1, `expected one change of the service, but it was ${changes.join(', ')}`);
      return {};
    },
  });
}

async function goBack(world: World, service: string, good: string): Promise<void> {
  if ((await presentRevision(world, service)) !== good) await deploy(world, good, service);
}
