import { copySnapshot } from '../../databases/copy-snapshot.ts';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshot } from '../../databases/read-snapshots.ts';
import { takeSnapshot } from '../../databases/snapshot.ts';
import { INSTANCE_TAG, type KeptSnapshot, snapshotIdOf } from '../../databases/snapshot-id.ts';
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
    const { standbyRegion } = context.config;
    const snapshot = await readSnapshot(state.snapshotId);
    // Not looked for before there is something to copy: a backup needs nothing of the other region.
    const copy =
      backup.copy && snapshot?.status === 'available' ? await readSnapshot(state.snapshotId, standbyRegion) : undefined;
    const view = { instance: await instance(context.run.subject), snapshot, copy };
    const next = nextStep(view, state, backup, standbyRegion, context.now());
    if (next.kind === 'create') {
      await create(context, state);
      return { kind: 'wait', seconds: 10, state, note: 'the snapshot was asked for' };
    }
    if (next.kind === 'copy') {
      const places = { id: state.snapshotId, sourceArn: next.sourceArn, region: standbyRegion };
      const tags = { ...tagsOf(context), ...whose(snapshot) };
      await copySnapshot({ ...places, kmsKeyArn: backup.copy?.kmsKeyArn, tags });
      return { kind: 'wait', seconds: 10, state, note: `its copy in ${standbyRegion} was asked for` };
    }
    return next;
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

const create = (context: JobContext, { snapshotId }: State): Promise<void> =>
  takeSnapshot({ id: snapshotId, instance: context.run.subject, tags: tagsOf(context) });

/** The tags tell whose it is: what isn't tagged so is never pruned. */
const tagsOf = ({ run, config }: JobContext): Record<string, string> => ({
  'nightshift:deployment': config.name,
  'nightshift:job': run.job,
  'nightshift:scheduled-at': run.scheduledAt,
});

const whose = (snapshot: KeptSnapshot | undefined): Record<string, string> =>
  snapshot?.instanceResourceId === undefined ? {} : { [INSTANCE_TAG]: snapshot.instanceResourceId };

export const handler = jobHandler(job);
