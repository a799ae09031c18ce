/** Carries out one order about a database's authority to write. */
import type pg from 'pg';
import { ConnectError, connect } from '../../databases/connect.ts';
import { databaseError } from '../../databases/session.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../engine/config.ts';
import type { AuthorityAnswer, AuthorityOrder } from '../orders.ts';
import { AUTHORITY_USER, EXTEND, RELEASE } from './sql.ts';

const TIMEOUTS = { connectMs: 5_000, statementMs: 5_000, lockMs: 3_000 };
/** No such function or schema, and no right to it ("PostgreSQL Error Codes"). */
const NOT_SET_UP = new Set(['42883', '42P01', '3F000', '42501']);

interface Held extends pg.QueryResultRow {
  readonly clock: number;
  readonly granted_until: number;
  readonly guarded_tables: number;
  readonly unguarded: string[];
}

const refused = (why: string, isNotSetUp = false): AuthorityAnswer => ({ kind: 'refused', isNotSetUp, why });

/**
 * A lease is only given to databases that are configured to need one, and only the replica of a pair of this deployment's own is freed of it: whoever may invoke the function of the primary's
 * region can't free the primary.
 * @throws RetryableError when the database doesn't answer.
 */
export async function setAuthority(order: AuthorityOrder, config: RuntimeConfig): Promise<AuthorityAnswer> {
  if (order.ask === 'release') {
    const pair = config.pairs?.[order.pair];
    const replica = pair && config.databases[pair.replica];
    if (!replica) return refused(`pairs.${order.pair}: not in the configuration of this region`);
    return inDatabase(replica, config.region, async (client) => {
      await client.query(RELEASE);
      return { kind: 'released' };
    });
  }
  const database = config.databases[order.database];
  if (!database?.authority)
    return refused(`databases.${order.database}: not configured with \`authority\` in this region`);
  return inDatabase(database, config.region, async (client) => {
    const { rows } = await client.query<Held>(EXTEND, [order.ask === 'extend' ? order.until : 0]);
    const [row] = rows;
    if (!row) return refused('nightshift.extend_authority answered nothing: install the guard again', true);
    const { clock, granted_until: until, guarded_tables: guardedTables, unguarded } = row;
    return { kind: 'held', clock, until, guardedTables, unguarded };
  });
}

async function inDatabase(
  { name, host, port, databaseName: database }: DatabaseConfig,
  region: string,
  use: (client: pg.Client) => Promise<AuthorityAnswer>,
): Promise<AuthorityAnswer> {
  let client: pg.Client | undefined;
  try {
    client = await connect({ host, port, database, user: AUTHORITY_USER, region }, TIMEOUTS);
    return await use(client);
  } catch (error) {
    const code = String((error as { code?: unknown } | null)?.code);
    if ((error instanceof ConnectError && error.kind === 'auth') || NOT_SET_UP.has(code))
      return refused(
        `${name}: ${error instanceof Error ? error.message : String(error)}: install the guard (docs/recovery.md)`,
        true,
      );
    throw databaseError(`set the authority of ${name}`, error);
  } finally {
    // What goes wrong while saying goodbye changes nothing that was done.
    await client?.end().catch(() => undefined);
  }
}
