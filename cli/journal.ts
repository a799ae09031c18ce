/** The journal of a place, opened for reading and for the switch. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { listSummaries } from '../functions/engine/chain-store.ts';
import { clientDefaults } from '../functions/engine/clients.ts';
import { readFollowing } from '../functions/engine/following.ts';
import { readIncident } from '../functions/engine/journal-reader.ts';
import { Store } from '../functions/engine/store.ts';
import { getSwitch, setSwitch } from '../functions/engine/switch.ts';
import type { OpenJournal } from './commands/incidents.ts';
import type { OpenLever } from './commands/switch.ts';
import type { Place } from './place.ts';

/** The journal's table of a place, with that place's endpoint and credentials. */
export const openStore = ({ table, clientSettings }: Pick<Place, 'table' | 'clientSettings'>): Store =>
  new Store(table, new DynamoDBClient({ ...clientDefaults(), ...clientSettings }));

export const openJournal: OpenJournal = (place) => {
  const store = openStore(place);
  return {
    listIncidents: () => listSummaries(store),
    readIncident: (id) => readIncident(store, id),
    readFollowing: (id) => readFollowing(store, id),
  };
};

export const openLever: OpenLever = (place) => {
  const store = openStore(place);
  return {
    get: () => getSwitch(store),
    set: (state, by, reason) => setSwitch(store, state, by, reason),
  };
};
