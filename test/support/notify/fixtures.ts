/** An incident's event as it comes off the bus; tests change one thing of it. */
import type { DeliveredEvent, Happening, IncidentEvent } from '../../../events/published/notification.ts';
import { DETAIL_TYPES } from '../../../events/published/notification.ts';
import type { ReportEvent } from '../../../events/published/report.ts';
import type { Content } from '../../../functions/incidents/notify/content.ts';
import { messageFor } from '../../../functions/incidents/notify/templates.ts';

export const AT = '2026-11-20T03:00:00.000Z';

export const APPROVAL: NonNullable<IncidentEvent['approval']> = {
  id: 'apr-01KAG0000000000000000000P1',
  state: 'abcdefghijklmnopqrstuv',
  remediation: 'scale-out-service',
  change: 'raise desired count from 2 to 4',
  before: 'desiredCount: 2',
  after: 'desiredCount: 4',
  undo: 'set desired count back to 2',
  risk: 'medium',
  people: 2,
  costPerHourUsd: 0.1234,
  validUntil: '2026-11-20T04:00:00.000Z',
};

interface Changes {
  readonly incident?: Partial<IncidentEvent['incident']>;
  readonly entry?: Partial<IncidentEvent['entry']>;
  readonly timeline?: IncidentEvent['timeline'];
}

const KIND = {
  opened: 'opened',
  updated: 'acted',
  approval: 'approval-requested',
  escalated: 'escalated',
  acknowledged: 'acknowledged',
  resolved: 'resolved',
} as const;

export function incidentEvent(happening: Happening, { incident, entry, timeline }: Changes = {}): IncidentEvent {
  return {
    version: 1,
    deployment: 'test',
    region: 'us-east-1',
    incident: {
      id: 'inc-01KAG0000000000000000000AA',
      title: 'backend-cpu on ecs-service/orders/backend',
      target: 'ecs-service/orders/backend',
      severity: 'P2',
      state: happening === 'resolved' ? 'resolved' : 'verifying',
      openedAt: '2026-11-20T02:50:00.000Z',
      cause: 'alarm backend-cpu is firing: 81 > 70',
      alarmsFiring: happening === 'resolved' ? 0 : 1,
      actions: [{ remediation: 'scale-out-service', change: 'raise desired count from 2 to 4', status: 'done' }],
      actionsOmitted: 0,
      ...(happening === 'resolved' && { resolvedAt: AT }),
      ...incident,
    },
    entry: {
      id: '01KAG0000000000000000000E1',
      at: AT,
      kind: KIND[happening],
      by: 'scale-out-service',
      summary: 'desired count is 4',
      ...entry,
    },
    ...(happening === 'approval' && { approval: APPROVAL }),
    timeline: timeline ?? [
      { at: '2026-11-20T02:50:00.000Z', kind: 'opened', summary: 'backend-cpu on ecs-service/orders/backend' },
      { at: '2026-11-20T02:50:00.000Z', kind: 'signal', summary: 'alarm backend-cpu is firing: 81 > 70' },
      { at: '2026-11-20T02:50:01.000Z', kind: 'acted', summary: 'desired count is 4' },
    ],
    timelineOmitted: 0,
    look: 'nightshift incident inc-01KAG0000000000000000000AA',
  };
}

export const delivered = (happening: Happening, changes: Changes = {}): DeliveredEvent => ({
  id: '7bf73129-1428-4cd3-a780-95db273d1602',
  source: 'nightshift',
  'detail-type': DETAIL_TYPES[happening],
  detail: incidentEvent(happening, changes),
});

export function content(happening: Happening, changes: Changes = {}): Extract<Content, { kind: 'event' }> {
  const event = incidentEvent(happening, changes);
  return {
    kind: 'event',
    id: event.entry.id,
    at: event.entry.at,
    happening,
    event,
    message: messageFor(happening, event),
  };
}

/** Word of a report, with some of it replaced. */
export const reportEventOf = (more: Partial<ReportEvent> = {}): ReportEvent => ({
  version: 1,
  id: 'report-daily-operations-2026-11-21T07:30:00Z',
  at: '2026-11-21T07:30:05.000Z',
  deployment: 'test',
  region: 'us-east-1',
  report: 'daily-operations',
  title: 'Daily operations',
  period: {
    from: '2026-11-20T00:00:00.000Z',
    to: '2026-11-21T00:00:00.000Z',
    ...{ timeZone: 'UTC', label: '2026-11-20' },
  },
  headline: [{ label: 'Incidents opened', value: '3' }],
  unknown: 1,
  page: 's3://nightshift-test-1-us-east-1/reports/daily-operations/2026/11/20261121T073000Z/report.html',
  link: 'https://us-east-1.console.aws.amazon.com/s3/object/nightshift-test-1-us-east-1?region=us-east-1&prefix=reports',
  ...more,
});
