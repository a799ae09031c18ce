/** Snapshots that are copied as targets of their own. Pure. */
import type { Protected, RuntimeConfig } from '../engine/config.ts';
import { isTakenInAnswer } from './snapshot-id.ts';

const PREFIX = 'db-snapshot/';

/** A snapshot of a database whose backups are copied to the standby region. */
export interface CopiedSnapshot extends Protected {
  /** The snapshot's. */
  readonly name: string;
  /** The DB instance's. */
  readonly database: string;
  /** A key of the standby region; undefined: only what isn't encrypted can be copied. */
  readonly kmsKeyArn: string | undefined;
}

/** The snapshot that a target's key names; undefined for everything but what `snapshot-database` took of such a database: a scheduled backup is copied by its own run. */
export function copiedSnapshotOf(
  key: string,
  { name: deployment, databases }: Pick<RuntimeConfig, 'name' | 'databases'>,
): CopiedSnapshot | undefined {
  if (!key.startsWith(PREFIX)) return undefined;
  const id = key.slice(PREFIX.length);
  const of = Object.values(databases).find(
    ({ name, backup }) => backup?.copy !== undefined && isTakenInAnswer(id, deployment, name),
  );
  return of && { name: id, database: of.name, kmsKeyArn: of.backup?.copy?.kmsKeyArn, severity: of.severity };
}
