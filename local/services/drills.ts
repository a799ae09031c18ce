/** Drills of the demo's recovery plans. Only where a scenario asks for it. */
import type { ConfigInput } from '../../infra/config/schema.ts';

export const DRILLS = {
  /** Set to have them. */
  switch: 'NIGHTSHIFT_DEMO_DRILLS',
  /** Name of the one there is. */
  name: 'backend',
} as const;

/** The part of the configuration that says so: nothing where no scenario asks. */
export const demoDrills = (environment: NodeJS.ProcessEnv): Pick<ConfigInput, 'drills'> =>
  environment[DRILLS.switch] === undefined
    ? {}
    : {
        drills: {
          [DRILLS.name]: { plan: 'service-recovery', input: { service: 'backend' }, recheckAfterSeconds: 5 },
        },
      };
