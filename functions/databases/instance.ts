/** One DB instance as RDS describes it (data type DBInstance, Amazon RDS API Reference), reduced to what decisions are made of. */
import { type DBInstance, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import type { DatabaseConfig } from '../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';
import { readingRds } from './rds-clients.ts';

export interface Instance {
  readonly arn: string;
  readonly status: string;
  readonly engine: string;
  /** Set when it is a member of a cluster (Aurora, or a Multi-AZ DB cluster), which has operations of its own. */
  readonly cluster?: string;
  readonly multiAz: boolean;
  readonly zone: string;
  /** Where the standby is; absent when there is none yet. */
  readonly secondaryZone?: string;
  readonly instanceClass: string;
  readonly storageGib: number;
  /** Upper limit of RDS's own storage autoscaling; absent when that is off. */
  readonly autoscalingUpToGib?: number;
  /** Days that RDS's own backups are kept; 0: there are none. */
  readonly backupDays: number;
  /** Whose read replica it is. */
  readonly replicaOf?: string;
  /** Names of its own read replicas in this region. */
  readonly replicas: readonly string[];
  /** How it is reached and stored: what a read replica doesn't inherit. */
  readonly settings: Settings;
  /** It has or had an address, so somebody may have used it. RDS tells the time of its creation, and its endpoint, only once it is available (data type DBInstance). */
  readonly wasAvailable: boolean;
  /** Set when it is encrypted. */
  readonly kmsKeyId?: string;
  /** RDS's own name for it, which no other instance ever has. */
  readonly resourceId?: string;
  readonly subnetGroup?: string;
  readonly parameterGroup?: string;
  /** Protected from deletion. */
  readonly isProtected?: boolean;
  /** A static parameter or the group itself was changed: the next restart puts that in force. */
  readonly parametersPending: boolean;
  /** Names of changes that wait for the maintenance window or a reboot. */
  readonly pending: readonly string[];
}

export interface Settings {
  /** Ids of its VPC security groups, sorted. */
  readonly securityGroups: readonly string[];
  readonly isPublic: boolean;
  /** IAM database authentication is on. */
  readonly hasIamLogins: boolean;
  readonly storageType?: string;
  /** Only where they may be asked for: `Iops` and `StorageThroughput` of small gp3 volumes are told of, and refused in requests. */
  readonly iops?: number;
  readonly throughputMibPerSecond?: number;
}

export type InstanceReading =
  | { readonly kind: 'missing'; readonly why: string }
  | ({ readonly kind: 'instance' } & Instance);

/**
 * Reads it. An instance that doesn't exist is a reading, too. @param region undefined: the function's own.
 * @throws PermissionError, RetryableError or ActionFailedError.
 */
export async function readInstance({ name }: Pick<DatabaseConfig, 'name'>, region?: string): Promise<InstanceReading> {
  try {
    const reply = await readingRds(region).send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }));
    const found = reply.DBInstances?.[0];
    return found ? instanceOf(found) : missing(name);
  } catch (error) {
    if (error instanceof Error && error.name === 'DBInstanceNotFoundFault') return missing(name);
    throw classifyAwsError(`describe DB instance ${name}`, error);
  }
}

/** "Amazon RDS DB instance storage", gp3: provisioned beyond the baseline only from this size on (PostgreSQL), in GiB. */
const GP3_PROVISIONED_FROM_GIB = 400;

function settingsOf(found: DBInstance): Settings {
  const { StorageType: storageType, AllocatedStorage = 0, Iops, StorageThroughput } = found;
  const isGp3 = storageType === 'gp3' && AllocatedStorage >= GP3_PROVISIONED_FROM_GIB;
  const hasIops = isGp3 || storageType === 'io1' || storageType === 'io2';
  return {
    securityGroups: (found.VpcSecurityGroups ?? []).flatMap(({ VpcSecurityGroupId: id }) => id ?? []).sort(),
    isPublic: found.PubliclyAccessible === true,
    hasIamLogins: found.IAMDatabaseAuthenticationEnabled === true,
    ...(storageType && { storageType }),
    ...(hasIops && Iops && { iops: Iops }),
    ...(isGp3 && StorageThroughput && { throughputMibPerSecond: StorageThroughput }),
  };
}

function placeOf({ DbiResourceId, DBSubnetGroup, DBParameterGroups, DeletionProtection }: DBInstance) {
  const parameterGroup = DBParameterGroups?.[0]?.DBParameterGroupName;
  return {
    ...(DbiResourceId !== undefined && { resourceId: DbiResourceId }),
    ...(DBSubnetGroup?.DBSubnetGroupName !== undefined && { subnetGroup: DBSubnetGroup.DBSubnetGroupName }),
    ...(parameterGroup !== undefined && { parameterGroup }),
    ...(DeletionProtection !== undefined && { isProtected: DeletionProtection }),
  };
}

const missing = (name: string): InstanceReading => ({ kind: 'missing', why: `DB instance ${name} does not exist` });

function instanceOf(found: DBInstance): InstanceReading {
  const { DBInstanceArn, DBInstanceStatus, AvailabilityZone, DBInstanceClass } = found;
  if (!DBInstanceArn || !DBInstanceStatus)
    throw new ActionFailedError(`describe DB instance ${found.DBInstanceIdentifier}: the reply has no ARN or status`);
  const { PendingModifiedValues = {}, MaxAllocatedStorage, AllocatedStorage = 0 } = found;
  return {
    kind: 'instance',
    arn: DBInstanceArn,
    status: DBInstanceStatus,
    engine: found.Engine ?? 'unknown',
    ...(found.DBClusterIdentifier && { cluster: found.DBClusterIdentifier }),
    multiAz: found.MultiAZ === true,
    zone: AvailabilityZone ?? '',
    ...(found.SecondaryAvailabilityZone && { secondaryZone: found.SecondaryAvailabilityZone }),
    instanceClass: DBInstanceClass ?? '',
    storageGib: AllocatedStorage,
    ...(MaxAllocatedStorage && MaxAllocatedStorage > AllocatedStorage && { autoscalingUpToGib: MaxAllocatedStorage }),
    backupDays: found.BackupRetentionPeriod ?? 0,
    ...(found.ReadReplicaSourceDBInstanceIdentifier && { replicaOf: found.ReadReplicaSourceDBInstanceIdentifier }),
    replicas: found.ReadReplicaDBInstanceIdentifiers ?? [],
    settings: settingsOf(found),
    wasAvailable: found.InstanceCreateTime !== undefined || found.Endpoint?.Address !== undefined,
    ...(found.StorageEncrypted && found.KmsKeyId && { kmsKeyId: found.KmsKeyId }),
    ...placeOf(found),
    parametersPending: (found.DBParameterGroups ?? []).some(
      ({ ParameterApplyStatus }) => ParameterApplyStatus === 'pending-reboot',
    ),
    pending: Object.entries(PendingModifiedValues).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  };
}
