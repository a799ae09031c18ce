/** An approval as the engine asks for it, and a signal that made it necessary. */
import type { Signal } from '../../events/signal.ts';
import { type Approval, stateHash } from '../../functions/engine/approval.ts';

const TARGET = 'ecs-service/orders/backend';

export const firingSignal: Signal = {
  id: 'event-1',
  source: 'cloudwatch-alarm',
  subject: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:backend-cpu',
  name: 'backend-cpu',
  state: 'firing',
  at: '2026-11-21T02:59:00.000Z',
  target: TARGET,
  firstEvaluation: false,
  recheck: 0,
  rung: 0,
  evidence: { reason: 'Threshold Crossed', metricName: 'CPUUtilization', datapoints: [95] },
};

export function approval(over: Partial<Approval> = {}): Approval {
  const change = {
    summary: 'raise desired count of backend from 2 to 3',
    before: { field: 'desiredCount', value: 2 },
    after: { field: 'desiredCount', value: 3 },
    undo: 'set desired count of orders/backend back to 2',
  };
  const askedAt = over.askedAt ?? Date.parse('2026-11-21T02:59:30Z');
  return {
    approvalId: 'apr-01KAHZ00000000000000000001',
    incidentId: 'inc-01KAHZ00000000000000000000',
    remediation: 'scale-out-service',
    target: TARGET,
    change,
    state: stateHash('scale-out-service', TARGET, change),
    risk: 'low',
    people: 1,
    signal: firingSignal,
    status: 'waiting',
    approvedBy: [],
    askedAt,
    validUntil: askedAt + 3_600_000,
    version: 1,
    ...over,
  };
}
