/** Putting announcements on the bus ("Sending events with PutEvents in Amazon EventBridge": an entry can fail while others succeed). */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { NOTIFICATION_SOURCE } from '../../../events/published/notification.ts';
import { ActionFailedError, classifyAwsError, type EngineError, RetryableError } from '../../engine/errors.ts';
import type { Announcement } from './event.ts';

/** "Amazon EventBridge quotas": entries of one request. */
const MOST_ENTRIES = 10;
const TRIES = 4;
const BASE_MS = 100;

/** "PutEventsResultEntry", Amazon EventBridge API Reference: the retryable codes. */
const PASSING = new Set(['InternalFailure', 'ThrottlingException']);

export interface PutOptions {
  readonly client: Pick<EventBridgeClient, 'send'>;
  readonly bus: string;
  /** Waits between tries; tests take a shorter one. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/**
 * Puts announcements on the bus in their order, trying again what failed in passing.
 * @returns how many of the first were accepted, and the error that stopped the next one. Those after it may have been accepted too: told again,
 *   they are recognised by their entry's id.
 */
export async function putAnnouncements(
  announcements: readonly Announcement[],
  options: PutOptions,
): Promise<{ accepted: number; error?: EngineError }> {
  for (let from = 0; from < announcements.length; from += MOST_ENTRIES) {
    const chunk = announcements.slice(from, from + MOST_ENTRIES).map((each) => asEntry(each, options.bus));
    const stopped = await putChunk(chunk, options);
    if (stopped) return { accepted: from + stopped.index, error: stopped.error };
  }
  return { accepted: announcements.length };
}

const asEntry = ({ detailType, time, detail }: Announcement, bus: string): PutEventsRequestEntry => ({
  EventBusName: bus,
  Source: NOTIFICATION_SOURCE,
  DetailType: detailType,
  Time: time,
  Detail: JSON.stringify(detail),
});

interface Stopped {
  readonly index: number;
  readonly error: EngineError;
}

/** Undefined when all were accepted; else the first that wasn't. */
async function putChunk(entries: readonly PutEventsRequestEntry[], options: PutOptions): Promise<Stopped | undefined> {
  const { client, bus, pause = sleep } = options;
  const refused: Stopped[] = [];
  let pending = entries.map((entry, index) => ({ entry, index }));
  let passing: Stopped[] = [];
  for (let tries = 0; tries < TRIES && pending.length > 0; tries++) {
    if (tries > 0) await pause(Math.random() * BASE_MS * 2 ** tries);
    try {
      const reply = await client.send(new PutEventsCommand({ Entries: pending.map(({ entry }) => entry) }));
      const failures = failuresOf(pending, reply.Entries ?? [], bus);
      refused.push(...failures.filter(({ error }) => !error.retryable));
      passing = failures.filter(({ error }) => error.retryable);
    } catch (error) {
      // The SDK has tried again by itself; the whole request counts as not accepted.
      const failed = { index: pending[0]?.index ?? 0, error: classifyAwsError(`put events on ${bus}`, error) };
      return first([...refused, failed]);
    }
    pending = pending.filter(({ index }) => passing.some((each) => each.index === index));
  }
  return first([...refused, ...passing]);
}

const first = (stopped: readonly Stopped[]): Stopped | undefined => [...stopped].sort((a, b) => a.index - b.index)[0];

function failuresOf(
  pending: readonly { readonly index: number }[],
  results: readonly PutEventsResultEntry[],
  bus: string,
): Stopped[] {
  return pending.flatMap(({ index }, position) => {
    const result = results[position];
    if (result?.EventId) return [];
    const code = result?.ErrorCode ?? 'no answer for this entry';
    const text = `put event on ${bus}: ${code}: ${result?.ErrorMessage ?? ''}`;
    const isPassing = result === undefined || PASSING.has(code);
    return [{ index, error: isPassing ? new RetryableError(text) : new ActionFailedError(text) }];
  });
}
