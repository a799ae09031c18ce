/** What the daily look into a database finds. Pure. */
import type { DatabaseChecks, DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../findings.ts';
import type { UnusedSince } from './history.ts';
import type { DatabaseReading, LongSession } from './sql.ts';

/** An index of a report that is made each month is used each month. */
const UNUSED_LEAST_SECONDS = 30 * 86_400;
/** As many as a person reads. */
const NAMED = 3;
/** No more are read. */
const MOST_SLOW = 10;

/** One finding for each thing looked at, in the order in which somebody would look. @param limits of `checks.database`. @param now epoch milliseconds. */
export function databaseFindings(
  { name: subject, connectionsAboveShare, deadRowsAboveShare }: DatabaseConfig,
  seen: DatabaseReading,
  limits: DatabaseChecks,
  since: UnusedSince,
  now: number,
): Finding[] {
  const finding = (check: string, isBad: boolean, says: string): Finding => {
    return { check, subject, result: isBad ? 'failed' : 'passed', says };
  };
  const share = seen.connections / seen.maxConnections;
  const connections = `${seen.connections} of ${seen.maxConnections} connections are open; the limit is ${(100 * connectionsAboveShare).toFixed(0)} %`;
  const dead = `have more than ${(100 * deadRowsAboveShare).toFixed(0)} % dead rows`;
  const wornNames = named(seen.worn.map(({ table, deadRows }) => `${table} (${deadRows})`));
  const age = `the oldest transaction id, of ${seen.oldestDatabase}, is ${seen.transactionIdAge} transactions old; the limit is ${limits.transactionIdsAbove}`;
  return [
    finding('connections', share > connectionsAboveShare, connections),
    longStatements(subject, seen, limits),
    slowStatements(subject, seen, limits),
    seen.knowsTables
      ? finding('dead-rows', seen.worn.length > 0, `${seen.worn.length} tables ${dead}${wornNames}`)
      : noTables(subject),
    finding('transaction-ids', seen.transactionIdAge > limits.transactionIdsAbove, age),
    ...unusedIndexes(subject, seen, limits, (id) => (now - Date.parse(since[id] ?? '')) / 1000),
    ...replication(seen, limits).map(({ isBad, says }) => finding('replication', isBad, says)),
    ...seen.idleSlots.map(({ slot, mib }) =>
      finding(
        'slot',
        mib > limits.retainedLogsAboveMib,
        `${mib.toFixed(0)} MiB of transaction logs are kept for the replication slot ${slot}, which nobody reads; the limit is ${limits.retainedLogsAboveMib} MiB`,
      ),
    ),
  ];
}

const named = (names: readonly string[]): string =>
  names.length === 0 ? '' : `: ${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ' and others' : ''}`;

const noTables = (subject: string): Finding => ({
  ...{ check: 'tables', subject, result: 'unknown' },
  says: 'dead rows and unused indexes are not known: there are too many tables to tell of within the time of a statement',
});

function longStatements(subject: string, seen: DatabaseReading, limits: DatabaseChecks): Finding {
  const about = { check: 'long-statements', subject };
  if (!seen.canReadStats)
    return {
      ...about,
      result: 'unknown',
      says: "the login lacks pg_read_all_stats, so others' statements are not seen",
    };
  const says = `${seen.longCount} statements or transactions are older than ${limits.statementsLongerThanSeconds} s${named(seen.long.map(toldOf))}`;
  return { ...about, result: seen.longCount > 0 ? 'failed' : 'passed', says };
}

/** The mean tells of a statement that is slow each time, which no look at what runs just now would find. */
function slowStatements(subject: string, { slow }: DatabaseReading, limits: DatabaseChecks): Finding {
  const about = { check: 'slow-statements', subject };
  const limit = limits.statementsSlowerThanSeconds;
  if (slow === null)
    return {
      ...about,
      result: 'passed',
      says: 'which statements are slow is not known: the extension pg_stat_statements is not there',
    };
  if (slow === 'unreadable')
    return {
      ...about,
      result: 'unknown',
      says: 'which statements are slow is not known: pg_stat_statements is closed to the login, of an old version, or too slow',
    };
  const above = slow.filter(({ meanSeconds }) => meanSeconds > limit);
  const names = above.map(
    ({ id, user, calls, meanSeconds }) => `${id} of ${user}, ${meanSeconds.toFixed(3)} s in ${calls} calls`,
  );
  const says = `${above.length === slow.length && slow.length >= MOST_SLOW ? 'at least ' : ''}${above.length} statements take longer than ${limit} s on average${named(names)}`;
  return { ...about, result: above.length > 0 ? 'failed' : 'passed', says };
}

const toldOf = ({ pid, user, state, seconds, isBlocked }: LongSession): string =>
  `${user} (${pid}) ${state} for ${seconds.toFixed(0)} s${isBlocked ? ', waiting for another' : ''}`;

/**
 * A replica counts uses of its own, and not its source's: nothing is said there. PostgreSQL doesn't tell when an index was made, so one is judged once the runs have seen
 * it unused for that long.
 * @param unusedSeconds how long ago a run saw it unused first, by its id.
 */
function unusedIndexes(
  subject: string,
  seen: DatabaseReading,
  { unusedIndexesAboveMib }: DatabaseChecks,
  unusedSeconds: (id: string) => number,
): Finding[] {
  if (seen.isReplica || !seen.knowsTables) return [];
  const about = { check: 'unused-indexes', subject };
  const days = Math.floor(seen.statisticsSeconds / 86_400);
  if (seen.statisticsSeconds < UNUSED_LEAST_SECONDS)
    return [{ ...about, result: 'passed', says: `uses are counted for ${days} days, too short to say what is unused` }];
  const judged = seen.unused.filter(({ id }) => unusedSeconds(id) >= UNUSED_LEAST_SECONDS);
  const mib = judged.reduce((sum, each) => sum + each.mib, 0);
  const names = named(judged.map((each) => `${each.index} (${each.mib.toFixed(0)} MiB)`));
  const says = `${mib.toFixed(0)} MiB of indexes were not used in 30 days; the limit is ${unusedIndexesAboveMib} MiB${names}`;
  return [{ ...about, result: mib > unusedIndexesAboveMib ? 'failed' : 'passed', says }];
}

function replication(
  { isReplica, isStreaming, behindSeconds, readers }: DatabaseReading,
  { replicaLagAboveSeconds: limit }: DatabaseChecks,
): { readonly isBad: boolean; readonly says: string }[] {
  const behind = (who: string, seconds: number) => ({
    isBad: seconds > limit,
    says: `${who} is ${seconds.toFixed(0)} s behind; the limit is ${limit} s`,
  });
  const own = isStreaming
    ? behind('this replica', behindSeconds)
    : { isBad: true, says: 'this replica is sent nothing by its source' };
  return [
    ...(isReplica ? [own] : []),
    ...readers.map(({ name, state, behindSeconds: seconds }) =>
      state === 'streaming'
        ? behind(`the reader ${name}`, seconds)
        : { isBad: true, says: `the reader ${name} is in state ${state}, not streaming` },
    ),
  ];
}
