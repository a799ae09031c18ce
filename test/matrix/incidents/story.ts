/** Incidents in the journal as remediations leave them, some time ago. */

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { ulid } from 'ulid';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { followKey } from '../../../functions/engine/following.ts';
import { NEW_TARGET, type TargetItem } from '../../../functions/engine/items.ts';
import { readEntries } from '../../../functions/engine/journal-reader.ts';
import { putEntry, putTarget } from '../../../functions/engine/writes.ts';
import { REMEDIATION } from './site.ts';
import type { Site } from './types.ts';

const MINUTE_MS = 60_000;

/** Id of an incident that was opened so many minutes ago. */
export const incidentOf = (minutesAgo: number): string => `inc-${ulid(Date.now() - minutesAgo * MINUTE_MS)}`;
/** The target that only this incident is about. */
export const targetOf = (incidentId: string): string => `ecs-service/orders/${incidentId}`;
export const alarmOf = (incidentId: string): string =>
  `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${incidentId}-cpu`;

type Line = readonly [minutesAgo: number, kind: EntryKind, data?: Record<string, unknown>];

/** The lines of an incident after its opening and its signal, written to the journal. */
export async function tell(
  { store }: Site,
  incidentId: string,
  openedMinutesAgo: number,
  lines: readonly Line[],
  target = targetOf(incidentId),
): Promise<JournalEntry[]> {
  const opening: Line[] = [
    [openedMinutesAgo, 'opened', { title: `${incidentId} is slow`, target, severity: 'P2', remediation: REMEDIATION }],
    [openedMinutesAgo, 'signal', { subject: alarmOf(incidentId), alarmArn: alarmOf(incidentId), state: 'firing' }],
  ];
  const now = Date.now();
  const entries = [...opening, ...lines].map(([minutesAgo, kind, data = {}], place): JournalEntry => {
    // A millisecond apart, so that their ids sort as they are written here.
    const at = now - minutesAgo * MINUTE_MS + place;
    const summary = `${kind} of ${incidentId}`;
    return { id: ulid(at), incidentId, at: new Date(at).toISOString(), kind, by: REMEDIATION, summary, data };
  });
  for (const entry of entries) await store.transact([putEntry(store.table, entry)]);
  return entries;
}

/** The target's item, with the incident open on it. */
export async function open({ store }: Site, incidentId: string, over: Partial<TargetItem> = {}): Promise<void> {
  const item = {
    ...NEW_TARGET,
    openIncidentId: incidentId,
    alarms: { [alarmOf(incidentId)]: 'ALARM' as const },
    ...over,
  };
  await store.transact([putTarget(store.table, targetOf(incidentId), 0, item)]);
}

/** From now on the reconciler doesn't find the incident as one that nobody follows. */
export async function endFollowing({ store, place }: Site, incidentId: string): Promise<void> {
  const ended = { ...followKey(incidentId), incidentId, version: 1, generation: 0, endedAt: Date.now() };
  await place.clients.journal.send(new PutItemCommand({ TableName: store.table, Item: marshall(ended) }));
}

/** Entries of one kind that the journal holds by now. */
export async function entriesOf({ store }: Site, incidentId: string, kind: EntryKind): Promise<JournalEntry[]> {
  return (await readEntries(store, incidentId)).filter((entry) => entry.kind === kind);
}

/** A sentence when something isn't there as often as it should be. */
export function counted(what: string, found: number, least: number, most = least): string[] {
  if (found >= least && found <= most) return [];
  return [`${what}: ${found} times, expected ${least === most ? least : `${least} to ${most}`}`];
}
