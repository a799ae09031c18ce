/** Who is told of an event. Pure. */
import {
  DETAIL_TYPES,
  type DeliveredEvent,
  HAPPENINGS,
  type Happening,
  tells,
} from '../../../events/published/notification.ts';
import type { LevelChannels, Route } from './manifest.ts';

/** The happening of a delivered event. */
export function happeningOf(event: Pick<DeliveredEvent, 'detail-type'>): Happening {
  const found = HAPPENINGS.find((each) => DETAIL_TYPES[each] === event['detail-type']);
  // The schema admits no other detail-type.
  if (!found) throw new Error(`${event['detail-type']}: not an event of ours`);
  return found;
}

/**
 * Names of the channels that tell it, each once, in the order of the routes; then those of the level that is called. Routes are told of the first call
 * only: the further ones are for the people of their level. Who was called hears who has it in hand.
 */
export function channelsFor(routing: readonly Route[], event: DeliveredEvent, levels: LevelChannels = {}): string[] {
  const happening = happeningOf(event);
  const { level, called = [] } = event.detail.entry;
  const own = [...(level === undefined ? [] : [level]), ...called].flatMap((each) => levels[String(each)] ?? []);
  if (event.detail.entry.kind === 'called' && level !== 1) return [...new Set(own)];
  const { severity, target } = event.detail.incident;
  const fitting = routing.filter(
    ({ severities, events, targets }) =>
      severities.includes(severity) &&
      tells(events, happening) &&
      (targets === undefined || targets.some((pattern) => fits(pattern, target))),
  );
  return [...new Set([...fitting.flatMap(({ channels }) => channels), ...own])];
}

const fits = (pattern: string, target: string): boolean =>
  pattern.endsWith('*') ? target.startsWith(pattern.slice(0, -1)) : target === pattern;
