/**
 * Heads and links in the journal's table, derived from its stream: `CHAIN#<incident>` holds `HEAD` and one `LINK#<entry>` for each entry. They are
 * for looking and proving; no decision of the engine rests on them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Incident, IncidentWithTimeline, JournalEntry } from '../../events/journal.ts';
import { marshall } from './attributes.ts';
import { type ChainEnd, EMPTY_CHAIN, endOf, extendChain, type Link, type Written } from './chain.ts';
import { RetryableError } from './errors.ts';
import { chainHeadKey, chainLinkKey } from './items.ts';
import { type Listing, listIncidentIds, readEntries, readIncident } from './journal-reader.ts';
import { reduceIncident } from './reducer.ts';
import type { Labelled, Store } from './store.ts';

/** An incident as of its last link. */
export interface Head extends ChainEnd {
  readonly incidentId: string;
  readonly lastEntryId: string;
  /** Absent until its opening was told of. */
  readonly incident?: Incident;
}

export interface Chain {
  readonly head: Head | undefined;
  /** By position. */
  readonly links: readonly Link[];
}

/** @throws EngineError when the table can't be read. */
export async function readChain(store: Store, incidentId: string): Promise<Chain> {
  const { pk } = chainHeadKey(incidentId);
  const items = await store.query(
    { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: pk } }, ConsistentRead: true },
    Number.POSITIVE_INFINITY,
  );
  const head = items.find(({ sk }) => sk === chainHeadKey(incidentId).sk);
  const links = items.filter((item) => item !== head).map(asLink);
  return { head: head && asHead(head), links: links.sort((a, b) => a.position - b.position) };
}

function asLink(item: Record<string, unknown>): Link {
  const { position, entryId, at, writtenAt, content, previous, hash } = item as unknown as Link;
  return { position, entryId, at, ...(writtenAt && { writtenAt }), content, previous, hash };
}

function asHead(item: Record<string, unknown>): Head {
  const { incidentId, count, hash, lastEntryId, incident } = item as unknown as Head;
  return { incidentId, count, hash, lastEntryId, ...(incident && { incident }) };
}

/** Heads by incident; one that isn't there yet is absent. At most 100 are read in one call. */
export async function readHeads(store: Store, incidentIds: readonly string[]): Promise<Map<string, Head>> {
  const found = await store.readAll(incidentIds.map(chainHeadKey));
  return new Map([...found.values()].map(asHead).map((head) => [head.incidentId, head]));
}

/**
 * Incidents without their timelines, newest first: those that are over from their heads, which is one read for a hundred; the others, and those whose
 * head isn't there, from their entries, because a head is a moment late.
 */
export async function listSummaries(store: Store, listing: Listing = {}): Promise<Incident[]> {
  const ids = await listIncidentIds(store, listing);
  const heads = await readHeads(store, ids);
  const incidents = await Promise.all(
    ids.map(async (id) => {
      const known = heads.get(id)?.incident;
      return known?.state === 'resolved' ? known : readIncident(store, id);
    }),
  );
  return incidents.filter((incident) => incident !== undefined).map(withoutTimeline);
}

const withoutTimeline = ({ timeline: _timeline, ...incident }: Incident & { timeline?: unknown }): Incident => incident;

/** Of one transaction ("TransactWriteItems": at most 100 actions); one of them is the head. */
const LINKS_AT_ONCE = 90;
const ROUNDS = 5;
const PAUSE_MS = 50;

/**
 * Links what the stream told of one incident, in that order, behind what is linked already. What has its link keeps it, so the same records
 * again, or a part of them, or later than others, change nothing that stands.
 * @returns the incident's entries as the journal holds them now.
 * @throws EngineError when the table can't be read or written; what was linked before stays.
 */
export async function linkEntries(
  store: Store,
  incidentId: string,
  written: readonly Written[],
  random: () => number = Math.random,
): Promise<readonly JournalEntry[]> {
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await sleep(random() * PAUSE_MS * 2 ** round);
    const [entries, chain] = await Promise.all([readEntries(store, incidentId), readChain(store, incidentId)]);
    const known = new Set(chain.links.map(({ entryId }) => entryId));
    const fresh = [...new Map(written.map((each) => [each.entry.id, each])).values()].filter(
      ({ entry }) => !known.has(entry.id),
    );
    const links = extendChain(incidentId, chain.head ?? EMPTY_CHAIN, fresh);
    if (
      await append(store, incidentId, { before: chain.head ?? EMPTY_CHAIN, links, incident: reduceIncident(entries) })
    )
      return entries;
  }
  throw new RetryableError(`${incidentId}: its chain is being written by others`);
}

interface Addition {
  readonly before: ChainEnd;
  readonly links: readonly Link[];
  readonly incident: IncidentWithTimeline | undefined;
}

/** False when somebody else wrote the chain meanwhile. */
async function append(store: Store, incidentId: string, { before, links, incident }: Addition): Promise<boolean> {
  let end = before;
  for (let from = 0; from < links.length; from += LINKS_AT_ONCE) {
    const part = links.slice(from, from + LINKS_AT_ONCE);
    const next = endOf(part);
    const items = [
      putHead(store.table, incidentId, { end, next, part, incident }),
      ...part.map((link) => putLink(store.table, incidentId, link)),
    ];
    const result = await store.transact(items);
    if (!result.ok) return false;
    end = next;
  }
  return true;
}

const putLink = (table: string, incidentId: string, link: Link): Labelled => ({
  label: 'link',
  item: {
    Put: {
      TableName: table,
      Item: marshall({ ...chainLinkKey(incidentId, link.entryId), ...link }),
      ConditionExpression: 'attribute_not_exists(pk)',
    },
  },
});

interface HeadStep {
  readonly end: ChainEnd;
  readonly next: ChainEnd;
  readonly part: readonly Link[];
  readonly incident: IncidentWithTimeline | undefined;
}

/** Replaces the head if it still is the one behind which the links were made. */
function putHead(table: string, incidentId: string, { end, next, part, incident }: HeadStep): Labelled {
  const { timeline: _timeline, ...summary } = incident ?? { timeline: [] };
  const head = {
    ...chainHeadKey(incidentId),
    incidentId,
    ...next,
    lastEntryId: part.at(-1)?.entryId,
    ...(incident && { incident: summary, state: incident.state, severity: incident.severity, target: incident.target }),
  };
  const isFirst = end.count === 0;
  return {
    label: 'head',
    item: {
      Put: {
        TableName: table,
        Item: marshall(head),
        ConditionExpression: isFirst ? 'attribute_not_exists(pk)' : '#count = :count AND #hash = :hash',
        ...(!isFirst && {
          ExpressionAttributeNames: { '#count': 'count', '#hash': 'hash' },
          ExpressionAttributeValues: marshall({ ':count': end.count, ':hash': end.hash }),
        }),
      },
    },
  };
}
