/** In observe mode functions look and write down what they would do. */
import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import type { Scenario, Stage } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import { CONNECTIONS_ALARM, CPU_ALARM, fillConnections, fire, RELEASE, SCALE_OUT, SERVICE_TARGET } from './support.ts';

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
  uses: [target],
  timeLimitMs: 90_000,
  run: async (world, stage) => {
    await prepare(world, stage);
    // An alarm that was never judged before is looked at again first, and an alarm that fires already tells nothing new.
    const state = () => world.alarms.changes().findLast(({ alarmName }) => alarmName === alarm)?.state;
    await stage.until(`${alarm} to be judged`, () => (state() === undefined ? undefined : true), { withinMs: 45_000 });
    if (state() === 'OK') await fire(world, alarm);
    await stage.until(`${caller} to say what it would do`, async () =>
      (await world.lambda.logs(caller)).includes('"kind":"would-act"') ? true : undefined,
    );
    return {};
  },
});

export const OBSERVE_CASES = [
  observed('observe-service', CPU_ALARM, SCALE_OUT, SERVICE_TARGET, async () => {}),
  observed('observe-database', CONNECTIONS_ALARM, RELEASE, DATABASE_TARGET, fillConnections),
];
