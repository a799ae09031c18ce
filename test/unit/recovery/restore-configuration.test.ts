import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Settings } from '../../../functions/configuration/item.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  applied,
  decidePutBack,
  decideTakeBack,
  differences,
  isAsWanted,
  type Seen,
  settingsOf,
  shownDigest,
  targetsOf,
  whatOf,
} from '../../../functions/recovery/restore-configuration/decide.ts';
import { config, endpoint } from '../../support/fixtures.ts';

const FOLDER = 'configuration/2026/11/20261122T030000000Z';
const backup = { zones: [], parameters: [], alarms: [], rules: [], stateMachines: [], lockDays: 35 };
const all = { ...config, endpoints: { shop: endpoint }, configurationBackup: backup };
const limits = { min: 2, max: 10 };
const seen = (more: Partial<Seen>): Seen => ({
  ...{ kind: 'service', id: 'orders/backend', limits },
  ...{ live: { taskDefinition: 'b:2', desiredCount: 3 }, wanted: { taskDefinition: 'b:1', desiredCount: 2 } },
  ...more,
});
function changeOf(decision: ReturnType<typeof decidePutBack>): Change {
  if (decision.kind !== 'act') throw new Error(`expected a change, found ${decision.kind}`);
  return decision.change;
}

describe('what is to be put back', () => {
  it.each([
    ['service/orders/backend', { kind: 'service', id: 'orders/backend' }],
    ['parameter//orders/token', { kind: 'parameter', id: '/orders/token' }],
    ['record/Z1/a.example.com/A', { kind: 'record', id: 'Z1/a.example.com/A' }],
    ['rule/default/nightly', undefined],
    ['service/', undefined],
    ['', undefined],
  ])('%s', (text, expected) => expect(whatOf(text)).toEqual(expected));

  it('takes the service, or the endpoint whose record it is, in hand', () => {
    expect(targetsOf('service/orders/backend', all)).toMatchObject({ targets: ['ecs-service/orders/backend'] });
    const record = `record/${endpoint.zoneId}/shop.example.com/A`;
    expect(targetsOf(record, all)).toMatchObject({ targets: ['dns-endpoint/shop'] });
    expect(targetsOf('alarm/orders', all)).toEqual({ kind: 'targets', targets: [] });
    expect(targetsOf('alarm/orders', config)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('no backups'),
    });
    expect(targetsOf('service/orders/x', all)).toMatchObject({ kind: 'refused' });
  });
});

describe('putting back', () => {
  it('says each difference, and leaves a number of tasks that moves by itself', () => {
    const change = changeOf(decidePutBack(seen({}), FOLDER));
    expect(change.summary).toBe(`put back service/orders/backend as in ${FOLDER}: taskDefinition: b:2 -> b:1`);
    expect(settingsOf(change, 'after')).toEqual({ taskDefinition: 'b:1', desiredCount: 3 });
    const none = changeOf(decidePutBack(seen({ live: { taskDefinition: 'b:1', desiredCount: 0 } }), FOLDER));
    expect(settingsOf(none, 'after')).toEqual({ taskDefinition: 'b:1', desiredCount: 2 });
  });

  it('does nothing where it is as in the backup', () => {
    expect(decidePutBack(seen({ live: { taskDefinition: 'b:1', desiredCount: 7 } }), FOLDER).kind).toBe('done');
  });

  it('never sets a number of tasks beyond its limits, nor takes tasks from a service that is within them', () => {
    const tasksAfter = (live: number, wanted: number) => {
      const found = { live: { taskDefinition: 'b:2', desiredCount: live } };
      const asked = { wanted: { taskDefinition: 'b:1', desiredCount: wanted } };
      return settingsOf(changeOf(decidePutBack(seen({ ...found, ...asked }), FOLDER)), 'after')?.desiredCount;
    };
    expect([tasksAfter(5, 0), tasksAfter(5, 40), tasksAfter(0, 40), tasksAfter(30, 0), tasksAfter(30, 4)]).toEqual([
      5, 5, 0, 30, 4,
    ]);
    const same = { taskDefinition: 'b:1' };
    const backedUpAtZero = { live: { ...same, desiredCount: 5 }, wanted: { ...same, desiredCount: 0 } };
    expect(decidePutBack(seen(backedUpAtZero), FOLDER).kind).toBe('done');
  });

  it('leaves policies that the backup doesn’t know', () => {
    const wanted = { MinCapacity: 1, policies: { cpu: { TargetValue: 60 } } };
    const live = { MinCapacity: 1, policies: { cpu: { TargetValue: 60 }, mine: { TargetValue: 1 } } };
    expect(isAsWanted(seen({ kind: 'scaling', live, wanted }))).toBe(true);
    const other = seen({ kind: 'scaling', live: { ...live, MinCapacity: 5 }, wanted });
    expect(differences(other)).toEqual(['MinCapacity: 5 -> 1']);
  });

  it.each<[string, Partial<Seen>, string]>([
    ['what no backup knows', { wanted: undefined }, "isn't in the backup"],
    ['a service that is gone', { live: undefined }, "isn't there any more"],
    ['a parameter that is gone', { kind: 'parameter', live: undefined }, "isn't there any more"],
    ['what another controller rolls out', { otherController: 'CODE_DEPLOY' }, 'controlled by CODE_DEPLOY'],
    ['a zone’s own records', { kind: 'record', id: 'Z1/example.com/NS' }, 'left to a person'],
    ['a traffic policy’s', { kind: 'record', wanted: { TrafficPolicyInstanceId: 'x' } }, 'traffic policy'],
  ])('refuses %s', (_what, more, why) => {
    expect(decidePutBack(seen(more), FOLDER)).toMatchObject({ kind: 'fail', reason: expect.stringContaining(why) });
  });

  it('makes a record or alarm again that is gone, and then lets it stay', () => {
    const gone = seen({ kind: 'alarm', id: 'cpu', live: undefined, wanted: { Threshold: 80 } });
    const change = changeOf(decidePutBack(gone, FOLDER));
    expect(settingsOf(change, 'before')).toBeNull();
    expect(applied(change, gone)).toBe('no');
    expect(applied(change, { ...gone, live: { Threshold: 80 } })).toBe('yes');
    expect(applied(change, { ...gone, live: { Threshold: 1 } })).toBe('unclear');
    expect(decideTakeBack({ ...gone, live: { Threshold: 80 } }, change).kind).toBe('done');
  });

  it('tells a parameter by its value, because its version never goes back', () => {
    const parameter = seen({ kind: 'parameter', id: '/a', live: { Version: 5 }, wanted: { Version: 3 } });
    expect(decidePutBack({ ...parameter, isSameValue: true }, FOLDER).kind).toBe('done');
    const change = changeOf(decidePutBack({ ...parameter, isSameValue: false }, FOLDER));
    expect(applied(change, { ...parameter, live: { Version: 6 }, isSameValue: true })).toBe('yes');
    expect(applied(change, { ...parameter, isSameValue: false })).toBe('no');
    expect(applied(change, { ...parameter, live: { Version: 6 }, isSameValue: false })).toBe('unclear');
    expect(decideTakeBack({ ...parameter, live: { Version: 6 } }, change).kind).toBe('done');
  });
});

describe('the way back', () => {
  const change = changeOf(decidePutBack(seen({}), FOLDER));

  it('goes back only from what the run set', () => {
    const back = decideTakeBack(seen({ live: { taskDefinition: 'b:1', desiredCount: 3 } }), change);
    expect(settingsOf(changeOf(back), 'after')).toEqual({ taskDefinition: 'b:2', desiredCount: 3 });
    expect(decideTakeBack(seen({}), change).kind).toBe('done');
    expect(decideTakeBack(seen({ live: { taskDefinition: 'b:9', desiredCount: 3 } }), change)).toMatchObject({
      ...{ kind: 'fail', reason: expect.stringContaining('somebody else') },
    });
    expect(decideTakeBack(seen({}), undefined).kind).toBe('done');
  });

  it('takes no tasks away that the load asked for meanwhile, and undoes a number that the run set', () => {
    const grown = changeOf(decideTakeBack(seen({ live: { taskDefinition: 'b:1', desiredCount: 7 } }), change));
    expect(settingsOf(grown, 'after')).toEqual({ taskDefinition: 'b:2', desiredCount: 7 });
    const fromNone = changeOf(decidePutBack(seen({ live: { taskDefinition: 'b:2', desiredCount: 0 } }), FOLDER));
    const back = changeOf(decideTakeBack(seen({ live: { taskDefinition: 'b:1', desiredCount: 2 } }), fromNone));
    expect(settingsOf(back, 'after')).toEqual({ taskDefinition: 'b:2', desiredCount: 0 });
  });
});

describe('scaling, which takes several calls', () => {
  const of = (MinCapacity: number, TargetValue: number) => ({ MinCapacity, policies: { cpu: { TargetValue } } });
  const scaling = (live: Settings) => seen({ kind: 'scaling', live, wanted: of(2, 60) });
  const change = changeOf(decidePutBack(scaling(of(1, 95)), FOLDER));

  it('is gone on with after a function died between two of them, and is taken back from there', () => {
    expect(applied(change, scaling(of(2, 95)))).toBe('no');
    const back = changeOf(decideTakeBack(scaling(of(2, 95)), change));
    expect(settingsOf(back, 'after')).toEqual(of(1, 95));
    expect(applied(back, scaling(of(1, 95)))).toBe('yes');
    const whole = changeOf(decideTakeBack(scaling(of(2, 60)), change));
    expect(applied(whole, scaling(of(1, 60)))).toBe('no');
  });

  it('but not from what somebody else set', () => {
    expect(applied(change, scaling(of(3, 95)))).toBe('unclear');
    expect(applied(change, scaling(of(2, 50)))).toBe('unclear');
    expect(applied(change, scaling({ MinCapacity: 2, policies: {} }))).toBe('unclear');
    expect(decideTakeBack(scaling(of(2, 50)), change).kind).toBe('fail');
  });
});

describe('what was shown', () => {
  it('is another one as soon as something else differs, and the same while tasks move by themselves', () => {
    const shown = shownDigest([seen({})]);
    expect(shownDigest([seen({ live: { taskDefinition: 'b:2', desiredCount: 9 } })])).toBe(shown);
    expect(shownDigest([seen({ live: { taskDefinition: 'b:3', desiredCount: 3 } })])).not.toBe(shown);
    expect(shownDigest([seen({ live: { taskDefinition: 'b:2', desiredCount: 0 } })])).not.toBe(shown);
  });
});

describe('whatever is configured', () => {
  const settings = fc.record({
    taskDefinition: fc.constantFrom('b:1', 'b:2'),
    desiredCount: fc.integer({ min: 0, max: 12 }),
  }) as fc.Arbitrary<Settings>;

  it('after a change nothing is left to do, and its way back ends where it began', () => {
    fc.assert(
      fc.property(settings, settings, (live, wanted) => {
        const decision = decidePutBack(seen({ live, wanted }), FOLDER);
        if (decision.kind !== 'act') return expect(isAsWanted(seen({ live, wanted }))).toBe(true);
        const after = settingsOf(decision.change, 'after') ?? {};
        expect(decidePutBack(seen({ live: after, wanted }), FOLDER).kind).toBe('done');
        expect(applied(decision.change, seen({ live: after, wanted }))).toBe('yes');
        expect(applied(decision.change, seen({ live, wanted }))).toBe('no');
        const back = decideTakeBack(seen({ live: after, wanted }), decision.change);
        expect(settingsOf(changeOf(back), 'after')).toEqual(live);
        return undefined;
      }),
    );
  });
});
