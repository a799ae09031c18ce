/** RDS's own backups: what they reach back to, and instances restored to a moment (Amazon RDS API Reference, 2014-10-31). */
import { AwsFault } from '../../world/types.ts';
import { describe, groupOf, type Instance, instanceOf, keyOf } from './model.ts';
import { type Operation, required, unusedId } from './operations.ts';
import { groupName, restored } from './snapshot-operations.ts';
import { type Form, list } from './xml.ts';

/**
 * Between these an instance can be restored. One that is only described has no log to be read, so to any moment of its life;
 * of a server whose log isn't kept (`keepsLog`) nothing is known.
 */
function windowOf({
  archive,
  database,
  createdAt,
  backupDays,
}: Instance): { earliest: Date; latest: Date } | undefined {
  if (backupDays === 0) return undefined;
  if (!database) return { earliest: createdAt, latest: new Date() };
  return archive?.earliest && archive.latest ? { earliest: archive.earliest, latest: archive.latest } : undefined;
}

/** "RestoreDBInstanceToPointInTime": a new instance beside the source, whose name goes on meaning the source. */
const restoreDBInstanceToPointInTime: Operation = ({ state, lifecycle, region, form }) => {
  const id = unusedId(state, region, required(form, 'TargetDBInstanceIdentifier'));
  const source = instanceOf(state, region, required(form, 'SourceDBInstanceIdentifier'));
  if (source.backupDays === 0)
    throw new AwsFault('PointInTimeRestoreNotEnabled', `Automated backups are not enabled for ${source.id}.`);
  if (source.database && !source.archive)
    throw new AwsFault(
      'InvalidAction',
      `The log of ${source.id} is not kept in this local world (RdsOptions.keepsLog)`,
    );
  const at = momentOf(source, form);
  const instance = restored(
    state.accountId,
    id,
    { of: source, kmsKeyId: source.kmsKeyId, region },
    form,
    groupOf(state, region, groupName(form)),
  );
  state.instances.set(keyOf(region, id), instance);
  lifecycle.restoreToTime(instance, source, at);
  return { DBInstance: describe(instance) };
};

/** The moment asked for; undefined for the latest. @throws AwsFault InvalidParameterCombination, InvalidParameterValue */
function momentOf(source: Instance, form: Form): Date | undefined {
  const time = form.text('RestoreTime');
  if ((time !== undefined) === (form.flag('UseLatestRestorableTime') === true))
    throw new AwsFault(
      'InvalidParameterCombination',
      'Either RestoreTime or UseLatestRestorableTime must be specified.',
    );
  if (time === undefined) return undefined;
  const at = new Date(time);
  const window = windowOf(source);
  if (!window || !(at >= window.earliest && at <= window.latest))
    throw new AwsFault(
      'InvalidParameterValue',
      `The specified time ${time} is not within the restorable time of ${source.id}.`,
    );
  return at;
}

/** "DescribeDBInstanceAutomatedBackups", of one instance that is still there; backups of deleted ones aren't kept. */
const describeDBInstanceAutomatedBackups: Operation = ({ state, region, form }) => {
  const source = state.instances.get(keyOf(region, required(form, 'DBInstanceIdentifier').toLowerCase()));
  const window = source && windowOf(source);
  return {
    DBInstanceAutomatedBackups: list(
      'DBInstanceAutomatedBackup',
      source && window
        ? [
            {
              DBInstanceIdentifier: source.id,
              DbiResourceId: source.resourceId,
              Status: 'active',
              BackupRetentionPeriod: source.backupDays,
              RestoreWindow: { EarliestTime: window.earliest, LatestTime: window.latest },
            },
          ]
        : [],
    ),
  };
};

export const pointInTimeOperations: Readonly<Record<string, Operation>> = {
  RestoreDBInstanceToPointInTime: restoreDBInstanceToPointInTime,
  DescribeDBInstanceAutomatedBackups: describeDBInstanceAutomatedBackups,
};
