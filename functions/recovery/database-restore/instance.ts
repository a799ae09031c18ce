/** The AWS side of the instances: the old one as the new one has to be like it, the new one as it is, its restore and its removal. */
import {
  type DBInstance,
  DBInstanceAutomatedBackupNotFoundFault,
  DescribeDBInstanceAutomatedBackupsCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import { describeInstance } from '../../databases/describe.ts';
import { modifyNow } from '../../databases/modify.ts';
import { readingRds } from '../../databases/rds-clients.ts';
import { changingClientDefaults } from '../../engine/clients.ts';
import type { VerifyConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { DEPLOYMENT_TAG } from '../../engine/manifest.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { removeScratch } from '../../jobs/scratch.ts';
import type { Chosen, NewInstance, Old } from './decide.ts';
import { assertSource, isOf, type RestoreWindow, sourceOf } from './decide.ts';

const changing = new RDSClient(changingClientDefaults());

const tagsIn = ({ TagList = [] }: DBInstance): Record<string, string> =>
  Object.fromEntries(TagList.map(({ Key = '', Value = '' }) => [Key, Value]));
const groupsIn = ({ VpcSecurityGroups = [] }: DBInstance): string[] =>
  VpcSecurityGroups.flatMap(({ VpcSecurityGroupId: id }) => id ?? []).sort();
const addressIn = ({ Endpoint }: DBInstance) =>
  Endpoint?.Address !== undefined && Endpoint.Port !== undefined
    ? { host: Endpoint.Address, port: Endpoint.Port }
    : undefined;

/** "Amazon RDS DB instance storage", gp3: told of below this size, and refused in requests, in GiB. */
const GP3_PROVISIONED_FROM_GIB = 400;

/** @param configured where services reach it by, for an instance that has no endpoint of its own any more. @throws EngineError */
export async function readOld(id: string, configured: Old['address']): Promise<Old | undefined> {
  const found = await describeInstance(id);
  if (!found) return undefined;
  const { StorageType = null, AllocatedStorage = 0 } = found;
  const hasIops =
    StorageType === 'io1' ||
    StorageType === 'io2' ||
    (StorageType === 'gp3' && AllocatedStorage >= GP3_PROVISIONED_FROM_GIB);
  return {
    address: addressIn(found) ?? configured,
    engine: found.Engine ?? 'unknown',
    cluster: found.DBClusterIdentifier ?? null,
    resourceId: found.DbiResourceId ?? '',
    encrypted: found.StorageEncrypted === true,
    instanceClass: found.DBInstanceClass ?? '',
    multiAz: found.MultiAZ === true,
    isPublic: found.PubliclyAccessible === true,
    securityGroups: groupsIn(found),
    subnetGroup: found.DBSubnetGroup?.DBSubnetGroupName ?? null,
    parameterGroup: found.DBParameterGroups?.[0]?.DBParameterGroupName ?? null,
    optionGroup: found.OptionGroupMemberships?.[0]?.OptionGroupName ?? null,
    storageType: StorageType,
    iops: hasIops ? (found.Iops ?? null) : null,
    throughputMibPerSecond: hasIops && StorageType === 'gp3' ? (found.StorageThroughput ?? null) : null,
    backupDays: found.BackupRetentionPeriod ?? 0,
    copyTagsToSnapshot: found.CopyTagsToSnapshot === true,
    deletionProtection: found.DeletionProtection === true,
    // "Tagging Amazon RDS resources": names that begin with aws: are AWS's own. Nor a deployment's: `tagsOf`.
    tags: Object.fromEntries(
      Object.entries(tagsIn(found)).filter(([key]) => !key.startsWith('aws:') && key !== DEPLOYMENT_TAG),
    ),
  };
}

/** From when until when RDS can restore it by its own backups; undefined: it has none. @throws EngineError */
export async function readWindow(id: string, resourceId: string): Promise<RestoreWindow | undefined> {
  try {
    const { DBInstanceAutomatedBackups: found = [] } = await readingRds().send(
      new DescribeDBInstanceAutomatedBackupsCommand({ DBInstanceIdentifier: id }),
    );
    // Backups of a deleted instance of that name may be kept, too: they aren't of this one.
    const window = found.find(({ DbiResourceId }) => DbiResourceId === resourceId)?.RestoreWindow;
    return window?.EarliestTime && window.LatestTime
      ? { earliest: window.EarliestTime.getTime(), latest: window.LatestTime.getTime() }
      : undefined;
  } catch (error) {
    if (error instanceof DBInstanceAutomatedBackupNotFoundFault) return undefined;
    throw classifyAwsError(`describe the automated backups of ${id}`, error);
  }
}

/** @throws EngineError */
export async function readNew(id: string): Promise<NewInstance | undefined> {
  const found = await describeInstance(id);
  return (
    found && {
      id,
      status: found.DBInstanceStatus ?? 'unknown',
      address: addressIn(found),
      resourceId: found.DbiResourceId ?? '',
      tags: tagsIn(found),
      securityGroups: groupsIn(found),
      isProtected: found.DeletionProtection === true,
      hasPending: Object.values(found.PendingModifiedValues ?? {}).some((value) => value !== undefined),
    }
  );
}

export interface RestoreOrder {
  /** Identifier of the old instance. */
  readonly database: string;
  readonly chosen: Chosen;
  readonly verify: VerifyConfig;
  /** Of the run. */
  readonly tags: Readonly<Record<string, string>>;
  readonly rehearse: boolean;
}

/**
 * What isn't asked for is RDS's default and not as it was ("RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceToPointInTime", Amazon RDS API Reference); docs/recovery.md lists it. Enhanced Monitoring needs iam:PassRole;
 * protection from deletion comes at the end (`protect`), because what this run made it must be able to remove.
 */
function settingsOf({ chosen: { old }, verify, rehearse }: RestoreOrder) {
  if (rehearse)
    return {
      DBSubnetGroupName: verify.subnetGroup,
      ...(verify.instanceClass && { DBInstanceClass: verify.instanceClass }),
      ...{ PubliclyAccessible: false, MultiAZ: false, BackupRetentionPeriod: 0, CopyTagsToSnapshot: false },
    };
  return {
    ...(old.subnetGroup !== null && { DBSubnetGroupName: old.subnetGroup }),
    ...(old.parameterGroup !== null && { DBParameterGroupName: old.parameterGroup }),
    ...(old.optionGroup !== null && { OptionGroupName: old.optionGroup }),
    ...(old.storageType !== null && { StorageType: old.storageType }),
    ...(old.iops !== null && { Iops: old.iops }),
    ...(old.throughputMibPerSecond !== null && { StorageThroughput: old.throughputMibPerSecond }),
    DBInstanceClass: old.instanceClass,
    Port: old.address.port,
    PubliclyAccessible: old.isPublic,
    MultiAZ: old.multiAz,
    BackupRetentionPeriod: old.backupDays,
    CopyTagsToSnapshot: old.copyTagsToSnapshot,
  };
}

/** Asked again, it is the same instance: RDS compares the name, and the tags say whose it is. @throws ChangedBySomeoneElseError; EngineError. */
export async function restore(order: RestoreOrder, change: Change): Promise<ActReport> {
  const { database, chosen, verify, tags, rehearse } = order;
  const { newId, snapshotId, takenAt, old } = chosen;
  const what = `restore ${sourceOf(chosen)} as ${newId}`;
  const all = { ...(rehearse ? {} : old.tags), ...tags };
  const report = { summary: `told RDS to ${change.summary}`, data: { instance: newId } };
  if (snapshotId === null) assertSource(chosen, database, (await describeInstance(database))?.DbiResourceId);
  try {
    const settings = {
      // Until it is checked nobody reaches it but the function that reads restored backups, by an IAM login.
      VpcSecurityGroupIds: [verify.securityGroupId],
      EnableIAMDatabaseAuthentication: true,
      DeletionProtection: false,
      ...settingsOf(order),
      Tags: Object.entries(all).map(([Key, Value]) => ({ Key, Value })),
    };
    await (snapshotId === null
      ? changing.send(
          new RestoreDBInstanceToPointInTimeCommand({
            ...{ SourceDBInstanceIdentifier: database, TargetDBInstanceIdentifier: newId },
            ...{ RestoreTime: new Date(takenAt), ...settings },
          }),
        )
      : changing.send(
          new RestoreDBInstanceFromDBSnapshotCommand({
            ...{ DBInstanceIdentifier: newId, DBSnapshotIdentifier: snapshotId, ...settings },
          }),
        ));
    return report;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'DBInstanceAlreadyExistsFault')) throw classifyAwsError(what, error);
    const found = await readNew(newId);
    if (!found) throw new RetryableError(`${what}: RDS says that it exists, and doesn't show it yet`);
    if (isOf(found, tags)) return report;
    throw new ChangedBySomeoneElseError(`DB instance ${newId}`, 'none of that name', 'one that this run did not make');
  }
}

/** Its tags are read again directly before. @throws ChangedBySomeoneElseError; RetryableError while RDS doesn't let it be removed yet; EngineError. */
export async function remove(id: string, tags: Readonly<Record<string, string>>): Promise<ActReport> {
  const found = await readNew(id);
  if (found && !isOf(found, tags))
    throw new ChangedBySomeoneElseError(`DB instance ${id}`, 'the tags of this run', 'others');
  const removed = await removeScratch(found && { id, status: found.status, endpoint: undefined, tags: found.tags });
  if (removed.kind === 'wait' && removed.note.endsWith("can't be removed yet")) throw new RetryableError(removed.note);
  return { summary: `told RDS to remove ${id}`, data: { instance: id } };
}

const sides = ({ before, after }: Change) => ({
  before: (before as { securityGroups: string }).securityGroups,
  after: (after as { securityGroups: string }).securityGroups,
});

/** @throws ChangedBySomeoneElseError; EngineError. */
export function admit(id: string, change: Change): Promise<ActReport> {
  const { before, after } = sides(change);
  return modifyNow(
    { name: id },
    {
      ...{ what: change.summary, before, after },
      present: ({ settings }) => settings.securityGroups.join(','),
      set: { VpcSecurityGroupIds: after.split(',') },
    },
  );
}

/** At once, whatever else is pending ("Settings for DB instances", Amazon RDS: deletion protection ignores the setting to apply immediately). @throws EngineError. */
export async function protect(id: string): Promise<ActReport> {
  try {
    await changing.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DeletionProtection: true }));
    return { summary: `told RDS to protect ${id} from deletion`, data: { instance: id } };
  } catch (error) {
    throw classifyAwsError(`protect ${id} from deletion`, error);
  }
}
