/** Snapshots of DB instances: what a snapshot is, and asking for one under a name that can be looked for (data type DBSnapshot, Amazon RDS API Reference). */
import {
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DescribeDBSnapshotsCommand,
  type DescribeDBSnapshotsCommandInput,
  RDSClient,
} from '@aws-sdk/client-rds';
import { changingClientDefaults, clientDefaults } from '../engine/clients.ts';
import { ActionFailedError, classifyAwsError, RetryableError } from '../engine/errors.ts';
import type { Snapshot } from './snapshot-id.ts';

const reading = new RDSClient(clientDefaults());
const changing = new RDSClient(changingClientDefaults());

/** Far more than an account's quota of 100 manual snapshots and 35 automated ones of an instance. */
const PAGES = 20;

/** By name; undefined when there is none. @throws PermissionError, RetryableError or ActionFailedError. */
export async function readSnapshot(id: string): Promise<Snapshot | undefined> {
  try {
    return (await page({ DBSnapshotIdentifier: id })).found[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'DBSnapshotNotFoundFault') return undefined;
    throw classifyAwsError(`describe the snapshot ${id}`, error);
  }
}

/** All of an instance, automated and manual. @throws PermissionError, RetryableError or ActionFailedError. */
export async function readSnapshotsOf(instance: string): Promise<readonly Snapshot[]> {
  const all: Snapshot[] = [];
  let marker: string | undefined;
  try {
    for (let pages = 0; pages < PAGES; pages++) {
      const { found, next } = await page({ DBInstanceIdentifier: instance, ...(marker && { Marker: marker }) });
      all.push(...found);
      if (!next) return all;
      marker = next;
    }
  } catch (error) {
    throw classifyAwsError(`describe the snapshots of ${instance}`, error);
  }
  throw new ActionFailedError(`describe the snapshots of ${instance}: more than ${PAGES} pages of them`);
}

async function page(input: DescribeDBSnapshotsCommandInput) {
  const { DBSnapshots = [], Marker: next } = await reading.send(new DescribeDBSnapshotsCommand(input));
  return { found: DBSnapshots.map(asSnapshot), next };
}

const asSnapshot = (found: DBSnapshot): Snapshot => ({
  id: found.DBSnapshotIdentifier ?? '',
  status: found.Status ?? 'unknown',
  encrypted: found.Encrypted ?? false,
  sizeGib: found.AllocatedStorage ?? 0,
  progressPercent: found.PercentProgress ?? 0,
  // A copy is younger than what is in it.
  takenAt: (found.OriginalSnapshotCreateTime ?? found.SnapshotCreateTime)?.getTime(),
});

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
