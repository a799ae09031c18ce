/** The item of a run, as a transaction writes it. Pure. */
import { putVersion } from '../engine/job-head-writes.ts';
import type { Labelled } from '../engine/store.ts';
import { RUN_KEPT_SECONDS, type RunItem, runKey } from './items.ts';

export function putRun(table: string, run: RunItem): Labelled {
  const expiresAt = Math.floor(run.startedAt / 1000) + RUN_KEPT_SECONDS;
  return putVersion(table, 'run', { ...runKey(run), ...run, expiresAt }, run.version);
}
