/** Answers one question about a restored instance, in a session of its own. Nothing is written: the login can't, and the session says so besides. */
import pg from 'pg';
import { ConnectError } from '../../../databases/connect.ts';
import { withClient } from '../../../databases/session.ts';
import { NEWEST_HEARTBEAT } from '../../../databases/sql.ts';
import type { RuntimeConfig, VerifyConfig } from '../../../engine/config.ts';
import { ActionFailedError } from '../../../engine/errors.ts';
import {
  type Answer,
  type Ask,
  BUCKETS,
  type Count,
  type Digest,
  type FullRead,
  MOST_ROWS,
  type Overview,
  type Position,
  type ReadOrder,
  type Rows,
} from '../reading.ts';
import { digestOf, INDEXES, OVERVIEW, PRIMARY_KEY, readPages, rowsOf, TABLES } from '../sql.ts';

/** Longer than any one statement should take; the function lives a little longer. */
export const STATEMENT_MS = 200_000;
/** A question that can be answered in parts stops after so long, and says where to go on. */
const PART_MS = 15_000;
/** Pages of 8 KiB read by one statement: 32 MiB. */
const SLICE_BLOCKS = 4_096;
const BLOCKS_PER_MIB = 128;

/** SQLSTATEs (PostgreSQL documentation, "PostgreSQL Error Codes"): data_corrupted, index_corrupted; undefined_file and io_error: a file is missing or short. */
const DAMAGED = new Set(['XX001', 'XX002', '58P01', '58030']);

/**
 * @param now the clock, in milliseconds.
 * @throws ActionFailedError for an order that isn't about a restored copy of a configured database.
 */
export async function answerOrder(
  { subject, host, port, ask }: ReadOrder,
  config: RuntimeConfig,
  now: () => number,
): Promise<Answer> {
  const database = config.databases[subject];
  const verify = database?.backup?.verify;
  if (!database || !verify) throw new ActionFailedError(`databases.${subject}.backup.verify: not in the configuration`);
  if (host === database.host && port === database.port)
    throw new ActionFailedError(`${host}:${port} is ${subject} itself: only restored copies are read`);
  try {
    return await withClient(
      { ...database, host, port, user: verify.user },
      config,
      async (client) => {
        await client.query('SET default_transaction_read_only = on');
        return look(client, ask, verify, now);
      },
      { connectMs: 5_000, statementMs: STATEMENT_MS, lockMs: 10_000 },
    );
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): Answer {
  // Refused: the login is missing in the copy, or lacks IAM authentication; repeating won't help. Everything else may be a server that starts.
  if (error instanceof ConnectError)
    return { kind: 'no-connection', passing: error.kind !== 'auth', why: error.message };
  if (error instanceof pg.DatabaseError) return unreadable(error);
  throw error;
}

/** PostgreSQL's messages about damage name files and pages. Any other may quote values of rows ("invalid input syntax for type integer: ..."): only its code is told. */
export function unreadable({ code = '', message }: pg.DatabaseError): Answer {
  if (DAMAGED.has(code)) return { kind: 'unreadable', damaged: true, why: message };
  const why = `PostgreSQL refused it (SQLSTATE ${code || 'unknown'}); its message isn't told, because it may quote data`;
  return { kind: 'unreadable', damaged: false, why };
}

function look(client: pg.Client, ask: Ask, verify: VerifyConfig, now: () => number): Promise<Answer> {
  switch (ask.kind) {
    case 'overview':
      return overview(client);
    case 'count':
      return count(client, ask.table, verify);
    case 'query':
      return ownQuery(client, ask.name, verify);
    case 'full-read':
      return fullRead(client, ask.from, ask.mib, now);
    case 'indexes':
      return indexes(client, ask.after, now);
    case 'digest':
      return digest(client, ask.table, verify);
    case 'rows':
      return rowsIn(client, ask.table, ask.buckets, verify);
    default:
      return ask satisfies never;
  }
}

async function overview(client: pg.Client): Promise<Overview> {
  const { rows } = await client.query<{
    system_id: string;
    major_version: number;
    next_xid: string;
    checksums: boolean;
    has_heartbeat: boolean;
    amcheck: boolean;
    invalid_constraints: string[];
    invalid_indexes: string[];
  }>(OVERVIEW);
  const [row] = rows;
  if (!row) throw new ActionFailedError('the overview gave no row');
  const beat = row.has_heartbeat
    ? (await client.query<{ at_ms: string | null }>(NEWEST_HEARTBEAT)).rows[0]?.at_ms
    : null;
  return {
    kind: 'overview',
    systemId: row.system_id,
    majorVersion: row.major_version,
    nextXid: row.next_xid,
    checksums: row.checksums,
    amcheck: row.amcheck,
    heartbeatAt: milliseconds(beat),
    invalidConstraints: row.invalid_constraints,
    invalidIndexes: row.invalid_indexes,
  };
}

const milliseconds = (value: string | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.round(Number(value));

/** Names come from the configuration, which allows identifiers only; quoted all the same. */
const quotedName = (name: string): string =>
  name
    .split('.')
    .map((part) => pg.escapeIdentifier(part))
    .join('.');

async function exists(client: pg.Client, quoted: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [quoted]);
  return rows[0]?.found === true;
}

/** @throws ActionFailedError for a table that nobody configured. */
function configured(name: string, { tables }: VerifyConfig) {
  const table = tables.find((each) => each.name === name);
  if (!table) throw new ActionFailedError(`table ${name}: not in the configuration`);
  return table;
}

async function digest(client: pg.Client, name: string, verify: VerifyConfig): Promise<Digest> {
  const table = quotedName(configured(name, verify).name);
  if (!(await exists(client, table))) return { kind: 'digest', table: name, key: null, buckets: [] };
  const key = await primaryKey(client, table);
  const { rows } = await client.query<{ bucket: number; rows: string; hash: string }>(
    digestOf(table, key.quoted, BUCKETS),
  );
  const buckets = rows.map((each) => ({ bucket: each.bucket, rows: Number(each.rows), hash: each.hash }));
  return { kind: 'digest', table: name, key: key.names, buckets };
}

async function rowsIn(client: pg.Client, name: string, buckets: number[], verify: VerifyConfig): Promise<Rows> {
  const table = quotedName(configured(name, verify).name);
  if (!(await exists(client, table))) return { kind: 'rows', table: name, rows: [] };
  const { quoted, counts } = await primaryKey(client, table);
  const { rows } = await client.query<{ key: string; hash: string }>(rowsOf(table, quoted, BUCKETS, counts), [
    buckets,
    MOST_ROWS,
  ]);
  return { kind: 'rows', table: name, rows };
}

async function primaryKey(client: pg.Client, table: string) {
  const { rows } = await client.query<{ name: string; counts: boolean }>(PRIMARY_KEY, [table]);
  return {
    names: rows.map(({ name }) => name),
    quoted: rows.map(({ name }) => pg.escapeIdentifier(name)),
    counts: rows.length > 0 && rows.every(({ counts }) => counts),
  };
}

async function count(client: pg.Client, name: string, verify: VerifyConfig): Promise<Count> {
  const table = configured(name, verify);
  const quoted = quotedName(name);
  const newest = table.newest
    ? `extract(epoch FROM max(${pg.escapeIdentifier(table.newest.column)})::timestamptz) * 1000`
    : 'NULL';
  if (!(await exists(client, quoted))) return { kind: 'count', table: name, rows: null, newestAt: null };
  const { rows } = await client.query<{ rows: string; newest: string | null }>(
    `SELECT count(*) AS rows, ${newest} AS newest FROM ${quoted}`,
  );
  return { kind: 'count', table: name, rows: Number(rows[0]?.rows ?? 0), newestAt: milliseconds(rows[0]?.newest) };
}

/** What it gives isn't told, only whether it was one row with one true: its values are the customer's. */
async function ownQuery(client: pg.Client, name: string, { queries }: VerifyConfig): Promise<Answer> {
  const statement = queries[name];
  if (statement === undefined) throw new ActionFailedError(`query ${name}: not in the configuration`);
  const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
  const [row, ...more] = rows;
  const good = more.length === 0 && row?.length === 1 && row[0] === true;
  const why = good ? 'true' : more.length > 0 || row?.length !== 1 ? 'not one row with one column' : `not true`;
  return { kind: 'query', name, good, why };
}

/** Reads tables page by page from a position on. @param mib at most so much. @param now the clock, in milliseconds. */
export async function fullRead(
  client: Pick<pg.Client, 'query'>,
  from: Position | null,
  mib: number,
  now: () => number,
): Promise<FullRead> {
  const until = now() + PART_MS;
  let at = from;
  let blocksLeft = mib * BLOCKS_PER_MIB;
  const done = (next: Position | null, damage: FullRead['damage'] = null): FullRead => ({
    kind: 'full-read',
    next,
    mib: Math.round((mib * BLOCKS_PER_MIB - blocksLeft) / BLOCKS_PER_MIB),
    damage,
  });
  for (;;) {
    const { rows: tables } = await client.query<{ name: string; blocks: string }>(TABLES, [at?.table ?? '']);
    if (tables.length === 0) return done(null);
    for (const { name, blocks } of tables) {
      const end = Number(blocks);
      for (let block = at?.table === name ? at.block : 0; block < end; ) {
        if (blocksLeft <= 0 || now() > until) return done({ table: name, block });
        const to = Math.min(end, block + SLICE_BLOCKS);
        try {
          await client.query(readPages(name), [`(${block},0)`, `(${to},0)`]);
        } catch (error) {
          if (!(error instanceof pg.DatabaseError && DAMAGED.has(error.code ?? ''))) throw error;
          // The next run reads these pages first: a newer backup that has them damaged, too, must not pass.
          return done({ table: name, block }, { table: name, why: error.message });
        }
        blocksLeft -= to - block;
        block = to;
      }
    }
    // All of this page of names is read; its last name is where the next one begins, and has no blocks left.
    const last = tables.at(-1);
    if (!last || tables.length < 500) return done(null);
    at = { table: last.name, block: Number(last.blocks) };
  }
}

async function indexes(client: pg.Client, after: string | null, now: () => number): Promise<Answer> {
  const until = now() + PART_MS;
  const { rows } = await client.query<{ name: string; oid: string }>(INDEXES, [after ?? '']);
  let checked = 0;
  for (const { name, oid } of rows) {
    if (now() > until && checked > 0)
      return { kind: 'indexes', checked, next: rows[checked - 1]?.name ?? null, damage: null };
    try {
      await client.query('SELECT bt_index_check($1::oid::regclass)', [oid]);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && DAMAGED.has(error.code ?? ''))) throw error;
      return { kind: 'indexes', checked, next: null, damage: `${name}: ${error.message}` };
    }
    checked += 1;
  }
  return { kind: 'indexes', checked, next: rows.length < 500 ? null : (rows.at(-1)?.name ?? null), damage: null };
}
