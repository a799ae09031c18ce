/** RDS's operations on read replicas (Amazon RDS API Reference: CreateDBInstanceReadReplica, PromoteReadReplica). In the source's own region only. */
import { AwsFault } from '../../world/types.ts';
import { describe, type Instance, instanceOf, keyOf, newResourceId, requireStatus } from './model.ts';
import { newInstanceId, type Operation, placeOf, required, tagsOf, target } from './operations.ts';

/** "CreateDBInstanceReadReplica", SourceDBInstanceIdentifier: each DB instance can have up to 15. */
const MOST = 15;

const createDBInstanceReadReplica: Operation = ({ state, lifecycle, region, form }) => {
  const id = newInstanceId(state, region, form);
  const source = instanceOf(state, region, required(form, 'SourceDBInstanceIdentifier'));
  requireStatus(source, 'available');
  if (source.backupDays === 0)
    throw new AwsFault(
      'InvalidDBInstanceState',
      'Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.',
    );
  if (source.replicas.size >= MOST)
    throw new AwsFault('InstanceQuotaExceeded', `DB instance ${source.id} has ${MOST} read replicas already`);
  const replica: Instance = {
    id,
    region,
    arn: `arn:aws:rds:${region}:${state.accountId}:db:${id}`,
    resourceId: newResourceId(),
    createdAt: new Date(),
    masterUser: source.masterUser,
    databaseName: source.databaseName,
    kmsKeyId: source.kmsKeyId,
    // Replicas have no backups of their own, unless somebody turns them on.
    backupDays: 0,
    replicaOf: source.id,
    replicas: new Set(),
    status: 'creating',
    instanceClass: form.text('DBInstanceClass') ?? source.instanceClass,
    allocatedStorageGib: source.allocatedStorageGib,
    multiAz: form.flag('MultiAZ') ?? false,
    zone: form.text('AvailabilityZone') ?? source.zone,
    secondaryZone: source.secondaryZone,
    iamEnabled: form.flag('EnableIAMDatabaseAuthentication') ?? false,
    ...placeOf(form),
    deletionProtection: form.flag('DeletionProtection') ?? false,
    group: source.group,
    pendingReboot: false,
    pending: {},
    tags: tagsOf(form),
  };
  state.instances.set(keyOf(region, id), replica);
  source.replicas.add(id);
  lifecycle.replicate(source, replica);
  return { DBInstance: describe(replica) };
};

const promoteReadReplica: Operation = (call) => {
  const replica = target(call);
  requireStatus(replica, 'available');
  if (!replica.replicaOf)
    throw new AwsFault('InvalidDBInstanceState', `DB instance ${replica.id} is not a read replica`);
  call.lifecycle.promote(replica, call.form.number('BackupRetentionPeriod') ?? 1);
  return { DBInstance: describe(replica) };
};

export const replicaOperations: Readonly<Record<string, Operation>> = {
  CreateDBInstanceReadReplica: createDBInstanceReadReplica,
  PromoteReadReplica: promoteReadReplica,
};
