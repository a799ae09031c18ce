import { copySnapshot } from '../../databases/copy-snapshot.ts';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshot } from '../../databases/read-snapshots.ts';
import { takeSnapshot } from '../../databases/snapshot.ts';
import { askedSnapshotIdOf, INSTANCE_TAG, type KeptSnapshot, snapshotIdOf } from '../../databases/snapshot-id.ts';
import type { BackupConfig } from '../../engine/config.ts';
import { ActionFailedError, EngineError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext, Step } from '../job.ts';
import { type CopyTrouble, type Instance, nextStep, type State, tagText, type View } from './decide.ts';
import { manifest } from './manifest.ts';

export const job: Job<State> = {
  manifest,
  // One that a person asks for is beside those of the schedule, to the second: it may be asked for in the same minute.
  begin: ({ subject, scheduledAt }, config, wanted) => ({
    snapshotId:
      wanted === undefined
        ? snapshotIdOf(config.name, subject, scheduledAt, 16)
        : askedSnapshotIdOf(config.name, subject, scheduledAt),
    ...(wanted !== undefined && { why: wanted }),
  }),
  async step(context, state) {
    const backup = backupOf(context);
    const snapshot = await readSnapshot(state.snapshotId);
    // Not looked for before there is something to copy: a backup needs nothing of the other region.
    const copied =
      backup.copy && snapshot?.status === 'available'
        ? await abroad(() => readSnapshot(state.snapshotId, context.config.standbyRegion))
        : {};
    const view: Seen = {
      ...{ instance: await instance(context.run.subject), snapshot },
      ...{ copy: copied.found, copyTrouble: copied.trouble },
    };
    return carryOut(context, state, backup, view);
  },
};

type Seen = View & { readonly snapshot: KeptSnapshot | undefined };

async function carryOut(context: JobContext, state: State, backup: BackupConfig, view: Seen): Promise<Step<State>> {
  const { standbyRegion } = context.config;
  const next = nextStep(view, state, backup, standbyRegion, context.now());
  if (next.kind === 'create') {
    await create(context, state);
    return { kind: 'wait', seconds: 10, state, note: 'the snapshot was asked for' };
  }
  if (next.kind === 'copy') {
    const places = { id: state.snapshotId, sourceArn: next.sourceArn, region: standbyRegion };
    const tags = { ...tagsOf(context, state), ...whose(view.snapshot) };
    const { trouble } = await abroad(() => copySnapshot({ ...places, kmsKeyArn: backup.copy?.kmsKeyArn, tags }));
    // With trouble told, it isn't asked for again in this turn.
    if (trouble) return carryOut(context, state, backup, { ...view, copyTrouble: trouble });
    return { kind: 'wait', seconds: 10, state, note: `its copy in ${standbyRegion} was asked for` };
  }
  return next;
}

/** What the standby region doesn't do, or not now, must not keep the backup itself from being judged; nor may a few minutes of trouble there end the run. */
async function abroad<Found>(
  ask: () => Promise<Found>,
): Promise<{ readonly found?: Found; readonly trouble?: CopyTrouble }> {
  try {
    return { found: await ask() };
  } catch (error) {
    if (error instanceof EngineError) return { trouble: { passes: error.retryable, says: error.message } };
    throw error;
  }
}

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

const create = (context: JobContext, state: State): Promise<void> =>
  takeSnapshot({ id: state.snapshotId, instance: context.run.subject, tags: tagsOf(context, state) });

/** The tags tell whose it is: what isn't tagged so is never pruned. */
const tagsOf = ({ run, config }: JobContext, { why }: State): Record<string, string> => ({
  'nightshift:deployment': config.name,
  'nightshift:job': run.job,
  'nightshift:scheduled-at': run.scheduledAt,
  ...(why !== undefined && { 'nightshift:why': tagText(why) }),
});

const whose = (snapshot: KeptSnapshot | undefined): Record<string, string> =>
  snapshot?.instanceResourceId === undefined ? {} : { [INSTANCE_TAG]: snapshot.instanceResourceId };

export const handler = jobHandler(job);
