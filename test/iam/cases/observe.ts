/** In observe mode functions look and write down what they would do. */
import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import type { Scenario, Stage } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import {
  CONNECTIONS_ALARM,
  CPU_ALARM,
  fillConnections,
  fireUntil,
  RELEASE,
  SCALE_OUT,
  SERVICE_TARGET,
} from './support.ts';

const observed = (
  name: string,
  alarm: string,
  caller: string,
  target: string,
  prepare: (world: World, stage: Stage) => Promise<void>,
): Scenario<World> => ({
  name,
  summary: `${caller} looks, and changes nothing`,
  groups: [],
  rank: 1,
  targets: [target],
  // A service isn't scaled out while its database is in trouble.
  uses: [SERVICE_TARGET, DATABASE_TARGET],
  timeLimitMs: 90_000,
  run: async (world, stage) => {
    await prepare(world, stage);
    const seen = stage.until(
      `${caller} to say what it would do`,
      async () => ((await world.lambda.logs(caller)).includes('"kind":"would-act"') ? true : undefined),
      { withinMs: 80_000 },
    );
    // The first evaluation of a new alarm is only looked at again.
    await fireUntil(world, alarm, seen);
    return {};
  },
});

export const OBSERVE_CASES = [
  observed('observe-service', CPU_ALARM, SCALE_OUT, SERVICE_TARGET, async () => {}),
  observed('observe-database', CONNECTIONS_ALARM, RELEASE, DATABASE_TARGET, fillConnections),
];
