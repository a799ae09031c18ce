/**
 * One turn of a run: read it, take a step, write what came of it. The state machine around it only waits and asks again, so that a run survives
 * its function's death at any point: the next turn finds the state as last written.
 */
import { EngineError, InFlightError } from '../engine/errors.ts';
import { type HeadItem, headKey, newHead } from '../engine/job-head.ts';
import { putHead } from '../engine/job-head-writes.ts';
import type { Json } from '../engine/remediation.ts';
import type { Labelled, Store } from '../engine/store.ts';
import { readSwitch } from '../engine/switch.ts';
import { putEntry } from '../engine/writes.ts';
import { type RunItem, runKey } from './items.ts';
import type { Job, JobContext, RunIdentity } from './job.ts';
import { afterCleanUp, afterRun, afterStep, broken, newRun, overdue } from './transitions.ts';
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

export type Surroundings = Omit<JobContext, 'run'>;

/** Looked at again after so long while Nightshift is paused. */
const PAUSED_SECONDS = 60;

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
  const late = order.broken === undefined ? overdue(run, now()) : broken(run, 'stopped', order.broken);
  if (late && run.phase === 'working') return goOn(around, job, await write(store, late));
  const stopped = await whyStopped(around, job, run);
  if (stopped) return { kind: 'wait', seconds: PAUSED_SECONDS, note: stopped };
  return goOn(around, job, run);
}

async function goOn<State extends Json>(around: Surroundings, job: Job<State>, run: RunItem): Promise<Turn> {
  const { store } = around;
  const context: JobContext = { ...around, run: identityOf(run) };
  // What was begun with this job's own `begin` has its state's shape.
  const state = run.state as State;
  if (run.phase === 'working') {
    const step = await stepOrFail(job, context, run, state);
    const next = await write(store, 'phase' in step ? step : afterStep(run, step));
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
  { startedBy, broken: _broken, wanted, ...identity }: TurnOrder,
): Promise<RunItem> {
  const found = (await store.read(runKey(identity))) as RunItem | undefined;
  if (found) return found;
  return write(
    store,
    newRun(identity, job.begin(identity, config, wanted || undefined), job.manifest, now(), startedBy),
  );
}

/** `pause` stops new steps of what takes away, `freeze` stops all at the next step, also cleaning up (invariant I8). */
async function whyStopped<State extends Json>({ store }: Surroundings, job: Job<State>, { phase }: RunItem) {
  const state = await readSwitch(store);
  const { effect } = job.manifest;
  const stops = state === 'freeze' || (state === 'pause' && effect === 'removes' && phase === 'working');
  return stops ? `Nightshift is set to ${state}` : undefined;
}

async function write(store: Store, run: RunItem, more: readonly Labelled[] = []): Promise<RunItem> {
  const result = await store.transact([putRun(store.table, run), ...more]);
  if (!result.ok) throw new InFlightError(`${run.job} ${run.subject}: another turn of this run was faster`);
  return { ...run, version: run.version + 1 };
}

async function finish<State extends Json>({ store, now }: Surroundings, job: Job<State>, run: RunItem): Promise<Turn> {
  const head = ((await store.read(headKey(run))) as HeadItem | undefined) ?? newHead(run, 0);
  const { next, entries } = afterRun(head, run, job.manifest, now());
  const more = [putHead(store.table, head.version, next), ...entries.map((entry) => putEntry(store.table, entry))];
  return ended(await write(store, run, more));
}

const ended = ({ verdict }: RunItem): Turn => ({
  kind: 'ended',
  verdict: verdict?.kind ?? 'failed',
  summary: verdict?.summary ?? 'ended without a verdict',
});
