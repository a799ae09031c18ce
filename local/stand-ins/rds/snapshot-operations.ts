/** RDS's operations on DB snapshots, and instances restored from them (Amazon RDS API Reference, 2014-10-31). */
import { AwsFault } from '../../world/types.ts';
import { DEFAULT_GROUP, describe, groupOf, type Instance, keyOf, newResourceId, requireStatus } from './model.ts';
import { type Operation, placeOf, required, tagsOf, target, unusedId } from './operations.ts';
import { describeSnapshot, newSnapshot, type Snapshot, snapshotOf, snapshotOfArn, snapshotsIn } from './snapshots.ts';
import { type Form, list } from './xml.ts';

const createDBSnapshot: Operation = (call) => {
  const { state, lifecycle, form } = call;
  const id = required(form, 'DBSnapshotIdentifier');
  const instance = target(call);
  requireStatus(instance, 'available');
  const snapshot = newSnapshot(state, { ...instance, tags: tagsOf(form) }, id);
  lifecycle.snapshot(instance, snapshot);
  return { DBSnapshot: describeSnapshot(snapshot) };
};

/** "DescribeDBSnapshots": up to 100 records, then a marker. */
const describeDBSnapshots: Operation = ({ state, region, form }) => {
  const id = form.text('DBSnapshotIdentifier');
  const instance = form.text('DBInstanceIdentifier');
  const type = form.text('SnapshotType');
  const filters = form.list('Filters.Filter').map((filter) => ({
    name: filter.text('Name') ?? '',
    values: filter.texts('Values.Value'),
  }));
  // Automated and shared ones aren't in the local world.
  const found = id ? [snapshotOfArn(state, region, id)] : snapshotsIn(state, region);
  const matching = found.filter(
    (snapshot) =>
      (instance === undefined || snapshot.of.id === instance.toLowerCase()) &&
      (type === undefined || type === 'manual') &&
      filters.every(({ name, values }) => values.includes(factOf(snapshot, name))),
  );
  const from = Number(form.text('Marker') ?? 0);
  const until = from + (form.number('MaxRecords') ?? 100);
  return {
    DBSnapshots: list('DBSnapshot', matching.slice(from, until).map(describeSnapshot)),
    Marker: until < matching.length ? String(until) : undefined,
  };
};

function factOf(snapshot: Snapshot, filter: string): string {
  if (filter === 'db-instance-id') return snapshot.of.id;
  if (filter === 'db-snapshot-id') return snapshot.id;
  if (filter === 'dbi-resource-id') return snapshot.of.resourceId;
  if (filter === 'snapshot-type') return 'manual';
  if (filter === 'engine') return 'postgres';
  throw new AwsFault('InvalidParameterValue', `Unrecognized filter name: ${filter}`);
}

const deleteDBSnapshot: Operation = ({ state, lifecycle, region, form }) => {
  const snapshot = snapshotOf(state, region, required(form, 'DBSnapshotIdentifier'));
  if (snapshot.status === 'creating')
    throw new AwsFault('InvalidDBSnapshotState', `The snapshot ${snapshot.id} is being made and can not be deleted.`);
  state.snapshots.delete(keyOf(region, snapshot.id));
  lifecycle.removeSnapshot(snapshot);
  return { DBSnapshot: describeSnapshot(snapshot) };
};

/** Asked in the region that the copy goes to. An encrypted one needs a key of that region, because keys don't leave theirs. */
const copyDBSnapshot: Operation = ({ state, lifecycle, region, form }) => {
  const source = snapshotOfArn(state, region, required(form, 'SourceDBSnapshotIdentifier'));
  if (source.status !== 'available')
    throw new AwsFault('InvalidDBSnapshotState', `The snapshot ${source.id} is ${source.status}, not available.`);
  const abroad = source.region !== region;
  const kmsKeyId = form.text('KmsKeyId');
  if (abroad && source.kmsKeyId && !kmsKeyId)
    throw new AwsFault(
      'InvalidParameterCombination',
      'A KMS key of the destination region is required to copy an encrypted snapshot across regions.',
    );
  const tags = form.flag('CopyTags') === true ? source.tags : tagsOf(form);
  const copy = newSnapshot(state, { ...source.of, tags }, required(form, 'TargetDBSnapshotIdentifier'), {
    region,
    kmsKeyId: kmsKeyId ?? source.kmsKeyId,
    sourceArn: abroad ? source.arn : undefined,
  });
  copy.originalCreatedAt = source.originalCreatedAt;
  lifecycle.copySnapshot(source, copy);
  return { DBSnapshot: describeSnapshot(copy) };
};

const restoreDBInstanceFromDBSnapshot: Operation = ({ state, lifecycle, region, form }) => {
  const id = unusedId(state, region, required(form, 'DBInstanceIdentifier'));
  const snapshot = snapshotOfArn(state, region, required(form, 'DBSnapshotIdentifier'));
  if (snapshot.region !== region)
    throw new AwsFault('DBSnapshotNotFound', `DBSnapshot not found: ${snapshot.arn} is in another region`, 404);
  if (snapshot.status !== 'available')
    throw new AwsFault('InvalidDBSnapshotState', `The snapshot ${snapshot.id} is ${snapshot.status}, not available.`);
  const instance = restored(state.accountId, id, snapshot, form, groupOf(state, region, groupName(form)));
  state.instances.set(keyOf(region, id), instance);
  lifecycle.restore(instance, snapshot);
  return { DBInstance: describe(instance) };
};

export const groupName = (form: Form): string => form.text('DBParameterGroupName') ?? DEFAULT_GROUP;

/** What isn't asked for is as in the snapshot; the parameter group, the zones and the tags are not ("Restoring to a DB instance"). */
export function restored(
  accountId: string,
  id: string,
  { of, kmsKeyId, region }: Pick<Snapshot, 'of' | 'kmsKeyId' | 'region'>,
  form: Form,
  group: Instance['group'],
): Instance {
  return {
    id,
    region,
    arn: `arn:aws:rds:${region}:${accountId}:db:${id}`,
    resourceId: newResourceId(),
    createdAt: new Date(),
    masterUser: of.masterUser,
    databaseName: of.databaseName,
    kmsKeyId,
    status: 'creating',
    // Also a restored instance has RDS's default of its own, and no automated backups of ours are taken of it.
    backupDays: form.number('BackupRetentionPeriod') ?? 0,
    replicaOf: undefined,
    replicas: new Set(),
    instanceClass: form.text('DBInstanceClass') ?? 'db.t4g.micro',
    allocatedStorageGib: of.allocatedStorageGib,
    multiAz: form.flag('MultiAZ') ?? false,
    zone: `${region}a`,
    secondaryZone: `${region}b`,
    iamEnabled: form.flag('EnableIAMDatabaseAuthentication') ?? of.iamEnabled,
    ...placeOf(form),
    deletionProtection: form.flag('DeletionProtection') ?? false,
    group,
    pendingReboot: false,
    pending: {},
    tags: tagsOf(form),
  };
}

/** Of the quotas, the one of manual snapshots. */
const describeAccountAttributes: Operation = ({ state, region }) => ({
  AccountQuotas: list('AccountQuota', [
    { AccountQuotaName: 'ManualSnapshots', Used: snapshotsIn(state, region).length, Max: state.snapshotQuota },
  ]),
});

export const snapshotOperations: Readonly<Record<string, Operation>> = {
  CreateDBSnapshot: createDBSnapshot,
  DescribeDBSnapshots: describeDBSnapshots,
  DeleteDBSnapshot: deleteDBSnapshot,
  CopyDBSnapshot: copyDBSnapshot,
  RestoreDBInstanceFromDBSnapshot: restoreDBInstanceFromDBSnapshot,
  DescribeAccountAttributes: describeAccountAttributes,
};
