/**
 * The announcer: it chains what the journal's stream tells (functions/engine/chain.ts) and puts what people care about on Nightshift's bus. It reads
 * the stream beside the publisher and not inside it, so that nothing here ever delays a page (docs/decisions/0040, 0065).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import middy from '@middy/core';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, Context as LambdaContext } from 'aws-lambda';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { unmarshall } from '../../engine/attributes.ts';
import type { Written } from '../../engine/chain.ts';
import { linkEntries } from '../../engine/chain-store.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { EngineError } from '../../engine/errors.ts';
import type { EscalationRules } from '../../engine/escalation.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { asEntry, readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import { reduceIncident } from '../../engine/reducer.ts';
import { Store } from '../../engine/store.ts';
import { announcementOf } from './event.ts';
import { type PutOptions, putAnnouncements } from './put-events.ts';

export interface AnnouncerContext extends PutOptions {
  readonly store: Store;
  readonly deployment: string;
  readonly region: string;
  readonly rules: EscalationRules;
}

/** An entry of the batch. */
interface Told extends Written {
  readonly sequenceNumber: string;
}

/** What became of one incident's entries of the batch. */
interface Chained {
  readonly incidentId: string;
  /** Undefined when it couldn't be read. */
  readonly incident?: IncidentWithTimeline | undefined;
  readonly isRead: boolean;
  readonly error?: unknown;
}

/** Incidents are independent of each other; so many are chained side by side. */
const AT_ONCE = 8;

/**
 * Chains and tells the entries of one batch in their order. The first that failed is reported, and Lambda delivers again from there: what was linked
 * and told before is recognised by its id. After the last retry the failure queue says when it was written, and `nightshift dlq redrive` reads it from the journal (docs/decisions/0227).
 */
export async function announce(
  records: readonly DynamoDBRecord[],
  context: AnnouncerContext,
): Promise<DynamoDBBatchResponse> {
  const told = records.map(toldBy).filter((each) => each !== undefined);
  const chained = await chainAll(told, context.store);
  const unchained = firstOf(told, (id) => isWorthRepeating(chained.get(id)?.error));
  const unreadable = firstOf(told, (id) => chained.get(id)?.isRead === false);
  const untold = await tell(told.slice(0, unreadable), chained, context);
  const failed = told[Math.min(unchained, unreadable, untold)];
  return { batchItemFailures: failed ? [{ itemIdentifier: failed.sequenceNumber }] : [] };
}

function toldBy({ eventName, dynamodb }: DynamoDBRecord): Told | undefined {
  const image = dynamodb?.NewImage;
  if (eventName !== 'INSERT' || !image) return undefined;
  const item = unmarshall(image as Record<string, AttributeValue>) as unknown as JournalEntry & { sk: string };
  if (!item.sk?.startsWith('ENTRY#')) return undefined;
  const seconds = dynamodb.ApproximateCreationDateTime;
  return {
    entry: asEntry({ ...item }),
    sequenceNumber: dynamodb.SequenceNumber ?? '',
    ...(seconds !== undefined && { writtenAt: new Date(seconds * 1000).toISOString() }),
  };
}

/** Place of the first entry whose incident is meant; `Infinity` when there is none. */
function firstOf(told: readonly Told[], isMeant: (incidentId: string) => boolean): number {
  const index = told.findIndex(({ entry }) => isMeant(entry.incidentId));
  return index < 0 ? Number.POSITIVE_INFINITY : index;
}

/** What repeating can't mend would only hold up what comes after it; the chain's check names the gap. */
const isWorthRepeating = (error: unknown): boolean =>
  error !== undefined && (!(error instanceof EngineError) || error.retryable);

async function chainAll(told: readonly Told[], store: Store): Promise<Map<string, Chained>> {
  const byIncident = Map.groupBy(told, ({ entry }) => entry.incidentId);
  const waiting = [...byIncident];
  const chained = new Map<string, Chained>();
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) chained.set(next[0], await chainOne(store, ...next));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return chained;
}

/** A chain that can't be written doesn't keep people from being told. */
async function chainOne(store: Store, incidentId: string, told: readonly Told[]): Promise<Chained> {
  try {
    const entries = await linkPatiently(store, incidentId, told);
    return { incidentId, incident: reduceIncident(entries), isRead: true };
  } catch (error) {
    log('ERROR', 'a journal entry could not be chained', { incidentId, error: messageOf(error) });
    try {
      return { incidentId, incident: await readIncident(store, incidentId), isRead: true, error };
    } catch (unread) {
      log('ERROR', 'an incident could not be read', { incidentId, error: messageOf(unread) });
      return { incidentId, isRead: false, error };
    }
  }
}

/** Lambda isn't asked to repeat what was refused, so a refusal must not have been a moment's: a gap in the chain stays for ever. */
const LINK_TRIES = 3;
const LINK_PAUSE_MS = 200;

async function linkPatiently(
  store: Store,
  incidentId: string,
  told: readonly Told[],
): Promise<readonly JournalEntry[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await linkEntries(store, incidentId, told);
    } catch (error) {
      if (isWorthRepeating(error) || tries === LINK_TRIES) throw error;
      log('WARN', 'a journal entry was not chained at once', { incidentId, error: messageOf(error) });
      await sleep(LINK_PAUSE_MS * tries);
    }
  }
}

/** Place of the first entry that the bus didn't take; `Infinity` when all were told. */
async function tell(
  told: readonly Told[],
  chained: ReadonlyMap<string, Chained>,
  context: AnnouncerContext,
): Promise<number> {
  const { deployment, region, rules } = context;
  const announcements = told.flatMap(({ entry }, place) => {
    const announcement = announcementOf(entry, chained.get(entry.incidentId)?.incident, { deployment, region, rules });
    return announcement ? [{ place, announcement }] : [];
  });
  const { accepted, error } = await putAnnouncements(
    announcements.map(({ announcement }) => announcement),
    context,
  );
  if (!error) return Number.POSITIVE_INFINITY;
  log('ERROR', 'a journal entry could not be announced', { error: error.message });
  return announcements[accepted]?.place ?? 0;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let context: AnnouncerContext | undefined;

export const handler = middy<DynamoDBStreamEvent, DynamoDBBatchResponse, Error, LambdaContext>().handler((event) => {
  const { name, region, ...rules } = runtimeConfig();
  context ??= {
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    client: new EventBridgeClient(clientDefaults()),
    bus: requiredEnvironment('NIGHTSHIFT_BUS'),
    deployment: name,
    region,
    rules,
  };
  return announce(event.Records, context);
});
