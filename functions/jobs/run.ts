/**
 * One turn of a run: read it, take a step, write what came of it. The state machine around it only waits and asks again, so that a run survives
 * its function's death at any point: the next turn finds the state as last written.
 */
import { EngineError, InFlightError } from '../engine/errors.ts';
import { type HeadItem, headKey, newHead } from '../engine/job-head.ts';
import { putHead } from '../engine/job-head-writes.ts';
import type { Json } from '../engine/remediation.ts';
import type { Labelled, Store } from '../engine/store.ts';
import { putEntry } from '../engine/writes.ts';
import { type RunItem, runKey } from './items.ts';
import type { Job, JobContext, RunIdentity } from './job.ts';
import { PAUSED_SECONDS, whyStopped } from './stopping.ts';
import { afterCleanUp, afterRun, afterStep, broken, newRun, overdue, renewed } from './transitions.ts';
import { putRun } from './writes.ts';

/** What the state machine is told. */
export type Turn =
  | { readonly kind: 'wait'; readonly seconds: number; readonly note: string }
  | { readonly kind: 'ended'; readonly verdict: 'passed' | 'failed'; readonly summary: string };

export interface TurnOrder extends RunIdentity {
  readonly startedBy?: string | undefined;
  /** Why the state machine gave up on the run's function; the run then fails. */
  readonly broken?: string | undefined;
  /** What the person who started it named, such as one backup; empty: nothing. */
  readonly wanted?: string | undefined;
}

export interface Surroundings extends Omit<JobContext, 'run'> {
  /** By subject, where the deployment says otherwise than the job's manifest. */
  readonly overdueAfterSeconds?: Readonly<Record<string, number>>;
}

/**
 * Takes the next turn of a run, which begins with its first.
 * @throws EngineError (retryable) when the journal can't be read or written, or another turn of the same run was faster.
 */
export async function takeTurn<State extends Json>(
  around: Surroundings,
  job: Job<State>,
  order: TurnOrder,
): Promise<Turn> {
  const { store, now } = around;
  const run = await readOrBegin(around, job, order);
  if (run.phase === 'ended') return ended(run);
  if (run.phase !== 'working') return goOn(around, job, run);
  if (order.broken !== undefined)
    return goOn(around, job, await settle(around, job, broken(run, 'stopped', order.broken)));
  const late = overdue(run, now());
  if (!late) return goOn(around, job, run);
  // What only takes away has lost nothing while it was stopped: it has all of its time again.
  const stopped = job.manifest.effect === 'removes' ? await whyStopped(store, job.manifest) : undefined;
  if (stopped === undefined) return goOn(around, job, await settle(around, job, late));
  await write(store, renewed(run, job.manifest, now()));
  return { kind: 'wait', seconds: PAUSED_SECONDS, note: stopped };
}

async function goOn<State extends Json>(around: Surroundings, job: Job<State>, run: RunItem): Promise<Turn> {
  const stopped = await whyStopped(around.store, job.manifest, run.phase);
  if (stopped) return { kind: 'wait', seconds: PAUSED_SECONDS, note: stopped };
  const context: JobContext = { ...around, run: identityOf(run) };
  // What was begun with this job's own `begin` has its state's shape.
  const state = run.state as State;
  if (run.phase === 'working') {
    const step = await stepOrFail(job, context, run, state);
    const next = await settle(around, job, 'phase' in step ? step : afterStep(run, step));
    if (next.phase === 'working')
      return { kind: 'wait', seconds: 'seconds' in step ? step.seconds : 1, note: next.note ?? '' };
    return goOn(around, job, next);
  }
  const cleaned = (await job.cleanUp?.(context, state)) ?? { kind: 'clean' as const };
  const over = afterCleanUp(run, cleaned, around.now());
  if (over) return finish(around, job, over);
  return cleaned.kind === 'wait'
    ? { kind: 'wait', seconds: cleaned.seconds, note: cleaned.note }
    : { kind: 'wait', seconds: 1, note: 'cleaning up' };
}

/** What can't be mended by repeating fails the run; everything else is Lambda's and the state machine's to repeat. */
async function stepOrFail<State extends Json>(job: Job<State>, context: JobContext, run: RunItem, state: State) {
  try {
    return await job.step(context, state);
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return broken(run, 'refused', error.message);
    throw error;
  }
}

const identityOf = ({ job, subject, scheduledAt }: RunIdentity): RunIdentity => ({ job, subject, scheduledAt });

async function readOrBegin<State extends Json>(
  { store, config, now }: Surroundings,
  job: Job<State>,
  { startedBy, broken: _broken, wanted: named, ...identity }: TurnOrder,
): Promise<RunItem> {
  const found = (await store.read(runKey(identity))) as RunItem | undefined;
  if (found) return found;
  const wanted = named || undefined;
  return write(
    store,
    newRun(identity, job.begin(identity, config, wanted), job.manifest, now(), { startedBy, wanted }),
  );
}

async function write(store: Store, run: RunItem, more: readonly Labelled[] = []): Promise<RunItem> {
  const result = await store.transact([putRun(store.table, run), ...more]);
  if (!result.ok) throw new InFlightError(`${run.job} ${run.subject}: another turn of this run was faster`);
  return { ...run, version: run.version + 1 };
}

/** Writes a run. One that has failed is told with that: cleaning up may take long, and nobody should wait for it. */
async function settle<State extends Json>(around: Surroundings, job: Job<State>, run: RunItem): Promise<RunItem> {
  if (run.phase !== 'cleaning' || run.verdict?.kind !== 'failed') return write(around.store, run);
  return write(around.store, { ...run, told: run.verdict.summary }, await news(around, job, run));
}

async function finish<State extends Json>(around: Surroundings, job: Job<State>, run: RunItem): Promise<Turn> {
  // What was told when it failed, and is still all, isn't told again.
  const more = run.told !== undefined && run.told === run.verdict?.summary ? [] : await news(around, job, run);
  return ended(await write(around.store, run, more));
}

/** What a verdict means for its job, as it is written: the head, and entries of an incident. */
async function news<State extends Json>(
  { store, now, overdueAfterSeconds }: Surroundings,
  job: Job<State>,
  run: RunItem,
): Promise<Labelled[]> {
  const head = ((await store.read(headKey(run))) as HeadItem | undefined) ?? newHead(run, 0);
  const expected = overdueAfterSeconds?.[run.subject] ?? job.manifest.overdueAfterSeconds;
  const found = afterRun(head, run, { ...job.manifest, overdueAfterSeconds: expected }, now());
  if (!found) return [];
  return [putHead(store.table, head.version, found.next), ...found.entries.map((each) => putEntry(store.table, each))];
}

const ended = ({ verdict }: RunItem): Turn => ({
  kind: 'ended',
  verdict: verdict?.kind ?? 'failed',
  summary: verdict?.summary ?? 'ended without a verdict',
});
