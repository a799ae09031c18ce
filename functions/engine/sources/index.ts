/** The event sources other than alarms, and from an event of any source to a signal. */
import type { Signal } from '../../../events/signal.ts';
import type { RuntimeConfig } from '../config.ts';
import { runbookOfEvent } from '../ladder.ts';
import { type RemediationManifest, RUNBOOK_TAG } from '../manifest.ts';
import { source as acm } from './acm.ts';
import { source as backup } from './backup.ts';
import { readAlarmEvent } from './cloudwatch-alarm.ts';
import { source as cloudwatchContributor } from './cloudwatch-contributor.ts';
import { source as ecsDeployment } from './ecs-deployment.ts';
import { source as ecsService } from './ecs-service.ts';
import { source as ecsTask } from './ecs-task.ts';
import { source as health } from './health.ts';
import { source as rdsEvent } from './rds-event.ts';
import { source as schedule } from './schedule.ts';
import type { EventSource, Rejection } from './source.ts';

/** One line a source: import it above, list it here. */
export const EVENT_SOURCES: readonly EventSource[] = [
  acm,
  backup,
  cloudwatchContributor,
  ecsDeployment,
  ecsService,
  ecsTask,
  health,
  rdsEvent,
  schedule,
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

/**
 * Reads an event for the remediation that it was delivered to.
 * @param event Anything: what isn't an event of a known source is taken for an alarm's, and rejected as malformed if it isn't one.
 */
export function readSignal(
  event: unknown,
  manifest: Pick<RemediationManifest, 'name' | 'targetKind'>,
  config: RuntimeConfig,
  sources: readonly EventSource[] = EVENT_SOURCES,
): Signal | Rejection {
  const source = eventSourceOf(event, sources);
  if (!source) return readAlarmEvent(event, manifest, config);
  const read = source.toSignal(event, config);
  if ('rejected' in read) return read;
  const refuse = (rejected: Rejection['rejected'], detail: string): Rejection => ({ rejected, detail, id: read.id });
  const runbook = runbookOfEvent(config, read);
  if (runbook === undefined || config.ladders[runbook]?.rungs[0] !== manifest.name)
    return refuse(
      'foreign-event',
      `no runbook that begins with ${manifest.name} is started by ${read.source} ${read.name}`,
    );
  if (!read.target.startsWith(`${manifest.targetKind}/`))
    return refuse('no-target', `${read.target} is no ${manifest.targetKind}`);
  return { ...read, runbook, rung: 0 };
}

/** The remediation that an event is for; undefined when no deployed one listens to it. */
export function remediationFor(
  event: unknown,
  config: RuntimeConfig,
  sources: readonly EventSource[] = EVENT_SOURCES,
): string | undefined {
  const source = eventSourceOf(event, sources);
  if (!source) {
    const { detail } = (event ?? {}) as { detail?: { alarmTags?: Record<string, unknown> } };
    const tag = detail?.alarmTags?.[RUNBOOK_TAG];
    return typeof tag === 'string' ? config.ladders[tag]?.rungs[0] : undefined;
  }
  const read = source.toSignal(event, config);
  const runbook = 'rejected' in read ? undefined : runbookOfEvent(config, read);
  return runbook === undefined ? undefined : config.ladders[runbook]?.rungs[0];
}
