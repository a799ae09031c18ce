/**
 * What an event source is: from an event of EventBridge to a signal. A source has two parts:
 *
 *   events/sources/<name>/schema.ts      the event as AWS documents it (zod/mini, unknown fields pass), and real samples beside it
 *   functions/engine/sources/<name>.ts   exports `source`, an `EventSource`; listed in `functions/engine/sources/index.ts`
 *
 * A remediation that wants to be started by it says so in its manifest: `triggers: [{ source: '<name>', what: ['...'] }]`; its rule is made
 * of `eventPattern(what)`. Events are untrusted input: what names no target, or more than one, is rejected with the reason.
 */
import type { RejectReason } from '../../../events/outcome.ts';
import type { Signal, SourceName } from '../../../events/signal.ts';
import type { RuntimeConfig } from '../config.ts';

/** Why an event is no signal. */
export interface Rejection {
  readonly rejected: RejectReason;
  readonly detail: string;
  /** Identity to record the rejection under (the event's own id); undefined when the event has none. */
  readonly id: string | undefined;
}

/** A content filter, as far as it is used here ("Comparison operators for use in event patterns in Amazon EventBridge"). */
export type Filter = readonly (string | number | boolean | null | Readonly<Record<string, unknown>>)[];
export interface FilterObject {
  readonly [field: string]: Filter | FilterObject;
}
/** An EventBridge event pattern. `source` and `detail-type` are exact values: by them the engine tells whose an event is. */
export interface EventPattern {
  readonly source: readonly string[];
  readonly 'detail-type': readonly string[];
  readonly resources?: Filter;
  readonly detail?: FilterObject;
}

/** Sources other than alarms: their events tell that something happened. That it is over, only those of AWS Health tell. */
export type EventSourceName = Exclude<SourceName, 'cloudwatch-alarm'>;

export interface EventSource {
  readonly name: EventSourceName;
  /**
   * The pattern of the events of those kinds. It may let more through than asked for; `toSignal` has the last word.
   * @param what kinds of happenings, in AWS's own words (`SERVICE_DEPLOYMENT_FAILED`, `RDS-EVENT-0049`); the values of `Signal.name`.
   */
  eventPattern(what: readonly string[]): EventPattern;
  /**
   * Pure. The signal has `state: 'firing'` (or `resolved`, where an event tells the end of what an earlier one with the same subject told), `recheck: 0`, `rung: 0`, `firstEvaluation: false`, `subject: eventSubject(...)`, and as
   * `name` the kind of happening, which the engine compares with the manifest's `what`.
   * @param event Anything: what isn't such an event is rejected as malformed (`malformed` below).
   */
  toSignal(event: unknown, config: RuntimeConfig): Signal | Rejection;
}

/** Key of what an event without a level is about: the same trouble told again has the same key. */
export const eventSubject = (source: EventSourceName, target: string, what: string): string =>
  `${source}:${target}:${what}`;

/** Of an alarm's event: until when the alarm is muted. */
export const mutedUntil = (mute: { readonly muteWindowEnd: string } | undefined): Pick<Signal, 'mutedUntil'> =>
  mute ? { mutedUntil: new Date(mute.muteWindowEnd).toISOString() } : {};

/** Longest text that a signal keeps of its event. */
export const REASON_LIMIT = 500;

/** The rejection of an event that its schema refused. */
export function malformed(
  event: unknown,
  error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] },
): Rejection {
  const detail = error.issues
    .map((issue) => `${issue.path.map(String).join('.') || 'event'}: ${issue.message}`)
    .join('; ');
  return { rejected: 'malformed', detail: detail.slice(0, REASON_LIMIT), id: idOf(event) };
}

/** The event's own id, when it has a usable one. */
export function idOf(event: unknown): string | undefined {
  const id = typeof event === 'object' && event !== null && 'id' in event ? event.id : undefined;
  return typeof id === 'string' && id.length > 0 && id.length <= 200 ? id : undefined;
}
