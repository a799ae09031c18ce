import { describe, expect, it } from '@jest/globals';
import type { Signal } from '../../../events/signal.ts';
import { type ExpectedEcho, echoOf, withEchoes } from '../../../functions/engine/echo.ts';
import { type ActionItem, NEW_TARGET } from '../../../functions/engine/items.ts';
import { NOW, signal } from '../../support/fixtures.ts';

const MINUTE = 60_000;
const action = (echoes: readonly ExpectedEcho[]): ActionItem => ({
  actionId: 'act-1',
  remediation: 'roll-back',
  target: signal.target,
  incidentId: 'inc-1',
  purpose: 'remediate',
  signalId: 's-1',
  change: { summary: '', before: 0, after: 1, undo: '', echoes },
  status: 'intended',
  attempt: 1,
  leaseUntil: NOW,
  requestId: 'r',
});
const STARTED: ExpectedEcho = {
  source: 'ecs-deployment',
  what: 'SERVICE_DEPLOYMENT_IN_PROGRESS',
  facts: { revision: 'backend:7' },
};
const target = { ...NEW_TARGET, echoes: withEchoes(NEW_TARGET, action([STARTED]), NOW) };
const heard = (change: Partial<Signal> = {}, revision = 'backend:7'): Signal => ({
  ...signal,
  source: 'ecs-deployment',
  name: STARTED.what,
  at: new Date(NOW + MINUTE).toISOString(),
  evidence: { reason: '', datapoints: [], facts: { revision, more: true } },
  ...change,
});

describe('what our own change makes AWS tell', () => {
  it('is recognised by target, kind, value and time', () => {
    expect(echoOf(target, heard())).toMatchObject({ actionId: 'act-1', incidentId: 'inc-1' });
  });

  it.each<[string, Signal]>([
    ['another kind of happening', heard({ name: 'SERVICE_DEPLOYMENT_FAILED' })],
    ['another source', heard({ source: 'ecs-service' })],
    ['another value', heard({}, 'backend:8')],
    ['something that happened before the intent', heard({ at: new Date(NOW - 2 * MINUTE).toISOString() })],
    ['something much later', heard({ at: new Date(NOW + 20 * MINUTE).toISOString() })],
    ['an alarm', heard({ source: 'cloudwatch-alarm' })],
  ])('is not %s', (_what, given) => {
    expect(echoOf(target, given)).toBeUndefined();
  });

  it('is not taken for one on another target', () => {
    expect(echoOf(NEW_TARGET, heard())).toBeUndefined();
  });

  it('is heard within the second in which the intent was written, because AWS tells whole seconds', () => {
    expect(echoOf(target, heard({ at: new Date(NOW - 900).toISOString() }))).toBeDefined();
  });

  it('is forgotten when it can not be heard any more, so that the list stays short', () => {
    const later = NOW + 60 * MINUTE;
    expect(withEchoes(target, action([]), later)).toEqual([]);
    const many = Array.from({ length: 50 }, () => STARTED);
    expect(withEchoes(target, action(many), NOW).length).toBeLessThanOrEqual(20);
  });
});
