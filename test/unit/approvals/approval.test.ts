import { describe, expect, it } from '@jest/globals';
import { count, peopleFor, personKnown, stateHash, whyOver } from '../../../functions/engine/approval.ts';
import { approval } from '../../support/approvals.ts';

const NOW = Date.parse('2026-11-21T03:00:00Z');
const jane = { decision: 'approve', by: 'person:jane' } as const;
const john = { decision: 'approve', by: 'person:john' } as const;

describe('counting votes', () => {
  it('is complete with the one person that is needed', () => {
    expect(count(approval({ people: 1 }), jane, NOW)).toMatchObject({
      kind: 'complete',
      next: { status: 'approved', approvedBy: ['person:jane'], decidedBy: 'person:jane', decidedAt: NOW, version: 2 },
    });
  });

  it('waits for the second person where two are needed', () => {
    const first = count(approval({ people: 2 }), jane, NOW);
    expect(first).toMatchObject({
      kind: 'counted',
      missing: 1,
      next: { status: 'waiting', approvedBy: ['person:jane'] },
    });
    if (first.kind !== 'counted') throw new Error(first.kind);
    expect(count(first.next, john, NOW)).toMatchObject({
      kind: 'complete',
      next: { approvedBy: ['person:jane', 'person:john'] },
    });
  });

  it('counts one person once', () => {
    const once = approval({ people: 2, approvedBy: ['person:jane'] });
    expect(count(once, jane, NOW)).toEqual({ kind: 'repeated', missing: 1 });
  });

  it('is over when one person denies, also after another approved', () => {
    const once = approval({ people: 2, approvedBy: ['person:john'] });
    const denied = count(once, { decision: 'deny', by: 'person:jane', reason: 'not tonight' }, NOW);
    expect(denied).toMatchObject({
      kind: 'denied',
      next: { status: 'denied', decidedBy: 'person:jane', reason: 'not tonight' },
    });
    if (denied.kind !== 'denied') throw new Error(denied.kind);
    expect(count(denied.next, john, NOW)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('jane denied it at 2026-11-21T03:00:00.000Z: not tonight'),
    });
  });

  it('refuses from the moment on at which it ends', () => {
    const until = approval({ validUntil: NOW });
    expect(count(until, jane, NOW - 1).kind).toBe('complete');
    expect(count(until, jane, NOW)).toMatchObject({
      kind: 'refused',
      why: 'it was to be approved before 2026-11-21T03:00:00.000Z',
    });
  });

  it.each(['approved', 'used', 'denied', 'expired', 'void'] as const)(
    'refuses whatever is said to one that is %s',
    (status) => {
      const over = approval({ status, decidedBy: 'person:john', decidedAt: NOW - 1000 });
      for (const decision of ['approve', 'deny'] as const)
        expect(count(over, { decision, by: 'person:jane' }, NOW).kind).toBe('refused');
      expect(whyOver(over, NOW)).toMatch(/\w/);
    },
  );
});

describe('what an approval is bound to', () => {
  const change = { before: { field: 'desiredCount', value: 2 }, after: { field: 'desiredCount', value: 3 } };
  const hash = stateHash('scale-out-service', 'ecs-service/orders/backend', change);

  it('is the same however the change was stored', () => {
    const stored = { before: { value: 2, field: 'desiredCount' }, after: { value: 3, field: 'desiredCount' } };
    expect(stateHash('scale-out-service', 'ecs-service/orders/backend', stored)).toBe(hash);
  });

  it.each([
    [
      'before-state',
      'scale-out-service',
      'ecs-service/orders/backend',
      { ...change, before: { field: 'desiredCount', value: 4 } },
    ],
    [
      'after-state',
      'scale-out-service',
      'ecs-service/orders/backend',
      { ...change, after: { field: 'desiredCount', value: 9 } },
    ],
    ['target', 'scale-out-service', 'ecs-service/orders/frontend', change],
    ['remediation', 'restart-service', 'ecs-service/orders/backend', change],
  ])('differs with another %s', (_what, remediation, target, other) => {
    expect(stateHash(remediation, target, other)).not.toBe(hash);
  });
});

describe('who must approve', () => {
  it('is one person, two for high risk, or what the manifest says', () => {
    expect(peopleFor({ risk: 'low' })).toBe(1);
    expect(peopleFor({ risk: 'medium' })).toBe(1);
    expect(peopleFor({ risk: 'high' })).toBe(2);
    expect(peopleFor({ risk: 'high', approval: { people: 1 } })).toBe(1);
    expect(peopleFor({ risk: 'low', approval: { people: 2 } })).toBe(2);
  });

  it('knows a person by name and by each identity', () => {
    const people = { jane: { identities: ['Admin/jane@example.com', 'jane.doe'] }, john: { identities: [] } };
    expect(personKnown(people, 'person:jane')).toBe('person:jane');
    expect(personKnown(people, 'person:Admin/jane@example.com')).toBe('person:jane');
    expect(personKnown(people, 'john')).toBe('person:john');
    expect(personKnown(people, 'person:mallory')).toBeUndefined();
    expect(personKnown(people, 'person:constructor')).toBeUndefined();
  });
});
