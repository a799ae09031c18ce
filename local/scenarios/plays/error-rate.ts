/** A release that starts well and answers its clients with errors. */
import { createLoad } from '../../services/load.ts';
import { DEMO } from '../../services/seed.ts';
import { badRelease } from '../support/release.ts';

export const scenario = badRelease(
  { name: 'error-rate', rank: 31, summary: 'a release answers with errors; the release before comes back' },
  'checkout',
  { SERVICE_FAIL_REQUESTS: '1' },
  async (world, stage) => {
    const load = createLoad({ url: world.ecs.serviceUrl(DEMO.cluster, 'checkout'), requestsPerSecond: 5 });
    stage.restore('the load', () => load.stop());
  },
);
