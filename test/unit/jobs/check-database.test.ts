import { describe, expect, it } from '@jest/globals';
import type { DatabaseChecks } from '../../../functions/engine/config.ts';
import { databaseFindings } from '../../../functions/jobs/check-database/decide.ts';
import type { DatabaseReading } from '../../../functions/jobs/check-database/sql.ts';
import { database } from '../../support/fixtures.ts';

const DAY = 86_400;
const limits: DatabaseChecks = {
  ...{ statementsLongerThanSeconds: 300, transactionIdsAbove: 500_000_000, replicaLagAboveSeconds: 60 },
  ...{ retainedLogsAboveMib: 1024, unusedIndexesAboveMib: 1024 },
};
const well: DatabaseReading = {
  ...{ canReadStats: true, connections: 10, maxConnections: 80, long: [], longCount: 0 },
  ...{ databaseMib: 100, tables: [], worn: [], unused: [], unusedMib: 0, statisticsSeconds: 90 * DAY },
  ...{ transactionIdAge: 1000, oldestDatabase: 'orders', isReplica: false, isStreaming: false, behindSeconds: 0 },
  ...{ readers: [], idleSlots: [] },
};
const session = {
  ...{ pid: 17, user: 'reporting', application: 'reports', state: 'active', seconds: 400, isBlocked: false },
};
const notPassed = (more: Partial<DatabaseReading>) =>
  databaseFindings(database, { ...well, ...more }, limits).flatMap(({ check, result, says }) =>
    result === 'passed' ? [] : [`${check} ${result}: ${says}`],
  );

describe('the look into a database', () => {
  it('passes over one that is well, with a finding for each thing looked at', () => {
    const findings = databaseFindings(database, well, limits);
    expect(findings.map(({ check, result }) => `${check} ${result}`)).toEqual([
      ...['connections passed', 'long-statements passed', 'dead-rows passed', 'transaction-ids passed'],
      'unused-indexes passed',
    ]);
  });

  it.each<[Partial<DatabaseReading>, RegExp[]]>([
    [{ connections: 64 }, []],
    [{ connections: 65 }, [/^connections failed: 65 of 80 connections are open; the limit is 80 %$/]],
    [{ long: [session], longCount: 1 }, [/^long-statements failed: 1 .* 300 s: reporting \(17\) active for 400 s$/]],
    [{ long: [{ ...session, isBlocked: true }], longCount: 1 }, [/for 400 s, waiting for another$/]],
    [{ long: Array(20).fill(session), longCount: 31 }, [/^long-statements failed: 31 statements .* and others$/]],
    [{ canReadStats: false }, [/^long-statements unknown: the login lacks pg_read_all_stats/]],
    [{ worn: [{ table: 'public.orders', deadRows: 9000, liveRows: 1 }] }, [/^dead-rows failed: 1 .*orders \(9000\)$/]],
    [{ transactionIdAge: 500_000_000 }, []],
    [{ transactionIdAge: 500_000_001 }, [/^transaction-ids failed: .* of orders, is 500000001 transactions old/]],
    [{ unusedMib: 1024 }, []],
    [
      { unusedMib: 1025, unused: [{ index: 'public.old', table: 'public.orders', mib: 1025 }] },
      [/^unused-indexes failed: 1025 MiB of indexes were not used in 90 days; .*: public.old \(1025 MiB\)$/],
    ],
    [{ unusedMib: 1025, statisticsSeconds: 29 * DAY }, []],
    [{ idleSlots: [{ slot: 'left', mib: 1024 }] }, []],
    [{ idleSlots: [{ slot: 'left', mib: 1025 }] }, [/^slot failed: 1025 MiB .* slot left, which nobody reads/]],
    [{ readers: [{ name: 'r', state: 'streaming', behindSeconds: 60 }] }, []],
    [{ readers: [{ name: 'r', state: 'streaming', behindSeconds: 61 }] }, [/the reader r is 61 s behind/]],
    [{ readers: [{ name: 'r', state: 'catchup', behindSeconds: 0 }] }, [/the reader r is in state catchup/]],
    [{ isReplica: true, isStreaming: true, behindSeconds: 60 }, []],
    [{ isReplica: true, isStreaming: true, behindSeconds: 61 }, [/^replication failed: this replica is 61 s behind/]],
    [{ isReplica: true, isStreaming: false }, [/^replication failed: this replica is sent nothing by its source$/]],
    [{ isReplica: true, isStreaming: true, unusedMib: 9999 }, []],
  ])('%j', (more, expected) => {
    const found = notPassed(more);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});
