import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/fail-over-database/decide.ts';
import { examine } from '../../../functions/remediations/fail-over-database/examine.ts';
import { SHUT_OUT } from '../../support/connected.ts';
import { config, database, signal } from '../../support/fixtures.ts';

type Seen = Extract<Observation, { kind: 'instance' }>;
const AT = '2026-11-20T03:00:00.000Z';
const minutesBefore = (minutes: number) => new Date(Date.parse(AT) - minutes * 60_000).toISOString();
const secondsAfter = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString();
const STARTED = 'Multi-AZ instance failover started.';
const COMPLETED = 'Multi-AZ instance failover completed.';
const ABANDONED = 'Abandoning user requested failover since a failover recently occurred on the database instance.';

const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  at: AT,
  status: 'available',
  multiAz: true,
  zone: 'us-east-1a',
  secondaryZone: 'us-east-1b',
  pending: [],
  events: [],
  connected: SHUT_OUT,
  ...change,
});
const judge = (observation: Observation) => decide({ signal, target: database, observation, hold: undefined, config });
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const SWAPPED = { zone: 'us-east-1b', secondaryZone: 'us-east-1a' };

function planned(): Change {
  const decision = judge(seen());
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${decision.kind}`);
  return decision.change;
}

describe('deciding on a failover', () => {
  it('fails over when the standby is there, and says what that costs', () => {
    expect(planned()).toMatchObject({
      before: { zone: 'us-east-1a', secondaryZone: 'us-east-1b', seenAt: AT },
      after: { zone: 'us-east-1b', secondaryZone: 'us-east-1a' },
      summary: expect.stringContaining('every connection drops'),
    });
  });

  it.each<[string, Observation, RegExp]>([
    ['does not exist', MISSING, /does not exist/],
    ['is Single-AZ', seen({ multiAz: false }), /no standby/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), /FailoverDBCluster/],
    ['is about to lose its standby', seen({ pending: ['MultiAZ'] }), /pending change of MultiAZ/],
    ['has failed', seen({ status: 'failed' }), /is failed/],
    ['has its standby in the same zone', seen({ secondaryZone: 'us-east-1a' }), /no standby in another zone/],
    ['failed over within the hour', seen({ events: [{ at: minutesBefore(11), message: COMPLETED }] }), /only go back/],
  ])('calls a person when the instance %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });

  it.each<[string, Observation]>([
    ['is being changed', seen({ status: 'modifying' })],
    ['is failing over already', seen({ events: [{ at: minutesBefore(30), message: STARTED }] })],
    ['is settling after a failover', seen({ events: [{ at: minutesBefore(9), message: COMPLETED }] })],
    [
      'has its standby recovered',
      seen({ events: [{ at: minutesBefore(20), message: 'Multi-AZ instance recovery started.' }] }),
    ],
  ])('waits while the instance %s', (_, observation) => {
    expect(judge(observation)).toMatchObject({ kind: 'hold' });
  });

  it('calls a person when RDS names no standby', () => {
    const { secondaryZone: _, ...rest } = seen();
    expect(judge(rest)).toMatchObject({ kind: 'escalate' });
  });
});

describe('a database that is said to be down', () => {
  const down = (change: Partial<Seen>) =>
    decide({
      signal: { ...signal, runbook: 'database-down' },
      target: database,
      observation: seen(change),
      hold: undefined,
      config,
    });

  it('fails over where nobody is connected', () => {
    expect(down({})).toMatchObject({ kind: 'act' });
  });

  it('is left alone while clients are connected, or nobody can tell', () => {
    expect(down({ connected: { ...SHUT_OUT, most: 1 } })).toMatchObject({ kind: 'escalate' });
    expect(down({ connected: { kind: 'unknown', why: '' } })).toMatchObject({ kind: 'escalate' });
    expect(judge(seen({ connected: { ...SHUT_OUT, most: 1 } }))).toMatchObject({ kind: 'act' });
  });

  it('is left alone where no client went with the heartbeats: it may be idle and well, and only the way there from here broken', () => {
    const { before: _, ...never } = SHUT_OUT;
    expect(down({ connected: never })).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('no heartbeat within the hour'),
    });
    // Two are the heartbeats' own.
    for (const before of [0, 1, 2])
      expect(down({ connected: { ...SHUT_OUT, before } })).toMatchObject({
        kind: 'escalate',
        reason: expect.stringContaining('no client was connected when its heartbeats stopped'),
      });
    expect(down({ connected: { ...SHUT_OUT, before: 3 } })).toMatchObject({ kind: 'act' });
  });

  it('is waited for when heartbeats get in again', () => {
    expect(down({ connected: { ...SHUT_OUT, isAnswered: true } })).toMatchObject({ kind: 'hold' });
  });

  it('is let recover from a crash first', () => {
    const began = {
      at: minutesBefore(5),
      message: 'Recovery of the DB instance has started. Recovery time will vary.',
    };
    expect(down({ events: [began] })).toMatchObject({ kind: 'hold' });
  });
});

describe('whether a failover already happened', () => {
  const applied = (change: Partial<Seen>) => alreadyApplied(planned(), seen(change));

  it('is told by the zones', () => {
    expect(applied(SWAPPED)).toBe('yes');
    expect(applied({ ...SWAPPED, status: 'rebooting' })).toBe('yes');
    expect(applied({})).toBe('no');
  });

  it('is unclear when they could mean two things', () => {
    expect(alreadyApplied(planned(), MISSING)).toBe('unclear');
    expect(applied({ status: 'rebooting' })).toBe('unclear');
    expect(applied({ zone: 'us-east-1c' })).toBe('unclear');
    for (const message of [STARTED, COMPLETED, ABANDONED, 'DB instance restarted', 'DB instance shutdown'])
      expect(applied({ events: [{ at: secondsAfter(20), message }] })).toBe('unclear');
  });

  it('is not confused by what was before it', () => {
    expect(applied({ events: [{ at: minutesBefore(30), message: COMPLETED }] })).toBe('no');
  });
});

describe('verifying a failover', () => {
  const verified = (change: Partial<Seen>) => verify({ change: planned(), observation: seen(change) });

  it('is good once the instance is available in the other zone', () => {
    expect(verified({ ...SWAPPED, status: 'rebooting' })).toMatchObject({ kind: 'not-yet' });
    expect(verified({})).toMatchObject({ kind: 'not-yet' });
    expect(verified(SWAPPED)).toMatchObject({ kind: 'good' });
    expect(verify({ change: planned(), observation: MISSING })).toMatchObject({ kind: 'not-yet' });
  });

  it('is bad when RDS abandoned it, and keeps away for an hour', () => {
    expect(verified({ events: [{ at: secondsAfter(5), message: ABANDONED }] })).toMatchObject({
      kind: 'bad',
      stopForSeconds: 3600,
    });
  });
});

describe('what doctor says of a database', () => {
  it.each<[Observation, string]>([
    [seen(), 'ok'],
    [seen({ multiAz: false }), 'ok'],
    [seen({ cluster: 'orders' }), 'wrong'],
    [MISSING, 'wrong'],
  ])('%j is %s', (observation, verdict) => {
    expect(examine(database, observation)[0]).toMatchObject({ verdict });
  });
});
