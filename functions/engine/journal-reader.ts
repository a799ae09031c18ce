/** Reading incidents from the journal, for the command line, notifications and reports. */
import type { IncidentWithTimeline, JournalEntry } from '../../events/journal.ts';
import { entryKey, incidentsPartition } from './items.ts';
import { reduceIncident } from './reducer.ts';
import type { Store } from './store.ts';

/**
 * One incident with its timeline.
 * @param id Whole id, as in the listing.
 */
export async function readIncident(store: Store, id: string): Promise<IncidentWithTimeline | undefined> {
  return reduceIncident(await readEntries(store, id));
}

/** All entries of an incident, by id. */
export async function readEntries(store: Store, id: string): Promise<JournalEntry[]> {
  const items = await store.query(
    {
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: entryKey(id, '').pk } },
      ConsistentRead: true,
    },
    // All of them: without the last ones an incident that is over would look open.
    Number.POSITIVE_INFINITY,
  );
  return items.map(asEntry);
}

export function asEntry(item: Record<string, unknown>): JournalEntry {
  const { id, incidentId, at, kind, by, summary, data } = item as unknown as JournalEntry;
  return { id, incidentId, at, kind, by, summary, data };
}

export interface Listing {
  readonly limit?: number;
  /** How many calendar months back from `now` are looked through (the index has one partition a month). */
  readonly months?: number;
  readonly now?: Date;
}

/** Incidents, newest first, each read whole. */
export async function listIncidents(store: Store, listing: Listing = {}): Promise<IncidentWithTimeline[]> {
  const incidents = await Promise.all((await listIncidentIds(store, listing)).map((id) => readIncident(store, id)));
  return incidents.filter((incident) => incident !== undefined);
}

/** Newest first. */
export async function listIncidentIds(store: Store, listing: Listing = {}): Promise<string[]> {
  const { limit = 50, months = 2, now = new Date() } = listing;
  const ids: string[] = [];
  for (let back = 0; back < months && ids.length < limit; back++) {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString();
    const items = await store.query(
      {
        IndexName: 'incidents',
        KeyConditionExpression: 'incidentsPk = :month',
        ExpressionAttributeValues: { ':month': { S: incidentsPartition(month) } },
        ScanIndexForward: false,
      },
      limit - ids.length,
    );
    for (const item of items) ids.push(String(item.incidentId));
  }
  return ids;
}
