/** A release whose tasks fail their health checks: ECS calls their start impaired, and the release before it comes back. */
import { createLoad } from '../../services/load.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import {
  firstChange,
  msToResolved,
  startOfScenario,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { deploy, presentRevision, release, untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario } from '../types.ts';

const RUNBOOK = 'roll-back-deployment';
const TARGET = `ecs-service/${DEMO.cluster}/${DEMO.service}`;
/** Three tasks have to fail, with ECS's pauses between them. */
const IMPAIRED_WITHIN_MS = 60_000;

export const scenario: Scenario<World> = {
  name: 'bad-deployment',
  groups: ['alerts'],
  rank: 10,
  summary: 'a release fails its health checks; the service goes back to the release that was steady before',
  targets: [TARGET],
  uses: [TARGET],
  timeLimitMs: 240_000,
  run: async (world, stage): Promise<Figures> => {
    await untilQuiet(world, stage, TARGET, RUNBOOK);
    await untilTasks(world, stage, DEMO.tasks, 60_000);
    const good = await presentRevision(world);
    stage.restore('the release that was steady', async () => {
      if ((await presentRevision(world)) !== good) await deploy(world, good);
    });
    const load = createLoad({ url: world.ecs.serviceUrl(DEMO.cluster, DEMO.service), requestsPerSecond: 5 });
    stage.restore('the load', () => load.stop());
    const since = startOfScenario();
    await release(world, { name: `bad-${since}`, environment: { SERVICE_FAIL_HEALTH: '1' } });
    stage.step('a release is deployed whose tasks fail their health checks');
    const change = await stage.until(
      'Nightshift to roll the service back',
      () => firstChange(world, { service: 'ecs', operation: 'UpdateService', resource: DEMO.service, since }),
      { withinMs: IMPAIRED_WITHIN_MS },
    );
    const { id, openedAt } = await untilIncident(world, stage, TARGET, since);
    stage.step('Nightshift has rolled it back');
    await untilTasks(world, stage, DEMO.tasks, 60_000);
    expectThat((await presentRevision(world)) === good, `expected ${good} to run again`);
    const resolved = await untilResolved(world, stage, id);
    const { failed, ok } = load.stats();
    expectThat(failed === 0 && ok > 0, `expected the old tasks to serve meanwhile, but ${failed} requests failed`);
    return {
      incidentId: id,
      deployedToRolledBackMs: Date.parse(change.at) - since,
      incidentToResolvedMs: msToResolved(resolved, Date.parse(openedAt)),
      requestsFailed: failed,
    };
  },
};
