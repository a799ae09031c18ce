/** More customers than two tasks can serve: CPU crosses its threshold, tasks are added, and handed back when the customers are gone. */
import { createLoad, type Load } from '../../services/load.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { DATABASE_TARGET } from '../support/database.ts';
import {
  firstChange,
  msToResolved,
  startOfScenario,
  untilAlarm,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { cpuPercentAfter, serviceState, setTasks, untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const RUNBOOK = 'scale-out-service';
const TARGET = `ecs-service/${DEMO.cluster}/${DEMO.service}`;
const THRESHOLD_PERCENT = 80;
/** Half as many again, at least one more. */
const EXPECTED_TASKS = 3;
/** With the base load, 46 requests a second: about 92 % of two tasks, 61 % of three. */
const SURGE_PER_SECOND = 26;
/** Requests that waited in the overloaded tasks' queues are answered by then. */
const DRAIN_MS = 3_000;

export const scenario: Scenario<World> = {
  name: 'scale-out',
  groups: ['demo'],
  rank: 10,
  summary: 'load rises until two tasks are short of CPU; tasks are added, and handed back afterwards',
  targets: [TARGET],
  // A service isn't scaled out while its database is in trouble, so the database has to be left alone meanwhile.
  uses: [TARGET, DATABASE_TARGET],
  timeLimitMs: 240_000,
  run: async (world, stage) => {
    stage.restore('two tasks', () => restoreTasks(world));
    await untilQuiet(world, stage, TARGET, RUNBOOK);
    await untilTasks(world, stage, DEMO.tasks, 20_000);
    const since = startOfScenario();
    const surge = startSurge(world, stage);
    stage.step(
      `load rises from ${DEMO.baseRequestsPerSecond} to ${DEMO.baseRequestsPerSecond + SURGE_PER_SECOND} requests a second`,
    );
    const firedAt = await untilAlarm(world, stage, RUNBOOK, since);
    const p95BeforeMs = surge.stats().p95Ms;
    stage.step(`clients wait ${Math.round(p95BeforeMs)} ms (95th percentile)`);
    const { id } = await untilIncident(world, stage, TARGET, since);
    const alarmToFirstChangeMs = await untilChanged(world, stage, firedAt);
    await untilTasks(world, stage, EXPECTED_TASKS, 20_000);
    const after = await measureAfter(world, stage, surge, p95BeforeMs);
    const resolved = await untilResolved(world, stage, id);
    const handedBackMs = await endSurge(world, stage, after.surge, id);
    return {
      incidentId: id,
      alarmToFirstChangeMs,
      alarmToResolvedMs: msToResolved(resolved, firedAt),
      ...after.figures,
      p95BeforeMs: Math.round(p95BeforeMs),
      loadBackToHandedBackMs: handedBackMs,
    };
  },
};

/** Clients beyond the base load. Ended with the scenario. */
function startSurge(world: World, stage: Stage): Load {
  const url = world.ecs.serviceUrl(DEMO.cluster, DEMO.service);
  const surge = createLoad({ url, requestsPerSecond: SURGE_PER_SECOND });
  stage.restore('the load', () => surge.stop());
  return surge;
}

/** @returns milliseconds from the alarm's event to Nightshift's call that changed the service. */
async function untilChanged(world: World, stage: Stage, firedAt: number): Promise<number> {
  const change = await stage.until('Nightshift to change the service', () =>
    firstChange(world, { service: 'ecs', operation: 'UpdateService', resource: DEMO.service, since: firedAt }),
  );
  const { desired } = await serviceState(world);
  expectThat(desired === EXPECTED_TASKS, `expected ${EXPECTED_TASKS} tasks to be wanted, but it is ${desired}`);
  return Date.parse(change.at) - firedAt;
}

/** CPU by CloudWatch, and latency as a second crowd of clients of the same size has it: what the first one suffered doesn't count. */
async function measureAfter(
  world: World,
  stage: Stage,
  before: Load,
  p95BeforeMs: number,
): Promise<{ figures: Figures; surge: Load }> {
  const settled = Date.now() + DRAIN_MS;
  await stage.until('queues to drain', () => (Date.now() >= settled ? true : undefined), { everyMs: 100 });
  const surge = startSurge(world, stage);
  before.stop();
  const cpuAfterPercent = await cpuPercentAfter(world, stage, settled);
  const { p95Ms, failed } = surge.stats();
  stage.step(
    `with ${EXPECTED_TASKS} tasks CPU is at ${Math.round(cpuAfterPercent)} %, clients wait ${Math.round(p95Ms)} ms`,
  );
  expectThat(
    cpuAfterPercent < THRESHOLD_PERCENT,
    `expected CPU below ${THRESHOLD_PERCENT} % with ${EXPECTED_TASKS} tasks, but it is ${Math.round(cpuAfterPercent)} %`,
  );
  expectThat(
    p95Ms < p95BeforeMs,
    `expected clients to wait less than before (${Math.round(p95BeforeMs)} ms), but it is ${Math.round(p95Ms)} ms`,
  );
  expectThat(failed === 0, `expected every request to be answered after scaling out, but ${failed} failed`);
  const round = (value: number) => Math.round(value * 10) / 10;
  return { figures: { cpuAfterPercent: round(cpuAfterPercent), p95AfterMs: Math.round(p95Ms) }, surge };
}

/** @returns milliseconds from the end of the surge to two tasks again. */
async function endSurge(world: World, stage: Stage, surge: Load, incidentId: string): Promise<number> {
  const { desired } = await serviceState(world);
  expectThat(
    desired === EXPECTED_TASKS,
    `expected the extra task to stay while the load is high, but ${desired} are wanted`,
  );
  surge.stop();
  stage.step('load falls back');
  stage.doneWith(DATABASE_TARGET);
  const fellAt = Date.now();
  await untilTasks(world, stage, DEMO.tasks, 120_000);
  // The change comes first, then it is written down.
  const handedBack = await stage.until('the hand-back in the timeline', async () =>
    (await world.journal.readIncident(incidentId))?.timeline.find(({ kind }) => kind === 'handed-back'),
  );
  return Date.parse(handedBack.at) - fellAt;
}

/** Only needed when the scenario failed: otherwise Nightshift has handed the task back. */
async function restoreTasks(world: World): Promise<void> {
  const { desired } = await serviceState(world);
  if (desired !== DEMO.tasks) await setTasks(world, DEMO.tasks);
}
