/** Calling people for one entry of the journal: once, unless the function dies between sending and writing it down. */
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { type EscalationRules, isKnownToWhoeverHasIt, pageWaitsUntil } from '../../engine/escalation.ts';
import { entryKey } from '../../engine/items.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import type { Store } from '../../engine/store.ts';
import { putEntry } from '../../engine/writes.ts';
import { pageFor } from './page.ts';

export interface CallContext {
  readonly deployment: string;
  readonly store: Store;
  readonly sns: Pick<SNSClient, 'send'>;
  readonly topics: {
    /** The page topic's ARN. */
    readonly everybody: string;
    /** ARNs of topics that levels have of their own, by level (`2`, `management`). */
    readonly own: Readonly<Record<string, string>>;
  };
  readonly rules: EscalationRules;
  readonly now: () => number;
  /** Has an incident's target looked at, if that can be done in a moment; never fails. @returns whether its timeline may hold something new. */
  readonly diagnose?: (incidentId: string) => Promise<boolean>;
}

/**
 * Pages for an entry that calls people; every other is none of its business.
 * @returns whether a page was sent now.
 * @throws EngineError when the page couldn't be sent: what is written down by then makes the next level be called.
 */
export async function callFor(entry: JournalEntry, context: CallContext): Promise<boolean> {
  if (entry.kind !== 'escalated' && entry.kind !== 'called') return false;
  const { store } = context;
  const mark = markOf(entry, context);
  if (await store.read(entryKey(entry.incidentId, mark.id))) return false;
  const known = await readIncident(store, entry.incidentId);
  const silent = entry.kind === 'escalated' && known ? whyNot(entry, known, context.rules) : undefined;
  const incident = silent ? known : await withDiagnosis(entry, known, context);
  // Meanwhile another delivery may have paged.
  if (incident?.timeline.some(({ id }) => id === mark.id)) return false;
  if (!silent) await send(entry, incident, context);
  const written = silent ? { ...mark, kind: 'note' as const, summary: `nobody is paged: ${silent}` } : mark;
  await store.transact([putEntry(store.table, written)]);
  return !silent;
}

/** Whatever goes wrong with it, the page is sent. A storm is told in one incident and is none of its target's. */
async function withDiagnosis(
  entry: JournalEntry,
  incident: IncidentWithTimeline | undefined,
  { store, diagnose }: CallContext,
): Promise<IncidentWithTimeline | undefined> {
  if (!incident || !diagnose || entry.data.headline !== undefined || entry.data.level === 'management') return incident;
  if (!(await diagnose(entry.incidentId))) return incident;
  try {
    return (await readIncident(store, entry.incidentId)) ?? incident;
  } catch (error) {
    log('WARN', 'a page is sent without the diagnosis', {
      error: error instanceof Error ? error.message : String(error),
    });
    return incident;
  }
}

function markOf(entry: JournalEntry, { rules, now }: CallContext): JournalEntry {
  const { levels } = rules.escalation;
  const { level = 1, name = levels[0]?.name } = entry.kind === 'called' ? entry.data : {};
  const channels = typeof level === 'number' ? (levels[level - 1]?.channels ?? []) : [];
  return {
    id: `${entry.id}-paged`,
    incidentId: entry.incidentId,
    at: new Date(now()).toISOString(),
    kind: 'paged',
    by: 'publisher',
    summary: level === 'management' ? 'management was told' : `level ${level} (${name}) was paged`,
    data: { for: entry.id, level, name, ...(channels.length > 0 && { channels }) },
  };
}

/** Why an escalation pages nobody now; the follow-through calls when the time has come. */
function whyNot(entry: JournalEntry, incident: IncidentWithTimeline, rules: EscalationRules): string | undefined {
  const until = pageWaitsUntil(entry, incident, rules);
  if (until !== undefined)
    return `${incident.severity} waits for business hours, until ${new Date(until).toISOString()}`;
  return isKnownToWhoeverHasIt(entry, incident, rules) ? 'who has it in hand knows' : undefined;
}

async function send(
  entry: JournalEntry,
  incident: IncidentWithTimeline | undefined,
  context: CallContext,
): Promise<void> {
  const { sns, topics, store } = context;
  const { subject, message } = pageFor(entry, incident);
  const TopicArn = (entry.kind === 'called' && topics.own[String(entry.data.level)]) || levelOneTopic(entry, topics);
  try {
    await sns.send(new PublishCommand({ TopicArn, Subject: subject, Message: message }));
  } catch (error) {
    const failure = classifyAwsError('publish a page', error);
    // Written once; Lambda delivers again all the same, because the same level may be reached then.
    if (!failure.retryable || context.now() - Date.parse(entry.at) >= MOMENT_MS)
      await store.transact([putEntry(store.table, undelivered(entry, context))]);
    throw failure;
  }
}

/** SNS may throttle for so long before its people count as out of reach: without it, one busy moment would call every level. */
const MOMENT_MS = 20_000;

/** The first escalation goes to the first level, whose own topic it may have. */
const levelOneTopic = (entry: JournalEntry, { everybody, own }: CallContext['topics']): string =>
  (entry.kind === 'escalated' && own['1']) || everybody;

const undelivered = (entry: JournalEntry, { now }: CallContext): JournalEntry => ({
  id: `${entry.id}-undelivered`,
  incidentId: entry.incidentId,
  at: new Date(now()).toISOString(),
  kind: 'undelivered',
  by: 'publisher',
  summary: 'its page could not be sent',
  data: { for: entry.id, channel: 'page' },
});
