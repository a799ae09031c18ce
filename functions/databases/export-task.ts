/** Exports of snapshots to S3: asking for one under a name that can be looked for, and looking. */
import { createHash } from 'node:crypto';
import { DescribeExportTasksCommand, type ExportTask, StartExportTaskCommand } from '@aws-sdk/client-rds';
import { ActionFailedError, classifyAwsError, type EngineError, RetryableError } from '../engine/errors.ts';
import { changingRds, readingRds } from './rds-clients.ts';

/** An export as RDS describes it (data type ExportTask, Amazon RDS API Reference). */
export interface Task {
  readonly id: string;
  readonly sourceArn: string;
  readonly status: string;
  readonly progressPercent: number;
  readonly sizeGb: number;
  readonly failure: string | undefined;
  /** What was left out although the export is complete, as RDS says it. */
  readonly warning: string | undefined;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
}

/** Far more than can be under way; those that are over stay listed. */
const PAGES = 50;

/**
 * Follows from the snapshot, so that one is asked for once: RDS compares the name. At most 60 letters, digits and single hyphens.
 * @param attempt from 0: a name that failed is never free again.
 */
export const exportIdOf = (deployment: string, snapshotArn: string, attempt: number): string => {
  const base = `nightshift-${deployment}-${createHash('sha256').update(snapshotArn).digest('hex').slice(0, 20)}`;
  return attempt === 0 ? base : `${base}-${attempt + 1}`;
};

/** All that RDS still knows of in the region, or those of one snapshot. @throws PermissionError, RetryableError or ActionFailedError. */
export async function readTasks(): Promise<readonly Task[]> {
  const all: Task[] = [];
  let Marker: string | undefined;
  try {
    for (let pages = 0; pages < PAGES; pages++) {
      const { ExportTasks = [], Marker: next } = await readingRds().send(
        new DescribeExportTasksCommand({ ...(Marker && { Marker }) }),
      );
      all.push(...ExportTasks.map(asTask));
      if (!next) return all;
      Marker = next;
    }
  } catch (error) {
    throw classifyAwsError('describe the exports of snapshots', error);
  }
  throw new ActionFailedError(`describe the exports of snapshots: more than ${PAGES} pages of them`);
}

const asTask = (found: ExportTask): Task => ({
  id: found.ExportTaskIdentifier ?? '',
  sourceArn: found.SourceArn ?? '',
  status: found.Status ?? 'unknown',
  progressPercent: found.PercentProgress ?? 0,
  sizeGb: found.TotalExtractedDataInGB ?? 0,
  failure: found.FailureCause || undefined,
  warning: found.WarningMessage || undefined,
  startedAt: found.TaskStartTime?.getTime(),
  endedAt: found.TaskEndTime?.getTime(),
});

export interface ExportOrder {
  readonly id: string;
  readonly snapshotArn: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Assumed by RDS, to write to the bucket. */
  readonly roleArn: string;
  readonly kmsKeyArn: string;
}

/**
 * Asks for it. Asked again, it is the same export.
 * @throws RetryableError also while the snapshot or the account has no room for another one; PermissionError; ActionFailedError (role, key, bucket).
 */
export async function startExport({ id, snapshotArn, bucket, prefix, roleArn, kmsKeyArn }: ExportOrder): Promise<void> {
  try {
    await changingRds().send(
      new StartExportTaskCommand({
        ...{ ExportTaskIdentifier: id, SourceArn: snapshotArn, S3BucketName: bucket, S3Prefix: prefix },
        ...{ IamRoleArn: roleArn, KmsKeyId: kmsKeyArn },
      }),
    );
  } catch (error) {
    const trouble = whyNotExported(`export ${snapshotArn} to ${bucket}`, error);
    if (trouble) throw trouble;
  }
}

/** Pure: what an error of StartExportTask means; undefined: it was asked for already. */
export function whyNotExported(what: string, error: unknown): EngineError | undefined {
  const name = error instanceof Error ? error.name : '';
  const says = error instanceof Error ? error.message : String(error);
  if (name === 'ExportTaskAlreadyExistsFault') return undefined;
  // "StartExportTask" names no error for the quota of five; whichever it is, it passes.
  if (name === 'InvalidExportSourceStateFault' || /Quota|LimitExceeded/.test(name))
    return new RetryableError(`${what}: not at the moment (${says})`, { cause: error });
  if (/^(KMSKeyNotAccessible|IamRoleNotFound|IamRoleMissingPermissions|InvalidS3Bucket)Fault$/.test(name))
    return new ActionFailedError(`${what}: ${says} (docs/backups.md, Exports)`, { cause: error });
  return classifyAwsError(what, error);
}
