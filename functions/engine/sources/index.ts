/** The event sources other than alarms, and which of them an event is from. */
import type { EventSource } from './source.ts';

/** One line a source: import it above, list it here. */
export const EVENT_SOURCES: readonly EventSource[] = [];

/** The source whose events have this event's `source` and `detail-type`; undefined for a stranger's. */
export function eventSourceOf(
  event: unknown,
  sources: readonly EventSource[] = EVENT_SOURCES,
): EventSource | undefined {
  const { source, 'detail-type': type } = (event ?? {}) as { source?: unknown; 'detail-type'?: unknown };
  if (typeof source !== 'string' || typeof type !== 'string') return undefined;
  return sources.find((each) => {
    const pattern = each.eventPattern([]);
    return pattern.source.includes(source) && pattern['detail-type'].includes(type);
  });
}
