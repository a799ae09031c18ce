import { describe, expect, it } from '@jest/globals';
import { siteAnswered } from '../../../functions/dns/answers.ts';
import type { SiteHealth } from '../../../functions/dns/health.ts';
import type { RecordState } from '../../../functions/dns/record.ts';
import type { Answer } from '../../../functions/dns/resolvers.ts';
import type { EndpointConfig } from '../../../functions/engine/config.ts';
import { withHold } from '../../../functions/engine/holds.ts';
import type { Change, Hold } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  decideHandBack,
  type Observation,
  verify,
} from '../../../functions/remediations/fail-over-dns/decide.ts';
import { examine } from '../../../functions/remediations/fail-over-dns/examine.ts';
import { config, endpoint, signal } from '../../support/fixtures.ts';

const WELL: SiteHealth = { probes: { healthy: 3, all: 3 }, votes: { healthy: 15, all: 15 } };
const SICK: SiteHealth = { probes: { healthy: 0, all: 3, lastFailure: 'status 503' }, votes: { healthy: 0, all: 15 } };
const EAST: RecordState = { ttlSeconds: 60, values: ['192.0.2.1'] };
const WEST: RecordState = { ttlSeconds: 60, values: ['192.0.2.2'] };

const seen = (record: RecordState, east = SICK, west = WELL): Observation => ({
  record: { kind: 'record', record },
  sites: { east, west },
});
const unread = (record: Observation['record']): Observation => ({ record, sites: { east: SICK, west: WELL } });
const judge = (observation: Observation, target: EndpointConfig = endpoint) =>
  decide({ signal, target, observation, hold: undefined, config });

function planned(observation = seen(EAST), target = endpoint): Change {
  const decision = judge(observation, target);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding on a failover', () => {
  it('sends everybody to the site that is well, and keeps the earlier record whole', () => {
    expect(planned(seen({ ttlSeconds: 7, values: ['192.0.2.1'] }))).toMatchObject({
      summary: 'send everybody who asks for shop.example.com from site east to site west',
      before: { site: 'east', record: { ttlSeconds: 7, values: ['192.0.2.1'] }, sick: true },
      after: { site: 'west', record: WEST },
      undo: expect.stringContaining('192.0.2.1 for 7 s'),
      undoChange: { after: { site: 'east', record: { ttlSeconds: 7 } } },
      hold: {
        ...{ field: 'site', baseline: 0, value: 1, stabiliseForSeconds: 1800 },
        was: { site: 'east', record: { ttlSeconds: 7, values: ['192.0.2.1'] } },
      },
    });
  });

  it('leaves a site by its reverse, whether or not that is sick', () => {
    expect(planned().undoChange?.before).not.toHaveProperty('sick');
    expect(planned().undoChange?.after).not.toHaveProperty('sick');
  });

  it('holds nothing where a person decides on the way back, or towards the site where everybody belongs', () => {
    expect(planned(seen(EAST), { ...endpoint, failBack: 'person' }).hold).toBeUndefined();
    expect(planned(seen(WEST, WELL, SICK))).toMatchObject({ after: { site: 'east' } });
    expect(planned(seen(WEST, WELL, SICK)).hold).toBeUndefined();
  });

  const votes = (healthy: number, all: number): SiteHealth => ({ ...WELL, votes: { healthy, all } });
  it.each<[string, SiteHealth]>([
    ['one of our probes failed', { ...WELL, probes: { healthy: 2, all: 3 } }],
    ['all of our probes failed', { ...WELL, probes: { healthy: 0, all: 3 } }],
    ['only half of the checkers see it well', votes(5, 10)],
    ['fewer than three checkers tell', votes(2, 2)],
    ['no checker tells', votes(0, 0)],
    ['the checkers can not be asked', { ...WELL, votes: { unknown: 'throttled' } }],
    ['nothing was probed', { ...WELL, probes: { healthy: 0, all: 0 } }],
    ['it is sick', SICK],
  ])('sends nobody to a site of which %s', (_, west) => {
    expect(judge(seen(EAST, SICK, west))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('no other is proved healthy'),
      recheckAfterSeconds: 60,
    });
  });

  it.each<[string, SiteHealth]>([
    ['one of our probes was answered', { ...SICK, probes: { healthy: 1, all: 3 } }],
    ['most checkers see it well', { ...SICK, votes: { healthy: 8, all: 15 } }],
    ['the checkers can not be asked', { ...SICK, votes: { unknown: 'throttled' } }],
  ])('calls a person instead of leaving a site of which %s', (_, east) => {
    expect(judge(seen(EAST, east))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining("isn't certain"),
    });
  });

  it('leaves a site that is well', () => {
    expect(judge(seen(EAST, WELL))).toMatchObject({ kind: 'fine' });
  });

  it.each<[string, Observation['record'], object]>([
    ['is missing', { kind: 'missing' }, { kind: 'escalate', reason: expect.stringContaining('has no A record') }],
    ['is routed', { kind: 'not-simple', why: 'it has a Weight' }, { kind: 'escalate' }],
    ['can not be read', { kind: 'unknown', why: 'timeout' }, { kind: 'escalate', recheckAfterSeconds: 60 }],
    [
      'points elsewhere',
      { kind: 'record', record: { ttlSeconds: 60, values: ['192.0.2.9'] } },
      { kind: 'hold', reason: 'hands-off', recheckAfterSeconds: config.handsOffSeconds },
    ],
    [
      'has two values',
      { kind: 'record', record: { ttlSeconds: 60, values: ['192.0.2.1', '192.0.2.2'] } },
      { kind: 'hold', reason: 'hands-off' },
    ],
  ])('changes nothing when the record %s', (_, record, expected) => {
    expect(judge(unread(record))).toMatchObject(expected);
  });

  it('knows sites by alias and by host name, however they are written', () => {
    const [east, west] = endpoint.sites;
    if (!east || !west) throw new Error('two sites');
    const sites = [
      { ...east, target: 'lb-east.elb.amazonaws.com', aliasZoneId: 'Z35SXDOTRQ7X7K' },
      { ...west, target: 'lb-west.elb.amazonaws.com', aliasZoneId: 'Z3DZXE0Q79N41H' },
    ];
    const dnsName = 'dualstack.LB-east.elb.amazonaws.com.';
    const alias = { aliasZoneId: 'Z35SXDOTRQ7X7K', dnsName, evaluateTargetHealth: true };
    expect(planned(seen(alias), { ...endpoint, sites })).toMatchObject({
      before: { record: { dnsName, evaluateTargetHealth: true } },
      after: {
        record: { aliasZoneId: 'Z3DZXE0Q79N41H', dnsName: 'lb-west.elb.amazonaws.com.', evaluateTargetHealth: false },
      },
    });
    const cname = endpoint.sites.map((site) => ({ ...site, target: `${site.name}.example.com` }));
    const record = { ttlSeconds: 60, values: ['EAST.example.com.'] };
    expect(planned(seen(record), { ...endpoint, recordType: 'CNAME', sites: cname })).toMatchObject({
      after: { record: { values: ['west.example.com'] } },
    });
  });
});

describe('the way back', () => {
  const hold: Hold = {
    ...{ remediation: 'fail-over-dns', field: 'site', baseline: 0, value: 1, stabiliseForSeconds: 1800 },
    ...{ incidentId: 'inc-1', since: '2026-11-20T03:00:00.000Z' },
  };
  const back = (observation: Observation) => decideHandBack({ target: endpoint, hold, observation });

  it('is taken when the first site is proved healthy', () => {
    expect(back(seen(WEST, WELL))).toMatchObject({
      kind: 'restore',
      change: { before: { site: 'west', record: WEST }, after: { site: 'east', record: EAST } },
    });
  });

  it('puts back the very record that was there, unless the site has another address by now', () => {
    const was = (...values: string[]) => ({ site: 'east', record: { ttlSeconds: 7, values } });
    const given = (back: ReturnType<typeof was>) =>
      decideHandBack({ target: endpoint, hold: { ...hold, was: back }, observation: seen(WEST, WELL) });
    expect(given(was('192.0.2.1'))).toMatchObject({ change: { after: was('192.0.2.1') } });
    expect(given(was('192.0.2.99'))).toMatchObject({ change: { after: { record: EAST } } });
  });

  it('is found from a third site, too, step by step or at once', () => {
    const [first] = endpoint.sites;
    if (!first) throw new Error('a site');
    const third = { ...first, name: 'north', target: '192.0.2.3' };
    const target = { ...endpoint, sites: [...endpoint.sites, third] };
    const NORTH: RecordState = { ttlSeconds: 60, values: ['192.0.2.3'] };
    const at = (record: RecordState, east: SiteHealth, west: SiteHealth, north: SiteHealth): Observation => ({
      record: { kind: 'record', record },
      sites: { east, west, north },
    });
    const moved = (observation: Observation, held: Hold | undefined) => {
      const decision = decide({ signal, target, observation, hold: held, config });
      if (decision.kind !== 'act') throw new Error(decision.kind);
      return decision.change;
    };
    const old: RecordState = { ttlSeconds: 7, values: ['192.0.2.1'] };
    const kept = (change: Change): Hold =>
      withHold([hold], { ...hold, ...(change.hold ?? {}), value: change.hold?.value ?? -1 })[0] ?? hold;
    const begun = { ...hold, ...moved(at(old, SICK, WELL, WELL), undefined).hold };
    const further = moved(at(WEST, SICK, SICK, WELL), begun);
    expect(further.hold).toMatchObject({ baseline: 0, value: 2 });
    const atNorth = kept(further);
    const homeAtOnce = decideHandBack({
      target,
      hold: { ...begun, value: 2 },
      observation: at(NORTH, WELL, SICK, WELL),
    });
    expect(homeAtOnce).toMatchObject({ kind: 'restore', change: { after: { site: 'east', record: old } } });
    // The third turns sick while the second is well again: the hold goes along, so the first is still found from there.
    const nearer = moved(at(NORTH, SICK, WELL, SICK), { ...atNorth, was: begun.was ?? null });
    expect(nearer.hold).toMatchObject({ baseline: 0, value: 1 });
    // And straight home, when that is the one that is well.
    expect(moved(at(NORTH, WELL, SICK, SICK), { ...begun, value: 2 })).toMatchObject({
      after: { site: 'east', record: old },
      hold: { baseline: 0, value: 0 },
    });
  });

  it('waits while it is not, and while Route 53 can not be asked', () => {
    expect(back(seen(WEST, SICK))).toMatchObject({ kind: 'wait', detail: expect.stringContaining('status 503') });
    expect(back(unread({ kind: 'unknown', why: 'timeout' }))).toMatchObject({ kind: 'wait' });
  });

  it('is left to whoever moved the record meanwhile', () => {
    const elsewhere = { ttlSeconds: 60, values: ['192.0.2.9'] };
    for (const observation of [seen(EAST, WELL), seen(elsewhere, WELL), unread({ kind: 'missing' })])
      expect(back(observation)).toMatchObject({ kind: 'leave' });
  });
});

describe('a failover that was recorded', () => {
  const change = planned();

  it.each<[string, Observation, 'yes' | 'no' | 'unclear']>([
    ['the new record is there', seen(WEST), 'yes'],
    ['the old one is', seen(EAST), 'no'],
    ['the old one has another TTL', seen({ ...EAST, ttlSeconds: 61 }), 'unclear'],
    ['there is none', unread({ kind: 'missing' }), 'unclear'],
    ['it can not be read', unread({ kind: 'unknown', why: 'timeout' }), 'unclear'],
  ])('has happened or not when %s', (_, observation, expected) => {
    expect(alreadyApplied(change, observation)).toBe(expected);
  });

  it.each<[string, Observation, object]>([
    ['the site it led to is well', seen(WEST), { kind: 'good' }],
    ['that site can not be judged', seen(WEST, SICK, { ...WELL, votes: { unknown: 'x' } }), { kind: 'not-yet' }],
    ['that site is sick, too', seen(WEST, SICK, SICK), { kind: 'bad', stopForSeconds: 1800 }],
    ['that site is sick and the first is well', seen(WEST, WELL, SICK), { kind: 'worse' }],
    ['somebody changed the record', seen(EAST, WELL), { kind: 'not-yet' }],
    ['the record can not be read', unread({ kind: 'unknown', why: 'timeout' }), { kind: 'not-yet' }],
  ])('is judged when %s', (_, observation, expected) => {
    expect(verify({ target: endpoint, change, observation })).toMatchObject(expected);
  });
});

describe('what resolvers answer', () => {
  const change = planned();
  const [east, west] = ['192.0.2.1', '192.0.2.2'];
  const judged = (answers: readonly Answer[], target: EndpointConfig = endpoint) =>
    verify({ target, change, observation: { ...seen(WEST), answers } });

  it.each<[string, readonly Answer[], 'good' | 'not-yet']>([
    ['none is asked', [], 'good'],
    ['each sends users to the new site', [{ resolver: 'a', values: [west] }], 'good'],
    [
      'one sends them to the earlier one',
      [
        { resolver: 'a', values: [west] },
        { resolver: 'b', values: [east] },
      ],
      'not-yet',
    ],
    ['one sends them to both', [{ resolver: 'a', values: [west, east] }], 'not-yet'],
    ['one sends them to no site', [{ resolver: 'a', values: ['192.0.2.9'] }], 'not-yet'],
    ['one knows no address', [{ resolver: 'a', values: [] }], 'not-yet'],
    ['one does not answer', [{ resolver: 'a', failure: 'ETIMEOUT' }], 'good'],
  ])('counts for the proof when %s', (_, answers, kind) => {
    expect(judged(answers)).toMatchObject({ kind });
    for (const { resolver } of answers) expect(judged(answers).detail).toContain(resolver);
  });

  it('knows the site of an alias by one address that both have, and of a CNAME by its name', () => {
    const sites = endpoint.sites.map((site) => ({
      ...site,
      aliasZoneId: 'Z1',
      target: `${site.name}.elb.example.com`,
    }));
    const siteValues = { east: [east, '192.0.2.3'], west: [west, '192.0.2.4'] };
    const at = (values: string[]) =>
      siteAnswered({ recordType: 'A' }, sites, { resolver: 'a', values, siteValues })?.name;
    expect([at(['192.0.2.4']), at([east, '192.0.2.8']), at([east, west]), at([])]).toEqual([
      ...['west', 'east', undefined, undefined],
    ]);
    const names = endpoint.sites.map((site) => ({ ...site, target: `${site.name}.example.com` }));
    const answer = { resolver: 'a', values: ['WEST.example.com.'] };
    expect(siteAnswered({ recordType: 'CNAME' }, names, answer)?.name).toBe('west');
  });

  it('are told by doctor: another site than the record names is wrong, silence is not', () => {
    const told = (answers: readonly Answer[]) =>
      examine(endpoint, { ...seen(WEST, WELL), answers })
        .map(({ verdict }) => verdict)
        .slice(1, -2);
    const answers = [
      { resolver: 'a', values: [west] },
      { resolver: 'b', values: [east] },
      { resolver: 'c', failure: 'x' },
    ];
    expect(told(answers)).toEqual(['ok', 'wrong', 'unknown']);
  });
});

describe('in quiet times', () => {
  it('says what would keep it from failing over', () => {
    const verdicts = (observation: Observation) => examine(endpoint, observation).map(({ verdict }) => verdict);
    expect(verdicts(seen(EAST, WELL))).toEqual(['ok', 'ok', 'ok']);
    expect(
      verdicts(seen({ ttlSeconds: 60, values: ['192.0.2.9'] }, SICK, { ...WELL, votes: { healthy: 0, all: 0 } })),
    ).toEqual(['wrong', 'wrong', 'unknown']);
    expect(verdicts(unread({ kind: 'missing' }))[0]).toBe('wrong');
    expect(verdicts(unread({ kind: 'not-simple', why: 'it has a Weight' }))[0]).toBe('wrong');
    expect(verdicts(unread({ kind: 'unknown', why: 'timeout' }))[0]).toBe('unknown');
  });
});
