/**
 * What a vendor that keeps an alert for each incident needs besides the event itself: events overtake each other, an alert that was acknowledged makes
 * no more noise, and one that is over isn't opened again (docs/decisions/0224).
 */
import type { Content } from './content.ts';
import type { Deliveries } from './deliveries.ts';
import type { ChannelConfig, NotifyConfig } from './manifest.ts';
import { endAlert, keepsState, type Sending } from './send.ts';

type EventContent = Extract<Content, { kind: 'event' }>;

export interface AlertContext {
  readonly config: Pick<NotifyConfig, 'channels'>;
  readonly deliveries: Pick<
    Deliveries,
    'markResolved' | 'isOvertaken' | 'markInHand' | 'inHandSince' | 'forgetInHand' | 'markCalled' | 'isCalledSince'
  >;
  readonly sending: Sending;
}

/**
 * Writes down what the event means to the alert, before it is told.
 * @returns how the notice ends without being sent; undefined: it is to be sent.
 */
export async function beforeAlert(
  name: string,
  content: EventContent,
  { config, deliveries }: AlertContext,
): Promise<'overtaken' | 'nothing' | undefined> {
  const { id, happening, event } = content;
  const incidentId = event.incident.id;
  if (happening === 'resolved') {
    await deliveries.markResolved(name, incidentId, id);
    return undefined;
  }
  if (await deliveries.isOvertaken(name, incidentId, id)) return 'overtaken';
  if (callsAnew(content)) await deliveries.markCalled(name, incidentId, id);
  if (happening !== 'acknowledged') return undefined;
  // Told late, it would silence the alert of a call that came after it, and that nobody has answered.
  if (await deliveries.isCalledSince(name, incidentId, id)) return 'overtaken';
  await deliveries.markInHand(name, incidentId, id);
  // Whoever acknowledged there needn't be told so; of several services nobody knows in which it was.
  const alerts = Object.values(config.channels).filter(keepsState);
  return event.entry.via === 'pagerduty' && alerts.length === 1 ? 'nothing' : undefined;
}

/** Whether it calls people anew, so that a silent alert must not swallow it. */
const callsAnew = ({ happening, event: { entry } }: EventContent): boolean =>
  (happening === 'escalated' || happening === 'approval') && !entry.saidBefore;

/** Ends an alert that somebody had in hand, so that the call that comes next opens a new one, which is heard. */
export async function endSilentAlert(
  name: string,
  channel: ChannelConfig,
  content: EventContent,
  { deliveries, sending }: AlertContext,
): Promise<void> {
  if (!callsAnew(content)) return;
  const { id, event } = content;
  const since = await deliveries.inHandSince(name, event.incident.id);
  if (since !== undefined && since < id) await endAlert('resolve', name, channel, event.incident.id, sending);
}

/** Tells again what came later than this event but may have reached the vendor before it. */
export async function afterAlert(
  name: string,
  channel: ChannelConfig,
  content: EventContent,
  { deliveries, sending }: AlertContext,
): Promise<void> {
  const { id, happening, event } = content;
  if (happening === 'resolved' || happening === 'acknowledged') return;
  const incidentId = event.incident.id;
  if (await deliveries.isOvertaken(name, incidentId, id)) {
    await endAlert('resolve', name, channel, incidentId, sending);
    return;
  }
  const since = await deliveries.inHandSince(name, incidentId);
  if (since === undefined) return;
  if (since > id) await endAlert('acknowledge', name, channel, incidentId, sending);
  else if (callsAnew(content)) await deliveries.forgetInHand(name, incidentId, since);
}
