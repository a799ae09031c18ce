/** Which tables are vacuumed, and whether that helped. Pure. */
import type { NoConnection } from '../../databases/session.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { ActReport, Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';
import type { DueTable, MaintenanceReading, OldestDatabase, Why } from './sql.ts';

export type Observation = NoConnection | { readonly kind: 'tables'; readonly reading: MaintenanceReading };

/** What the journal keeps of a table that is to be vacuumed. */
export type PlannedTable = Pick<DueTable, 'oid' | 'schema' | 'table' | 'why' | 'deadRows'>;
export interface Plan {
  readonly tables: readonly PlannedTable[];
}

/** One action never takes on more than this; what remains is judged again. */
const MOST_AT_ONCE = 20;
const RECHECK_SECONDS = 60;
/** So long nothing is tried again where vacuuming didn't help. */
const STOP_SECONDS = 3600;

export const planOf = (change: Change): Plan => change.after as unknown as Plan;
export const nameOf = ({ schema, table }: Pick<DueTable, 'schema' | 'table'>): string => `${schema}.${table}`;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

/** A table that may be vacuumed now, by this login, within the time that a function has. */
const isWithin =
  ({ vacuumTablesUpToMib }: Pick<DatabaseConfig, 'vacuumTablesUpToMib'>) =>
  ({ isBusy, mayMaintain, mib }: DueTable): boolean =>
    !isBusy && mayMaintain && mib !== null && mib <= vacuumTablesUpToMib;

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  const { name } = target;
  if (observation.kind === 'no-connection') return callPerson(`could not look into ${name}: ${observation.why}`);
  const { isReplica, due, oldestTransactionSeconds, oldestDatabase } = observation.reading;
  if (isReplica) return callPerson(`${name} is a read replica, which can't be vacuumed: vacuum its source`);
  if (due.length === 0) return noneDue(target, oldestDatabase);
  const tables = due.filter(isWithin(target)).slice(0, MOST_AT_ONCE);
  const left = due.filter((each) => !tables.includes(each));
  const [first] = tables;
  if (!first) return noneMay(target, due);
  const what = tables.length === 1 ? nameOf(first) : `${tables.length} tables, ${nameOf(first)} first,`;
  const heldBack =
    oldestTransactionSeconds > target.queryLongerThanSeconds
      ? `; a transaction that is open for ${Math.round(oldestTransactionSeconds)} s keeps what died since`
      : '';
  const plan: Plan = {
    tables: tables.map(({ oid, schema, table, why, deadRows }) => ({ oid, schema, table, why, deadRows })),
  };
  return {
    kind: 'act',
    change: {
      summary: `vacuum and analyze ${what} of ${name} (${IN_WORDS[first.why](first)})${leftInWords(left)}${heldBack}`,
      before: { due: due.length },
      after: JSON.parse(JSON.stringify(plan)),
      undo: 'nothing to put back: no row that can be read is changed',
    },
  };
}

const IN_WORDS: Readonly<Record<Why, (table: DueTable) => string>> = {
  'dead-rows': ({ deadRows, liveRows }) => `${deadRows} dead rows beside ${liveRows}`,
  'transaction-ids': ({ transactionIdAge }) => `its oldest transaction is ${transactionIdAge} transactions old`,
  statistics: () => 'its statistics are stale',
};

const leftInWords = ({ length }: readonly DueTable[]): string =>
  length === 0 ? '' : `; ${length} more ${length === 1 ? 'is' : 'are'} left for now`;

/** Transaction ids are the whole server's: what runs out of them may be another database, or what no vacuum of ours reaches. */
function noneDue(
  { name: instance, databaseName }: DatabaseConfig,
  { name, isHere, transactionIdAge, limit }: OldestDatabase,
): Decision {
  if (transactionIdAge <= limit)
    return { kind: 'fine', reason: 'no table has too many dead rows, too old transactions or stale statistics' };
  const tooOld = `${transactionIdAge} transactions old, more than autovacuum_freeze_max_age (${limit})`;
  return callPerson(
    isHere
      ? `the oldest transaction of database ${name} of ${instance} is ${tooOld}, in no table that may be vacuumed from here: look for temporary tables of sessions that stay`
      : `the oldest transaction of ${instance} is in its database ${name}, ${tooOld}: vacuum that one by hand, for only ${databaseName} is looked into`,
  );
}

/** None of those that are due may be vacuumed: for a reason that passes it waits, else a person is called. */
function noneMay({ name, user, vacuumTablesUpToMib }: DatabaseConfig, due: readonly DueTable[]): Decision {
  const forbidden = due.find(({ mayMaintain }) => !mayMaintain);
  if (forbidden)
    return callPerson(
      `login ${user} may not vacuum ${nameOf(forbidden)} of ${name}: grant pg_maintain to it (PostgreSQL 17 and later; before, only a table's owner may)`,
    );
  const tooLarge = due.find(({ isBusy }) => !isBusy);
  if (tooLarge)
    return callPerson(
      `${nameOf(tooLarge)} of ${name} is due and has ${Math.round(tooLarge.mib ?? 0)} MiB, more than vacuumTablesUpToMib (${vacuumTablesUpToMib}): vacuum it by hand`,
    );
  return {
    kind: 'hold',
    reason: 'change-under-way',
    detail: `somebody, perhaps autovacuum, works on the ${due.length} tables of ${name} that are due`,
    recheckAfterSeconds: RECHECK_SECONDS,
  };
}

/** Names of the tables that were vacuumed, as the report tells them. */
const doneOf = (report: ActReport | undefined): readonly string[] => (report?.data.done as string[] | undefined) ?? [];

export function verify({
  change,
  report,
  observation,
}: {
  change: Change;
  report: ActReport | undefined;
  observation: Observation;
}): Verification {
  if (observation.kind === 'no-connection') return { kind: 'not-yet', detail: observation.why };
  const { due, oldestTransactionSeconds } = observation.reading;
  const planned = new Set(planOf(change).tables.map(({ oid }) => oid));
  const still = due.filter(({ oid }) => planned.has(oid));
  const [first] = still;
  if (!first) return { kind: 'good', detail: `none of the ${planned.size} tables is due any more` };
  const unhelped = still.find((each) => doneOf(report).includes(nameOf(each)));
  if (!unhelped) return { kind: 'not-yet', detail: `${still.length} tables are due still, ${nameOf(first)} first` };
  return {
    kind: 'bad',
    detail:
      `${nameOf(unhelped)} was vacuumed and still has ${unhelped.deadRows} dead rows: something old keeps them ` +
      `(the oldest transaction is open for ${Math.round(oldestTransactionSeconds)} s; else a replication slot or a prepared transaction)`,
    stopForSeconds: STOP_SECONDS,
  };
}
