/** RDS's operations on read replicas (Amazon RDS API Reference: CreateDBInstanceReadReplica, PromoteReadReplica), also of a source in another region. */
import { AwsFault } from '../../world/types.ts';
import {
  DEFAULT_GROUP,
  describe,
  groupOf,
  type Instance,
  keyOf,
  named,
  nameIn,
  newResourceId,
  type RdsState,
  requireStatus,
} from './model.ts';
import { type Operation, placeOf, required, tagsOf, target, unusedId } from './operations.ts';
import type { Form } from './xml.ts';

/** "CreateDBInstanceReadReplica", SourceDBInstanceIdentifier: each DB instance can have up to 15. */
const MOST = 15;

/** @throws AwsFault when it isn't there, or its region can't be reached from here. */
function sourceOf(state: RdsState, region: string, name: string): Instance {
  const source = named(state, region, name);
  if (!source) throw new AwsFault('DBInstanceNotFound', `DBInstance ${name} not found.`, 404);
  if (source.region !== region && [region, source.region].some((each) => state.cutOff.has(each)))
    throw new AwsFault('InternalFailure', `The region ${source.region} can't be reached from ${region}.`, 500);
  return source;
}

/** A key doesn't leave its region ("CreateDBInstanceReadReplica", KmsKeyId). */
function keyOfReplica(form: Form, region: string, source: Instance): string | undefined {
  if (source.region === region || !source.kmsKeyId) return source.kmsKeyId;
  const given = form.text('KmsKeyId');
  if (given) return given;
  throw new AwsFault(
    'InvalidParameterCombination',
    'A KMS key of the destination region is required for a read replica of an encrypted DB instance in another region.',
  );
}

/** That of the source, which is known in its own region only ("CreateDBInstanceReadReplica", DBParameterGroupName). */
const groupOfReplica = (form: Form, state: RdsState, region: string, source: Instance): Instance['group'] =>
  source.region === region ? source.group : groupOf(state, region, form.text('DBParameterGroupName') ?? DEFAULT_GROUP);

const createDBInstanceReadReplica: Operation = ({ state, lifecycle, region, form }) => {
  const id = unusedId(state, region, required(form, 'DBInstanceIdentifier'));
  const source = sourceOf(state, region, required(form, 'SourceDBInstanceIdentifier'));
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
    kmsKeyId: keyOfReplica(form, region, source),
    // Replicas have no backups of their own, unless somebody turns them on.
    backupDays: 0,
    replicaOf: nameIn(region, source),
    replicas: new Set(),
    status: 'creating',
    instanceClass: form.text('DBInstanceClass') ?? source.instanceClass,
    allocatedStorageGib: source.allocatedStorageGib,
    multiAz: form.flag('MultiAZ') ?? false,
    zone: form.text('AvailabilityZone') ?? `${region}${source.zone.at(-1)}`,
    secondaryZone: `${region}${source.secondaryZone.at(-1)}`,
    iamEnabled: form.flag('EnableIAMDatabaseAuthentication') ?? false,
    ...placeOf(form),
    deletionProtection: form.flag('DeletionProtection') ?? false,
    group: groupOfReplica(form, state, region, source),
    pendingReboot: false,
    pending: {},
    tags: tagsOf(form),
  };
  state.instances.set(keyOf(region, id), replica);
  source.replicas.add(nameIn(source.region, replica));
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
