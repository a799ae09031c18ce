import { describe, expect, it } from '@jest/globals';
import { ConnectError } from '../../../functions/databases/connect.ts';
import { databaseError } from '../../../functions/databases/session.ts';
import { PermissionError } from '../../../functions/engine/errors.ts';
import { decide, type Observation, planOf, verify } from '../../../functions/remediations/end-long-queries/decide.ts';
import { examine } from '../../../functions/remediations/end-long-queries/examine.ts';
import type { LongQuery, QueryReading } from '../../../functions/remediations/end-long-queries/sql.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const query = (pid: number): LongQuery => ({
  pid,
  backendStart: '2026-11-20T02:00:00.000000Z',
  queryStart: '2026-11-20T02:30:00.000000Z',
  user: 'reporting',
  application: 'nightly',
  runningSeconds: 2_000 - pid,
});
const seen = (change: Partial<QueryReading> = {}): Observation => ({
  kind: 'queries',
  reading: {
    canSignal: true,
    canReadStats: true,
    active: 9,
    queries: [query(1)],
    blocked: 0,
    maintenance: 0,
    ...change,
  },
});
const NO_CONNECTION: Observation = { kind: 'no-connection', failure: 'unreachable', why: 'no answer' };
const judge = (observation: Observation, target = database) =>
  decide({ signal, target, observation, hold: undefined, config });

describe('deciding which statements to end', () => {
  it('takes the longest ones, twenty at most, and names the longest', () => {
    const decision = judge(seen({ queries: Array.from({ length: 30 }, (_, index) => query(index + 1)) }));
    if (decision.kind !== 'act') throw new Error(`expected an action, got ${decision.kind}`);
    expect(planOf(decision.change).queries.map(({ pid }) => pid)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(decision.change.summary).toContain('the longest for 1999 s, by reporting as nightly');
  });

  it('terminates sessions only where no pooler shares them', () => {
    const plan = (pooler: 'none' | 'pgbouncer') => {
      const decision = judge(seen(), { ...database, pooler });
      return decision.kind === 'act' && planOf(decision.change).mayTerminate;
    };
    expect(plan('none')).toBe(true);
    expect(plan('pgbouncer')).toBe(false);
  });

  it('does nothing when no statement may be ended, and says what runs instead', () => {
    expect(judge(seen({ queries: [], blocked: 2, maintenance: 1 }))).toMatchObject({
      kind: 'fine',
      reason: expect.stringMatching(/2 only wait for a lock and 1 are maintenance/),
    });
  });

  it.each<[string, Observation, RegExp]>([
    ['it cannot look', NO_CONNECTION, /could not look into/],
    ['it cannot see statements', seen({ canReadStats: false, queries: [] }), /pg_read_all_stats/],
    ['it may not end them', seen({ canSignal: false }), /pg_signal_backend/],
  ])('calls a person when %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });
});

describe('verifying', () => {
  it('is good once nothing runs for too long', () => {
    expect(verify({ target: database, observation: seen() }).kind).toBe('not-yet');
    expect(verify({ target: database, observation: NO_CONNECTION }).kind).toBe('not-yet');
    expect(verify({ target: database, observation: seen({ queries: [] }) }).kind).toBe('good');
  });
});

describe('an error of a database', () => {
  it('keeps the engine’s own verdict, and is retried unless the login is the trouble', () => {
    const refused = new PermissionError('refused to end any');
    expect(databaseError('end', refused)).toBe(refused);
    expect(databaseError('end', new ConnectError('auth', 'no'))).toMatchObject({ name: 'PermissionError' });
    expect(databaseError('end', new ConnectError('no-slot', 'full'))).toMatchObject({ name: 'ActionFailedError' });
    expect(databaseError('end', new Error('connection lost'))).toMatchObject({ retryable: true });
  });
});

describe('what doctor says', () => {
  it('names what is missing', () => {
    expect(examine(database, seen())).toEqual([expect.objectContaining({ verdict: 'ok' })]);
    expect(examine(database, seen({ canSignal: false, canReadStats: false }))).toHaveLength(3);
    expect(examine(database, NO_CONNECTION)[0]).toMatchObject({ verdict: 'unknown' });
  });
});
