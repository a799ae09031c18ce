/** RDS's operations on instances (Amazon RDS API Reference, 2014-10-31): each checks, changes the state, and returns what AWS would answer. */
import pg from 'pg';
import { AwsFault } from '../../world/types.ts';
import type { InstanceEventId } from './events.ts';
import type { Lifecycle } from './lifecycle.ts';
import {
  DEFAULT_GROUP,
  describe,
  groupOf,
  type Instance,
  instanceOf,
  keyOf,
  newResourceId,
  type RdsState,
  requireStatus,
  tagList,
} from './model.ts';
import { newSnapshot, type Snapshot, snapshotOfArn } from './snapshots.ts';
import { type Form, list, type XmlObject } from './xml.ts';

export interface Call {
  readonly state: RdsState;
  readonly lifecycle: Lifecycle;
  readonly region: string;
  readonly form: Form;
}

export type Operation = (call: Call) => XmlObject | Promise<XmlObject>;

export function required(form: Form, name: string): string {
  const value = form.text(name);
  if (!value)
    throw new AwsFault('InvalidParameterValue', `The parameter ${name} must be provided and must not be blank.`);
  return value;
}

export const target = ({ state, region, form }: Call): Instance =>
  instanceOf(state, region, required(form, 'DBInstanceIdentifier'));

/** A name that no instance has. @throws AwsFault */
export function unusedId(state: RdsState, region: string, given: string): string {
  const id = given.toLowerCase();
  if (!/^[a-z](?:-?[a-z0-9]){0,62}$/.test(id))
    throw new AwsFault('InvalidParameterValue', `The parameter DBInstanceIdentifier is not a valid identifier.`);
  if (state.instances.has(keyOf(region, id)))
    throw new AwsFault('DBInstanceAlreadyExists', 'DB instance already exists');
  return id;
}

/** "CreateDBInstance": without a key of the customer's, the account's default key for RDS is used. */
function keyFor(form: Form, region: string, accountId: string): string | undefined {
  if (form.flag('StorageEncrypted') !== true) return undefined;
  return form.text('KmsKeyId') ?? `arn:aws:kms:${region}:${accountId}:key/aws-rds`;
}

/** 0 to 35 days. AWS's default is 1; here automated backups are told of only where somebody asks for them. */
export function retentionOf(form: Form): number {
  const days = form.number('BackupRetentionPeriod') ?? 0;
  if (Number.isInteger(days) && days >= 0 && days <= 35) return days;
  throw new AwsFault('InvalidParameterValue', `Invalid backup retention period: ${days}. Valid are 0 to 35 days.`);
}

const createDBInstance: Operation = ({ state, lifecycle, region, form }) => {
  const id = unusedId(state, region, required(form, 'DBInstanceIdentifier'));
  const engine = required(form, 'Engine');
  if (engine !== 'postgres')
    throw new AwsFault('InvalidParameterValue', `Engine ${engine}: the local world has postgres only`);
  const password = required(form, 'MasterUserPassword');
  const instance: Instance = {
    id,
    region,
    arn: `arn:aws:rds:${region}:${state.accountId}:db:${id}`,
    resourceId: newResourceId(),
    createdAt: new Date(),
    masterUser: masterUser(required(form, 'MasterUsername')),
    databaseName: form.text('DBName'),
    kmsKeyId: keyFor(form, region, state.accountId),
    backupDays: retentionOf(form),
    replicaOf: undefined,
    replicas: new Set(),
    status: 'creating',
    instanceClass: required(form, 'DBInstanceClass'),
    allocatedStorageGib: form.number('AllocatedStorage') ?? 20,
    multiAz: form.flag('MultiAZ') ?? false,
    zone: `${region}a`,
    secondaryZone: `${region}b`,
    iamEnabled: form.flag('EnableIAMDatabaseAuthentication') ?? false,
    ...placeOf(form),
    deletionProtection: form.flag('DeletionProtection') ?? false,
    group: groupOf(state, region, form.text('DBParameterGroupName') ?? DEFAULT_GROUP),
    pendingReboot: false,
    pending: {},
    tags: tagsOf(form),
  };
  state.instances.set(keyOf(region, id), instance);
  lifecycle.create(instance, password);
  return { DBInstance: describe(instance) };
};

/** Names that the server itself uses can't be the master user's. */
function masterUser(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name) || /^(pg_|rds)/i.test(name) || name === 'admin')
    throw new AwsFault('InvalidParameterValue', `MasterUsername ${name} cannot be used as it is a reserved word`);
  return name;
}

/** What isn't asked for has these defaults, also for a read replica or a restored instance, whatever its source has ("CreateDBInstanceReadReplica"). */
export const placeOf = (form: Form): Pick<Instance, 'securityGroups' | 'storageType' | 'isPublic'> => {
  const asked = form.texts('VpcSecurityGroupIds.VpcSecurityGroupId');
  return {
    securityGroups: asked.length > 0 ? asked : ['sg-default'],
    storageType: form.text('StorageType') ?? 'gp3',
    isPublic: form.flag('PubliclyAccessible') ?? false,
  };
};

export const tagsOf = (form: Form): Map<string, string> =>
  new Map(form.list('Tags.Tag').map((tag) => [tag.text('Key') ?? '', tag.text('Value') ?? '']));

const describeDBInstances: Operation = ({ state, region, form }) => {
  const id = form.text('DBInstanceIdentifier');
  const filters = form.list('Filters.Filter').map((filter) => ({
    name: filter.text('Name') ?? '',
    values: filter.texts('Values.Value'),
  }));
  const found = id
    ? [instanceOf(state, region, id)]
    : [...state.instances.values()].filter((instance) => instance.region === region);
  const matching = found.filter((instance) => filters.every(({ name, values }) => matches(instance, name, values)));
  return { DBInstances: list('DBInstance', matching.map(describe)) };
};

function matches(instance: Instance, filter: string, values: readonly string[]): boolean {
  if (filter === 'db-instance-id') return values.includes(instance.id) || values.includes(instance.arn);
  if (filter === 'dbi-resource-id') return values.includes(instance.resourceId);
  if (filter === 'engine') return values.includes('postgres');
  throw new AwsFault('InvalidParameterValue', `Unrecognized filter name: ${filter}`);
}

const modifyDBInstance: Operation = async (call) => {
  const { state, lifecycle, region, form } = call;
  const instance = target(call);
  requireStatus(instance, 'available');
  const newId = form.text('NewDBInstanceIdentifier');
  if (newId !== undefined) return rename(call, instance, newId);
  const groupName = form.text('DBParameterGroupName');
  if (groupName && groupName !== instance.group.name) {
    instance.group = groupOf(state, region, groupName);
    instance.pendingReboot = true;
    await lifecycle.parametersChanged(instance);
  }
  instance.deletionProtection = form.flag('DeletionProtection') ?? instance.deletionProtection;
  instance.iamEnabled = form.flag('EnableIAMDatabaseAuthentication') ?? instance.iamEnabled;
  if (form.text('BackupRetentionPeriod') !== undefined) instance.backupDays = retentionOf(form);
  const groups = form.texts('VpcSecurityGroupIds.VpcSecurityGroupId');
  if (groups.length > 0) instance.securityGroups = groups;
  notePending(instance, form);
  const password = form.text('MasterUserPassword');
  const immediately = form.flag('ApplyImmediately') === true && Object.keys(instance.pending).length > 0;
  // The reply still shows what was asked for as pending; the password is never shown.
  const reply = { DBInstance: describe(instance) };
  if (immediately || password) applyPending(lifecycle, instance, immediately, password);
  return reply;
};

/** At once only: without ApplyImmediately it waits for the maintenance window, of which there is none here. @throws AwsFault */
function rename({ state, lifecycle, region, form }: Call, instance: Instance, given: string): XmlObject {
  const id = unusedId(state, region, given);
  if (form.flag('ApplyImmediately') !== true)
    throw new AwsFault('InvalidParameterCombination', 'The local world renames with ApplyImmediately only.');
  lifecycle.rename(instance, id);
  return { DBInstance: describe(instance) };
}

function notePending({ pending, ...instance }: Instance, form: Form): void {
  const instanceClass = form.text('DBInstanceClass');
  const storage = form.number('AllocatedStorage');
  const multiAz = form.flag('MultiAZ');
  if (storage !== undefined && storage < instance.allocatedStorageGib)
    throw new AwsFault(
      'InvalidParameterCombination',
      'Invalid storage size for engine name postgres: it can only grow',
    );
  if (instanceClass && instanceClass !== instance.instanceClass) pending.instanceClass = instanceClass;
  if (storage !== undefined && storage !== instance.allocatedStorageGib) pending.allocatedStorageGib = storage;
  if (multiAz !== undefined && multiAz !== instance.multiAz) pending.multiAz = multiAz;
}

function applyPending(
  lifecycle: Lifecycle,
  instance: Instance,
  pendingToo: boolean,
  password: string | undefined,
): void {
  const { instanceClass, allocatedStorageGib, multiAz } = pendingToo ? instance.pending : {};
  const apply = async (): Promise<InstanceEventId[]> => {
    const events: InstanceEventId[] = [];
    if (password) {
      const master = pg.escapeIdentifier(instance.masterUser);
      await instance.database?.query(`ALTER ROLE ${master} PASSWORD ${pg.escapeLiteral(password)}`);
      events.push('RDS-EVENT-0016');
    }
    if (!pendingToo) return events;
    if (instanceClass) events.push('RDS-EVENT-0014');
    if (allocatedStorageGib) events.push('RDS-EVENT-0017');
    if (multiAz === true) await instance.database?.addStandby();
    if (multiAz === false) await instance.database?.removeStandby();
    if (multiAz !== undefined) events.push(multiAz ? 'RDS-EVENT-0025' : 'RDS-EVENT-0029');
    instance.instanceClass = instanceClass ?? instance.instanceClass;
    instance.allocatedStorageGib = allocatedStorageGib ?? instance.allocatedStorageGib;
    instance.multiAz = multiAz ?? instance.multiAz;
    for (const name of ['instanceClass', 'allocatedStorageGib', 'multiAz'] as const) delete instance.pending[name];
    return events;
  };
  lifecycle.modify(instance, apply, instanceClass !== undefined);
}

const rebootDBInstance: Operation = (call) => {
  const instance = target(call);
  requireStatus(instance, 'available');
  const failover = call.form.flag('ForceFailover') ?? false;
  if (failover && !instance.multiAz)
    throw new AwsFault(
      'InvalidParameterCombination',
      'ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability',
    );
  call.lifecycle.reboot(instance, failover);
  return { DBInstance: describe(instance) };
};

const stopDBInstance: Operation = (call) => {
  const instance = target(call);
  requireStatus(instance, 'available');
  call.lifecycle.stop(instance);
  return { DBInstance: describe(instance) };
};

const startDBInstance: Operation = (call) => {
  const instance = target(call);
  requireStatus(instance, 'stopped');
  call.lifecycle.start(instance);
  return { DBInstance: describe(instance) };
};

/** The snapshot that is taken before the instance goes; undefined when it is to go without. @throws AwsFault */
function finalSnapshot({ state, region, form }: Call, instance: Instance): Snapshot | undefined {
  const id = form.text('FinalDBSnapshotIdentifier');
  const skips = form.flag('SkipFinalSnapshot') === true;
  if (skips === (id !== undefined))
    throw new AwsFault(
      'InvalidParameterCombination',
      skips
        ? 'FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified'
        : 'FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.',
    );
  if (!id) return undefined;
  requireStatus(instance, 'available');
  return newSnapshot(state, { ...instance, region, tags: new Map() }, id);
}

const deleteDBInstance: Operation = (call) => {
  const instance = target(call);
  requireStatus(instance, 'available', 'stopped', 'failed', 'incompatible-restore');
  if (instance.deletionProtection)
    throw new AwsFault(
      'InvalidParameterCombination',
      'Cannot delete protected DB Instance, please disable deletion protection and try again.',
    );
  const last = finalSnapshot(call, instance);
  call.lifecycle.delete(instance, last);
  return { DBInstance: describe(instance) };
};

/** What a resource's ARN names: an instance or a snapshot. */
const taggedOf = (state: RdsState, region: string, arn: string): { readonly tags: Map<string, string> } =>
  arn.includes(':snapshot:') ? snapshotOfArn(state, region, arn) : instanceOf(state, region, arn);

const addTagsToResource: Operation = ({ state, region, form }) => {
  const { tags } = taggedOf(state, region, required(form, 'ResourceName'));
  for (const [key, value] of tagsOf(form)) tags.set(key, value);
  return {};
};

const removeTagsFromResource: Operation = ({ state, region, form }) => {
  const { tags } = taggedOf(state, region, required(form, 'ResourceName'));
  for (const key of form.texts('TagKeys.member')) tags.delete(key);
  return {};
};

const listTagsForResource: Operation = ({ state, region, form }) => ({
  TagList: tagList(taggedOf(state, region, required(form, 'ResourceName')).tags),
});

export const instanceOperations: Readonly<Record<string, Operation>> = {
  CreateDBInstance: createDBInstance,
  DescribeDBInstances: describeDBInstances,
  ModifyDBInstance: modifyDBInstance,
  RebootDBInstance: rebootDBInstance,
  StopDBInstance: stopDBInstance,
  StartDBInstance: startDBInstance,
  DeleteDBInstance: deleteDBInstance,
  AddTagsToResource: addTagsToResource,
  RemoveTagsFromResource: removeTagsFromResource,
  ListTagsForResource: listTagsForResource,
};
