/** A drill as its schedule starts it: a plan is rehearsed on a service that is well, is measured, and changes nothing. */
import { timeIn } from '../../../functions/jobs/drill/decide.ts';
import { readRun } from '../../../functions/recovery/items.ts';
import { manifest } from '../../../functions/recovery/service-recovery/manifest.ts';
import { DRILLS } from '../../services/drills.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { runJob } from '../support/backups.ts';
import { startOfScenario } from '../support/incidents.ts';
import { storeOf, watchingClient } from '../support/plans.ts';
import { untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const TARGET = `ecs-service/${DEMO.cluster}/${DEMO.service}`;
const JOB_TARGET = `job/drill/${DRILLS.name}`;
const REQUESTS_PER_SECOND = 5;

export const scenario: Scenario<World> = {
  name: 'drill',
  groups: ['plans'],
  // First, while nothing is red.
  rank: 1,
  summary: 'a recovery plan is rehearsed as its schedule does it, measured against its targets, and changes nothing',
  targets: [JOB_TARGET],
  uses: [TARGET, JOB_TARGET],
  timeLimitMs: 300_000,
  environment: { [DRILLS.switch]: '1' },
  run: async (world, stage: Stage): Promise<Figures> => {
    await untilTasks(world, stage, DEMO.tasks, 30_000);
    const client = watchingClient(world.ecs.serviceUrl(DEMO.cluster, DEMO.service), REQUESTS_PER_SECOND);
    stage.restore('the client', () => client.stop());
    const since = startOfScenario();
    const { verdict, startedAt, endedAt = startedAt } = await runJob(world, stage, 'drill', DRILLS.name);
    client.stop();
    expectThat(verdict?.kind === 'passed', `expected the drill to pass, but it ${verdict?.kind}: ${verdict?.summary}`);
    stage.step(verdict.summary);
    const rehearsal = await readRun(storeOf(world), manifest.name, String(verdict.report.execution));
    expectThat(
      rehearsal?.verdict === 'rehearsed' && rehearsal.targets.length === 0,
      `expected a rehearsal that has nothing in hand, but it came to ${rehearsal?.verdict}`,
    );
    const changes = world.gateway
      .calls()
      .filter(
        ({ at, changing, service, caller }) =>
          changing && service === 'ecs' && Date.parse(at) >= since && caller === `nightshift-demo-${manifest.name}`,
      );
    expectThat(changes.length === 0, `expected no change, but there were ${changes.length}`);
    const recoveryTimeMs = timeIn(verdict.report) ?? Number.NaN;
    return {
      recoveryTimeMs,
      targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
      dataLossMs: 0,
      /** The job around the rehearsal: looking for trouble, starting it, judging it. */
      addedMs: endedAt - startedAt - recoveryTimeMs,
      waitScale: 1,
      clientDowntimeMs: client.downtimeMs(),
      rowsLost: 0,
    };
  },
};
