import { deleteSnapshot } from '../../databases/delete-snapshot.ts';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job, JobContext } from '../job.ts';
import { verifiedTimes } from '../verify-backup/history.ts';
import { nextStep, type State, type View } from './decide.ts';
import { manifest } from './manifest.ts';

/** Of thirteen months, as long as they are kept (`RUN_KEPT_SECONDS`), with some by hand. */
const RUNS = 600;

export const job: Job<State> = {
  manifest,
  begin: () => ({ planned: null }),
  async step(context, state) {
    const { run, config, now } = context;
    const backup = config.databases[run.subject]?.backup;
    if (!backup) throw new ActionFailedError(`databases.${run.subject}.backup: not in the configuration any more`);
    const policy = { backup, madeBy: config.name, prefix: `nightshift-${config.name}-${run.subject}-` };
    const next = nextStep(state, await look(context), policy, now());
    if (next.kind !== 'remove') return next;
    for (const id of next.ids) await deleteSnapshot(id);
    return { kind: 'verdict', state, verdict: next.verdict };
  },
};

async function look({ run: { subject }, store }: JobContext): Promise<View> {
  const [snapshots, instance, runs] = await Promise.all([
    readSnapshotsOf(subject),
    describeInstance(subject),
    readRuns(store, { job: 'verify-backup', subject }, RUNS),
  ]);
  return { snapshots, verified: verifiedTimes(runs), instanceResourceId: instance?.DbiResourceId };
}

export const handler = jobHandler(job);
