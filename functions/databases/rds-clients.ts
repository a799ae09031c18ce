/** Clients of RDS in the function's own region, and in another one where copies of snapshots are. Each is made once for a process. */
import { RDSClient } from '@aws-sdk/client-rds';
import { changingClientDefaults, clientDefaults, onceClientDefaults } from '../engine/clients.ts';

/** @param region undefined: the function's own. */
export type RdsIn = (region?: string) => RDSClient;

function oneEach(defaults: typeof clientDefaults): RdsIn {
  const made = new Map<string | undefined, RDSClient>();
  return (region) => {
    const known = made.get(region);
    if (known) return known;
    const client = new RDSClient({ ...defaults(), ...(region !== undefined && { region }) });
    made.set(region, client);
    return client;
  };
}

/** For reads. */
export const readingRds: RdsIn = oneEach(clientDefaults);
/** For calls that change something. */
export const changingRds: RdsIn = oneEach(changingClientDefaults);
/** For changing calls that must not be repeated: see `sendOnce`. */
export const onceRds: RdsIn = oneEach(onceClientDefaults);
