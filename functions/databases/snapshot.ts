/** Asking for a snapshot of a DB instance under a name that can be looked for. */
import { CreateDBSnapshotCommand, RDSClient } from '@aws-sdk/client-rds';
import { changingClientDefaults } from '../engine/clients.ts';
import { classifyAwsError, RetryableError } from '../engine/errors.ts';
import { readSnapshot } from './read-snapshots.ts';

const changing = new RDSClient(changingClientDefaults());

export interface SnapshotOrder {
  readonly id: string;
  readonly instance: string;
  /** Tell whose it is: what isn't tagged as ours is never pruned. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Asks for it. Asked again, it is the same snapshot: RDS compares the name.
 * @throws RetryableError also while the instance is in another state than available; PermissionError; ActionFailedError (the quota).
 */
export async function takeSnapshot({ id, instance, tags }: SnapshotOrder): Promise<void> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  try {
    await changing.send(
      new CreateDBSnapshotCommand({ DBSnapshotIdentifier: id, DBInstanceIdentifier: instance, Tags }),
    );
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'DBSnapshotAlreadyExistsFault') return;
    // "CreateDBSnapshot": the source must be available. It isn't while the snapshot of an order is made whose answer was lost, and RDS may say so
    // instead of that the name is taken; else something is being done to it, which passes.
    if (name === 'InvalidDBInstanceStateFault') {
      if (await readSnapshot(id)) return;
      throw new RetryableError(`make the snapshot ${id}: ${instance} is not available at the moment`, { cause: error });
    }
    throw classifyAwsError(`make the snapshot ${id}`, error);
  }
}
