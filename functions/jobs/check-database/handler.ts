import { readIn } from '../../databases/session.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import type { Json } from '../../engine/remediation.ts';
import { verdictOf } from '../findings.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job } from '../job.ts';
import { databaseFindings } from './decide.ts';
import { unusedSince } from './history.ts';
import { manifest } from './manifest.ts';
import { type DatabaseReading, readDatabase } from './sql.ts';

/** One look into one database. It reaches the database and the journal, nothing else. The report has sizes and names of tables, never a row or a statement. */
export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step({ run, config, store, now }) {
    const database = config.databases[run.subject];
    if (!config.checks || !database)
      throw new ActionFailedError(`databases.${run.subject} or checks: not in the configuration any more`);
    const limits = config.checks.database;
    const seen = await readIn(database, config, `into ${database.name}`, (client) =>
      readDatabase(client, database, limits.statementsLongerThanSeconds),
    );
    if ('kind' in seen) {
      const verdict = verdictOf([{ check: 'login', subject: database.name, result: 'failed', says: seen.why }]);
      return { kind: 'verdict', state: null, verdict };
    }
    const since = unusedSince(seen, await readRuns(store, run), now());
    const verdict = verdictOf(databaseFindings(database, seen, limits, since, now()));
    const report = { ...verdict.report, ...reportOf(seen), unusedSince: since };
    return { kind: 'verdict', state: null, verdict: { ...verdict, report } };
  },
};

/** As many unused indexes as a person reads. */
const INDEXES_TOLD = 20;

const reportOf = ({ databaseMib, tables, unused, worn, long, slow, readers }: DatabaseReading) => ({
  databaseMib: databaseMib === null ? 'not known: the server did not say in time' : Math.round(databaseMib),
  unusedMib: Math.round(unused.reduce((sum, { mib }) => sum + mib, 0)),
  largestTables: tables.map(({ table, mib, rows }): Json => ({ table, mib: Math.round(mib), rows })),
  unusedIndexes: unused
    .slice(0, INDEXES_TOLD)
    .map(({ index, table, mib }): Json => ({ index, table, mib: Math.round(mib) })),
  wornTables: worn.map(({ table, deadRows, liveRows }): Json => ({ table, deadRows, liveRows })),
  longStatements: long.map(({ seconds, ...each }): Json => ({ ...each, seconds: Math.round(seconds) })),
  slowStatements:
    slow === null
      ? 'not known: the extension pg_stat_statements is not there'
      : slow === 'unreadable'
        ? 'not known: pg_stat_statements could not be read'
        : slow.map(({ meanSeconds, ...each }): Json => ({ ...each, meanMilliseconds: Math.round(meanSeconds * 1000) })),
  readers: readers.map((each): Json => ({ ...each })),
});

export const handler = jobHandler(job);
