import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, planOf, verify } from '../../../functions/remediations/vacuum-and-analyze/decide.ts';
import type { DueTable } from '../../../functions/remediations/vacuum-and-analyze/sql.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const table: fc.Arbitrary<DueTable> = fc.record({
  oid: fc.integer({ min: 1, max: 1e6 }),
  schema: fc.string({ maxLength: 8 }),
  table: fc.string({ maxLength: 8 }),
  why: fc.constantFrom('dead-rows' as const, 'transaction-ids' as const, 'statistics' as const),
  deadRows: fc.nat(),
  liveRows: fc.nat(),
  transactionIdAge: fc.nat(),
  mib: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true })),
  isBusy: fc.boolean(),
  mayMaintain: fc.boolean(),
});
const reading = fc.record({
  isReplica: fc.boolean(),
  mayMaintain: fc.boolean(),
  due: fc.uniqueArray(table, { maxLength: 40, selector: ({ oid }) => oid }),
  oldestDatabase: fc.record({
    name: fc.constantFrom('orders', 'billing'),
    isHere: fc.boolean(),
    transactionIdAge: fc.nat({ max: 2_000_000_000 }),
    limit: fc.constant(200_000_000),
  }),
  oldestTransactionSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
});
const limit = fc.integer({ min: 1, max: 10_240 });

describe('vacuum-and-analyze, whatever it sees', () => {
  it('vacuums only tables that are due, free, its to vacuum and within the limit, twenty at most, and none of a replica', () => {
    fc.assert(
      fc.property(reading, limit, (seen, vacuumTablesUpToMib) => {
        const target = { ...database, vacuumTablesUpToMib };
        const observation = { kind: 'tables' as const, reading: seen };
        const decision = decide({ signal, target, observation, hold: undefined, config });
        if (decision.kind !== 'act') return;
        expect(seen.isReplica).toBe(false);
        const { tables } = planOf(decision.change);
        expect(tables.length).toBeGreaterThan(0);
        expect(tables.length).toBeLessThanOrEqual(20);
        for (const { oid } of tables) {
          const found = seen.due.find((each) => each.oid === oid);
          expect(found).toMatchObject({ isBusy: false, mayMaintain: true });
          expect(found?.mib).not.toBeNull();
          expect(found?.mib ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(vacuumTablesUpToMib);
        }
        const oldestDatabase = { ...seen.oldestDatabase, transactionIdAge: 0 };
        const after = { kind: 'tables' as const, reading: { ...seen, due: [], oldestDatabase } };
        expect(verify({ change: decision.change, report: undefined, observation: after }).kind).toBe('good');
        expect(decide({ signal, target, observation: after, hold: undefined, config }).kind).toBe('fine');
      }),
    );
  });
});
