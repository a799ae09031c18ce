/** Which backups there are: by the runs of their job in the journal. */
import type { Json } from '../engine/remediation.ts';

export const CONFIGURATION_JOB = 'back-up-configuration';
/** All runs of it are about everything. */
export const SUBJECT = 'all';

/** What a run's report says of a backup that is whole. */
export interface BackupNote {
  readonly scheduledAt: string;
  readonly folder: string;
}

interface Run {
  readonly scheduledAt: string;
  readonly endedAt?: number | undefined;
  readonly verdict?: { readonly report: { readonly [key: string]: Json } } | undefined;
}

/** Those that left a whole backup, newest first. Pure. @param before ISO 8601; only those that were over before: one that was still reading has what was changed meanwhile. */
export function backupsIn(runs: readonly Run[], before?: string): BackupNote[] {
  const until = before === undefined ? Number.POSITIVE_INFINITY : Date.parse(before);
  return runs
    .flatMap(({ scheduledAt, endedAt, verdict }) => {
      const folder = verdict?.report.folder;
      return endedAt !== undefined && typeof folder === 'string' && Math.max(Date.parse(scheduledAt), endedAt) < until
        ? [{ scheduledAt, folder }]
        : [];
    })
    .sort((a, b) => Date.parse(b.scheduledAt) - Date.parse(a.scheduledAt));
}
