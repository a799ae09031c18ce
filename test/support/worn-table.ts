/** A table that is due to be vacuumed: half of its rows are dead, and autovacuum leaves it alone. */
import pg from 'pg';
import type { SeededDatabase } from '../../local/postgres/seed.ts';

/** Runs statements as the database's master user, on a connection of its own. @returns the last one's rows. */
export async function asMaster<Row extends pg.QueryResultRow>(
  seeded: SeededDatabase,
  ...statements: readonly string[]
): Promise<Row[]> {
  const { ca, ...master } = seeded.as('postgres');
  const client = new pg.Client({ ...master, ssl: { ca, servername: master.host } });
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const sql of statements) rows = (await client.query<Row>(sql)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

export const WORN_ROWS = 4_000;

/** Statistics are told to the others at once ("The Cumulative Statistics System", pg_stat_force_next_flush). */
export const TOLD = 'SELECT pg_stat_force_next_flush()';

/** A database that was just filled has stale statistics everywhere: this renews them, so that nothing of the seed is due. */
export const renewStatistics = (seeded: SeededDatabase) => asMaster(seeded, 'ANALYZE orders, customers', TOLD);

/** Makes it; statistics that are stale by the same share come with it. */
export async function makeWornTable(seeded: SeededDatabase, table: string): Promise<void> {
  const name = pg.escapeIdentifier(table);
  await asMaster(
    seeded,
    `CREATE TABLE ${name} (id int, note text) WITH (autovacuum_enabled = false)`,
    `INSERT INTO ${name} SELECT n, 'some text' FROM generate_series(1, ${WORN_ROWS}) n`,
    `DELETE FROM ${name} WHERE id % 2 = 0`,
    TOLD,
    'SELECT 1',
  );
}

export interface Wear {
  readonly vacuums: number;
  readonly analyzes: number;
  readonly deadRows: number;
}

/** What the server tells of it. */
export async function wearOf(seeded: SeededDatabase, table: string): Promise<Wear> {
  const [row] = await asMaster<Wear & pg.QueryResultRow>(
    seeded,
    `SELECT vacuum_count::int AS vacuums, analyze_count::int AS analyzes, n_dead_tup::int AS "deadRows"
       FROM pg_stat_user_tables WHERE relname = ${pg.escapeLiteral(table)}`,
  );
  if (!row) throw new Error(`no table ${table}`);
  return row;
}
