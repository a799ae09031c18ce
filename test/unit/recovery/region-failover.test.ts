import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  confirm,
  decidePromotion,
  decideScale,
  decideScaleBack,
  gate,
  moved,
  type Outlook,
  promotionApplied,
  provePromotion,
  proveSite,
  scaleApplied,
  settled,
  steady,
} from '../../../functions/recovery/region-failover/decide.ts';
import { targetsOf } from '../../../functions/recovery/region-failover/look.ts';
import type { StepDecision } from '../../../functions/recovery/step.ts';
import { BAD, GOOD, outlook, pair, replicaWith, running } from '../../support/failover.ts';
import { config, NOW, service } from '../../support/fixtures.ts';

const looked = { now: NOW, before: { sickSince: NOW - 60_000 }, rehearse: false };
const reasonOf = (decision: StepDecision): string => {
  if (decision.kind !== 'fail') throw new Error(`expected a failure, got ${JSON.stringify(decision)}`);
  return decision.reason;
};
const changeOf = (decision: StepDecision): Change => {
  if (decision.kind !== 'act') throw new Error(`expected a change, got ${JSON.stringify(decision)}`);
  return decision.change;
};

const ATTESTED = { mayWriteUntil: undefined, whyAttested: 'this pair is fenced by people' };

describe('confirming an outage', () => {
  it('takes probes that failed for long enough and every alarm for it, and dates it from when all alarms tell of it', () => {
    expect(confirm(outlook(), pair, looked)).toMatchObject({
      kind: 'done',
      result: { sickSince: NOW - 60_000, cutAt: NOW - 90_000 },
    });
  });

  it('isn’t dated by an alarm that fired long before the others: the primary took writes then', () => {
    const [silent, canary] = outlook().alarms;
    const since = (seconds: number) => NOW - seconds * 1000;
    const dated = (alarms: object[]) => confirm(outlook({ alarms: alarms as Outlook['alarms'] }), pair, looked);
    expect(dated([silent ?? {}, { ...canary, since: since(3_000) }])).toMatchObject({ result: { cutAt: since(90) } });
    expect(dated([silent ?? {}, { ...canary, since: since(10) }])).toMatchObject({ result: { cutAt: since(60) } });
    expect(dated([silent ?? {}, { ...canary, since: undefined }])).toMatchObject({ result: { cutAt: since(60) } });
  });

  it('begins anew after a gap in which nobody looked', () => {
    const before = { sickSince: NOW - 3_600_000, lookedAt: NOW - 61_000 };
    expect(confirm(outlook(), pair, { ...looked, before })).toMatchObject({ kind: 'wait', result: { sickSince: NOW } });
    expect(confirm(outlook(), pair, { ...looked, before: { ...before, lookedAt: NOW - 60_000 } }).kind).toBe('done');
  });

  it('waits for the rest of the time, remembering since when', () => {
    expect(confirm(outlook(), pair, { ...looked, before: undefined })).toMatchObject({
      kind: 'wait',
      result: { sickSince: NOW, lookedAt: NOW },
    });
    expect(confirm(outlook(), pair, { ...looked, before: { sickSince: NOW - 59_000 } }).kind).toBe('wait');
  });

  it('waits while one of the alarms doesn’t tell of it', () => {
    const [silent, canary] = outlook().alarms;
    const alarms = [silent, { ...canary, state: 'INSUFFICIENT_DATA' }] as Outlook['alarms'];
    expect(confirm(outlook({ alarms }), pair, looked).kind).toBe('wait');
  });

  it('waits for a replica that is being backed up', () => {
    const replica = replicaWith({ status: 'backing-up' });
    expect(confirm(outlook({ replica }), pair, looked)).toMatchObject({
      ...{ kind: 'wait', detail: expect.stringMatching(/is backing-up/), result: { sickSince: NOW - 60_000 } },
    });
    expect(confirm(outlook({ replica, primary: GOOD }), pair, looked).kind).toBe('fail');
  });

  it.each<[string, Partial<Outlook>, RegExp]>([
    ['the primary answers one probe', { primary: { healthy: 1, all: 3 } }, /the primary answers, which is no outage/],
    ['both are down', { standby: BAD }, /both sites are down/],
    ['only the standby is down', { standby: BAD, primary: GOOD }, /the standby doesn't answer/],
    ['the replica is promoted', { replica: replicaWith({ replicaOf: undefined }) }, /no read replica/],
    ['the replica is broken', { replica: replicaWith({ status: 'failed' }) }, /is failed, which doesn't end by itself/],
    ['the replica is gone', { replica: { kind: 'missing', why: 'it does not exist' } }, /it does not exist/],
    ['no alarm is named', { alarms: [] }, /no alarm tells of an outage/],
    ['an alarm is missing', { alarms: [{ name: 'silent', state: 'missing' }] }, /alarm silent doesn't exist/],
    [
      'a service is missing',
      { services: [{ ...running(1), seen: { ...running(1).seen, service: { kind: 'missing', why: 'gone' } } }] },
      /isn't ready: gone/,
    ],
  ])('fails when %s', (_what, change, reason) => {
    expect(reasonOf(confirm(outlook(change), pair, looked))).toMatch(reason);
  });

  it('rehearses with the primary well, but not with a standby that couldn’t take over', () => {
    const rehearsed = { ...looked, rehearse: true };
    expect(confirm(outlook({ primary: GOOD }), pair, rehearsed).kind).toBe('done');
    expect(confirm(outlook({ replica: { kind: 'missing', why: 'gone' } }), pair, rehearsed).kind).toBe('fail');
  });
});

describe('the gate before the promotion', () => {
  const input = { pair: 'checkout', fenced: 'jane: stopped it' };
  const at = { sickSince: NOW, cutAt: NOW, rehearse: false };
  const behind = (seconds: number) => ({ ...ATTESTED, recoveryPointAt: NOW - seconds * 1000 });

  it('lets through what is fenced and loses no more than is allowed, and leaves both times for the report', () => {
    expect(gate(behind(300), input, pair, at)).toMatchObject({
      kind: 'done',
      result: { recoveryPointAt: NOW - 300_000, writtenUntil: NOW },
    });
  });

  it('asks who fenced the old primary, whatever is lost', () => {
    expect(reasonOf(gate(behind(0), { pair: 'checkout', acceptLossSeconds: 'unknown' }, pair, at))).toMatch(/fenced=/);
  });

  it('asks when more is lost, and takes the answer for that much and no more', () => {
    expect(reasonOf(gate(behind(301), input, pair, at))).toMatch(/301 s may be lost.*acceptLossSeconds=301/);
    expect(gate(behind(301), { ...input, acceptLossSeconds: 301 }, pair, at).kind).toBe('done');
    expect(gate(behind(400), { ...input, acceptLossSeconds: 301 }, pair, at).kind).toBe('fail');
  });

  it('takes no number for what is unknown', () => {
    const unknown = { ...ATTESTED, recoveryPointAt: undefined };
    expect(reasonOf(gate(unknown, input, pair, at))).toMatch(/unknown how much is lost.*acceptLossSeconds=unknown/);
    expect(gate(unknown, { ...input, acceptLossSeconds: 604_800 }, pair, at).kind).toBe('fail');
    expect(gate(unknown, { ...input, acceptLossSeconds: 'unknown' }, pair, at)).toMatchObject({
      kind: 'done',
      result: { recoveryPointAt: null },
    });
  });

  it('doesn’t believe the alarms when the primary made a change after they had fired', () => {
    const early = { ...at, cutAt: NOW - 3_600_000 };
    expect(reasonOf(gate(behind(301), input, pair, early))).toMatch(/301 s may be lost.*acceptLossSeconds=unknown/);
    expect(gate(behind(300), input, pair, early)).toMatchObject({ kind: 'done', result: { writtenUntil: NOW } });
  });

  it('counts no loss of a replica that has everything', () => {
    expect(
      gate({ ...ATTESTED, recoveryPointAt: NOW + 5_000 }, input, { ...pair, recoveryPointSeconds: 0 }, at).kind,
    ).toBe('done');
  });
});

describe('the tasks of the standby', () => {
  it('become as many as are needed; none are taken away', () => {
    expect(changeOf(decideScale([running(1)]))).toMatchObject({
      before: { tasks: { 'orders/backend': 1 } },
      after: { tasks: { 'orders/backend': 4 } },
    });
    expect(decideScale([running(6)]).kind).toBe('done');
  });

  it('are seen to be set, half set, or another’s', () => {
    const change = changeOf(decideScale([running(1)]));
    expect([running(4, 1), running(1), running(2)].map((each) => scaleApplied(change, [each]))).toEqual([
      ...['yes', 'no', 'unclear'],
    ]);
  });

  it('are put back from what the run set only', () => {
    const made = changeOf(decideScale([running(1)]));
    expect(changeOf(decideScaleBack([running(4)], made)).after).toEqual({ tasks: { 'orders/backend': 1 } });
    expect(decideScaleBack([running(1)], made).kind).toBe('done');
    expect(reasonOf(decideScaleBack([running(3)], made))).toMatch(/neither found nor set/);
    expect(decideScaleBack([running(4)], undefined).kind).toBe('done');
  });

  it('are waited for until all that are needed run and are well', () => {
    const since = { lastChangeAt: NOW, now: NOW, periodSeconds: 60 };
    expect(steady([running(4, 3)], since)).toMatchObject({ kind: 'wait', detail: /3 of the 4 tasks/ });
    expect(steady([running(4)], since).kind).toBe('done');
    const unhealthy = { ...running(4), seen: { ...running(4).seen, unhealthyTasks: 1 } };
    expect(steady([unhealthy], since).kind).toBe('wait');
  });
});

describe('the promotion', () => {
  const NONE = replicaWith({ replicaOf: undefined });

  it('is made of an available replica, and of nothing else', () => {
    expect(changeOf(decidePromotion(replicaWith(), 'checkout-db')).summary).toMatch(/promote checkout-db/);
    expect(decidePromotion(replicaWith({ status: 'backing-up' }), 'checkout-db').kind).toBe('wait');
    expect(reasonOf(decidePromotion(NONE, 'checkout-db'))).toMatch(/somebody promoted it/);
  });

  it('isn’t made again once it has begun', () => {
    const seen = [NONE, replicaWith({ status: 'modifying' }), replicaWith(), replicaWith({ status: 'failed' })];
    expect(seen.map(promotionApplied)).toEqual(['yes', 'yes', 'no', 'unclear']);
  });

  it('is proved by an available database that follows nobody', () => {
    expect(provePromotion(NONE).kind).toBe('good');
    // Its first backup may take hours.
    expect(provePromotion(replicaWith({ replicaOf: undefined, status: 'backing-up' })).kind).toBe('good');
    expect(provePromotion(replicaWith({ status: 'backing-up' })).kind).toBe('not-yet');
    expect(provePromotion(replicaWith({ status: 'modifying' })).kind).toBe('not-yet');
    expect(provePromotion(replicaWith({ replicaOf: undefined, status: 'rebooting' })).kind).toBe('not-yet');
    expect(provePromotion({ kind: 'missing', why: 'gone' }).kind).toBe('bad');
  });
});

const SITE = 'the standby';

describe('moving users', () => {
  const there = { addresses: ['192.0.2.2'], site: ['192.0.2.2', '192.0.2.3'], answers: GOOD };

  it('is over once the name has led to the standby alone for as long as its records live', () => {
    expect(moved(there, pair, { now: NOW, site: SITE, since: undefined })).toMatchObject({
      kind: 'wait',
      result: { movedSince: NOW },
    });
    expect(moved(there, pair, { now: NOW, site: SITE, since: NOW - 59_000 }).kind).toBe('wait');
    expect(moved(there, pair, { now: NOW, site: SITE, since: NOW - 60_000 }).kind).toBe('done');
  });

  it('begins anew when the name leads elsewhere again, or to nothing', () => {
    for (const addresses of [['192.0.2.2', '192.0.2.9'], []])
      expect(moved({ ...there, addresses }, pair, { now: NOW, site: SITE, since: NOW - 60_000 })).toMatchObject({
        kind: 'wait',
        result: { movedSince: null },
      });
  });

  it('isn’t over while users would get no good answers', () => {
    expect(moved({ ...there, answers: BAD }, pair, { now: NOW, site: SITE, since: NOW - 60_000 }).kind).toBe('wait');
    expect(proveSite({ healthy: 2, all: 3 }, SITE).kind).toBe('wait');
    expect(proveSite({ healthy: 0, all: 0 }, SITE).kind).toBe('wait');
    expect(proveSite(GOOD, SITE).kind).toBe('done');
  });
});

describe('settling', () => {
  const since = { lastChangeAt: 0, now: NOW, periodSeconds: 60 };
  const well = { answers: GOOD, services: [running(4)] };

  it('counts the time in which everything was well without a break', () => {
    const at = { now: NOW, since, site: SITE };
    expect(settled(well, pair, { ...at, wellSince: undefined })).toMatchObject({ result: { wellSince: NOW } });
    expect(settled(well, pair, { ...at, wellSince: NOW - 299_000 }).kind).toBe('wait');
    expect(settled(well, pair, { ...at, wellSince: NOW - 300_000 }).kind).toBe('done');
    expect(settled({ ...well, answers: BAD }, pair, { ...at, wellSince: NOW - 300_000 })).toMatchObject({
      kind: 'wait',
      result: { wellSince: null },
    });
  });
});

describe('the targets', () => {
  it('are the replica and the services that serve users', () => {
    const known = { ...config, services: { backend: service }, pairs: { checkout: pair } };
    expect(targetsOf({ pair: 'checkout' }, known)).toEqual({
      kind: 'targets',
      targets: ['rds-instance/checkout-db', 'ecs-service/orders/backend'],
    });
    expect(targetsOf({ pair: 'other' }, known)).toMatchObject({ kind: 'refused', why: /there are checkout/ });
  });
});
