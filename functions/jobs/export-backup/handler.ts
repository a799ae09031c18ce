import {
  dataPrefix,
  infoKey,
  readInfo,
  readTables,
  tableFiles,
  tablesPrefix,
  UnreadableExport,
} from '../../databases/export-files.ts';
import { exportIdOf, readTasks, startExport } from '../../databases/export-task.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import type { DatabaseConfig, ExportConfig } from '../../engine/config.ts';
import { ActionFailedError, EngineError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { listKeys, readObject } from '../../records/s3.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job, JobContext, Step } from '../job.ts';
import { provedRows } from '../verify-backup/history.ts';
import { type Chosen, choose, completeOf, judge, nextStep, type State, type Written } from './decide.ts';
import { manifest } from './manifest.ts';

/** Proofs of so many days and more. */
const RUNS = 100;
/** Of the files about tables, each of up to a hundred tables; of a table's data one is enough. */
const FILES = 1000;
const DATA_FILES = 10;

export const job: Job<State> = {
  manifest,
  begin: (_run, _config, wanted) => ({ wanted: wanted ?? null, chosen: null, exportId: null }),
  async step(context, state) {
    const { run, config } = context;
    const database = config.databases[run.subject];
    const wanted = database?.backup?.export;
    if (!database || !wanted)
      throw new ActionFailedError(`databases.${run.subject}.backup.export: not in the configuration any more`);
    const { chosen } = state;
    if (!chosen) return choose(state, await known(context), config.name);
    const idOf = (attempt: number) => exportIdOf(config.name, chosen.arn, attempt);
    const tasks = await readTasks();
    const gone =
      state.exportId === null ? await goneOf(context, completeOf(chosen, tasks, idOf(0))) : new Set<string>();
    const next = nextStep(state, chosen, tasks, idOf, gone);
    if (next.kind === 'start') return start(context, state, chosen, wanted, next.exportId);
    if (next.kind !== 'look') return next;
    const place = { bucket: bucket(), folder: `${run.subject}/${next.task.id}`, database: database.databaseName };
    const written = await look(context, chosen, place, next.task.id);
    return { kind: 'verdict', state, verdict: judge(chosen, next.task, written, place) };
  },
};

const bucket = (): string => requiredEnvironment('NIGHTSHIFT_EXPORT_BUCKET');

async function known({ run: { subject }, store }: JobContext) {
  const [snapshots, runs] = await Promise.all([
    readSnapshotsOf(subject),
    readRuns(store, { job: 'verify-backup', subject }, RUNS),
  ]);
  return { snapshots, proved: provedRows(runs) };
}

/** Those of which nothing lies in the bucket any more. */
async function goneOf({ run, config: { region } }: JobContext, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  for (const id of ids)
    if ((await listKeys(bucket(), `${run.subject}/${id}/`, 1, { region })).length === 0) gone.add(id);
  return gone;
}

/** What isn't possible now is asked for again until the run's deadline: exports of others may take hours. */
async function start(
  { run }: JobContext,
  state: State,
  chosen: Chosen,
  { roleArn, kmsKeyArn }: ExportConfig,
  id: string,
): Promise<Step<State>> {
  const waiting = (note: string, seconds: number): Step<State> => ({ kind: 'wait', seconds, state, note });
  try {
    await startExport({
      ...{ id, snapshotArn: chosen.arn, roleArn, kmsKeyArn },
      bucket: bucket(),
      prefix: run.subject,
    });
    return waiting(`the export ${id} was asked for`, 60);
  } catch (error) {
    if (error instanceof EngineError && error.retryable) return waiting(error.message, 300);
    throw error;
  }
}

interface Place {
  readonly bucket: string;
  readonly folder: string;
  readonly database: DatabaseConfig['databaseName'];
}

/** Reads what RDS says of each table, and whether there is data where there were rows. */
async function look({ config: { region } }: JobContext, { rows }: Chosen, place: Place, id: string): Promise<Written> {
  const { bucket: name, folder, database } = place;
  const options = { region };
  const none = { tables: [], withoutData: [] };
  try {
    readInfo(await readObject(name, infoKey(folder, id), options), id);
    const keys = tableFiles(await listKeys(name, tablesPrefix(folder, id), FILES, options));
    const tables = (
      await Promise.all(keys.map(async (key) => readTables(await readObject(name, key, options), key)))
    ).flat();
    const filled = Object.entries(rows).filter(([, count]) => count > 0);
    const withoutData = await Promise.all(
      filled.map(async ([table]) => {
        const files = await listKeys(name, dataPrefix(folder, database, table), DATA_FILES, options);
        return files.some((key) => key.endsWith('.parquet')) ? [] : [table];
      }),
    );
    return { tables, withoutData: withoutData.flat() };
  } catch (error) {
    // An export that RDS calls complete without having written this isn't one.
    if (error instanceof UnreadableExport || (error instanceof EngineError && !error.retryable))
      return { ...none, unreadable: error.message };
    throw error;
  }
}

export const handler = jobHandler(job);
