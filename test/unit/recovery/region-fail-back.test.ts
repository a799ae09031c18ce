/** The decisions of `region-fail-back`: may the way back begin, what is set aside and rebuilt, and is anything missing when the writers have stopped. */
import { describe, expect, it } from '@jest/globals';
import { type Authority, handedOver } from '../../../functions/authority/rules.ts';
import type { FailBack } from '../../../functions/engine/config.ts';
import {
  asideApplied,
  asideName,
  decideAside,
  decideDrain,
  decideFollow,
  decideRebuild,
  type LagSeen,
  type Named,
  proveAside,
  proveRebuild,
  rebuildApplied,
  slowly,
  whyNotDrained,
} from '../../../functions/recovery/region-fail-back/databases.ts';
import {
  confirm,
  decideGrant,
  decideStandBy,
  estimate,
  type Leaving,
  type Outlook,
  whoWrites,
  whyInUse,
  whyUnready,
} from '../../../functions/recovery/region-fail-back/decide.ts';
import { code } from '../../../functions/recovery/region-fail-back/handler.ts';
import { asideOf, sidesOf, targetsOf } from '../../../functions/recovery/region-fail-back/look.ts';
import { manifest } from '../../../functions/recovery/region-fail-back/manifest.ts';
import { MOST_TURNS } from '../../../infra/constructs/plan-definition.ts';
import { BAD, GOOD, pair, replicaWith, running } from '../../support/failover.ts';
import { config as base, NOW, service } from '../../support/fixtures.ts';

const STANDBY_ARN = 'arn:aws:rds:us-west-2:111122223333:db:checkout-db';
const failBack: FailBack = {
  database: 'checkout',
  services: { backend: { cluster: 'east', tasks: 4 } },
  probeUrl: 'https://east.example.com/orders',
};
const back = { ...pair, failBack };

/** The present primary, in the standby region. */
const standby = (change: object = {}): Named => ({
  name: 'checkout-db',
  reading: replicaWith({ arn: STANDBY_ARN, replicaOf: undefined, backupDays: 1, resourceId: 'db-STANDBY', ...change }),
});
/** The old primary, in the first region. */
const old = (change: object = {}): Named => ({
  name: 'checkout',
  reading: replicaWith({
    ...{ arn: 'arn:aws:rds:us-east-1:111122223333:db:checkout', replicaOf: undefined, backupDays: 7 },
    ...{ resourceId: 'db-OLD', subnetGroup: 'private', parameterGroup: 'checkout', isProtected: true },
    ...change,
  }),
});
const follower = (change: object = {}): Named => old({ replicaOf: STANDBY_ARN, resourceId: 'db-NEW', ...change });
const missing = (name: string): Named => ({
  name,
  reading: { kind: 'missing', why: `DB instance ${name} does not exist` },
});
const reason = (decision: object): string => (decision as { reason?: string }).reason ?? JSON.stringify(decision);

const outlook = (change: Partial<Outlook> = {}): Outlook => ({
  name: { addresses: ['192.0.2.2'], site: ['192.0.2.2'], answers: GOOD },
  site: GOOD,
  standby: standby(),
  first: old(),
  services: { standby: [running(4)], first: [running(2)] },
  ...change,
});

describe('beginning', () => {
  it('says how long it takes: by the size, and how long nobody is served', () => {
    expect(confirm(outlook(), back, false)).toEqual({
      kind: 'done',
      detail:
        '20 GiB: about 40 min until the first region’s database is rebuilt, then about 9 min in which nobody is served, then as long again for the standby’s'.replaceAll(
          '’',
          "'",
        ),
      result: { rebuildMinutes: 40, withoutServiceMinutes: 9 },
    });
    expect(estimate(10_000, back).rebuildMinutes).toBeGreaterThan(estimate(1_000, back).rebuildMinutes);
  });

  it.each<[string, Partial<Outlook>, RegExp]>([
    [
      'nobody failed over',
      { standby: standby({ replicaOf: 'checkout' }) },
      /checkout-db is a read replica of checkout/,
    ],
    ['its database is gone', { standby: missing('checkout-db') }, /does not exist/],
    ['it can have no replica', { standby: standby({ backupDays: 0 }) }, /no automated backups.*BackupRetentionPeriod/],
    [
      'users are elsewhere',
      { name: { addresses: ['192.0.2.1'], site: ['192.0.2.2'], answers: GOOD } },
      /users are sent to 192\.0\.2\.1, not to the standby/,
    ],
    ['the name leads nowhere', { name: { addresses: [], site: [], answers: GOOD } }, /users are sent to nothing/],
    ['the standby is sick', { site: BAD }, /the standby: 0 of 3 probes good/],
    ['the old database is stopped', { first: old({ status: 'stopped' }) }, /stopped.*renames only what is available/],
    ['the old one is a member of a cluster', { first: old({ cluster: 'c' }) }, /member of a cluster/],
    ['the old one follows another', { first: old({ replicaOf: 'other' }) }, /is a read replica of other/],
    ['it is encrypted, and no keys are named', { standby: standby({ kmsKeyId: 'k' }) }, /kmsKeyArn.*standbyKmsKeyArn/],
  ])('is refused when %s', (_what, change, why) => {
    const decision = confirm(outlook(change), back, false);
    expect(decision.kind).toBe('fail');
    expect(reason(decision)).toMatch(why);
  });

  it('is refused with services that somebody else deploys, in either region', () => {
    const foreign = running(2);
    const other = {
      ...foreign,
      seen: { ...foreign.seen, service: { ...foreign.seen.service, controller: 'CODE_DEPLOY' } },
    };
    for (const services of [
      { first: [other as never], standby: [] },
      { first: [], standby: [other as never] },
    ])
      expect(reason(confirm(outlook({ services }), back, false))).toMatch(/controlled by CODE_DEPLOY/);
  });

  it('is rehearsed while the first region serves, and says so', () => {
    const seen = outlook({ standby: standby({ replicaOf: 'checkout' }) });
    expect(confirm(seen, back, true)).toMatchObject({
      kind: 'done',
      detail: expect.stringMatching(/now: .*read replica/),
    });
    expect(confirm(outlook({ first: old({ cluster: 'c' }) }), back, true).kind).toBe('fail');
  });
});

describe('a side that is taken out of use, hours after it was looked at', () => {
  const leaving = (change: Partial<Leaving> = {}): Leaving => ({
    ...{ name: { addresses: ['192.0.2.2'], site: ['192.0.2.2'] }, other: standby() },
    writers: [{ ...running(0), stopping: 0 }],
    ...change,
  });

  it('is left alone when users are sent there by now, the other one takes no writes, or its tasks are back', () => {
    expect(whyInUse(leaving())).toBeUndefined();
    expect(whyInUse(leaving({ name: { addresses: ['192.0.2.1'], site: ['192.0.2.2'] } }))).toMatch(
      /users are sent to 192\.0\.2\.1, not to the other region/,
    );
    expect(whyInUse(leaving({ name: { addresses: [], site: ['192.0.2.2'] } }))).toMatch(/users are sent to nothing/);
    expect(whyInUse(leaving({ other: standby({ replicaOf: 'checkout' }) }))).toMatch(/is a read replica of checkout/);
    expect(whyInUse(leaving({ other: missing('checkout-db') }))).toMatch(/does not exist/);
    expect(whyInUse(leaving({ writers: [{ ...running(1), stopping: 0 }] }))).toMatch(/has tasks/);
  });

  it('stays in service when the other one has fewer tasks than it needs', () => {
    expect(whyUnready([running(4)])).toBeUndefined();
    expect(whyUnready([running(4), running(4, 3)])).toMatch(/fewer than the 4 tasks/);
  });
});

describe('setting the old database aside', () => {
  const name = asideName('checkout', '01234567');
  const seen = (named: Named, aside: Named = missing(name), like?: Named) => ({
    ...{ named, aside, source: standby().reading, like },
  });

  it('renames it, and keeps what the new one has to be like', () => {
    expect(decideAside(seen(old()))).toMatchObject({
      kind: 'act',
      change: { summary: 'set checkout aside as checkout-old-01234567', after: { name } },
    });
    expect(proveAside(seen(missing('checkout'), { ...old(), name }))).toMatchObject({
      kind: 'good',
      result: {
        aside: name,
        like: { subnetGroup: 'private', parameterGroup: 'checkout', backupDays: 7, isProtected: true },
      },
    });
  });

  it('leaves a replica of the present primary where it is', () => {
    expect(decideAside(seen(follower()))).toMatchObject({ kind: 'done', result: { aside: null } });
  });

  it('keeps backups of a replica that is there as long as those of the old database that is named', () => {
    const aside = { ...old(), name: 'checkout-old-1' };
    expect(decideAside(seen(follower({ backupDays: 0 }), missing(name), aside))).toMatchObject({
      detail: expect.stringMatching(/kept for 7 days as those of checkout-old-1/),
      result: { like: { backupDays: 7 } },
    });
    expect(decideAside(seen(follower({ backupDays: 0 })))).toMatchObject({
      detail: expect.stringMatching(/kept for 1 day: with like=/),
    });
  });

  it('asks what the new one is to be like when there is no old one', () => {
    expect(reason(decideAside(seen(missing('checkout'))))).toMatch(/start again with like=/);
    expect(decideAside(seen(missing('checkout'), missing(name), { ...old(), name: 'checkout-old-1' }))).toMatchObject({
      kind: 'done',
      result: { aside: null, like: { parameterGroup: 'checkout' } },
    });
    expect(decideAside(seen(missing('checkout'), missing(name), missing('typo'))).kind).toBe('fail');
  });

  it('waits while it is being changed, and never touches another’s replica', () => {
    expect(decideAside(seen(old({ status: 'backing-up' }))).kind).toBe('wait');
    expect(decideAside(seen(old({ replicaOf: 'other' }))).kind).toBe('fail');
  });

  it('tells a rename that was begun from one that never was, and from two instances', () => {
    const { named, aside } = seen(old());
    expect(asideApplied({ named, aside })).toBe('no');
    expect(asideApplied({ named: old({ status: 'renaming' }), aside })).toBe('yes');
    expect(asideApplied({ named: missing('checkout'), aside: { ...old(), name } })).toBe('yes');
    expect(asideApplied({ named: missing('checkout'), aside })).toBe('unclear');
    expect(asideApplied({ named, aside: { ...old(), name } })).toBe('unclear');
    expect(proveAside({ named, aside: { ...old(), name } }).kind).toBe('bad');
    expect(proveAside({ named: missing('checkout'), aside }).kind).toBe('not-yet');
    expect(proveAside({ named: missing('checkout'), aside: { ...old({ status: 'renaming' }), name } }).kind).toBe(
      'not-yet',
    );
  });
});

describe('rebuilding', () => {
  it('makes a replica of who takes writes, under the name that is free by then', () => {
    expect(decideRebuild({ named: missing('checkout'), source: standby() }, false)).toMatchObject({
      kind: 'act',
      change: { after: { database: 'checkout', replicaOf: STANDBY_ARN } },
    });
  });

  it('goes on with one that an earlier run made, and with nothing else of that name', () => {
    expect(decideRebuild({ named: follower(), source: standby() }, false).kind).toBe('done');
    expect(decideRebuild({ named: follower({ status: 'creating' }), source: standby() }, false).kind).toBe('wait');
    expect(decideRebuild({ named: follower({ status: 'failed' }), source: standby() }, false).kind).toBe('fail');
    expect(decideRebuild({ named: old(), source: standby() }, false).kind).toBe('fail');
    expect(decideRebuild({ named: missing('checkout'), source: standby({ backupDays: 0 }) }, false).kind).toBe('fail');
    expect(decideRebuild({ named: missing('checkout'), source: standby({ status: 'modifying' }) }, false).kind).toBe(
      'wait',
    );
  });

  it('is known again by whom it follows', () => {
    expect(rebuildApplied({ named: missing('checkout'), source: standby() })).toBe('no');
    expect(rebuildApplied({ named: follower(), source: standby() })).toBe('yes');
    expect(rebuildApplied({ named: old(), source: standby() })).toBe('unclear');
  });

  it('is proved once it is available, and has failed when RDS could not make it', () => {
    expect(proveRebuild({ named: follower(), source: standby() }, 9).kind).toBe('good');
    expect(proveRebuild({ named: follower({ status: 'creating' }), source: standby() }, 9)).toMatchObject({
      seconds: 9,
    });
    expect(proveRebuild({ named: missing('checkout'), source: standby() }, 9).kind).toBe('not-yet');
    expect(proveRebuild({ named: follower({ status: 'failed' }), source: standby() }, 9).kind).toBe('bad');
    expect(proveRebuild({ named: old(), source: standby() }, 9).kind).toBe('bad');
  });

  it('looks less and less often, so that twelve hours take fewer than a hundred turns', () => {
    let [seconds, turns] = [0, 0];
    for (; seconds < 12 * 3_600; turns++) seconds += slowly(seconds * 1000, 0);
    expect(turns).toBeLessThan(100);
    expect(slowly(0, 0)).toBe(10);
  });
});

const SLOT = 'rds_us_east_1_db_new';
const lag = (
  change: { readonly state?: string; readonly behindBytes?: number; readonly writing?: number; slot?: string } = {},
): LagSeen => ({
  answer: {
    ...{ kind: 'read', isReplica: false, writing: change.writing ?? 0 },
    followers: [
      { slot: 'rds_us_west_2_db_other', state: 'streaming', behindBytes: 0 },
      { slot: change.slot ?? SLOT, state: change.state ?? 'streaming', behindBytes: change.behindBytes ?? 0 },
    ],
  },
  resourceId: 'db-NEW',
  lagSeconds: 1,
});

describe('following', () => {
  it('is near enough by both what the primary and what CloudWatch tell', () => {
    expect(decideFollow(lag(), 9).kind).toBe('done');
    expect(decideFollow(lag({ behindBytes: 16 * 1024 * 1024 }), 9).kind).toBe('done');
    expect(decideFollow(lag({ behindBytes: 16 * 1024 * 1024 + 1 }), 9).kind).toBe('wait');
    expect(decideFollow(lag({ state: 'catchup' }), 9).kind).toBe('wait');
    expect(decideFollow({ ...lag(), lagSeconds: undefined }, 9).kind).toBe('wait');
    expect(decideFollow({ ...lag({ behindBytes: 5 }), lagSeconds: 61 }, 9).kind).toBe('wait');
    // A source that nobody writes to: ReplicaLag grows, and nothing is missing.
    expect(decideFollow({ ...lag(), lagSeconds: 290 }, 9).kind).toBe('done');
  });

  it('fails when the login isn’t let in, and waits for what passes', () => {
    const refused = (passing: boolean): LagSeen => ({ ...lag(), answer: { kind: 'refused', passing, why: 'no' } });
    expect(decideFollow(refused(false), 9).kind).toBe('fail');
    expect(decideFollow(refused(true), 9).kind).toBe('wait');
  });
});

describe('draining', () => {
  it('is over when this very replica has every byte, and nobody is writing', () => {
    expect(decideDrain(lag(), 1_000)).toMatchObject({
      kind: 'done',
      result: { recoveryPointAt: 1_000, writtenUntil: 1_000 },
    });
    expect(whyNotDrained(lag({ behindBytes: 1 }))).toMatch(/1 bytes behind/);
    expect(whyNotDrained(lag({ state: 'catchup' }))).toMatch(/catchup/);
    expect(whyNotDrained(lag({ writing: 2 }))).toMatch(/2 transactions of somebody else/);
    expect(whyNotDrained(lag({ slot: 'rds_us_east_1_db_newer' }))).toMatch(/no replica that is this one/);
    expect(whyNotDrained({ ...lag(), resourceId: undefined })).toMatch(/no replica that is this one/);
    expect(whyNotDrained({ ...lag(), answer: { kind: 'refused', passing: true, why: 'no slot' } })).toBe('no slot');
    expect(whyNotDrained({ ...lag(), answer: { kind: 'read', isReplica: true, writing: 0, followers: [] } })).toMatch(
      /is a read replica/,
    );
    expect(decideDrain(lag({ behindBytes: 1 }), 1_000).kind).toBe('wait');
  });

  it('isn’t while tasks of the standby are there, or still stopping', () => {
    expect(whoWrites([{ ...running(0), stopping: 0 }])).toBeUndefined();
    expect(whoWrites([{ ...running(0), stopping: 1 }])).toMatch(/has tasks/);
    expect(whoWrites([{ ...running(1), stopping: 0 }])).toMatch(/has tasks/);
    expect(whoWrites([{ ...running(0, 1), stopping: 0 }])).toMatch(/has tasks/);
  });
});

describe('standing by again', () => {
  it('starts what has no tasks with the least that it is configured to have', () => {
    expect(decideStandBy([running(0)])).toMatchObject({
      kind: 'act',
      change: { before: { tasks: { 'orders/backend': 0 } }, after: { tasks: { 'orders/backend': service.minTasks } } },
    });
    expect(decideStandBy([running(1)]).kind).toBe('done');
  });

  it('has grants begin anew, of a database of which nothing is known', () => {
    const fencing = {
      by: 'self',
      deployment: 'main',
      database: 'checkout',
      leaseSeconds: 180,
      clockMarginSeconds: 5,
    } as const;
    const withdrawn: Authority = {
      ...{ pair: 'checkout', version: 3, until: 9, withdrawnBy: 'failover', doubt: 'gone' },
      state: 'withdrawn',
      confirmed: { at: 1, until: 9, clockOffMs: 0, guardedTables: 1, unguarded: [] },
    };
    expect(decideGrant(withdrawn, { fencing }).kind).toBe('act');
    expect(handedOver(withdrawn)).toEqual({ pair: 'checkout', state: 'granting', version: 3, until: 9 });
    expect(decideGrant({ ...withdrawn, state: 'granting' }, { fencing }).kind).toBe('done');
    expect(decideGrant(undefined, { fencing }).kind).toBe('done');
    expect(decideGrant(withdrawn, { fencing: { by: 'attested' } }).kind).toBe('done');
  });
});

describe('each step’s share of turns', () => {
  const config = {
    ...base,
    ...{ region: 'us-west-2', standbyRegion: 'us-east-1', services: { backend: service } },
    pairs: { checkout: { ...back, settleSeconds: 3_600 } },
  };
  const most = Math.floor(MOST_TURNS / manifest.steps.length);
  const creating = { named: follower({ status: 'creating' }), source: standby() };
  const busy = { named: missing('checkout'), source: standby({ status: 'backing-up' }) };
  const sick = { answers: BAD, services: [] };
  const well = { answers: GOOD, services: [] };
  const name = asideName('checkout', '01234567');

  it.each<[string, 'decide' | 'verify', unknown]>([
    ['set-aside', 'verify', { named: missing('checkout'), aside: missing(name) }],
    ['rebuild', 'decide', creating],
    ['rebuild', 'verify', creating],
    ['follow', 'decide', lag({ state: 'catchup' })],
    ['steady', 'decide', [running(4, 3)]],
    ['drain', 'decide', lag({ behindBytes: 1 })],
    ['promote', 'verify', replicaWith({ status: 'modifying' })],
    ['prove', 'decide', BAD],
    ['move', 'decide', { addresses: [], site: [], answers: BAD }],
    ['settle', 'decide', sick],
    ['settle', 'decide', well],
    ['restore-standby', 'decide', busy],
  ])('lets %s wait for as long as its budget says (%s)', (step, how, seen) => {
    const budget = manifest.steps.find((each) => each.name === step)?.budgetSeconds ?? 0;
    const found = code.steps[step];
    let [seconds, turns] = [0, 0];
    let results = {};
    for (; seconds < budget; turns++) {
      const context = {
        ...{ input: { pair: 'checkout' }, config, results, rehearse: false, startedAt: NOW, lastChangeAt: NOW },
        now: () => NOW + seconds * 1000,
      } as never;
      const next =
        how === 'decide' ? found?.decide(seen, context, undefined) : found?.verify({} as never, seen, context);
      if (next?.kind === 'done') break;
      expect(next).toHaveProperty('seconds');
      const wait = next as { readonly seconds: number; readonly result?: object };
      if (wait.result) results = { [step]: wait.result };
      seconds += wait.seconds;
    }
    expect(turns).toBeLessThan(most - 3);
  });
});

describe('what it is about', () => {
  const config = {
    ...base,
    region: 'us-west-2',
    standbyRegion: 'us-east-1',
    services: { backend: service },
    pairs: { checkout: back },
  };
  const context = { input: { pair: 'checkout' }, config };

  it('takes in hand what is in this region, and knows the other side by the configuration', () => {
    expect(targetsOf(context.input, config)).toEqual({
      kind: 'targets',
      targets: ['rds-instance/checkout-db', `ecs-service/${service.cluster}/${service.service}`],
    });
    const { first, standby: own } = sidesOf(context);
    expect([first.region, first.database, own.region, own.database]).toEqual([
      ...['us-east-1', 'checkout', 'us-west-2', 'checkout-db'],
    ]);
    expect(first.services).toMatchObject([{ target: { cluster: 'east', service: 'backend' }, tasks: 4 }]);
    expect(first.services[0]?.target).not.toHaveProperty('balancedBy');
  });

  it('refuses a pair without the first region’s side, and says which have one', () => {
    expect(targetsOf({ pair: 'other' }, config)).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/there are checkout/),
    });
    expect(targetsOf({ pair: 'checkout' }, { ...config, pairs: { checkout: pair } })).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/has no failBack.*there are none/),
    });
  });

  it('gives what two runs set aside names of their own', () => {
    const { first } = sidesOf(context);
    const names = ['run-1', 'run-2'].map((run) => asideOf(first, { run } as never));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^checkout-old-[0-9a-f]{8}$/);
  });
});
