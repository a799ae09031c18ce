import { describe, expect, it } from '@jest/globals';
import type { DatabaseChecks } from '../../../functions/engine/config.ts';
import { databaseFindings } from '../../../functions/jobs/check-database/decide.ts';
import { unusedSince } from '../../../functions/jobs/check-database/history.ts';
import { type DatabaseReading, readDatabase } from '../../../functions/jobs/check-database/sql.ts';
import { database } from '../../support/fixtures.ts';

const DAY = 86_400;
const NOW = Date.parse('2026-11-21T06:30:00Z');
const daysAgo = (days: number) => new Date(NOW - days * DAY * 1000).toISOString();
const SINCE = { 1: daysAgo(30), 2: daysAgo(40), 3: daysAgo(29) };
const unused = (id: string, mib: number) => ({ id, index: `public.index_${id}`, table: 'public.orders', mib });
const limits: DatabaseChecks = {
  ...{
    statementsLongerThanSeconds: 300,
    statementsSlowerThanSeconds: 0.1,
    transactionIdsAbove: 500_000_000,
    replicaLagAboveSeconds: 60,
  },
  ...{ retainedLogsAboveMib: 1024, unusedIndexesAboveMib: 1024 },
};
const well: DatabaseReading = {
  ...{ canReadStats: true, connections: 10, maxConnections: 80, long: [], longCount: 0 },
  ...{ databaseMib: 100, knowsTables: true, tables: [], worn: [], unused: [], slow: [], statisticsSeconds: 90 * DAY },
  ...{ transactionIdAge: 1000, oldestDatabase: 'orders', isReplica: false, isStreaming: false, behindSeconds: 0 },
  ...{ readers: [], idleSlots: [] },
};
const session = {
  ...{ pid: 17, user: 'reporting', application: 'reports', state: 'active', seconds: 400, isBlocked: false },
};
const statement = (meanSeconds: number) => ({ id: '77', user: 'shop', calls: 100, meanSeconds });
const notPassed = (more: Partial<DatabaseReading>) =>
  databaseFindings(database, { ...well, ...more }, limits, SINCE, NOW).flatMap(({ check, result, says }) =>
    result === 'passed' ? [] : [`${check} ${result}: ${says}`],
  );

describe('the look into a database', () => {
  it('passes over one that is well, with a finding for each thing looked at', () => {
    const findings = databaseFindings(database, well, limits, {}, NOW);
    expect(findings.map(({ check, result }) => `${check} ${result}`)).toEqual([
      ...['connections passed', 'long-statements passed', 'slow-statements passed', 'dead-rows passed'],
      'transaction-ids passed',
      'unused-indexes passed',
    ]);
  });

  it.each<[Partial<DatabaseReading>, RegExp[]]>([
    [{ connections: 64 }, []],
    [{ connections: 65 }, [/^connections failed: 65 of 80 connections are open; the limit is 80 %$/]],
    [{ long: [session], longCount: 1 }, [/^long-statements failed: 1 .* 300 s: reporting \(17\) active for 400 s$/]],
    [{ long: [{ ...session, isBlocked: true }], longCount: 1 }, [/for 400 s, waiting for another$/]],
    [{ long: Array(20).fill(session), longCount: 31 }, [/^long-statements failed: 31 statements .* and others$/]],
    [{ slow: [statement(0.1)] }, []],
    [
      { slow: [statement(0.2), statement(0.1)] },
      [/^slow-statements failed: 1 statements .* 0.1 s .*: 77 of shop, 0.200 s in 100 calls$/],
    ],
    [{ slow: Array(10).fill(statement(1)) }, [/^slow-statements failed: at least 10 statements .* and others$/]],
    [{ slow: null }, []],
    [{ slow: 'unreadable' }, [/^slow-statements unknown: .* pg_stat_statements is closed/]],
    [{ canReadStats: false }, [/^long-statements unknown: the login lacks pg_read_all_stats/]],
    [{ worn: [{ table: 'public.orders', deadRows: 9000, liveRows: 1 }] }, [/^dead-rows failed: 1 .*orders \(9000\)$/]],
    [{ knowsTables: false, unused: [] }, [/^tables unknown: dead rows and unused indexes are not known/]],
    [{ transactionIdAge: 500_000_000 }, []],
    [{ transactionIdAge: 500_000_001 }, [/^transaction-ids failed: .* of orders, is 500000001 transactions old/]],
    [{ unused: [unused('1', 1024)] }, []],
    [
      { unused: [unused('1', 1000), unused('2', 25)] },
      [/^unused-indexes failed: 1025 MiB of indexes were not used in 30 days; .*: public.index_1 \(1000 MiB\), .*_2/],
    ],
    // Not for long enough, or never seen before: it may have been made today.
    [{ unused: [unused('3', 9999), unused('4', 9999)] }, []],
    [{ unused: [unused('1', 9999)], statisticsSeconds: 29 * DAY }, []],
    [{ idleSlots: [{ slot: 'left', mib: 1024 }] }, []],
    [{ idleSlots: [{ slot: 'left', mib: 1025 }] }, [/^slot failed: 1025 MiB .* slot left, which nobody reads/]],
    [{ readers: [{ name: 'r', state: 'streaming', behindSeconds: 60 }] }, []],
    [{ readers: [{ name: 'r', state: 'streaming', behindSeconds: 61 }] }, [/the reader r is 61 s behind/]],
    [{ readers: [{ name: 'r', state: 'catchup', behindSeconds: 0 }] }, [/the reader r is in state catchup/]],
    [{ isReplica: true, isStreaming: true, behindSeconds: 60 }, []],
    [{ isReplica: true, isStreaming: true, behindSeconds: 61 }, [/^replication failed: this replica is 61 s behind/]],
    [{ isReplica: true, isStreaming: false }, [/^replication failed: this replica is sent nothing by its source$/]],
    [{ isReplica: true, isStreaming: true, unused: [unused('1', 9999)] }, []],
  ])('%j', (more, expected) => {
    const found = notPassed(more);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});

describe('since when an index is unused', () => {
  const run = (since: Record<string, string>) => ({
    verdict: { kind: 'passed' as const, summary: '', report: { unusedSince: since } },
  });
  const failed = { verdict: { kind: 'failed' as const, summary: '', check: 'login', report: {} } };
  const seen = { knowsTables: true, unused: [unused('1', 1), unused('2', 1)] };

  it.each<[string, Parameters<typeof unusedSince>[1], object]>([
    ['no run before', [], { 1: daysAgo(0), 2: daysAgo(0) }],
    ['the run before', [run({ 1: daysAgo(9) })], { 1: daysAgo(9), 2: daysAgo(0) }],
    ['runs that could not look', [failed, {}, run({ 1: daysAgo(9) })], { 1: daysAgo(9), 2: daysAgo(0) }],
    ['a run in which it was used', [run({ 2: daysAgo(3) }), run({ 1: daysAgo(9) })], { 1: daysAgo(0), 2: daysAgo(3) }],
    ['a report of another version', [run({ 1: 'long ago' })], { 1: daysAgo(0), 2: daysAgo(0) }],
  ])('is told by %s', (_, runs, expected) => {
    expect(unusedSince(seen, runs, NOW)).toEqual(expected);
  });

  it('is handed on by a run that was told of no index', () => {
    expect(unusedSince({ knowsTables: false, unused: [] }, [run({ 1: daysAgo(9) })], NOW)).toEqual({ 1: daysAgo(9) });
  });
});

describe('a question that the server is too slow for', () => {
  const client = (of: string, code = '57014') =>
    ({
      query: async (sql: string) => {
        if (sql.includes(of)) throw Object.assign(new Error('canceling statement'), { code });
        return { rows: [{}] };
      },
    }) as unknown as Parameters<typeof readDatabase>[0];

  it('leaves its answer unknown, and no other', async () => {
    expect(await readDatabase(client('pg_database_size'), database, 300)).toEqual({ databaseMib: null, slow: null });
    const noTables = { knowsTables: false, tables: [], worn: [], unused: [], slow: null };
    expect(await readDatabase(client('pg_stat_user_tables'), database, 300)).toEqual(noTables);
  });

  it('of slow statements is left out where their library is not loaded, and keeps nothing else away where it cannot be read', async () => {
    const withExtension = (code: string) =>
      ({
        query: async (sql: string) => {
          // By the function: the view would read all texts. `calls` is greater than an integer may be where much is asked.
          if (/, calls, .*FROM "odd ""schema"\.pg_stat_statements\(false\)/s.test(sql))
            throw Object.assign(new Error('statements'), { code });
          return { rows: [sql.includes('pg_extension') ? { schema: 'odd "schema' } : {}] };
        },
      }) as unknown as Parameters<typeof readDatabase>[0];
    expect(await readDatabase(withExtension('55000'), database, 300)).toEqual({ slow: null });
    for (const code of ['42501', '42703', '42883', '57014'])
      expect(await readDatabase(withExtension(code), database, 300)).toEqual({ slow: 'unreadable' });
    await expect(readDatabase(withExtension('57P01'), database, 300)).rejects.toThrow('statements');
  });

  it('is told from a server that is shutting down, and from questions that take no time', async () => {
    await expect(readDatabase(client('pg_database_size', '57P01'), database, 300)).rejects.toThrow('canceling');
    await expect(readDatabase(client('pg_replication_slots'), database, 300)).rejects.toThrow('canceling');
  });
});
