/** The event sources other than alarms, and which of them an event is from. */
import { source as acm } from './acm.ts';
import { source as backup } from './backup.ts';
import { source as ecsDeployment } from './ecs-deployment.ts';
import { source as ecsService } from './ecs-service.ts';
import { source as ecsTask } from './ecs-task.ts';
import { source as health } from './health.ts';
import { source as rdsEvent } from './rds-event.ts';
import type { EventSource } from './source.ts';

/** One line a source: import it above, list it here. */
export const EVENT_SOURCES: readonly EventSource[] = [
  acm,
  backup,
  ecsDeployment,
  ecsService,
  ecsTask,
  health,
  rdsEvent,
];

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
