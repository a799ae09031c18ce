/**
 * Exports of DB snapshots to S3 ("Exporting DB snapshot data to Amazon S3", Amazon RDS User Guide): a scratch server is started from the snapshot, every table of every database is read, and what AWS
 * would write is written. Instead of Parquet each file of data holds its rows as a JSON array: their names and numbers are true, their format isn't.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Gateway } from '../../gateway/index.ts';
import { AwsCallError } from '../../gateway/upstream.ts';
import type { PostgresServer } from '../../postgres/server.ts';
import type { Snapshot } from './snapshots.ts';
import type { XmlObject } from './xml.ts';

/** Writes objects as RDS does with the role that it was given. */
export interface ObjectSink {
  /** @throws AwsCallError when S3 refuses. @param body as JSON. */
  put(region: string, bucket: string, key: string, body: unknown): Promise<void>;
  hasBucket(region: string, bucket: string): Promise<boolean>;
}

/** S3 as the gateway reaches it. */
export const objectSink = (gateway: Pick<Gateway, 'ask'>): ObjectSink => ({
  async put(region, bucket, key, body) {
    const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
    await gateway.ask({ service: 's3', region, method: 'PUT', path, body });
  },
  async hasBucket(region, bucket) {
    try {
      await gateway.ask({ service: 's3', region, method: 'GET', path: `/${bucket}?list-type=2&max-keys=1` });
      return true;
    } catch (error) {
      if (error instanceof AwsCallError) return false;
      throw error;
    }
  },
});

export interface ExportTask {
  readonly id: string;
  readonly region: string;
  readonly sourceArn: string;
  readonly snapshotTime: Date | undefined;
  readonly bucket: string;
  readonly prefix: string;
  readonly roleArn: string;
  readonly kmsKeyId: string;
  status: 'STARTING' | 'IN_PROGRESS' | 'COMPLETE' | 'FAILED' | 'CANCELING' | 'CANCELED';
  percentProgress: number;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  failure: string | undefined;
}

/** Under way: of these an account may have five ("Creating snapshot export tasks"). */
export const isUnderWay = ({ status }: ExportTask): boolean =>
  ['STARTING', 'IN_PROGRESS', 'CANCELING'].includes(status);

/** Data type ExportTask, Amazon RDS API Reference. */
export const describeExport = (task: ExportTask): XmlObject => ({
  ExportTaskIdentifier: task.id,
  SourceArn: task.sourceArn,
  SourceType: 'SNAPSHOT',
  SnapshotTime: task.snapshotTime,
  TaskStartTime: task.startedAt,
  TaskEndTime: task.endedAt,
  S3Bucket: task.bucket,
  S3Prefix: task.prefix,
  IamRoleArn: task.roleArn,
  KmsKeyId: task.kmsKeyId,
  Status: task.status,
  PercentProgress: task.percentProgress,
  TotalExtractedDataInGB: 0,
  FailureCause: task.failure,
});

/** So many rows at most are in one file of data. */
const ROWS = 10_000;

interface Exported {
  readonly target: string;
  readonly columns: readonly string[];
}

/** Writes everything that is in the server, then what came of it. @param server undefined: nothing stands behind the instance; then it has one empty table. */
export async function writeExport(
  objects: ObjectSink,
  task: ExportTask,
  { of }: Snapshot,
  server: PostgresServer | undefined,
): Promise<void> {
  const put = (key: string, body: unknown) => objects.put(task.region, task.bucket, `${folderOf(task)}/${key}`, body);
  const exported = server
    ? await exportAll(server, put)
    : [{ target: `${of.databaseName ?? 'postgres'}.public.described`, columns: [] }];
  const name = `export_tables_info_${task.id}_from_1_to_${exported.length}.json`;
  await put(name, { perTableStatus: exported.map(statusOf) });
  const times = { snapshotTime: task.snapshotTime, taskStartTime: task.startedAt, taskEndTime: new Date() };
  await put(`export_info_${task.id}.json`, {
    ...{ exportTaskIdentifier: task.id, sourceArn: task.sourceArn, exportOnly: [], ...times },
    ...{ s3Bucket: task.bucket, s3Prefix: task.prefix, exportedFilesPath: folderOf(task) },
    ...{ iamRoleArn: task.roleArn, kmsKeyId: task.kmsKeyId, status: 'COMPLETE', percentProgress: 100 },
    totalExportedDataInGB: 0,
  });
}

const folderOf = ({ prefix, id }: ExportTask): string => (prefix ? `${prefix}/${id}` : id);

const statusOf = ({ target, columns }: Exported) => ({
  tableStatistics: { partitioningInfo: { numberOfPartitions: 1, numberOfCompletedPartitions: 1 } },
  schemaMetadata: { originalTypeMappings: columns.map((columnName) => ({ columnName })) },
  ...{ status: 'COMPLETE', sizeGB: 0, target },
});

type Put = (key: string, body: unknown) => Promise<void>;

async function exportAll(server: PostgresServer, put: Put): Promise<Exported[]> {
  const names = await inDatabase(server, 'postgres', (client) =>
    client.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1',
    ),
  );
  const exported: Exported[] = [];
  for (const { name } of names.rows)
    exported.push(...(await inDatabase(server, name, (client) => exportDatabase(client, name, put))));
  return exported;
}

/** Temporary and unlogged tables are skipped ("Limitations"). */
const TABLES = `SELECT n.nspname AS schema, c.relname AS name, array(SELECT attname::text FROM pg_attribute
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2`;

async function exportDatabase(client: pg.Client, database: string, put: Put): Promise<Exported[]> {
  const { rows: tables } = await client.query<{ schema: string; name: string; columns: string[] }>(TABLES);
  for (const { schema, name } of tables)
    await exportTable(client, { schema, name }, `${database}/${schema}.${name}/1`, put);
  return tables.map(({ schema, name, columns }) => ({ target: `${database}.${schema}.${name}`, columns }));
}

/** Files as "File naming conventions for exports to Amazon S3" names them; a table without rows has none. */
async function exportTable(
  client: pg.Client,
  { schema, name }: { readonly schema: string; readonly name: string },
  folder: string,
  put: Put,
): Promise<void> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
  await client.query(`BEGIN READ ONLY; DECLARE exported CURSOR FOR SELECT to_jsonb(t) AS row FROM ${table} t`);
  for (let part = 0; ; part++) {
    const { rows } = await client.query<{ row: unknown }>(`FETCH ${ROWS} FROM exported`);
    if (rows.length === 0) break;
    const file = `part-${String(part).padStart(5, '0')}-${randomUUID()}.gz.parquet`;
    await put(
      `${folder}/${file}`,
      rows.map(({ row }) => row),
    );
  }
  await client.query('COMMIT');
  await put(`${folder}/_SUCCESS`, '');
}

async function inDatabase<T>(
  server: PostgresServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(server.adminConfig(database));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
