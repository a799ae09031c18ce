/** Asking for a copy of a snapshot in another region, under a name that can be looked for. */
import { CopyDBSnapshotCommand } from '@aws-sdk/client-rds';
import { ActionFailedError, classifyAwsError, type EngineError, RetryableError } from '../engine/errors.ts';
import { changingRds } from './rds-clients.ts';

export interface CopyOrder {
  /** Of the copy, in the region that it goes to. */
  readonly id: string;
  /** "CopyDBSnapshot", Amazon RDS API Reference: from another region a snapshot is named by its ARN. */
  readonly sourceArn: string;
  readonly region: string;
  /** A key of `region`: needed for an encrypted snapshot, because a key doesn't leave its region. */
  readonly kmsKeyArn: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Asks for it. Asked again, it is the same copy: RDS compares the name.
 * @throws RetryableError also while the snapshot is in another state than available, and while there is no room for another copy; PermissionError; ActionFailedError (the key).
 */
export async function copySnapshot({ id, sourceArn, region, kmsKeyArn, tags }: CopyOrder): Promise<void> {
  const what = `copy the snapshot ${id} to ${region}`;
  try {
    await changingRds(region).send(
      new CopyDBSnapshotCommand({
        SourceDBSnapshotIdentifier: sourceArn,
        TargetDBSnapshotIdentifier: id,
        ...(kmsKeyArn !== undefined && { KmsKeyId: kmsKeyArn }),
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
  } catch (error) {
    const trouble = whyNotCopied(what, error, kmsKeyArn);
    if (trouble) throw trouble;
  }
}

/** Pure: what an error of CopyDBSnapshot means; undefined: the copy was asked for already. */
export function whyNotCopied(what: string, error: unknown, kmsKeyArn: string | undefined): EngineError | undefined {
  switch (error instanceof Error ? error.name : '') {
    case 'DBSnapshotAlreadyExistsFault':
      return undefined;
    case 'InvalidDBSnapshotStateFault':
      return new RetryableError(`${what}: it is not available at the moment`, { cause: error });
    // "Copying a DB snapshot", Amazon RDS User Guide: up to 20 copies to a region at a time. RDS has one error for that and for the quota of snapshots, in which prune-backups makes room.
    case 'SnapshotQuotaExceededFault':
      return new RetryableError(`${what}: RDS allows no more copies or snapshots there at the moment`, {
        cause: error,
      });
    case 'KMSKeyNotAccessibleFault':
      return new ActionFailedError(`${what}: RDS may not use the key ${kmsKeyArn}: its policy must allow this role`, {
        cause: error,
      });
    default:
      return classifyAwsError(what, error);
  }
}
