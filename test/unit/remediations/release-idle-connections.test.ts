import { describe, expect, it } from '@jest/globals';
import {
  decide,
  type Observation,
  planOf,
  verify,
} from '../../../functions/remediations/release-idle-connections/decide.ts';
import type { Candidate, SessionReading } from '../../../functions/remediations/release-idle-connections/sql.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const candidate = (pid: number, application = 'orders'): Candidate => ({
  pid,
  backendStart: '2026-11-20T02:00:00.000000Z',
  user: 'orders_app',
  application,
  state: 'idle',
  idleSeconds: 10_000 - pid,
});
const reading = (change: Partial<SessionReading> = {}): SessionReading => ({
  serverVersion: 180004,
  maxConnections: 80,
  superuserReservedConnections: 3,
  reservedConnections: 3,
  reservedSlot: true,
  canSignal: true,
  canReadStats: true,
  clientBackends: 75,
  byState: { idle: 60, active: 15 },
  byApplication: { orders: 60, reporting: 15 },
  rdsProxy: false,
  candidates: Array.from({ length: 60 }, (_, index) => candidate(index + 1)),
  ...change,
});
const sessions = (change?: Partial<SessionReading>): Observation => ({ kind: 'sessions', reading: reading(change) });
const judge = (observation: Observation, target = database) =>
  decide({ signal, target, observation, hold: undefined, config });

describe('deciding which idle sessions to end', () => {
  it('ends the longest idle ones, no more than it takes to reach the goal', () => {
    const decision = judge(sessions());
    if (decision.kind !== 'act') throw new Error(`expected an action, got ${decision.kind}`);
    const { goal, victims } = planOf(decision.change);
    expect(goal).toBe(40);
    expect(victims.map((each) => each.pid)).toEqual(Array.from({ length: 34 }, (_, index) => index + 1));
    expect(decision.change.verifyNotBeforeSeconds).toBe(60);
  });

  it('ends what it may when that is not enough', () => {
    const decision = judge(sessions({ candidates: [candidate(1), candidate(2)] }));
    expect(decision.kind === 'act' && planOf(decision.change).victims).toHaveLength(2);
  });

  it('does nothing at or below the threshold, its own session not counted', () => {
    expect(judge(sessions({ clientBackends: 65 }))).toMatchObject({ kind: 'fine' });
    expect(judge(sessions({ clientBackends: 66 }))).toMatchObject({ kind: 'act' });
  });

  it('ends nothing when nothing may be ended, and says who has the connections', () => {
    expect(judge(sessions({ candidates: [] }))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('orders 60'),
    });
  });

  it.each<[string, Observation, RegExp]>([
    ['there is no slot', { kind: 'no-connection', failure: 'no-slot', why: 'taken' }, /reserved_connections/],
    [
      'the database is unreachable',
      { kind: 'no-connection', failure: 'unreachable', why: 'ECONNREFUSED' },
      /ECONNREFUSED/,
    ],
    ['the login is refused', { kind: 'no-connection', failure: 'auth', why: 'PAM' }, /PAM/],
    ['RDS Proxy is at work', sessions({ rdsProxy: true }), /RDS Proxy/],
    ['the login may not signal', sessions({ canSignal: false }), /pg_signal_backend/],
    ['the login may not read', sessions({ canReadStats: false }), /pg_read_all_stats/],
  ])('calls a person when %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({
      kind: 'escalate',
      reason: expect.stringMatching(reason),
      recheckAfterSeconds: 60,
    });
  });

  it('only advises behind a pooler', () => {
    expect(judge(sessions(), { ...database, pooler: 'pgbouncer' })).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('PgBouncer'),
    });
  });
});

describe('verifying a release', () => {
  const report = {
    summary: '',
    data: { endedByApplication: { orders: 30, reporting: 4 }, leftByApplication: { orders: 30, reporting: 11 } },
  };
  const look = (change: Partial<SessionReading>) => verify({ target: database, report, observation: sessions(change) });

  it('is good when the count stays below the threshold', () => {
    expect(look({ clientBackends: 45, byApplication: { orders: 34, reporting: 11 } })).toMatchObject({ kind: 'good' });
  });
  it('is not good yet above the threshold', () => {
    expect(look({ clientBackends: 70, byApplication: { orders: 30, reporting: 11, other: 29 } })).toMatchObject({
      kind: 'not-yet',
    });
  });
  it('names the application when half of them came back', () => {
    const verdict = look({ clientBackends: 60, byApplication: { orders: 46, reporting: 12 } });
    expect(verdict).toMatchObject({ kind: 'bad', detail: expect.stringContaining('17 of 34'), stopForSeconds: 3600 });
    expect(verdict).toMatchObject({ detail: expect.stringContaining('orders') });
  });
  it('lets just under half pass', () => {
    expect(look({ clientBackends: 58, byApplication: { orders: 46, reporting: 11 } })).toMatchObject({ kind: 'good' });
  });
  it('does not count sessions of applications that were left alone', () => {
    expect(look({ clientBackends: 60, byApplication: { orders: 30, reporting: 11, other: 40 } })).toMatchObject({
      kind: 'good',
    });
  });
});
