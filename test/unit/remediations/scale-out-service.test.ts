import { describe, expect, it } from '@jest/globals';
import type { Hold } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  decideHandBack,
  type Observation,
  verify,
} from '../../../functions/remediations/scale-out-service/decide.ts';
import { config, service, signal } from '../../support/fixtures.ts';

type Service = Extract<Observation, { kind: 'service' }>;
const seen = (change: Partial<Service> = {}): Service => ({
  kind: 'service',
  desired: 2,
  running: 2,
  deploying: false,
  cpuPercent: 81,
  memoryPercent: 20,
  connections: { 'orders-db': 20 },
  ...change,
});
const hold = (change: Partial<Hold> = {}): Hold => ({
  remediation: 'scale-out-service',
  field: 'desiredCount',
  baseline: 2,
  value: 3,
  stabiliseForSeconds: 300,
  incidentId: 'inc-1',
  since: '2026-11-20T03:00:00.000Z',
  ...change,
});
const judge = (observation: Observation, held?: Hold) =>
  decide({ signal, target: service, observation, hold: held, config });

describe('deciding how far to scale out', () => {
  it.each([
    [2, 3],
    [3, 5],
    [4, 6],
    [5, 8],
    [6, 9],
    [7, 10],
    [9, 10],
    [1, 2],
  ])('goes from %i to %i tasks', (desired, after) => {
    const decision = judge(seen({ desired, running: desired }));
    expect(decision).toMatchObject({
      kind: 'act',
      change: { before: { field: 'desiredCount', value: desired }, after: { field: 'desiredCount', value: after } },
    });
  });

  it('raises the minimum where auto scaling owns the count, within both maxima', () => {
    expect(judge(seen({ desired: 4, running: 4, scalableTarget: { min: 2, max: 5 } }))).toMatchObject({
      kind: 'act',
      change: { before: { field: 'minCapacity', value: 2 }, after: { field: 'minCapacity', value: 5 } },
    });
  });

  it('remembers the first value as the baseline to hand back', () => {
    expect(judge(seen())).toMatchObject({
      change: { hold: { field: 'desiredCount', baseline: 2, value: 3, stabiliseForSeconds: 300 } },
    });
  });

  it.each([10, 11])('calls a person at %i tasks of at most 10', (desired) => {
    expect(judge(seen({ desired, running: desired }))).toMatchObject({ kind: 'escalate' });
  });

  it('calls a person when the service is missing', () => {
    expect(judge({ kind: 'missing', why: 'gone' })).toEqual({ kind: 'escalate', reason: 'gone' });
  });

  it('waits for a deployment', () => {
    expect(judge(seen({ deploying: true }))).toMatchObject({ kind: 'hold', reason: 'change-under-way' });
  });

  it('waits for tasks that are starting', () => {
    expect(judge(seen({ desired: 3 }))).toMatchObject({ kind: 'hold', reason: 'change-under-way' });
  });

  it('keeps its hands off a count that somebody changed after us', () => {
    expect(judge(seen({ desired: 5, running: 5 }), hold())).toMatchObject({ kind: 'hold', reason: 'hands-off' });
  });

  it('goes on from its own earlier step', () => {
    expect(judge(seen({ desired: 3, running: 3 }), hold())).toMatchObject({
      kind: 'act',
      change: { after: { value: 5 } },
    });
  });
});

describe('a database that the service depends on', () => {
  // Each task opens 5 connections; the database may have 64 of 80.
  it.each([
    [59, 'act'],
    [60, 'hold'],
    [80, 'hold'],
  ])('with %i connections: %s', (used, kind) => {
    expect(judge(seen({ connections: { 'orders-db': used } }))).toMatchObject({ kind });
  });
  it('whose connections are unknown keeps the service as it is', () => {
    expect(judge(seen({ connections: {} }))).toMatchObject({
      kind: 'hold',
      reason: 'upstream-in-trouble',
      detail: expect.stringContaining('unknown'),
    });
  });
  it('does not matter when tasks are known to open no connections', () => {
    const decision = decide({
      signal,
      target: { ...service, connectionsPerTask: 0 },
      observation: seen({ connections: {} }),
      hold: undefined,
      config,
    });
    expect(decision.kind).toBe('act');
  });
});

describe('an intent that was left unfinished', () => {
  const decision = judge(seen());
  if (decision.kind !== 'act') throw new Error('expected an action');
  it.each<[Observation, string]>([
    [seen({ desired: 3 }), 'yes'],
    [seen({ desired: 2 }), 'no'],
    [seen({ desired: 6 }), 'unclear'],
    [seen({ desired: 3, scalableTarget: { min: 2, max: 9 } }), 'unclear'],
    [{ kind: 'missing', why: 'gone' }, 'unclear'],
  ])('is seen as applied: %j -> %s', (observation, answer) => {
    expect(alreadyApplied(decision.change, observation)).toBe(answer);
  });
});

describe('verifying', () => {
  it('is good when every wanted task runs', () => {
    expect(verify({ observation: seen({ desired: 3, running: 3 }) }).kind).toBe('good');
  });
  it('is not good yet while tasks are starting', () => {
    expect(verify({ observation: seen({ desired: 3, running: 2 }) }).kind).toBe('not-yet');
  });
});

describe('the bounds that are configured', () => {
  it('leave a service alone that somebody scaled to zero', () => {
    expect(judge(seen({ desired: 0, running: 0 }))).toMatchObject({ kind: 'hold', reason: 'hands-off' });
  });
  it('hold for handing back too: a baseline below the minimum is not restored', () => {
    const three = seen({ desired: 3, running: 3, cpuPercent: 5 });
    expect(decideHandBack({ target: service, hold: hold({ baseline: 1 }), observation: three })).toMatchObject({
      change: { after: { value: 2 } },
    });
    const two = seen({ cpuPercent: 5 });
    expect(decideHandBack({ target: service, hold: hold({ baseline: 1, value: 2 }), observation: two }).kind).toBe(
      'leave',
    );
  });
});

describe('handing back', () => {
  const back = (observation: Observation, held = hold()) =>
    decideHandBack({ target: service, hold: held, observation });
  it('restores the baseline when the load fits on it', () => {
    expect(back(seen({ desired: 3, running: 3, cpuPercent: 30 }))).toMatchObject({
      kind: 'restore',
      change: { before: { field: 'desiredCount', value: 3 }, after: { field: 'desiredCount', value: 2 } },
    });
  });
  it('waits while the load would not fit on fewer tasks', () => {
    expect(back(seen({ desired: 3, running: 3, cpuPercent: 54 }))).toMatchObject({
      kind: 'wait',
      recheckAfterSeconds: 300,
    });
  });
  it('waits while memory would not fit', () => {
    expect(back(seen({ desired: 3, running: 3, cpuPercent: 10, memoryPercent: 60 }))).toMatchObject({ kind: 'wait' });
  });
  it('waits while nothing is known of the load', () => {
    const { cpuPercent: _, ...blind } = seen({ desired: 3, running: 3 });
    expect(back(blind)).toMatchObject({ kind: 'wait' });
  });
  it('waits while nothing is known of memory', () => {
    const { memoryPercent: _, ...blind } = seen({ desired: 3, running: 3, cpuPercent: 10 });
    expect(back(blind)).toMatchObject({ kind: 'wait', detail: expect.stringContaining('memory') });
  });
  it('leaves a count that is not ours any more', () => {
    expect(back(seen({ desired: 5, running: 5, cpuPercent: 10 }))).toMatchObject({ kind: 'leave' });
  });
  it('leaves a service that auto scaling took over meanwhile', () => {
    expect(back(seen({ desired: 3, running: 3, scalableTarget: { min: 2, max: 9 } }))).toMatchObject({ kind: 'leave' });
  });
  it('restores the minimum of auto scaling without judging its load', () => {
    const held = hold({ field: 'minCapacity' });
    expect(back(seen({ desired: 4, running: 4, scalableTarget: { min: 3, max: 9 } }), held)).toMatchObject({
      kind: 'restore',
      change: { after: { field: 'minCapacity', value: 2 } },
    });
  });
});
