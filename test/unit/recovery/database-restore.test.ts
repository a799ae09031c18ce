/** What `database-restore` decides: of the backup, the new instance, the secret and the services. */
import { describe, expect, it } from '@jest/globals';
import type { KeptSnapshot } from '../../../functions/databases/snapshot-id.ts';
import type { RunningService } from '../../../functions/ecs/types.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { judge, lossOf, NOTHING_READ } from '../../../functions/recovery/database-restore/check.ts';
import {
  admissionApplied,
  assertSource,
  type ChooseSeen,
  type Chosen,
  choose,
  decideAdmission,
  decideRemoval,
  decideRestore,
  idOf,
  type NewInstance,
  type Old,
  protection,
  proveAdmission,
  proveRestore,
  removalApplied,
  restoreApplied,
  tagsOf,
  unfit,
  useOf,
} from '../../../functions/recovery/database-restore/decide.ts';
import { code } from '../../../functions/recovery/database-restore/handler.ts';
import { readAll } from '../../../functions/recovery/database-restore/reading.ts';
import { targetsOf } from '../../../functions/recovery/database-restore/surroundings.ts';
import {
  decideRoll,
  decideSwitch,
  decideSwitchBack,
  proveRoll,
  proveServices,
  proveSwitch,
  rollApplied,
  type SeenService,
  type SwitchSeen,
  switchApplied,
  switchBackApplied,
  toReplace,
} from '../../../functions/recovery/rolling.ts';
import { config, database, service } from '../../support/fixtures.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const DB = 'orders-db';
const RUN = 'database-restore-1';
const owner = tagsOf('test', RUN);
const old: Old = {
  ...{
    address: { host: 'old.example', port: 5432 },
    engine: 'postgres',
    cluster: null,
    resourceId: 'db-A',
    encrypted: true,
  },
  ...{
    instanceClass: 'db.t4g.small',
    multiAz: true,
    isPublic: false,
    securityGroups: ['sg-b', 'sg-a'],
    subnetGroup: 's',
  },
  ...{
    parameterGroup: 'p',
    optionGroup: null,
    storageType: 'gp3',
    iops: null,
    throughputMibPerSecond: null,
    backupDays: 7,
  },
  ...{ copyTagsToSnapshot: true, deletionProtection: true, tags: {} },
};
const snapshot = (id: string, hoursAgo: number, more: Partial<KeptSnapshot> = {}): KeptSnapshot => ({
  ...{
    id,
    status: 'available',
    encrypted: true,
    sizeGib: 20,
    progressPercent: 100,
    takenAt: NOW - hoursAgo * 3_600_000,
  },
  ...{ isAutomated: false, instanceResourceId: 'db-A', madeBy: 'test', ...more },
});
const proved = (...ids: string[]): ChooseSeen['proofs'] => ({
  verified: new Map(ids.map((id) => [id, NOW])),
  failed: new Set(),
});
const before: ChooseSeen = {
  ...{
    old,
    snapshots: [snapshot('new', 1), snapshot('proved', 2), snapshot('older', 3)],
    proofs: proved('proved', 'older'),
  },
  ...{ before: undefined, noted: new Map(), isConnected: true, unrollable: [] },
};
const chosen: Chosen = {
  ...{ snapshotId: 'proved', takenAt: NOW, snapshotResourceId: 'db-A', newId: `${DB}-restored-1`, old, before: null },
};
const copy = (more: Partial<NewInstance> = {}): NewInstance => ({
  ...{ id: chosen.newId, status: 'available', address: { host: 'new.example', port: 5432 }, resourceId: 'db-B' },
  ...{ tags: { ...owner, team: 'shop' }, securityGroups: ['sg-check'], hasPending: false, isProtected: false, ...more },
});
const HOUR_MS = 3_600_000;
const window = { earliest: NOW - 24 * HOUR_MS, latest: NOW - 300_000 };
const seen = (instance: NewInstance | undefined, use?: string) => ({ instance, use });

describe('the backup', () => {
  const decide = (more: Partial<ChooseSeen>, wanted?: string) =>
    choose(
      { ...before, ...more },
      { database: DB, snapshot: wanted },
      { deployment: 'test', newId: chosen.newId, now: NOW, dataLossSeconds: 86_400 },
    );

  it('is the newest one that was proved', () => {
    expect(decide({})).toMatchObject({ kind: 'done', result: { snapshotId: 'proved', newId: chosen.newId } });
  });

  it('is not one from before the login was changed, unless a person names it', () => {
    const rotated = { connectionMadeAt: NOW - 3_600_000 };
    const why = /secret was made after it.*may not be that of the backup/;
    expect(decide(rotated)).toMatchObject({ kind: 'fail', reason: expect.stringMatching(why) });
    expect(decide(rotated, 'proved')).toMatchObject({ kind: 'done', detail: expect.stringMatching(why) });
    expect(decide({ connectionMadeAt: NOW - 3 * 3_600_000 }).kind).toBe('done');
  });

  describe('instead of one, a moment', () => {
    const at = (ms: number, more: Partial<ChooseSeen> = {}) =>
      choose(
        { ...before, window, ...more },
        { database: DB, at: new Date(ms).toISOString() },
        { deployment: 'test', newId: chosen.newId, now: NOW, dataLossSeconds: 86_400 },
      );

    it.each([
      ['the first', window.earliest],
      ['one between', NOW - HOUR_MS],
      ['the last', window.latest],
    ])('is chosen within the window of RDS’s own backups: %s [D151]', (_which, ms) => {
      expect(at(ms)).toMatchObject({
        kind: 'done',
        result: { snapshotId: null, takenAt: ms, snapshotResourceId: 'db-A', newId: chosen.newId },
      });
    });

    it.each([
      ['before the first', window.earliest - 1],
      ['after the last', window.latest + 1],
    ])('is refused %s, with what is possible', (_which, ms) => {
      expect(at(ms)).toEqual({
        kind: 'fail',
        reason: expect.stringContaining(
          `from ${new Date(window.earliest).toISOString()} to ${new Date(window.latest).toISOString()}`,
        ),
      });
    });

    it('is refused without backups of RDS’s own, and needs none of ours', () => {
      expect(at(NOW - HOUR_MS, { window: undefined })).toEqual({
        kind: 'fail',
        reason: expect.stringMatching(/no backups of its own/),
      });
      expect(at(NOW - HOUR_MS, { snapshots: [], proofs: proved() }).kind).toBe('done');
    });

    it('says that the login may be another one’s, and is refused where a snapshot would be', () => {
      expect(at(NOW - HOUR_MS, { connectionMadeAt: NOW })).toMatchObject({
        kind: 'done',
        detail: expect.stringMatching(/may not be that of the backup/),
      });
      expect(at(NOW - HOUR_MS, { isConnected: false }).kind).toBe('fail');
      expect(at(NOW - HOUR_MS, { unrollable: ['no'] }).kind).toBe('fail');
    });

    it('is compared with the backup that was proved before, if that is of the same instance', () => {
      const known = { snapshotId: 'proved', takenAt: NOW, systemId: '7', majorVersion: 18, nextXid: '9', rows: {} };
      const same = { ...known, instanceResourceId: 'db-A' };
      expect(at(NOW - HOUR_MS, { before: same })).toMatchObject({ result: { before: same } });
      expect(at(NOW - HOUR_MS, { before: { ...known, instanceResourceId: 'db-Z' } })).toMatchObject({
        result: { before: null },
      });
    });

    it('is what the change says that is made, and what is lost is counted from it', () => {
      const moment: Chosen = { ...chosen, snapshotId: null, takenAt: NOW };
      expect(decideRestore(seen(undefined), moment)).toMatchObject({
        change: {
          summary: `restore db-A as of ${new Date(NOW).toISOString()} as ${chosen.newId}`,
          after: { at: new Date(NOW).toISOString() },
        },
      });
      expect(() => assertSource(moment, DB, 'db-A')).not.toThrow();
      expect(() => assertSource(moment, DB, 'db-B')).toThrow('expected db-A as observed, found db-B');
      expect(() => assertSource(moment, DB, undefined)).toThrow('found none of that name');
      expect(() => assertSource(chosen, DB, 'db-B')).not.toThrow();
      expect(lossOf(moment, { recoveryPointAt: null, checks: 1 }, NOW + 1000, false)).toContain(
        `written after ${new Date(NOW).toISOString()};`,
      );
    });

    it.each([
      ['a snapshot and a moment', { snapshot: 'proved', at: '2026-11-21T09:00:00Z' }],
      ['a time without its zone', { at: '2026-11-21T09:00:00' }],
      ['words', { at: 'yesterday' }],
    ])('is wrong input as %s', (_what, given) => {
      expect(code.readInput({ database: DB, ...given })).toMatchObject({
        ok: false,
        faults: expect.stringContaining('at'),
      });
    });

    it('is good input with its zone', () => {
      const given = { database: DB, at: '2026-11-21T10:00:00+01:00' };
      expect(code.readInput(given)).toEqual({ ok: true, input: given });
    });
  });

  it('is the one that a person named, also when it was not proved before', () => {
    expect(decide({}, 'new')).toMatchObject({ kind: 'done', detail: expect.stringMatching(/not proved before/) });
  });

  it.each<[string, Partial<ChooseSeen>, string | undefined, RegExp]>([
    ['the old instance is gone', { old: undefined }, undefined, /doesn't exist/],
    ['it is a member of a cluster', { old: { ...old, cluster: 'c' } }, undefined, /member of the cluster c/],
    ['it is not PostgreSQL', { old: { ...old, engine: 'mysql' } }, undefined, /is mysql/],
    [
      'nothing was proved',
      { proofs: proved() },
      undefined,
      /no backup of orders-db by this deployment that verify-backup proved/,
    ],
    ['the named one is not there', {}, 'other', /no backup other/],
    [
      'the named one is being made',
      { snapshots: [snapshot('new', 1, { status: 'creating' })] },
      'new',
      /that is available/,
    ],
    [
      'the named one is somebody else’s',
      { snapshots: [snapshot('new', 1, { madeBy: 'main' })] },
      'new',
      /by this deployment/,
    ],
    [
      'the named one failed its proof',
      { proofs: { verified: new Map(), failed: new Set(['new']) } },
      'new',
      /failed when/,
    ],
    [
      'it would not be encrypted any more',
      { snapshots: [snapshot('proved', 1, { encrypted: false })] },
      undefined,
      /isn't encrypted/,
    ],
    ['the secret names another instance', { isConnected: false }, undefined, /doesn't name old.example:5432/],
    ['a service can’t be rolled', { unrollable: ['orders/backend: by CODE_DEPLOY'] }, undefined, /CODE_DEPLOY/],
  ])('is refused when %s', (_why, more, wanted, reason) => {
    expect(decide(more, wanted)).toEqual({ kind: 'fail', reason: expect.stringMatching(reason) });
  });

  it.each<[string, Partial<ChooseSeen>, RegExp]>([
    ['is older than may be lost', { snapshots: [snapshot('proved', 25)] }, /90000 s old; 86400 s are allowed/],
    [
      'was taken of another instance',
      { snapshots: [snapshot('proved', 2, { instanceResourceId: 'db-Z' })] },
      /taken of db-Z, and the database is db-A/,
    ],
    [
      'is from another time than the journal says',
      { noted: new Map([['proved', NOW]]) },
      /the journal says that it was taken at 2026-11-21T10:00/,
    ],
  ])('is restored only by its name when it %s', (_why, more, doubt) => {
    const next = decide(more);
    expect(next).toMatchObject({ kind: 'fail', reason: expect.stringMatching(doubt) });
    expect(next).toMatchObject({ reason: expect.stringMatching(/name it: snapshot=proved$/) });
    expect(decide(more, 'proved')).toMatchObject({ kind: 'done', detail: expect.stringMatching(doubt) });
  });

  it('becomes an instance whose name follows from the run, of a rehearsal one of its own', () => {
    const name = (run: string, rehearse = false) => idOf(run, { database: DB }, { rehearse, deployment: 'test' });
    expect(name('a')).toMatch(/^orders-db-restored-[0-9a-f]{12}$/);
    expect(name('a')).toBe(name('a'));
    expect(name('b')).not.toBe(name('a'));
    expect(name('a', true)).toMatch(/^nightshift-test-rehearsal-[0-9a-f]{12}$/);
  });
});

describe('the new instance', () => {
  it('is made where none of its name is, and known again by its tags', () => {
    expect(decideRestore(seen(undefined), chosen)).toMatchObject({
      kind: 'act',
      change: { after: { snapshot: 'proved' } },
    });
    expect(decideRestore(seen(copy()), chosen).kind).toBe('fail');
    expect(restoreApplied(seen(undefined), owner)).toBe('no');
    expect(restoreApplied(seen(copy({ status: 'creating' })), owner)).toBe('yes');
    expect(restoreApplied(seen(copy({ tags: {} })), owner)).toBe('unclear');
  });

  it.each([
    [undefined, 'not-yet'],
    [copy({ status: 'creating', address: undefined }), 'not-yet'],
    [copy({ address: undefined }), 'not-yet'],
    [copy(), 'good'],
    [copy({ status: 'incompatible-restore' }), 'bad'],
    [copy({ status: 'failed' }), 'bad'],
    [copy({ status: 'deleting' }), 'bad'],
  ])('is waited for until it is available: %#', (instance, kind) => {
    expect(proveRestore(seen(instance), chosen, 5).kind).toBe(kind);
  });

  it('is removed if it is this run’s and nobody was pointed at it', () => {
    const decide = (instance: NewInstance | undefined, use?: string) =>
      decideRemoval(seen(instance, use), chosen.newId, owner, 5);
    expect(decide(copy()).kind).toBe('act');
    expect(decide(undefined)).toMatchObject({ kind: 'done', detail: expect.stringMatching(/is gone/) });
    expect(decide(copy({ status: 'creating' })).kind).toBe('wait');
    expect(decide(copy({ status: 'deleting' })).kind).toBe('wait');
    expect(decide(copy({ tags: tagsOf('test', 'another run') })).kind).toBe('fail');
    expect(decide(copy({ tags: tagsOf('main', RUN) })).kind).toBe('fail');
    expect(decide(copy(), 'the secret names it')).toEqual({
      kind: 'fail',
      reason: `${chosen.newId} is kept, because the secret names it: copy what services wrote to it before you delete it`,
    });
    expect([undefined, copy({ status: 'deleting' }), copy()].map((each) => removalApplied(seen(each)))).toEqual([
      'yes',
      'yes',
      'no',
    ]);
  });

  it('is used as soon as anybody could write to it, whoever saw to that', () => {
    const of = (isMade: boolean, isNamed: boolean, groups = ['sg-check']) =>
      useOf(copy({ securityGroups: groups }), { isMade, isNamed, checkedBy: 'sg-check' });
    expect(of(false, false)).toBeUndefined();
    expect(of(true, false)).toMatch(/pointed at it/);
    expect(of(false, true)).toBe('the secret names it');
    expect(of(false, false, ['sg-a', 'sg-check'])).toMatch(/reached by the security groups sg-a$/);
    expect(useOf(undefined, { isMade: false, isNamed: false, checkedBy: 'sg-check' })).toBeUndefined();
  });

  it('is protected from deletion as the old one is', () => {
    expect(protection(seen(copy()), chosen)).toMatchObject({ after: { deletionProtection: true } });
    expect(protection(seen(copy({ isProtected: true })), chosen)).toBeUndefined();
    expect(protection(seen(undefined), chosen)).toBeUndefined();
    expect(protection(seen(copy()), { ...chosen, old: { ...old, deletionProtection: false } })).toBeUndefined();
  });

  it('doesn’t give its snapshots the tag of this deployment’s backups', () => {
    expect(owner).toEqual({ 'nightshift:run': `test/${RUN}` });
  });

  it.each<[string, NewInstance | undefined, boolean | undefined]>([
    ['it is as it was checked', copy({ securityGroups: ['sg-a', 'sg-b'] }), undefined],
    ['it is being backed up', copy({ securityGroups: ['sg-a', 'sg-b'], status: 'backing-up' }), undefined],
    ['it is being changed', copy({ securityGroups: ['sg-a', 'sg-b'], status: 'modifying' }), true],
    ['a change of it is pending', copy({ securityGroups: ['sg-a', 'sg-b'], hasPending: true }), true],
    ['it is gone', undefined, false],
    ['it was stopped', copy({ securityGroups: ['sg-a', 'sg-b'], status: 'stopped' }), false],
    ['it has other tags', copy({ securityGroups: ['sg-a', 'sg-b'], tags: {} }), false],
    ['it is another of its name', copy({ securityGroups: ['sg-a', 'sg-b'], resourceId: 'db-Z' }), false],
    ['it has another address', copy({ securityGroups: ['sg-a', 'sg-b'], address: { host: 'x', port: 1 } }), false],
    ['services don’t reach it', copy(), false],
  ])('is looked at again before services are pointed at it: %s', (_what, instance, passing) => {
    const checked = { newId: chosen.newId, owner, address: { host: 'new.example', port: 5432 }, resourceId: 'db-B' };
    const wrong = unfit(instance, { ...checked, securityGroups: old.securityGroups });
    expect(wrong?.passing).toBe(passing);
    const versions = { current: 'first', isMade: false };
    const kind = passing === undefined ? 'act' : passing ? 'wait' : 'fail';
    expect(decideSwitch({ versions, services: [], unfit: wrong }, 'own', chosen.newId).kind).toBe(kind);
  });

  it('gets the security groups of the old one, and only from those that it was made with', () => {
    const next = decideAdmission(seen(copy()), chosen, 'sg-check');
    if (next.kind !== 'act') throw new Error(next.kind);
    expect(next.change).toMatchObject({
      before: { securityGroups: 'sg-check' },
      after: { securityGroups: 'sg-a,sg-b' },
    });
    const admitted = copy({ securityGroups: ['sg-a', 'sg-b'] });
    expect(decideAdmission(seen(admitted), chosen, 'sg-check').kind).toBe('done');
    expect(decideAdmission(seen(copy({ securityGroups: ['sg-x'] })), chosen, 'sg-check').kind).toBe('fail');
    expect(decideAdmission(seen(undefined), chosen, 'sg-check').kind).toBe('fail');
    expect(decideAdmission(seen(copy({ status: 'backing-up' })), chosen, 'sg-check').kind).toBe('wait');
    expect(
      [admitted, copy(), copy({ securityGroups: ['sg-x'] })].map((each) => admissionApplied(next.change, seen(each))),
    ).toEqual(['yes', 'no', 'unclear']);
    expect(proveAdmission(next.change, seen(admitted), 5).kind).toBe('good');
    expect(proveAdmission(next.change, seen({ ...admitted, status: 'modifying' }), 5).kind).toBe('not-yet');
    expect(proveAdmission(next.change, seen({ ...admitted, hasPending: true }), 5).kind).toBe('not-yet');
  });

  it('is judged by every finding, and waited for while it lets nobody in', () => {
    const finding = (ok: boolean) => ({ check: 'rows', ok, detail: 'counted' });
    const read = (left: number, ...findings: ReturnType<typeof finding>[]) =>
      judge({ kind: 'read', progress: { asked: ['overview'], findings, beatAt: null, rowAt: 5 }, left }, 7);
    expect(read(0, finding(true))).toMatchObject({ kind: 'done', result: { recoveryPointAt: 5, checks: 1 } });
    // What is answered is kept for the next turn.
    expect(read(2, finding(true))).toMatchObject({ kind: 'wait', result: { asked: ['overview'], rowAt: 5 } });
    expect(read(2, finding(true), finding(false))).toEqual({
      kind: 'fail',
      reason: 'rows: counted',
    });
    expect(judge({ kind: 'unreachable', passing: true, why: 'starting' }, 7)).toMatchObject({
      kind: 'wait',
      seconds: 7,
    });
    expect(judge({ kind: 'unreachable', passing: false, why: 'no such role' }, 7).kind).toBe('fail');
  });

  it('says what is lost, or that it isn’t known', () => {
    expect(lossOf(chosen, { recoveryPointAt: NOW - 90_000, checks: 1 }, NOW, false)).toMatch(
      /until the services were rolled \(2026-11-21T10:00:00.000Z\), 90 s at most/,
    );
    expect(lossOf(chosen, { recoveryPointAt: NOW - 90_000, checks: 1 }, NOW, true)).toMatch(
      /would lose .* by now 90 s/,
    );
    expect(lossOf(chosen, { recoveryPointAt: null, checks: 1 }, NOW, false)).toMatch(/unknown/);
  });
});

const running = (deployment: string, more: Partial<RunningService> = {}): RunningService => ({
  ...{ kind: 'service', arn: 'a', desired: 2, running: 2, pending: 0, controller: 'ECS', minimumHealthyPercent: 100 },
  ...{ maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
  deployments: [
    {
      ...{ id: deployment, primary: true, taskDefinition: 'x:1', rolloutState: 'COMPLETED', reason: '' },
      ...{ failedTasks: 0, running: 2, createdAtMs: 0 },
    },
  ],
  ...more,
});
const looked = (of: RunningService, name = 'backend'): SeenService => ({
  target: { ...service, name, service: name },
  seen: { service: of, unhealthyTasks: 0, guards: {} },
});
const rollOf = (...services: SeenService[]): Change => {
  const next = decideRoll(services);
  if (next.kind !== 'act') throw new Error(JSON.stringify(next));
  return next.change;
};
const deployment = (state: 'IN_PROGRESS' | 'FAILED') => ({
  ...(running('2').deployments[0] as RunningService['deployments'][number]),
  rolloutState: state,
});

describe('the services', () => {
  it('are rolled once each, and no others', () => {
    const change = rollOf(looked(running('1')), looked(running('1', { desired: 0, running: 0 }), 'idle'));
    expect(change.before).toEqual({ deployments: { 'orders/backend': '1' } });
    expect(rollApplied(change, [looked(running('1'))])).toBe('no');
    expect(rollApplied(change, [looked(running('2'))])).toBe('yes');
  });

  it('are not rolled while a deployment is under way, nor by another controller', () => {
    expect(decideRoll([looked(running('1', { deployments: [deployment('IN_PROGRESS')] }))]).kind).toBe('wait');
    expect(decideRoll([looked(running('1', { controller: 'EXTERNAL' }))]).kind).toBe('fail');
    expect(decideRoll([]).kind).toBe('done');
  });

  it.each<[string, RunningService, string]>([
    ['its deployment isn’t to be seen', running('1'), 'not-yet'],
    ['it is rolling', running('2', { deployments: [deployment('IN_PROGRESS')] }), 'not-yet'],
    ['a task is missing', running('2', { running: 1 }), 'not-yet'],
    ['it failed', running('2', { deployments: [deployment('FAILED')] }), 'bad'],
    ['it is steady', running('2'), 'good'],
  ])('are proved when they run new tasks: %s', (_when, now, kind) => {
    expect(proveRoll(rollOf(looked(running('1'))), [looked(now)]).kind).toBe(kind);
  });

  it('have to be well at the end', () => {
    const since = { lastChangeAt: NOW, now: NOW, periodSeconds: 60 };
    expect(proveServices([looked(running('2'))], since).kind).toBe('done');
    expect(proveServices([looked(running('2', { running: 1 }))], since).kind).toBe('wait');
  });
});

describe('the secret', () => {
  const at = (current: string | undefined, id = '1'): SwitchSeen => ({
    ...{ versions: { current, isMade: true }, services: [looked(running(id))] },
  });
  const forward = decideSwitch(at('first'), 'own', chosen.newId);
  if (forward.kind !== 'act') throw new Error(forward.kind);
  const made = forward.change;

  it('is switched from the version that was seen to the run’s own', () => {
    expect(made).toMatchObject({ before: { version: 'first' }, after: { version: 'own' } });
    expect(decideSwitch(at(undefined), 'own', chosen.newId).kind).toBe('fail');
    expect(['own', 'first', 'other'].map((version) => switchApplied(made, at(version)))).toEqual([
      'yes',
      'no',
      'unclear',
    ]);
    expect(['own', 'first', 'other'].map((version) => proveSwitch(made, at(version)).kind)).toEqual([
      'good',
      'bad',
      'bad',
    ]);
  });

  it('is switched back from the run’s own version alone, and done only when the services are rolled, too', () => {
    const untouched = { versions: { current: 'first', isMade: false }, services: [looked(running('1'))] };
    expect(decideSwitchBack(untouched, made).kind).toBe('done');
    expect(decideSwitchBack(at('own'), undefined).kind).toBe('done');
    expect(decideSwitchBack(at('other'), made).kind).toBe('fail');
    const back = decideSwitchBack(at('own'), made);
    if (back.kind !== 'act') throw new Error(back.kind);
    expect(switchBackApplied(back.change, at('own'))).toBe('no');
    expect(switchBackApplied(back.change, at('first'))).toBe('no');
    expect(switchBackApplied(back.change, at('first', '2'))).toBe('yes');
    expect(switchBackApplied(back.change, at('other', '2'))).toBe('unclear');
  });
});

describe('the way back of the switch', () => {
  const made: Change = { summary: 's', before: { version: 'first' }, after: { version: 'own' }, undo: 'u' };
  const began = (id: string, createdAtMs: number): SeenService => {
    const of = running(id);
    return looked({ ...of, deployments: of.deployments.map((each) => ({ ...each, createdAtMs })) });
  };
  const at = (current: string, changedAt: number, ...services: SeenService[]): SwitchSeen => ({
    versions: { current, isMade: true, changedAt },
    services,
  });

  it('rolls the services also when a person has moved the label back already', () => {
    const next = decideSwitchBack(at('first', NOW, began('1', NOW - 1)), made);
    expect(next).toMatchObject({ kind: 'act', change: { before: { deployments: { 'orders/backend': '1' } } } });
  });

  it('rolls a deployment that somebody began before the label came back', () => {
    const next = decideSwitchBack(at('own', NOW - 60_000, began('1', NOW - 90_000)), made);
    if (next.kind !== 'act') throw new Error(next.kind);
    const between = at('first', NOW, began('2', NOW - 1));
    expect(toReplace(next.change, between)).toEqual(['orders/backend']);
    expect(switchBackApplied(next.change, between)).toBe('no');
    const after = at('first', NOW, began('3', NOW + 1));
    expect(toReplace(next.change, after)).toEqual([]);
    expect(switchBackApplied(next.change, after)).toBe('yes');
  });
});

describe('reading the new instance', () => {
  const verify = { subnetGroup: 's', securityGroupId: 'sg-1', user: 'u', queries: { whole: 'x' }, fullReadMib: 0 };
  const tables = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, minRows: 0, shrinksAtMostShare: 1 }));

  it('asks one round of questions in each turn, and none of them twice', async () => {
    const rounds: string[][] = [];
    let progress = NOTHING_READ;
    for (let left = 1; left > 0; ) {
      const asked: string[] = [];
      const reading = await readAll(
        async ({ ask }) => {
          asked.push(ask.kind === 'count' ? ask.table : ask.kind);
          if (ask.kind === 'count') return { kind: 'count', table: ask.table, rows: 1, newestAt: NOW };
          if (ask.kind === 'query') return { kind: 'query', name: ask.name, good: true, why: '' };
          return {
            ...{ kind: 'overview', systemId: '7', majorVersion: 18, nextXid: '1', checksums: true, amcheck: false },
            ...{ heartbeatAt: null, invalidConstraints: [], invalidIndexes: [] },
          };
        },
        { database: DB, deployment: 'test', address: { host: 'h', port: 1 } },
        { ...verify, tables } as unknown as Parameters<typeof readAll>[2],
        chosen,
        progress,
      );
      if (reading.kind !== 'read') throw new Error(reading.why);
      rounds.push(asked);
      ({ progress, left } = reading);
    }
    expect(rounds).toEqual([['overview'], ['a', 'b', 'c', 'd'], ['e', 'query']]);
    expect(progress.rowAt).toBe(NOW);
    expect(progress.findings).toHaveLength(8);
  });
});

describe('its targets', () => {
  const verify = { subnetGroup: 's', securityGroupId: 'sg-1', user: 'u', tables: [], queries: {}, fullReadMib: 0 };
  const backup = {
    ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, verify },
    ...{ keepDays: 30, keepWeeks: 8, keepMonths: 12, keepAtLeast: 3 },
  };
  const restore = { connectionSecretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:c' };
  const whole = { ...config, databases: { [DB]: { ...database, backup, restore } } };

  it('are the database and the services that depend on it', () => {
    expect(targetsOf({ database: DB }, whole)).toEqual({
      kind: 'targets',
      targets: [`rds-instance/${DB}`, 'ecs-service/orders/backend'],
    });
  });

  it('are refused without a configured connection, proof or service', () => {
    const why = (of: typeof config) => targetsOf({ database: DB }, of);
    expect(why(config)).toMatchObject({ kind: 'refused', why: expect.stringMatching(/no "restore"/) });
    expect(why({ ...whole, databases: { [DB]: { ...database, restore } } })).toMatchObject({ kind: 'refused' });
    expect(why({ ...whole, services: {} })).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/no service depends/),
    });
    expect(targetsOf({ database: 'other' }, whole)).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/these have: orders-db/),
    });
  });
});
