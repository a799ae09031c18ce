/** DB snapshots as the stand-in keeps them, and as AWS describes them (data type DBSnapshot, Amazon RDS API Reference). */
import { AwsFault } from '../../world/types.ts';
import { ENGINE_VERSION, type Instance, keyOf, type RdsState, tagList } from './model.ts';
import type { XmlObject } from './xml.ts';

/** What a snapshot keeps of its instance: what a restore needs. */
type OfInstance = Pick<
  Instance,
  | 'id'
  | 'region'
  | 'resourceId'
  | 'masterUser'
  | 'databaseName'
  | 'kmsKeyId'
  | 'allocatedStorageGib'
  | 'zone'
  | 'iamEnabled'
> & { readonly createdAt: Date };

export interface Snapshot {
  readonly id: string;
  readonly region: string;
  readonly arn: string;
  /** `copy` is a manual snapshot, too, whose data is older than itself. */
  readonly type: 'manual' | 'copy';
  readonly of: OfInstance;
  readonly kmsKeyId: string | undefined;
  /** ARN of the snapshot that it is a copy of, when that is in another region. */
  readonly sourceArn: string | undefined;
  readonly tags: Map<string, string>;
  status: 'creating' | 'available' | 'failed';
  progressPercent: number;
  /** When it was taken; a copy: when it was made. */
  createdAt?: Date | undefined;
  /** When the data in it was taken: it has everything that was committed before. */
  originalCreatedAt?: Date | undefined;
  /** Where the data is; absent when no server stands behind the instance. */
  folder?: string;
}

/** @throws AwsFault DBSnapshotNotFound */
export function snapshotOf(state: RdsState, region: string, id: string): Snapshot {
  const found = state.snapshots.get(keyOf(region, id));
  if (!found) throw new AwsFault('DBSnapshotNotFound', `DBSnapshot not found: ${id}`, 404);
  return found;
}

/** By ARN, which may name another region, or by the name in this region. @throws AwsFault DBSnapshotNotFound */
export function snapshotOfArn(state: RdsState, region: string, given: string): Snapshot {
  const [, inRegion = region, id = given] = /^arn:[^:]+:rds:([^:]+):\d+:snapshot:(.+)$/.exec(given) ?? [];
  return snapshotOf(state, inRegion, id);
}

export type SnapshotOrigin = OfInstance & { readonly tags: Map<string, string> };

/**
 * Notes a snapshot that is being made.
 * @throws AwsFault InvalidParameterValue, DBSnapshotAlreadyExists, SnapshotQuotaExceeded
 */
export function newSnapshot(
  state: RdsState,
  { tags, ...of }: SnapshotOrigin,
  given: string,
  copy?: { readonly region: string; readonly kmsKeyId: string | undefined; readonly sourceArn: string | undefined },
): Snapshot {
  const id = given.toLowerCase();
  const region = copy?.region ?? of.region;
  if (!/^[a-z](?:-?[a-z0-9]){0,254}$/.test(id))
    throw new AwsFault('InvalidParameterValue', 'The parameter DBSnapshotIdentifier is not a valid identifier.');
  if (state.snapshots.has(keyOf(region, id)))
    throw new AwsFault(
      'DBSnapshotAlreadyExists',
      `Cannot create the snapshot because a snapshot with the identifier ${id} already exists.`,
    );
  if (snapshotsIn(state, region).length >= state.snapshotQuota)
    throw new AwsFault('SnapshotQuotaExceeded', `Cannot create more than ${state.snapshotQuota} manual snapshots`);
  const snapshot: Snapshot = {
    id,
    region,
    arn: `arn:aws:rds:${region}:${state.accountId}:snapshot:${id}`,
    type: copy ? 'copy' : 'manual',
    of: {
      id: of.id,
      region: of.region,
      resourceId: of.resourceId,
      masterUser: of.masterUser,
      databaseName: of.databaseName,
      kmsKeyId: of.kmsKeyId,
      allocatedStorageGib: of.allocatedStorageGib,
      zone: of.zone,
      iamEnabled: of.iamEnabled,
      createdAt: of.createdAt,
    },
    kmsKeyId: copy ? copy.kmsKeyId : of.kmsKeyId,
    sourceArn: copy?.sourceArn,
    tags: new Map(tags),
    status: 'creating',
    progressPercent: 0,
  };
  state.snapshots.set(keyOf(region, id), snapshot);
  return snapshot;
}

export const snapshotsIn = (state: RdsState, region: string): Snapshot[] =>
  [...state.snapshots.values()].filter((snapshot) => snapshot.region === region);

/** AWS names no times before the snapshot has been taken. */
export const describeSnapshot = (snapshot: Snapshot): XmlObject => ({
  DBSnapshotIdentifier: snapshot.id,
  DBSnapshotArn: snapshot.arn,
  DBInstanceIdentifier: snapshot.of.id,
  DbiResourceId: snapshot.of.resourceId,
  SnapshotType: 'manual',
  Status: snapshot.status,
  PercentProgress: snapshot.progressPercent,
  SnapshotCreateTime: snapshot.createdAt,
  OriginalSnapshotCreateTime: snapshot.originalCreatedAt,
  Engine: 'postgres',
  EngineVersion: ENGINE_VERSION,
  AllocatedStorage: snapshot.of.allocatedStorageGib,
  StorageType: 'gp3',
  AvailabilityZone: snapshot.of.zone,
  InstanceCreateTime: snapshot.of.createdAt,
  MasterUsername: snapshot.of.masterUser,
  IAMDatabaseAuthenticationEnabled: snapshot.of.iamEnabled,
  Encrypted: snapshot.kmsKeyId !== undefined,
  KmsKeyId: snapshot.kmsKeyId,
  SourceRegion: snapshot.sourceArn?.split(':')[3],
  SourceDBSnapshotIdentifier: snapshot.sourceArn,
  TagList: tagList(snapshot.tags),
});
