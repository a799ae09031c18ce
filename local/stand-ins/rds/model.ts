/** DB instances as the stand-in keeps them, and as AWS describes them (data type DBInstance, Amazon RDS API Reference). */
import { randomInt } from 'node:crypto';
import type { Server } from 'node:net';
import { AwsFault } from '../../world/types.ts';
import type { Archive } from './archive.ts';
import type { Database } from './database.ts';
import type { PastEvent } from './events.ts';
import type { ExportTask } from './exports.ts';
import { PARAMETERS, type ParameterGroup, valueIn } from './parameters.ts';
import type { Snapshot } from './snapshots.ts';
import { list, type XmlObject } from './xml.ts';

/** Statuses that occur here ("Viewing Amazon RDS DB instance status"). */
export type Status =
  | 'creating'
  | 'available'
  | 'modifying'
  | 'rebooting'
  | 'renaming'
  | 'backing-up'
  | 'stopping'
  | 'stopped'
  | 'starting'
  | 'deleting'
  | 'incompatible-restore'
  | 'failed';

export interface Pending {
  instanceClass?: string;
  allocatedStorageGib?: number;
  multiAz?: boolean;
}

export interface Instance {
  id: string;
  readonly region: string;
  arn: string;
  readonly resourceId: string;
  readonly createdAt: Date;
  readonly masterUser: string;
  readonly databaseName: string | undefined;
  /** Of the key that it is encrypted with; undefined when it isn't. */
  readonly kmsKeyId: string | undefined;
  /** Days that RDS's own backups are kept; 0: there are none. */
  backupDays: number;
  /** The instance whose read replica it is: its identifier, or its ARN when it is in another region. */
  replicaOf: string | undefined;
  status: Status;
  instanceClass: string;
  allocatedStorageGib: number;
  multiAz: boolean;
  zone: string;
  secondaryZone: string;
  /** Zone of a sick volume: a write to it takes seconds. Set by scenarios. */
  sickZone?: string;
  iamEnabled: boolean;
  /** Ids; nothing is kept away by them here. */
  securityGroups: readonly string[];
  storageType: string;
  isPublic: boolean;
  deletionProtection: boolean;
  group: ParameterGroup;
  /** A static parameter, or the group itself, changed since the server started. */
  pendingReboot: boolean;
  readonly pending: Pending;
  readonly tags: Map<string, string>;
  /** Its read replicas: identifiers, and ARNs of those in other regions. */
  readonly replicas: Set<string>;
  /** Present once the server has started for the first time. */
  database?: Database;
  /** Its automated backups, when there are any. */
  archive?: Archive;
}

/** Everything the stand-in knows. Keys are `<region>/<name>`. */
export interface RdsState {
  readonly accountId: string;
  readonly instances: Map<string, Instance>;
  readonly groups: Map<string, ParameterGroup>;
  readonly events: PastEvent[];
  readonly snapshots: Map<string, Snapshot>;
  readonly exports: Map<string, ExportTask>;
  /** Manual snapshots that an account may have in a region. */
  readonly snapshotQuota: number;
  /** Regions that no other one reaches: nothing is replicated into or out of them. */
  readonly cutOff: Set<string>;
  /** What listens at endpoints of names that no instance has any more: an endpoint is its name's ("Renaming a DB instance"), so the next one of the name is there again. */
  readonly left: Map<string, Server>;
}

export const ENGINE_VERSION = '18.4';
export const FAMILY = 'postgres18';
export const DEFAULT_GROUP = `default.${FAMILY}`;

export const keyOf = (region: string, name: string): string => `${region}/${name.toLowerCase()}`;

/** `db-` and 26 capital letters and digits, as AWS's. */
export function newResourceId(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `db-${Array.from({ length: 26 }, () => alphabet[randomInt(alphabet.length)]).join('')}`;
}

/** @throws AwsFault DBInstanceNotFound */
export function instanceOf(state: RdsState, region: string, id: string | undefined): Instance {
  const name = (id ?? '').replace(/^arn:[^:]+:rds:[^:]+:\d+:db:/, '');
  const found = state.instances.get(keyOf(region, name));
  if (!found) throw new AwsFault('DBInstanceNotFound', `DBInstance ${name} not found.`, 404);
  return found;
}

/** How instances of a region speak of one: by its identifier, or by its ARN when it is in another region ("DBInstance", Amazon RDS API Reference). */
export const nameIn = (region: string, instance: Pick<Instance, 'region' | 'id' | 'arn'>): string =>
  instance.region === region ? instance.id : instance.arn;

/** What `nameIn` names, if it is there. */
export function named(state: RdsState, region: string, name: string): Instance | undefined {
  const [, elsewhere, id] = /^arn:[^:]+:rds:([^:]+):\d+:db:(.+)$/.exec(name) ?? [];
  return state.instances.get(keyOf(elsewhere ?? region, id ?? name));
}

/** @throws AwsFault InvalidDBInstanceState unless the instance is in one of `statuses`. */
export function requireStatus(instance: Instance, ...statuses: readonly Status[]): void {
  if (!statuses.includes(instance.status))
    throw new AwsFault(
      'InvalidDBInstanceState',
      `Instance ${instance.id} is not in ${statuses.join(' or ')} state (it is ${instance.status}).`,
    );
}

/** The group, made on the spot when it is the default one. @throws AwsFault DBParameterGroupNotFound */
export function groupOf(state: RdsState, region: string, name: string): ParameterGroup {
  const key = keyOf(region, name);
  const found = state.groups.get(key);
  if (found) return found;
  if (name !== DEFAULT_GROUP)
    throw new AwsFault('DBParameterGroupNotFound', `DBParameterGroup not found: ${name}`, 404);
  const group = {
    name,
    region,
    family: FAMILY,
    description: `Default parameter group for ${FAMILY}`,
    values: new Map<string, string>(),
  };
  state.groups.set(key, group);
  return group;
}

const hasPending = ({ pending }: Instance): boolean => Object.keys(pending).length > 0;

export function describe(instance: Instance): XmlObject {
  const { pending } = instance;
  return {
    DBInstanceIdentifier: instance.id,
    DBInstanceArn: instance.arn,
    DbiResourceId: instance.resourceId,
    DBInstanceStatus: instance.status,
    DBInstanceClass: instance.instanceClass,
    Engine: 'postgres',
    EngineVersion: ENGINE_VERSION,
    MasterUsername: instance.masterUser,
    DBName: instance.databaseName,
    // AWS names no endpoint before the instance has one.
    Endpoint: endpointOf(instance),
    DbInstancePort: 0,
    AllocatedStorage: instance.allocatedStorageGib,
    StorageType: instance.storageType,
    // Nor when it was made, before it was available.
    InstanceCreateTime: wasNeverAvailable(instance) ? undefined : instance.createdAt,
    VpcSecurityGroups: list(
      'VpcSecurityGroupMembership',
      instance.securityGroups.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: 'active' })),
    ),
    AvailabilityZone: instance.zone,
    SecondaryAvailabilityZone: instance.multiAz ? instance.secondaryZone : undefined,
    MultiAZ: instance.multiAz,
    IAMDatabaseAuthenticationEnabled: instance.iamEnabled,
    DeletionProtection: instance.deletionProtection,
    StorageEncrypted: instance.kmsKeyId !== undefined,
    KmsKeyId: instance.kmsKeyId,
    BackupRetentionPeriod: instance.backupDays,
    ReadReplicaSourceDBInstanceIdentifier: instance.replicaOf,
    ReadReplicaDBInstanceIdentifiers: list('ReadReplicaDBInstanceIdentifier', [...instance.replicas]),
    LatestRestorableTime: instance.archive?.latest,
    PubliclyAccessible: instance.isPublic,
    DBParameterGroups: list('DBParameterGroup', [
      {
        DBParameterGroupName: instance.group.name,
        ParameterApplyStatus: instance.pendingReboot ? 'pending-reboot' : 'in-sync',
      },
    ]),
    PendingModifiedValues: hasPending(instance)
      ? {
          DBInstanceClass: pending.instanceClass,
          AllocatedStorage: pending.allocatedStorageGib,
          MultiAZ: pending.multiAz,
        }
      : {},
    TagList: tagList(instance.tags),
  };
}

const wasNeverAvailable = ({ status, database }: Instance): boolean =>
  status === 'creating' || (status === 'failed' && database === undefined);

/** One that is only described has an address, too, at which nothing answers. */
function endpointOf({ database, id, region, status }: Instance): XmlObject | undefined {
  const HostedZoneId = 'Z2R2ITUGPM61AM';
  if (database) return { Address: database.door.host, Port: database.door.port, HostedZoneId };
  return status === 'available' ? { Address: `${id}.${region}.rds.invalid`, Port: 5432, HostedZoneId } : undefined;
}

export const tagList = (tags: ReadonlyMap<string, string>): XmlObject =>
  list(
    'Tag',
    [...tags].map(([Key, Value]) => ({ Key, Value })),
  );

export const describeGroup = (group: ParameterGroup, accountId: string): XmlObject => ({
  DBParameterGroupName: group.name,
  DBParameterGroupFamily: group.family,
  Description: group.description,
  DBParameterGroupArn: `arn:aws:rds:${group.region}:${accountId}:pg:${group.name}`,
});

/** Parameters as DescribeDBParameters tells them; `source` is `user`, `system` or absent. */
export function describeParameters(group: ParameterGroup, source: string | undefined): XmlObject {
  const parameters = PARAMETERS.map((known) => ({
    ParameterName: known.name,
    ParameterValue: valueIn(group, known.name),
    Description: known.description,
    Source: group.values.has(known.name) ? 'user' : 'system',
    ApplyType: known.applyType,
    DataType: known.dataType,
    AllowedValues: `${known.min}-${known.max}`,
    IsModifiable: true,
    ApplyMethod: 'pending-reboot',
  }));
  return list(
    'Parameter',
    parameters.filter(({ Source }) => source === undefined || Source === source),
  );
}

/** A login by token that is to be permitted. */
export interface Login {
  readonly accessKeyId: string;
  readonly user: string;
  readonly region: string;
  readonly resourceId: string;
}
