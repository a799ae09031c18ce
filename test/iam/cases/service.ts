/** The paths of scale-out-service that the demo doesn't take. */

import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import { setTasks, untilTasks } from '../../../local/scenarios/support/service.ts';
import type { Scenario } from '../../../local/scenarios/types.ts';
import { DEMO } from '../../../local/services/seed.ts';
import type { World } from '../../../local/world/world.ts';
import { autoScale, CPU_ALARM, fire, nextCall, PUBLISHER, SCALE_OUT, SERVICE_TARGET } from './support.ts';

const RUNBOOK = 'scale-out-service';
const base = { groups: [], targets: [SERVICE_TARGET], uses: [SERVICE_TARGET, DATABASE_TARGET], timeLimitMs: 120_000 };

/** A person is called: the publisher reads the incident and publishes to the page topic. */
const escalated: Scenario<World> = {
  ...base,
  name: 'escalated',
  summary: 'the service may not have more tasks, so a person is paged',
  rank: 1,
  run: async (world, stage) => {
    await untilQuiet(world, stage, SERVICE_TARGET, RUNBOOK);
    await autoScale(world, stage, DEMO.tasks, DEMO.tasks);
    const paged = nextCall(world, stage, PUBLISHER, 'Publish');
    await fire(world, CPU_ALARM);
    await paged;
    return {};
  },
};

/** Where auto scaling owns the count its minimum is raised, and handed back. */
const autoScaled: Scenario<World> = {
  ...base,
  name: 'auto-scaled',
  summary: 'the service is auto-scaled: its minimum is raised and handed back',
  rank: 2,
  run: async (world, stage) => {
    await untilQuiet(world, stage, SERVICE_TARGET, RUNBOOK);
    stage.restore('two tasks', () => setTasks(world, DEMO.tasks));
    await autoScale(world, stage, DEMO.tasks, 8);
    const raised = nextCall(world, stage, SCALE_OUT, 'RegisterScalableTarget');
    await fire(world, CPU_ALARM);
    await raised;
    await untilTasks(world, stage, DEMO.tasks + 1, 20_000);
    await nextCall(world, stage, SCALE_OUT, 'RegisterScalableTarget');
    return {};
  },
};

export const SERVICE_CASES = [escalated, autoScaled];
