import {
  CreateDBSnapshotCommand,
  DBInstanceNotFoundFault,
  DBSnapshotAlreadyExistsFault,
  DBSnapshotNotFoundFault,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { BackupConfig, RuntimeConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext } from '../job.ts';
import { type Instance, nextStep, type Snapshot, type State, snapshotIdOf } from './decide.ts';
import { manifest } from './manifest.ts';

const reading = new RDSClient(clientDefaults());
const changing = new RDSClient(changingClientDefaults());

export const job: Job<State> = {
  manifest,
  begin: (run, config) => ({ snapshotId: snapshotIdOf(config.name, run) }),
  async step(context, state) {
    const backup = backupOf(context);
    const view = { instance: await instance(context.run.subject), snapshot: await snapshot(state.snapshotId) };
    const next = nextStep(view, state, backup, context.now());
    if (next.kind !== 'create') return next;
    await create(context, state);
    return { kind: 'wait', seconds: 10, state, note: 'the snapshot was asked for' };
  },
};

function backupOf({ run, config }: JobContext): BackupConfig {
  const backup = config.databases[run.subject]?.backup;
  if (!backup) throw new ActionFailedError(`databases.${run.subject}.backup: not in the configuration any more`);
  return backup;
}

async function instance(id: string): Promise<Instance | undefined> {
  try {
    const { DBInstances = [] } = await reading.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
    const [found] = DBInstances;
    return (
      found && {
        status: found.DBInstanceStatus ?? 'unknown',
        encrypted: found.StorageEncrypted ?? false,
        automatedBackupDays: found.BackupRetentionPeriod ?? 0,
        latestRestorableAt: found.LatestRestorableTime?.getTime(),
      }
    );
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) return undefined;
    throw classifyAwsError(`describe the database ${id}`, error);
  }
}

async function snapshot(id: string): Promise<Snapshot | undefined> {
  try {
    const { DBSnapshots = [] } = await reading.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: id }));
    const [found] = DBSnapshots;
    return (
      found && {
        status: found.Status ?? 'unknown',
        encrypted: found.Encrypted ?? false,
        sizeGib: found.AllocatedStorage ?? 0,
        progressPercent: found.PercentProgress ?? 0,
        takenAt: (found.OriginalSnapshotCreateTime ?? found.SnapshotCreateTime)?.getTime(),
      }
    );
  } catch (error) {
    if (error instanceof DBSnapshotNotFoundFault) return undefined;
    throw classifyAwsError(`describe the snapshot ${id}`, error);
  }
}

/** The tags tell whose it is: what isn't tagged so is never pruned. */
async function create({ run, config }: { run: JobContext['run']; config: RuntimeConfig }, { snapshotId }: State) {
  try {
    await changing.send(
      new CreateDBSnapshotCommand({
        DBSnapshotIdentifier: snapshotId,
        DBInstanceIdentifier: run.subject,
        Tags: [
          { Key: 'nightshift:deployment', Value: config.name },
          { Key: 'nightshift:job', Value: run.job },
          { Key: 'nightshift:scheduled-at', Value: run.scheduledAt },
        ],
      }),
    );
  } catch (error) {
    // An earlier try of this same run made it.
    if (error instanceof DBSnapshotAlreadyExistsFault) return;
    throw classifyAwsError(`make the snapshot ${snapshotId}`, error);
  }
}

export const handler = jobHandler(job);
