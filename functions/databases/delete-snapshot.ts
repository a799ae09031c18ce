/** Removing one manual snapshot, for good. The caller has made sure that it is ours and that it may go. */
import { DBSnapshotNotFoundFault, DeleteDBSnapshotCommand } from '@aws-sdk/client-rds';
import { classifyAwsError, RetryableError } from '../engine/errors.ts';
import { changingRds } from './rds-clients.ts';

/** One that is gone already is as it should be. @param region undefined: the function's own. @throws RetryableError, PermissionError or ActionFailedError. */
export async function deleteSnapshot(id: string, region?: string): Promise<void> {
  try {
    await changingRds(region).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: id }));
  } catch (error) {
    if (error instanceof DBSnapshotNotFoundFault) return;
    // "DeleteDBSnapshot", Amazon RDS API Reference: it must be available, and isn't while it is copied or restored.
    if (error instanceof Error && error.name === 'InvalidDBSnapshotStateFault')
      throw new RetryableError(`remove the snapshot ${id}: it is in use at the moment`, { cause: error });
    throw classifyAwsError(`remove the snapshot ${id}`, error);
  }
}
