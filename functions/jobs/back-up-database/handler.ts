import { describeInstance } from '../../databases/describe.ts';
import { readSnapshot } from '../../databases/read-snapshots.ts';
import { takeSnapshot } from '../../databases/snapshot.ts';
import { snapshotIdOf } from '../../databases/snapshot-id.ts';
import type { BackupConfig } from '../../engine/config.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext } from '../job.ts';
import { type Instance, nextStep, type State } from './decide.ts';
import { manifest } from './manifest.ts';

export const job: Job<State> = {
  manifest,
  begin: ({ subject, scheduledAt }, config) => ({ snapshotId: snapshotIdOf(config.name, subject, scheduledAt, 16) }),
  async step(context, state) {
    const backup = backupOf(context);
    const view = { instance: await instance(context.run.subject), snapshot: await readSnapshot(state.snapshotId) };
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
  const found = await describeInstance(id);
  return (
    found && {
      status: found.DBInstanceStatus ?? 'unknown',
      encrypted: found.StorageEncrypted ?? false,
      automatedBackupDays: found.BackupRetentionPeriod ?? 0,
      latestRestorableAt: found.LatestRestorableTime?.getTime(),
    }
  );
}

/** The tags tell whose it is: what isn't tagged so is never pruned. */
const create = ({ run, config }: JobContext, { snapshotId }: State): Promise<void> =>
  takeSnapshot({
    id: snapshotId,
    instance: run.subject,
    tags: {
      'nightshift:deployment': config.name,
      'nightshift:job': run.job,
      'nightshift:scheduled-at': run.scheduledAt,
    },
  });

export const handler = jobHandler(job);
