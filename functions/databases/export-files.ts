/**
 * What RDS writes beside an export's data: `export_info_<id>.json`, and `export_tables_info_<id>_from_<n>_to_<m>.json` with what came of each table ("Exporting DB snapshot data to
 * Amazon S3", Amazon RDS User Guide). Pure. They are another program's: what isn't as expected is told, never passed over.
 */
import * as z from 'zod/mini';

export interface ExportedTable {
  /** `<database>.<schema>.<table>`. */
  readonly target: string;
  /** `COMPLETE` when all of it is there. */
  readonly status: string;
}

/** A file says nothing that can be used. */
export class UnreadableExport extends Error {
  override readonly name = 'UnreadableExport';
}

const info = z.object({ exportTaskIdentifier: z.string(), status: z.string(), percentProgress: z.number() });
const tables = z.object({ perTableStatus: z.array(z.object({ target: z.string(), status: z.string() })) });

export const infoKey = (folder: string, id: string): string => `${folder}/export_info_${id}.json`;
/** What keys of files about tables begin with. */
export const tablesPrefix = (folder: string, id: string): string => `${folder}/export_tables_info_${id}_from_`;
/** Where a table's data is: `<database>/<schema>.<table>/` ("File naming conventions for exports to Amazon S3"). @param table with its schema. */
export const dataPrefix = (folder: string, database: string, table: string): string =>
  `${folder}/${database}/${table}/`;

/** @throws UnreadableExport unless it says that this very export is complete. */
export function readInfo(text: string, id: string): void {
  const found = info.safeParse(parsed(text));
  if (!found.success) throw new UnreadableExport(`export_info_${id}.json isn't as RDS writes it`);
  const { exportTaskIdentifier, status, percentProgress } = found.data;
  if (exportTaskIdentifier !== id) throw new UnreadableExport(`export_info_${id}.json is of ${exportTaskIdentifier}`);
  if (status !== 'COMPLETE' || percentProgress < 100)
    throw new UnreadableExport(`export_info_${id}.json says ${status}, ${percentProgress} %`);
}

/** @throws UnreadableExport */
export function readTables(text: string, key: string): readonly ExportedTable[] {
  const found = tables.safeParse(parsed(text));
  if (!found.success) throw new UnreadableExport(`${nameOf(key)} isn't as RDS writes it`);
  return found.data.perTableStatus;
}

/** The files about tables in their order. @throws UnreadableExport when there is none, or one is missing in between. */
export function tableFiles(keys: readonly string[]): readonly string[] {
  const files = keys
    .flatMap((key) => {
      const [, from, to] = /_from_(\d+)_to_(\d+)\.json$/.exec(key) ?? [];
      return from === undefined || to === undefined ? [] : [{ key, from: Number(from), to: Number(to) }];
    })
    .sort((a, b) => a.from - b.from);
  let next = 1;
  for (const { key, from, to } of files) {
    if (from !== next)
      throw new UnreadableExport(`before ${nameOf(key)} the files about tables from ${next} on are missing`);
    next = to + 1;
  }
  if (next === 1) throw new UnreadableExport('there is no file about its tables');
  return files.map(({ key }) => key);
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
