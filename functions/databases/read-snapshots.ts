/** What snapshots of DB instances there are (data type DBSnapshot, Amazon RDS API Reference). */
import { type DBSnapshot, DescribeDBSnapshotsCommand, type DescribeDBSnapshotsCommandInput } from '@aws-sdk/client-rds';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';
import { DEPLOYMENT_TAG } from '../engine/manifest.ts';
import { readingRds } from './rds-clients.ts';
import { INSTANCE_TAG, type KeptSnapshot, makerOf } from './snapshot-id.ts';

/** Far more than an account's quota of 100 manual snapshots and 35 automated ones of an instance. */
const PAGES = 20;

/** By name; undefined when there is none. @param region undefined: the function's own. @throws PermissionError, RetryableError or ActionFailedError. */
export async function readSnapshot(id: string, region?: string): Promise<KeptSnapshot | undefined> {
  try {
    return (await page({ DBSnapshotIdentifier: id }, region)).found[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'DBSnapshotNotFoundFault') return undefined;
    throw classifyAwsError(`describe the snapshot ${id}`, error);
  }
}

/** All of an instance, automated and manual. @param region where copies of them are; undefined: the function's own. @throws PermissionError, RetryableError or ActionFailedError. */
export async function readSnapshotsOf(instance: string, region?: string): Promise<readonly KeptSnapshot[]> {
  const all: KeptSnapshot[] = [];
  let marker: string | undefined;
  try {
    for (let pages = 0; pages < PAGES; pages++) {
      const { found, next } = await page({ DBInstanceIdentifier: instance, ...(marker && { Marker: marker }) }, region);
      all.push(...found);
      if (!next) return all;
      marker = next;
    }
  } catch (error) {
    throw classifyAwsError(`describe the snapshots of ${instance}`, error);
  }
  throw new ActionFailedError(`describe the snapshots of ${instance}: more than ${PAGES} pages of them`);
}

async function page(input: DescribeDBSnapshotsCommandInput, region: string | undefined) {
  const { DBSnapshots = [], Marker: next } = await readingRds(region).send(new DescribeDBSnapshotsCommand(input));
  return { found: DBSnapshots.map(asSnapshot), next };
}

const asSnapshot = (found: DBSnapshot): KeptSnapshot => ({
  id: found.DBSnapshotIdentifier ?? '',
  status: found.Status ?? 'unknown',
  encrypted: found.Encrypted ?? false,
  sizeGib: found.AllocatedStorage ?? 0,
  progressPercent: found.PercentProgress ?? 0,
  // A copy is younger than what is in it.
  takenAt: (found.OriginalSnapshotCreateTime ?? found.SnapshotCreateTime)?.getTime(),
  isAutomated: found.SnapshotType === 'automated',
  instanceResourceId: found.DbiResourceId,
  madeBy: makerOf(found.DBSnapshotIdentifier ?? '', tagOf(found, DEPLOYMENT_TAG)),
  arn: found.DBSnapshotArn,
  copyOf: found.SourceDBSnapshotIdentifier,
  copiedInstance: tagOf(found, INSTANCE_TAG),
});

const tagOf = ({ TagList = [] }: DBSnapshot, tag: string): string | undefined =>
  TagList.find(({ Key }) => Key === tag)?.Value;
