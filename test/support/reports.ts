/** Facts of a month that reports are made of. */
import type { Incident } from '../../events/journal.ts';
import type { Facts } from '../../functions/reports/facts.ts';

const HOUR = 3_600_000;
export const MONTH = {
  from: Date.parse('2026-10-01T00:00:00Z'),
  to: Date.parse('2026-11-01T00:00:00Z'),
  timeZone: 'UTC',
  label: '2026-10',
};

export const incidentOf = (id: string, openedAt: string, more: Partial<Incident> = {}): Incident => ({
  id,
  title: `backend-cpu ${id}`,
  target: 'ecs-service/orders/backend',
  severity: 'P2',
  state: 'resolved',
  openedAt,
  alarms: {},
  actions: [],
  ...more,
});

/** A hundred requests an hour, one of which failed in each tenth hour; nothing is told of the first two hours. */
export const FACTS: Facts = {
  deployment: 'main',
  region: 'us-east-1',
  period: MONTH,
  now: MONTH.to + 8 * HOUR,
  incidents: [
    incidentOf('inc-1', '2026-10-02T03:00:00.000Z', {
      acknowledgedAt: '2026-10-02T03:20:00.000Z',
      acknowledgedBy: 'person:ada',
      resolvedAt: '2026-10-02T04:00:00.000Z',
      actions: [{ actionId: 'a', remediation: 'scale-out-service', change: 'from 2 to 4', status: 'verified' }],
    }),
    incidentOf('inc-2', '2026-10-05T03:00:00.000Z', { resolvedAt: '2026-10-05T03:10:00.000Z' }),
    incidentOf('inc-3', '2026-10-31T23:00:00.000Z', { severity: 'P1', state: 'escalated' }),
  ],
  unread: [],
  runs: [
    ...[1, 2, 3, 5].map((day) => ({
      job: 'back-up-database',
      subject: 'orders-db',
      scheduledAt: `2026-10-0${day}T02:00:00Z`,
      verdict: day === 3 ? ('failed' as const) : ('passed' as const),
      summary: 'x',
      tookMs: 600_000,
    })),
    {
      job: 'verify-backup',
      subject: 'orders-db',
      scheduledAt: '2026-10-05T04:00:00Z',
      verdict: 'passed',
      summary: 'x',
      tookMs: 1_800_000,
    },
  ],
  jobs: [
    {
      job: 'back-up-database',
      subject: 'orders-db',
      lastKind: 'passed',
      lastPassedAt: Date.parse('2026-10-05T02:10:00Z'),
      overdueAt: Date.parse('2026-10-06T08:00:00Z'),
      lastSummary: 'it was taken',
    },
    { job: 'check-health', subject: 'all', lastKind: 'passed', overdueAt: MONTH.to + 100 * HOUR },
  ],
  services: [
    {
      name: 'backend',
      requests: Array.from({ length: 744 }, (_, index) => ({
        at: MONTH.from + index * HOUR,
        requests: index < 2 ? 0 : 100,
        failed: index >= 2 && index % 10 === 0 ? 1 : 0,
        p95Seconds: index < 2 ? undefined : index === 100 ? 2.5 : 0.4,
      })),
      cpu: { average: 41.2, highest: 88 },
      memory: {},
      objectivePercent: 99.9,
      latencySeconds: 2,
      errorsPercent: 1,
    },
  ],
  databases: [
    {
      name: 'orders-db',
      cpu: { average: 20, highest: 60 },
      connections: { average: 12, highest: 40 },
      freeGibFirst: 60,
      freeGibLast: 52.5,
      backup: { recoveryPointSeconds: 86_400, pointInTimeRecovery: false, isProved: true },
    },
  ],
  targets: [
    {
      target: 'ecs-service/orders/backend',
      holds: ['desiredCount is 4 instead of 2, by scale-out-service since 2026-11-01T07:00:00.000Z'],
    },
  ],
  drills: [
    {
      incidentId: 'inc-9',
      title: 'service-recovery of backend',
      openedAt: '2026-10-10T10:00:00.000Z',
      recovery: {
        ...{
          run: 'service-recovery-1',
          verdict: 'recovered',
          recoveryTimeMs: 200_000,
          frozenMs: 0,
          targetRecoveryTimeMs: 900_000,
          steps: [],
        },
      },
    },
  ],
};

/** Nothing is there and nothing is known. */
export const NOTHING: Facts = {
  ...FACTS,
  ...{ incidents: [], runs: [], jobs: [], services: [], databases: [], targets: [], drills: [] },
};
