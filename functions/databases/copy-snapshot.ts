/** Asking for a copy of a snapshot in another region, under a name that can be looked for. */
import { CopyDBSnapshotCommand } from '@aws-sdk/client-rds';
import { ActionFailedError, classifyAwsError, RetryableError } from '../engine/errors.ts';
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
 * @throws RetryableError also while the snapshot is in another state than available; PermissionError; ActionFailedError (the key, the quota).
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
    const name = error instanceof Error ? error.name : '';
    if (name === 'DBSnapshotAlreadyExistsFault') return;
    if (name === 'InvalidDBSnapshotStateFault')
      throw new RetryableError(`${what}: it is not available at the moment`, { cause: error });
    if (name === 'KMSKeyNotAccessibleFault')
      throw new ActionFailedError(`${what}: RDS may not use the key ${kmsKeyArn}: its policy must allow this role`, {
        cause: error,
      });
    throw classifyAwsError(what, error);
  }
}
