import { describe, expect, it } from '@jest/globals';
import type { Change, Decision } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  classOf,
  costPerHourUsd,
  decide,
  type Observation,
  SETTLING_MINUTES,
  verify,
} from '../../../functions/remediations/scale-up-database/decide.ts';
import { examine } from '../../../functions/remediations/scale-up-database/examine.ts';
import { config, database, signal } from '../../support/fixtures.ts';

type Seen = Extract<Observation, { kind: 'instance' }>;
const AT = '2026-11-20T09:00:00.000Z';
const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  at: AT,
  status: 'available',
  multiAz: false,
  instanceClass: 'db.t4g.micro',
  parametersPending: false,
  pending: [],
  events: [],
  ...change,
});
const changedAgo = (seconds: number) => [
  {
    at: new Date(Date.parse(AT) - seconds * 1000).toISOString(),
    message: 'Finished applying modification to DB instance class.',
  },
];
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const judge = (observation: Observation, target = database): Decision =>
  decide({ signal, target, observation, hold: undefined, config });
function planned(observation: Observation = seen(), target = database): Change {
  const decision = judge(observation, target);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding which class', () => {
  it('is the next of the ladder, with its outage and its price said', () => {
    const change = planned();
    expect(classOf(change, 'before')).toBe('db.t4g.micro');
    expect(classOf(change, 'after')).toBe('db.t4g.small');
    expect(change.summary).toBe(
      'change the class of orders-db from db.t4g.micro to db.t4g.small (it restarts: nobody can use it for some minutes; 0.02 USD an hour more)',
    );
    expect(change.undo).toContain('back to db.t4g.micro');
    expect(change).not.toHaveProperty('hold');
    expect(planned(seen({ multiAz: true })).summary).toContain('its standby takes over');
  });

  it('says no price where one of both isn’t configured', () => {
    const change = planned(seen({ instanceClass: 'db.t4g.small' }));
    expect(change.summary).not.toContain('USD');
    expect(costPerHourUsd(change, 'rds-instance/orders-db', config)).toBeUndefined();
    expect(costPerHourUsd(planned(), 'rds-instance/orders-db', config)).toBe(0.016);
    expect(costPerHourUsd(planned(), 'rds-instance/other', config)).toBeUndefined();
  });

  it('asks as many people as configured, in every mode', () => {
    expect(judge(seen())).not.toHaveProperty('approval');
    expect(judge(seen(), { ...database, costApprovals: 2 })).toMatchObject({ approval: { people: 2 } });
  });

  it.each<[string, Observation, Partial<typeof database>, RegExp]>([
    ['does not exist', MISSING, {}, /does not exist/],
    ['has no ladder', seen(), { instanceClasses: [] }, /instanceClasses isn't set/],
    ['is of a class that is not on it', seen({ instanceClass: 'db.m7g.large' }), {}, /isn't one of/],
    ['is the largest', seen({ instanceClass: 'db.t4g.medium' }), {}, /the largest/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), {}, /cluster orders/],
    ['has changes that wait', seen({ pending: ['MultiAZ'] }), {}, /MultiAZ/],
    ['has parameters that wait', seen({ parametersPending: true }), {}, /parameter changes/],
    ['has failed', seen({ status: 'failed' }), {}, /is failed/],
  ])('calls a person when the instance %s', (_, observation, target, reason) => {
    expect(judge(observation, { ...database, ...target })).toMatchObject({
      kind: 'escalate',
      reason: expect.stringMatching(reason),
    });
  });

  it('waits while it is being changed, and a while after its class was', () => {
    for (const status of ['modifying', 'maintenance', 'backing-up'])
      expect(judge(seen({ status }))).toMatchObject({ kind: 'hold', reason: 'maintenance' });
    const rest = SETTLING_MINUTES * 60;
    expect(judge(seen({ events: changedAgo(rest - 1) }))).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
      recheckAfterSeconds: 1,
    });
    expect(judge(seen({ events: changedAgo(rest) })).kind).toBe('act');
  });
});

describe('whether it happened, and helped', () => {
  it.each<[string, Observation, 'yes' | 'no' | 'unclear']>([
    ['it has the class', seen({ instanceClass: 'db.t4g.small' }), 'yes'],
    ['it is to get one', seen({ status: 'modifying', pending: ['DBInstanceClass'] }), 'yes'],
    ['it is as before', seen(), 'no'],
    ['it has a third one', seen({ instanceClass: 'db.t4g.medium' }), 'unclear'],
    ['it is gone', MISSING, 'unclear'],
  ])('when %s', (_, observation, expected) => {
    expect(alreadyApplied(planned(), observation)).toBe(expected);
  });

  it('is good once it has the class and can be used', () => {
    const change = planned();
    const small = { instanceClass: 'db.t4g.small' };
    expect(verify({ change, observation: seen(small) }).kind).toBe('good');
    expect(verify({ change, observation: seen({ ...small, status: 'modifying' }) }).kind).toBe('not-yet');
    expect(verify({ change, observation: seen() }).kind).toBe('not-yet');
    expect(verify({ change, observation: MISSING }).kind).toBe('not-yet');
  });
});

describe('what doctor says', () => {
  it.each<[string, Observation, Partial<typeof database>, 'ok' | 'wrong']>([
    ['there is a next class', seen(), {}, 'ok'],
    ['nobody wants it changed', seen(), { instanceClasses: [] }, 'ok'],
    ['it is the largest', seen({ instanceClass: 'db.t4g.medium' }), {}, 'wrong'],
    ['its class is not listed', seen({ instanceClass: 'db.m7g.large' }), {}, 'wrong'],
    ['it is missing', MISSING, {}, 'wrong'],
  ])('when %s', (_, observation, target, verdict) => {
    expect(examine({ ...database, ...target }, observation)).toMatchObject([{ verdict }]);
  });
});
