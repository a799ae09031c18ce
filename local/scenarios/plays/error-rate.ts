/** A release that starts well and answers its clients with errors. */
import { createLoad } from '../../services/load.ts';
import { DEMO } from '../../services/seed.ts';
import { badRelease } from '../support/release.ts';

const SERVICE = 'checkout';
const ALARM = `nightshift-demo-${SERVICE}-errors`;

export const scenario = badRelease(
  { name: 'error-rate', rank: 31, summary: 'a release answers with errors; the release before comes back' },
  SERVICE,
  { SERVICE_FAIL_REQUESTS: '1' },
  async (world, stage) => {
    const load = createLoad({ url: world.ecs.serviceUrl(DEMO.cluster, SERVICE), requestsPerSecond: 5 });
    stage.restore('the load', () => load.stop());
    // An alarm that was never judged before says nothing of what changed: its first evaluation is held.
    await stage.until(
      `alarm ${ALARM} to be OK`,
      () => world.alarms.changes().findLast(({ alarmName }) => alarmName === ALARM)?.state === 'OK' || undefined,
      { withinMs: 90_000 },
    );
  },
);
