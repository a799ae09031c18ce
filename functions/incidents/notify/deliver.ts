/** From one event to the channels that tell it: claim, rate, send, record. */
import type { JournalEntry } from '../../../events/journal.ts';
import type { DeliveredEvent, Happening, IncidentEvent } from '../../../events/published/notification.ts';
import type { ReportEvent } from '../../../events/published/report.ts';
import { EngineError, InFlightError } from '../../engine/errors.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { isOpen, type Window } from '../../engine/windows.ts';
import { newId } from '../../engine/writes.ts';
import { afterAlert, beforeAlert, endSilentAlert } from './alerts.ts';
import type { Content } from './content.ts';
import type { Deliveries, Ended } from './deliveries.ts';
import { NotTold } from './errors.ts';
import { withLinks } from './links.ts';
import type { ChannelConfig, NotifyConfig } from './manifest.ts';
import { channelsFor, happeningOf } from './routing.ts';
import { keepsState, type Sending, send } from './send.ts';
import { digestOf, foldedLine, messageFor, reportMessage } from './templates.ts';

export interface NotifyContext {
  readonly config: NotifyConfig;
  readonly deliveries: Deliveries;
  readonly sending: Sending;
  /** Windows in which people are left in peace; those of other kinds are ignored. */
  readonly windows: readonly Window[];
  /** Where the reports of incidents lie; absent: messages don't say. */
  readonly archiveBucket?: string | undefined;
}

export type Told = Ended | 'duplicate';

/**
 * Tells one event by every channel that its routes name, side by side: one that fails doesn't keep the others waiting.
 * @returns by channel, how it ended.
 * @throws NotTold when a channel couldn't be told; the event must be delivered again.
 */
export async function deliver(event: DeliveredEvent, context: NotifyContext): Promise<Record<string, Told>> {
  const names = channelsFor(context.config.routing, event, context.config.levels);
  const content = contentOf(event, context);
  return settleAll(names, `${content.happening} of ${event.detail.incident.id}`, context.config.deployment, (name) =>
    tellBy(name, content, context),
  );
}

/**
 * Tells of a report by the channels that are configured for it. It waits for nobody, so nothing of it is put aside for a digest: what can't be told is tried again, and
 * the report lies where it is.
 * @throws NotTold when a channel couldn't be told; the event must be delivered again.
 */
export async function deliverReport(report: ReportEvent, context: NotifyContext): Promise<Record<string, Told>> {
  const { id, at } = report;
  const content: Content = { kind: 'report', id, at, report, message: reportMessage(report) };
  return settleAll(context.config.reports ?? [], id, context.config.deployment, (name) =>
    tellReportBy(name, content, context),
  );
}

async function tellReportBy(name: string, content: Content, context: NotifyContext): Promise<Told> {
  const { deliveries, sending, windows } = context;
  const claim = await deliveries.claim(name, content.id);
  if (claim.state === 'done') return 'duplicate';
  if (claim.state === 'in-flight') throw new InFlightError(`${name}: another delivery of this report is sending it`);
  try {
    const quiet = windows.some(
      (window) => window.kind === 'quiet' && window.targets === undefined && isOpen(window, sending.now()),
    );
    const ended = quiet ? 'quiet' : await send(name, channelNamed(name, context), content, sending);
    await deliveries.finish(name, content.id, ended);
    return ended;
  } catch (error) {
    // The first error is the one to tell; a claim that can't be given back runs out by itself.
    await deliveries.release(name, content.id).catch((later: unknown) => log('WARN', `${name}: ${String(later)}`));
    throw error;
  }
}

type EventContent = Extract<Content, { kind: 'event' }>;

function contentOf(
  event: DeliveredEvent,
  { config: { commander, bridge }, archiveBucket }: NotifyContext,
): EventContent {
  const happening = happeningOf(event);
  const { detail } = event;
  const message = messageFor(happening, detail, { commander, bridge, archiveBucket });
  return { kind: 'event', id: detail.entry.id, at: detail.entry.at, happening, event: detail, message };
}

/** All of them, then one error for those that failed. */
async function settleAll<T>(
  names: readonly string[],
  what: string,
  deployment: string,
  tell: (name: string) => Promise<T>,
): Promise<Record<string, T>> {
  const results = await Promise.allSettled(names.map(tell));
  const told: Record<string, T> = {};
  const failures: string[] = [];
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') told[names[index] ?? ''] = result.value;
    else failures.push(result.reason instanceof Error ? result.reason.message : String(result.reason));
  }
  log('INFO', `told ${what}`, { told });
  if (failures.length === 0) return told;
  measure(deployment, [{ name: 'NotifyFailures', value: failures.length }]);
  throw new NotTold(`not told, ${what}: ${failures.join('; ')}`);
}

async function tellBy(name: string, content: EventContent, context: NotifyContext): Promise<Told> {
  const { deliveries } = context;
  const claim = await deliveries.claim(name, content.id);
  if (claim.state === 'done') return 'duplicate';
  if (claim.state === 'in-flight') throw new InFlightError(`${name}: another delivery of this event is sending it`);
  const channel = channelNamed(name, context);
  try {
    return await tellClaimed(name, channel, content, context);
  } catch (error) {
    if (isCall(name, content, context.config)) await tellUndelivered(name, content, context);
    if (claim.attempts >= DELIVERIES && canWait(channel, error)) {
      log('WARN', `put aside for the digest: ${String(error)}`);
      await deliveries.fold(name, foldedLine(content.happening, content.event));
      return 'folded';
    }
    // The first error is the one to tell; a claim that can't be given back runs out by itself.
    await deliveries.release(name, content.id).catch((later: unknown) => log('WARN', `${name}: ${String(later)}`));
    throw error;
  }
}

/** Whether the channel calls the people of a level by it; one that only routes name informs whoever reads it. */
const isCall = (name: string, { happening, event }: EventContent, { levels = {} }: NotifyConfig): boolean =>
  happening === 'escalated' && (levels[String(event.entry.level)]?.includes(name) ?? false);

/**
 * The follow-through calls the next level of people then, instead of waiting for somebody who was never called. Written at the first delivery that
 * fails, minutes before Lambda's last: that the channel may still be told is no reason to wait.
 */
async function tellUndelivered(
  name: string,
  { event, id }: EventContent,
  { deliveries, sending }: NotifyContext,
): Promise<void> {
  try {
    await deliveries.undelivered({
      // One for each call and channel, however often it is tried.
      id: `${id}-undelivered-${name}`,
      incidentId: event.incident.id,
      at: new Date(sending.now()).toISOString(),
      kind: 'undelivered',
      by: 'notify',
      summary: `${name} could not be told that a person is needed`,
      data: { channel: name, for: id },
    });
  } catch (error) {
    // The first error is the one to tell; the next delivery that fails writes it.
    log('ERROR', `${name}: that it wasn't told could not be written: ${String(error)}`);
  }
}

/** Lambda delivers an event three times at most ("Asynchronous invocation", AWS Lambda Developer Guide: two retries). */
const DELIVERIES = 3;

/**
 * Whether it may be told later in a digest, once the vendor is back: each minute one is tried, and says so loudly while it fails. Not where the
 * vendor keeps a state: a digest's alert isn't the incident's.
 */
const canWait = (channel: ChannelConfig, error: unknown): boolean =>
  !keepsState(channel) && error instanceof EngineError && error.retryable;

function channelNamed(name: string, { config }: NotifyContext): ChannelConfig {
  const channel = config.channels[name];
  // Configuration is checked at synthesis; a route to nowhere means another version's asset.
  if (!channel) throw new ChannelUnknown(`${name}: no such channel; deploy again`);
  return channel;
}
class ChannelUnknown extends EngineError {
  readonly retryable = false;
}

async function tellClaimed(
  name: string,
  channel: ChannelConfig,
  content: EventContent,
  context: NotifyContext,
): Promise<Told> {
  const { config, deliveries, sending, windows } = context;
  const { id, happening, event } = content;
  const isAlert = keepsState(channel);
  const already =
    (isAlert && (await beforeAlert(name, content, context))) || (isQuiet(content, channel, windows) && 'quiet');
  if (already) {
    await deliveries.finish(name, id, already);
    return already;
  }
  if (mayWait(name, channel, content, config) && !(await deliveries.takeSlot(name, limitFor(happening, channel)))) {
    await deliveries.fold(name, foldedLine(happening, event));
    return 'folded';
  }
  if (isAlert) await endSilentAlert(name, channel, content, context);
  const ended = await send(name, channel, await withLinks(name, channel, content, config, sending), sending);
  if (isAlert) await afterAlert(name, channel, content, context);
  await deliveries.finish(
    name,
    id,
    ended,
    ended === 'sent' ? noteOf(name, channel, content, sending.now()) : undefined,
  );
  return ended;
}

/**
 * Whether it may be put aside for a digest. Never a call to a level's people; and of a vendor that keeps alerts only openings: all digests of an hour are
 * one alert there, so whoever acknowledged it would hear of no escalation any more, and what ends an alert, or its noise, is told by nothing else.
 */
const mayWait = (name: string, channel: ChannelConfig, content: EventContent, config: NotifyConfig): boolean =>
  keepsState(channel) ? content.happening === 'opened' : !isCall(name, content, config);

/** What is told in a quiet window, too: what needs a person, and who has it in hand, so that nobody else gets up. */
const DISTURBING: readonly Happening[] = ['escalated', 'approval', 'acknowledged'];

/** Whether it falls into a quiet window; the end of an alert makes no noise. */
function isQuiet({ happening, event, at }: EventContent, channel: ChannelConfig, windows: readonly Window[]): boolean {
  if (DISTURBING.includes(happening) || (happening === 'resolved' && keepsState(channel))) return false;
  const { target } = event.incident;
  return windows.some(
    (window) =>
      window.kind === 'quiet' &&
      (window.targets === undefined || window.targets.includes(target)) &&
      isOpen(window, Date.parse(at)),
  );
}

/** Updates never take the last half, so that what matters more isn't folded because of them. */
const limitFor = (happening: Happening, { perMinute }: ChannelConfig): number =>
  happening === 'updated' ? Math.ceil(perMinute / 2) : perMinute;

/** The journal says who was told when; updates, and what a person's own entry says already, would only fill it. */
function noteOf(
  name: string,
  { kind }: ChannelConfig,
  { happening, event, id }: EventContent,
  now: number,
): JournalEntry | undefined {
  if (happening === 'updated' || happening === 'acknowledged') return undefined;
  return {
    id: newId(now),
    incidentId: event.incident.id,
    at: new Date(now).toISOString(),
    kind: 'note',
    by: 'notify',
    summary: `told ${name} by ${kind}: ${WHAT[happening]}`,
    data: { channel: name, for: id },
  };
}

const WHAT: Readonly<Record<Exclude<Happening, 'updated' | 'acknowledged'>, string>> = {
  opened: 'an incident',
  approval: 'an approval is needed',
  escalated: 'a person is needed',
  resolved: 'it is resolved',
};

/**
 * Sends what was put aside, one digest a channel. Called every minute.
 * @returns by channel, how many events were told.
 * @throws NotTold when a channel couldn't be told: its lines stay for the next minute.
 */
export async function sendDigests(
  context: NotifyContext,
  deployment: IncidentEvent['deployment'],
): Promise<Record<string, number>> {
  const waiting: string[] = [];
  for (const name of Object.keys(context.config.channels))
    if ((await context.deliveries.folded(name)).length > 0) waiting.push(name);
  if (waiting.length === 0) return {};
  return settleAll(waiting, 'digest', deployment, (name) => digestBy(name, context, deployment));
}

async function digestBy(name: string, context: NotifyContext, deployment: string): Promise<number> {
  const { deliveries, sending } = context;
  if (!(await deliveries.claimDigest(name))) return 0;
  let told: Awaited<ReturnType<Deliveries['folded']>> = [];
  try {
    const folded = await deliveries.folded(name);
    const newest = folded.at(-1);
    if (!newest) return 0;
    const content: Content = {
      kind: 'digest',
      // The same lines again after a crash have the same id.
      id: `digest-${name}-${newest.entryId}`,
      at: newest.at,
      deployment,
      folded,
      message: digestOf(folded, deployment),
    };
    await send(name, channelNamed(name, context), content, sending);
    told = folded;
    return told.length;
  } finally {
    await deliveries.endDigest(name, told);
  }
}
