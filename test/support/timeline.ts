/** Incidents made of a few lines, for tests of what is derived from timelines. */
import type { EntryKind, IncidentWithTimeline, JournalEntry, Severity } from '../../events/journal.ts';
import { reduceIncident } from '../../functions/engine/reducer.ts';

export const MINUTE = 60_000;
/** Friday, 20 November 2026, 10:00 UTC: business hours. */
export const START = Date.parse('2026-11-20T10:00:00.000Z');
export const ALARM = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:backend-cpu';

/** One line: minutes after the start, kind, data; `by` and `summary` among the data are the entry's own. */
export type Line = readonly [minutes: number, kind: EntryKind, data?: Readonly<Record<string, unknown>>];

/**
 * An incident opened at `start` by scale-out-service with one firing alarm, and then these lines.
 * @param options `start` in epoch milliseconds.
 */
export function incidentOf(
  lines: readonly Line[],
  { severity = 'P2', start = START, alarm = ALARM }: { severity?: Severity; start?: number; alarm?: string } = {},
): IncidentWithTimeline {
  const opening: Line[] = [
    [
      0,
      'opened',
      { title: 'backend-cpu', target: 'ecs-service/orders/backend', severity, remediation: 'scale-out-service' },
    ],
    [
      0,
      'signal',
      {
        subject: alarm,
        name: 'backend-cpu',
        signalId: 's-1',
        at: new Date(start).toISOString(),
        evidence: { reason: 'x', datapoints: [] },
      },
    ],
  ];
  const entries = [...opening, ...lines].map(
    ([minutes, kind, { by = 'scale-out-service', summary = kind, ...data } = {}], index): JournalEntry => ({
      id: String(index).padStart(8, '0'),
      incidentId: 'inc-1',
      at: new Date(start + minutes * MINUTE).toISOString(),
      kind,
      by: String(by),
      summary: String(summary),
      data,
    }),
  );
  const incident = reduceIncident(entries);
  if (!incident) throw new Error('an incident needs its first line');
  return incident;
}
