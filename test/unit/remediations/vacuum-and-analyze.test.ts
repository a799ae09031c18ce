import { describe, expect, it } from '@jest/globals';
import type { ActReport } from '../../../functions/engine/remediation.ts';
import { decide, type Observation, planOf, verify } from '../../../functions/remediations/vacuum-and-analyze/decide.ts';
import { examine } from '../../../functions/remediations/vacuum-and-analyze/examine.ts';
import type {
  DueTable,
  MaintenanceReading,
  OldestDatabase,
} from '../../../functions/remediations/vacuum-and-analyze/sql.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const due = (oid: number, change: Partial<DueTable> = {}): DueTable => ({
  oid,
  schema: 'public',
  table: `t${oid}`,
  why: 'dead-rows',
  deadRows: 9_000,
  liveRows: 1_000,
  transactionIdAge: 100,
  mib: 10,
  isBusy: false,
  mayMaintain: true,
  ...change,
});
const LIMIT = 200_000_000;
const oldest = (change: Partial<OldestDatabase> = {}): OldestDatabase => ({
  ...{ name: database.databaseName, isHere: true, transactionIdAge: 100, limit: LIMIT },
  ...change,
});
const seen = (change: Partial<MaintenanceReading> = {}): Observation => ({
  kind: 'tables',
  reading: {
    ...{ isReplica: false, mayMaintain: true, due: [due(1)], oldestTransactionSeconds: 0 },
    oldestDatabase: oldest(),
    ...change,
  },
});
const NO_CONNECTION: Observation = { kind: 'no-connection', failure: 'unreachable', why: 'no answer' };
const judge = (observation: Observation, target = database) =>
  decide({ signal, target, observation, hold: undefined, config });
function planned(observation: Observation) {
  const decision = judge(observation);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${decision.kind}`);
  return { summary: decision.change.summary, oids: planOf(decision.change).tables.map(({ oid }) => oid) };
}

describe('deciding which tables to vacuum', () => {
  it('takes those that are due, twenty at most, and says why the first is', () => {
    const { oids, summary } = planned(seen({ due: Array.from({ length: 30 }, (_, at) => due(at + 1)) }));
    expect(oids).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(summary).toBe(
      'vacuum and analyze 20 tables, public.t1 first, of orders-db (9000 dead rows beside 1000); 10 more are left for now',
    );
    expect(planned(seen({ due: [due(1, { why: 'transaction-ids', transactionIdAge: 3e8 })] })).summary).toContain(
      'its oldest transaction is 300000000 transactions old',
    );
    expect(planned(seen({ due: [due(1, { why: 'statistics' })] })).summary).toContain('its statistics are stale');
  });

  it('leaves what somebody works on, what is not its to vacuum, and what is larger than the limit', () => {
    const tables = [
      due(1, { isBusy: true, mib: null }),
      due(2, { mayMaintain: false }),
      due(3, { mib: database.vacuumTablesUpToMib + 0.1 }),
      due(4, { mib: database.vacuumTablesUpToMib }),
    ];
    expect(planned(seen({ due: tables })).oids).toEqual([4]);
  });

  it('names the database that runs out of transaction ids where that is another one, from its limit on', () => {
    const elsewhere = (transactionIdAge: number) =>
      judge(seen({ due: [], oldestDatabase: oldest({ name: 'billing', isHere: false, transactionIdAge }) }));
    expect(elsewhere(LIMIT)).toMatchObject({ kind: 'fine' });
    expect(elsewhere(LIMIT + 1)).toMatchObject({
      kind: 'escalate',
      reason: expect.stringMatching(/in its database billing, 200000001 transactions old.*only orders/),
    });
    // What is due here is vacuumed, whoever is older.
    const both = seen({ oldestDatabase: oldest({ name: 'billing', isHere: false, transactionIdAge: LIMIT + 1 }) });
    expect(judge(both)).toMatchObject({ kind: 'act' });
  });

  it('calls a person where transactions are too old in no table that it could vacuum', () => {
    const decision = judge(seen({ due: [], oldestDatabase: oldest({ transactionIdAge: LIMIT + 1 }) }));
    expect(decision).toMatchObject({ kind: 'escalate', reason: expect.stringContaining('temporary tables') });
  });

  it('says when an old transaction keeps dead rows, from the limit on', () => {
    const { queryLongerThanSeconds } = database;
    expect(planned(seen({ oldestTransactionSeconds: queryLongerThanSeconds })).summary).not.toContain('open for');
    expect(planned(seen({ oldestTransactionSeconds: queryLongerThanSeconds + 1 })).summary).toContain('open for 301 s');
  });

  it('does nothing when no table is due, and waits when each is being worked on', () => {
    expect(judge(seen({ due: [] }))).toMatchObject({ kind: 'fine' });
    expect(judge(seen({ due: [due(1, { isBusy: true, mib: null })] }))).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
    });
  });

  it.each<[string, Observation, RegExp]>([
    ['it cannot look', NO_CONNECTION, /could not look into/],
    ['it is a replica', seen({ isReplica: true }), /vacuum its source/],
    ['it may not', seen({ due: [due(1, { mayMaintain: false })] }), /grant pg_maintain/],
    [
      'the table is too large',
      seen({ due: [due(1, { mib: 5000 })] }),
      /5000 MiB, more than vacuumTablesUpToMib \(2048\)/,
    ],
    [
      'one is too large and one busy',
      seen({ due: [due(1, { isBusy: true, mib: null }), due(2, { mib: 5000 })] }),
      /t2/,
    ],
  ])('calls a person when %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });
});

describe('verifying', () => {
  const decision = judge(seen({ due: [due(1), due(2)] }));
  if (decision.kind !== 'act') throw new Error('expected an action');
  const { change } = decision;
  const report = (done: string[]): ActReport => ({ summary: '', data: { done } });
  const judged = (observation: Observation, done: string[] | undefined) =>
    verify({ change, report: done && report(done), observation });

  it('is good once none of the planned tables is due, whatever else is', () => {
    expect(judged(seen({ due: [due(3)] }), ['public.t1', 'public.t2']).kind).toBe('good');
  });
  it('is not yet known while one that was left is due', () => {
    expect(judged(seen({ due: [due(2)] }), ['public.t1']).kind).toBe('not-yet');
    expect(judged(seen({ due: [due(2)] }), undefined).kind).toBe('not-yet');
    expect(judged(NO_CONNECTION, ['public.t1']).kind).toBe('not-yet');
  });
  it('did not help when one that was vacuumed is due still, and says what may keep its rows', () => {
    expect(judged(seen({ due: [due(2)], oldestTransactionSeconds: 7200 }), ['public.t1', 'public.t2'])).toMatchObject({
      kind: 'bad',
      detail: expect.stringContaining('open for 7200 s'),
      stopForSeconds: 3600,
    });
  });
});

describe('what doctor says', () => {
  it('names what is missing', () => {
    expect(examine(database, seen())).toEqual([expect.objectContaining({ verdict: 'ok' })]);
    const findings = examine(database, seen({ mayMaintain: false, due: [due(1, { mib: 5000 })] }));
    expect(findings.map(({ verdict }) => verdict)).toEqual(['ok', 'wrong', 'wrong']);
    expect(examine(database, NO_CONNECTION)[0]).toMatchObject({ verdict: 'unknown' });
  });
});
