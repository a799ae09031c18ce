import { deleteSnapshot } from '../../databases/delete-snapshot.ts';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { CHANGING_CALL_BUDGET_MS } from '../../engine/clients.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job, JobContext } from '../job.ts';
import { PAUSED_SECONDS, whyStopped } from '../stopping.ts';
import { lastProofs } from '../verify-backup/history.ts';
import { afterPlace, nextStep, type State, type View } from './decide.ts';
import { manifest } from './manifest.ts';

/** Of thirteen months, as long as they are kept (`RUN_KEPT_SECONDS`), with some by hand. */
const RUNS = 600;
/** What one removal with its retries takes, and writing that down. */
const REMOVAL_MS = CHANGING_CALL_BUDGET_MS + 10_000;

export const job: Job<State> = {
  manifest,
  begin: () => ({ planned: null }),
  async step(context, state) {
    const { run, config, now } = context;
    const backup = config.databases[run.subject]?.backup;
    if (!backup) throw new ActionFailedError(`databases.${run.subject}.backup: not in the configuration any more`);
    const policy = { backup, madeBy: config.name, prefix: `nightshift-${config.name}-${run.subject}-` };
    const standbyRegion = backup.copy && config.standbyRegion;
    const region = state.own ? standbyRegion : undefined;
    const next = nextStep(state, await look(context, region), policy, now());
    if (next.kind === 'wait') return next;
    if (next.kind === 'verdict') return afterPlace(state, next.verdict, standbyRegion);
    const later = await removeEach(
      next.ids,
      () => whyLater(context),
      (id) => deleteSnapshot(id, region),
    );
    return later ? { kind: 'wait', ...later, state } : afterPlace(state, next.verdict, standbyRegion);
  },
};

interface Later {
  readonly seconds: number;
  readonly note: string;
}

/** One after the other, until something speaks against the next. @returns that; undefined: all are removed. */
export async function removeEach(
  ids: readonly string[],
  why: () => Promise<Later | undefined>,
  remove: (id: string) => Promise<void>,
): Promise<Later | undefined> {
  for (const id of ids) {
    const later = await why();
    if (later) return later;
    await remove(id);
  }
  return undefined;
}

/** Asked before each removal: the switch may have been turned meanwhile, and a removal isn't begun that Lambda may cut off. */
export async function whyLater({
  store,
  remaining,
}: Pick<JobContext, 'store' | 'remaining'>): Promise<Later | undefined> {
  const stopped = await whyStopped(store, manifest);
  if (stopped) return { seconds: PAUSED_SECONDS, note: stopped };
  return remaining() < REMOVAL_MS ? { seconds: 1, note: 'more are removed in the next turn' } : undefined;
}

/** @param region where copies are looked at; undefined: the own, and what is no copy. A copy has the name of its original, and what proved that proves it. */
async function look({ run: { subject }, store, config }: JobContext, region: string | undefined): Promise<View> {
  const [snapshots, instance, runs] = await Promise.all([
    readSnapshotsOf(subject, region),
    describeInstance(subject),
    readRuns(store, { job: 'verify-backup', subject }, RUNS),
  ]);
  return {
    ...{ snapshots, proofs: lastProofs(runs), instanceResourceId: instance?.DbiResourceId },
    ...(region !== undefined && { copiedFrom: config.region }),
  };
}

export const handler = jobHandler(job);
