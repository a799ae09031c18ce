/**
 * PagerDuty's webhooks, version 3 ("Overview", "Verifying Signatures" and "Behavior" of webhooks, PagerDuty developer documentation, read 2026-11-21):
 * a person who acknowledges there has acknowledged here. `X-PagerDuty-Signature` holds one or more `v1=<hexadecimal HMAC-SHA256 of the body>`, apart
 * by commas; several while the secret is replaced. A webhook comes at least once; 4xx answers drop it for good, three of which switch the subscription
 * off for a day, so whatever is authentic is answered with 2xx unless our own journal fails.
 */
import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { freshAcknowledgement } from '../../engine/acknowledgement.ts';
import { marshall } from '../../engine/attributes.ts';
import { RetryableError } from '../../engine/errors.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import { entryMaker, putEntry } from '../../engine/writes.ts';
import { equal } from '../link-token.ts';
import type { Secrets } from '../secrets.ts';
import type { LinksConfig } from './manifest.ts';
import { plainText, type Request } from './request.ts';
import { type HttpResponse, jsonResponse } from './respond.ts';

export interface PagerDutyContext {
  readonly config: LinksConfig;
  readonly secrets: Pick<Secrets, 'get'>;
  readonly store: Store;
  readonly now: () => number;
}

const reference = z.nullish(z.object({ type: z.optional(z.string()), summary: z.nullish(z.string()) }));
const webhook = z.object({
  event: z.object({
    id: z.string().check(z.minLength(1), z.maxLength(200)),
    event_type: z.string(),
    occurred_at: z.string(),
    agent: reference,
    data: z.looseObject({
      incident_key: z.nullish(z.string()),
      assignees: z.nullish(z.array(z.object({ summary: z.nullish(z.string()) }))),
    }),
  }),
});
export type PagerDutyWebhook = z.infer<typeof webhook>;

/** Retries come for about 20 minutes ("Behavior"); an older one is somebody playing it again, or news that nobody needs. */
const OLDEST_MS = 3_600_000;
/** Clocks differ. */
const AHEAD_MS = 300_000;
/** Ids are remembered far longer than a webhook is believed. */
const REMEMBERED_SECONDS = 15 * 86_400;

const ignored = (why: string): HttpResponse => {
  log('INFO', `pagerduty: ignored: ${why}`);
  return jsonResponse(202, { status: 'ignored', why });
};

/** @throws EngineError when the journal or the secret can't be reached: answered 5xx, so that PagerDuty tries again. */
export async function answerPagerDuty(
  { body, signatures }: Extract<Request, { kind: 'pagerduty' }>,
  { config, secrets, store, now }: PagerDutyContext,
): Promise<HttpResponse> {
  if (!config.pagerDutySecretArn) return jsonResponse(404, { status: 'PagerDuty is not configured here' });
  const keys = (await secrets.get(config.pagerDutySecretArn)).split(/\s+/);
  if (!isSigned(body, signatures, keys)) return jsonResponse(401, { status: 'the signature does not fit' });
  const parsed = webhook.safeParse(readJson(body));
  if (!parsed.success) return ignored('not an event of an incident');
  const { event } = parsed.data;
  const age = now() - Date.parse(event.occurred_at);
  if (!(age < OLDEST_MS && age > -AHEAD_MS)) return ignored(`it happened at ${plainText(event.occurred_at)}`);
  // Our alerts have the incident's id as their dedup key; others are none of ours (a storm's digest, other tools).
  const incident = await incidentOf(store, event.data.incident_key);
  if (!incident) return ignored('no incident of ours');
  const entry = entryFor(event, incident, now());
  if (!entry) return ignored(`${plainText(event.event_type)} changes nothing here`);
  return write(store, event.id, entry, now());
}

async function incidentOf(store: Store, key: string | null | undefined): Promise<IncidentWithTimeline | undefined> {
  return key && /^inc-[A-Za-z0-9]{1,40}$/.test(key) ? readIncident(store, key) : undefined;
}

const MOST_SIGNATURES = 10;

/** Whether one of the signatures was made with one of our keys. */
export function isSigned(body: Buffer, header: string, keys: readonly string[]): boolean {
  const given = header
    .split(',', MOST_SIGNATURES)
    .map((each) => each.trim())
    .filter((each) => each.startsWith('v1='));
  if (given.length === 0) return false;
  const expected = keys.map((key) => `v1=${createHmac('sha256', key).update(body).digest('hex')}`);
  // All are compared, so that the time says nothing about which one fitted.
  return expected.map((ours) => given.map((theirs) => equal(ours, theirs)).includes(true)).includes(true);
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

type Event = PagerDutyWebhook['event'];

/**
 * What an event means in the timeline; undefined: nothing. Pure. Only a person's doing counts: what we or an integration did ourselves comes back
 * as an event, too. To end an incident in PagerDuty doesn't end it here: alarms say when it is over, and an incident that is closed there by
 * habit must not stop being looked at (docs/decisions/0063). It counts as an acknowledgement.
 */
export function entryFor(
  { event_type, agent, data }: Event,
  { id, state, timeline }: Pick<IncidentWithTimeline, 'id' | 'state' | 'timeline'>,
  now: number,
): JournalEntry | undefined {
  if (state === 'resolved' || agent?.type !== 'user_reference') return undefined;
  const name = nameIn(agent.summary);
  const make = entryMaker(id, `person:${name} (PagerDuty)`, now);
  const facts = { via: 'pagerduty', event: event_type };
  const hasIt = freshAcknowledgement(timeline, now) !== undefined;
  switch (event_type) {
    case 'incident.acknowledged':
      return hasIt
        ? make('note', `${name} acknowledged it in PagerDuty, too`, facts)
        : make('acknowledged', `${name} is looking at it (acknowledged in PagerDuty)`, facts);
    case 'incident.resolved':
      return hasIt
        ? make('note', `${name} resolved it in PagerDuty; it stays open here until its alarms are OK`, facts)
        : make('acknowledged', `${name} resolved it in PagerDuty; it stays open here until its alarms are OK`, facts);
    case 'incident.unacknowledged':
      return make('note', `${name} took the acknowledgement back in PagerDuty`, facts);
    case 'incident.reassigned':
    case 'incident.delegated':
    case 'incident.escalated': {
      const to = (data.assignees ?? []).map(({ summary }) => nameIn(summary)).join(', ');
      return make('note', `${name} gave it to ${to || 'somebody else'} in PagerDuty`, facts);
    }
    default:
      return undefined;
  }
}

/** As PagerDuty gives it, without what could pretend to be something else. */
const nameIn = (summary: string | null | undefined): string => plainText(summary ?? '').slice(0, 80) || 'somebody';

async function write(store: Store, eventId: string, entry: JournalEntry, now: number): Promise<HttpResponse> {
  const seen: Labelled = {
    label: 'webhook',
    item: {
      Put: {
        TableName: store.table,
        Item: marshall({
          pk: `WEBHOOK#pagerduty#${eventId}`,
          sk: 'WEBHOOK',
          incidentId: entry.incidentId,
          expiresAt: Math.floor(now / 1000) + REMEMBERED_SECONDS,
        }),
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    },
  };
  const result = await store.transact([seen, putEntry(store.table, entry)]);
  if (result.ok) {
    log('INFO', `pagerduty: ${entry.kind}`, { incidentId: entry.incidentId, by: entry.by });
    return jsonResponse(202, { status: 'taken' });
  }
  if (result.failed.has('webhook')) return jsonResponse(202, { status: 'taken before' });
  throw new RetryableError(`${entry.incidentId}: its journal is being written by others`);
}
