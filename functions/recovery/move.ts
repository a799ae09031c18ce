/**
 * One turn of a step or of its compensation: look, decide, write down, act. A function can die between any two of these; the next turn finds what was
 * written down, and looks whether it took effect before it is done again.
 */
import { echoesOf } from '../engine/echo.ts';
import {
  ActionFailedError,
  ChangedBySomeoneElseError,
  EngineError,
  FrozenError,
  InFlightError,
  OutOfTimeError,
} from '../engine/errors.ts';
import type { ActReport, Change } from '../engine/remediation.ts';
import { anyCopy } from '../engine/switch.ts';
import { type Around, changeRun, contextOf, entriesOf } from './around.ts';
import { type Progress, type RunItem, stepOf } from './items.ts';
import type { PlanStep } from './plan.ts';
import type { Move, StepCode } from './step.ts';
import {
  acted,
  begin,
  committed,
  idle,
  type Next,
  nextMove,
  overdue,
  type Way,
  withoutChange,
  withProgress,
} from './transitions.ts';
import { checkNotFrozen } from './writes.ts';

export type MoveResult =
  | { readonly kind: 'ended'; readonly run: RunItem; readonly detail: string }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly run: RunItem; readonly reason: string };

/** A function that dies is known to be gone after its timeout; this much is added. */
const BUSY_MARGIN_MS = 5_000;
/** After a change, before its proof is looked for. */
const AFTER_ACT_SECONDS = 1;

/**
 * Takes one turn.
 * @throws EngineError (retryable) for what passes by itself: the turn is taken again.
 */
export async function takeMove<Input>(
  around: Around<Input>,
  read: RunItem,
  step: PlanStep,
  way: Way,
): Promise<MoveResult> {
  const { now, requestId, code } = around;
  const stepCode = codeOf(around, step);
  const move = way === 'forward' ? stepCode : stepCode.compensation;
  if (!move) throw new ActionFailedError(`${code.manifest.name}: ${step.name} has no compensation`);
  const { run, progress } = await begun(around, read, step, way);
  if (progress.endedAt !== undefined) return endedBefore(run, step, way, progress);
  // Another function may be making the change: the same request is the retry of one that is known to have ended.
  const busy = progress.busyUntil ?? 0;
  if (busy > now() && progress.requestId !== requestId) return { kind: 'wait', seconds: secondsUntil(busy, now()) };
  const context = contextOf(around, run);
  const { whenLate } = way === 'forward' ? stepCode : {};
  const late = overdue(progress, whenLate, now(), code.manifest.timeoutSeconds * 1000);
  if (late) return carryOut(around, run, step, way, move, progress, late);
  let next: Next;
  try {
    const isDecided = way === 'undo' || progress.change !== undefined;
    const seen = await stepCode.observe({ ...context, isDecided });
    const made = way === 'undo' ? stepOf(run, step.name).forward?.change : undefined;
    // What a rehearsal made is really taken back: only what was made is asked about here.
    const how = way === 'forward' ? stepCode : ({ rehearsal: 'act' } as const);
    next = nextMove(progress, move, how, seen, context, made);
  } catch (error) {
    next = failedBy(error, progress, now());
  }
  return carryOut(around, run, step, way, move, progress, next);
}

/** Another turn of it ended it since the run was read; or it failed, and its function died before it could say so. */
function endedBefore(run: RunItem, { name }: PlanStep, way: Way, { note = '' }: Progress): MoveResult {
  const isDone = stepOf(run, name).status === (way === 'forward' ? 'done' : 'undone');
  return isDone ? { kind: 'ended', run, detail: note } : { kind: 'failed', run, reason: note || 'it failed before' };
}

/** @throws ActionFailedError when the plan has no code for it: a convention test keeps that from being deployed. */
export function codeOf<Input>({ code }: Around<Input>, { name }: PlanStep): StepCode<Input, unknown> {
  const found = code.steps[name];
  if (!found) throw new ActionFailedError(`${code.manifest.name}: there is no code for the step ${name}`);
  return found;
}

export const secondsUntil = (at: number, now: number): number => Math.max(1, Math.ceil((at - now) / 1000));

/** What passes by itself is thrown on, unless the step's time is over; everything else fails the step. */
function failedBy(error: unknown, { deadlineAt }: Progress, now: number): Next {
  if (!(error instanceof EngineError) || (error.retryable && now < deadlineAt)) throw error;
  return { kind: 'fail', reason: error.message };
}

async function begun<Input>(around: Around<Input>, read: RunItem, step: PlanStep, way: Way) {
  const found = stepOf(read, step.name)[way];
  if (found) return { run: read, progress: found };
  const budget = way === 'undo' && step.undo.kind === 'compensate' ? step.undo.budgetSeconds : step.budgetSeconds;
  const progress = begin(around.now(), budget);
  const status = way === 'forward' ? 'begun' : stepOf(read, step.name).status;
  const run = await changeRun(around, read, (present) => {
    checkPhase(present, way);
    const other = stepOf(present, step.name)[way];
    return { next: other ? present : withProgress(present, step.name, way, progress, status) };
  });
  return { run, progress: stepOf(run, step.name)[way] ?? progress };
}

/** @throws InFlightError when the run took another way meanwhile: the next turn sees which. */
function checkPhase(present: RunItem, way: Way): void {
  if (present.phase !== (way === 'forward' ? 'working' : 'backing-out'))
    throw new InFlightError(`${present.run}: it is ${present.phase} by now`);
}

/**
 * What a turn writes is true of the progress that it looked at.
 * @throws InFlightError when another turn of the same step went on meanwhile.
 */
function checkUnchanged(present: RunItem, step: PlanStep, way: Way, looked: Progress): void {
  const found = stepOf(present, step.name)[way];
  if (
    found?.attempt !== looked.attempt ||
    found.actedAt !== looked.actedAt ||
    found.endedAt !== looked.endedAt ||
    // A turn that looked before this one's change was under way doesn't know of it.
    found.busyUntil !== looked.busyUntil
  )
    throw new InFlightError(`${present.run}: another turn of ${step.name} went on meanwhile`);
}

/** What came of a change is written down also when the run was turned back meanwhile, as long as its compensation hasn't begun. */
function checkToTell(present: RunItem, step: PlanStep, way: Way, intent: Progress): void {
  if (way === 'undo' || stepOf(present, step.name).undo !== undefined) checkPhase(present, way);
  checkUnchanged(present, step, way, intent);
}

async function carryOut<Input>(
  around: Around<Input>,
  run: RunItem,
  step: PlanStep,
  way: Way,
  move: Move<Input, unknown>,
  progress: Progress,
  next: Next,
): Promise<MoveResult> {
  switch (next.kind) {
    case 'done':
      return ended(around, run, step, way, progress, next);
    case 'wait':
      await changeRun(around, run, (present) => {
        checkPhase(present, way);
        checkUnchanged(present, step, way, progress);
        const { detail: note, result } = next;
        const noted = { ...progress, note, ...(result !== undefined && { result }) };
        return { next: withProgress(present, step.name, way, noted, stepOf(present, step.name).status) };
      });
      return { kind: 'wait', seconds: next.seconds };
    case 'fail':
      return failed(around, run, step, way, { looked: progress }, next.reason);
    case 'was-applied': {
      const report = { summary: `${next.change.summary}: had taken effect`, data: {} };
      await madeIt(around, run, step, way, progress, acted(progress, report, around.now()));
      return { kind: 'wait', seconds: AFTER_ACT_SECONDS };
    }
    case 'commit':
    case 'act-again':
      return act(around, run, step, way, move, progress, next.change);
    default:
      return next satisfies never;
  }
}

/** Id of a change in the timeline. */
export const changeId = ({ run }: Pick<RunItem, 'run'>, { name }: Pick<PlanStep, 'name'>, way: Way): string =>
  `${run}/${name}${way === 'undo' ? '/undo' : ''}`;

/** Written before done (invariant I3), with the switch checked in the same transaction. */
async function act<Input>(
  around: Around<Input>,
  read: RunItem,
  step: PlanStep,
  way: Way,
  move: Move<Input, unknown>,
  progress: Progress,
  change: Change,
): Promise<MoveResult> {
  const { now, requestId, store, random, code } = around;
  const busyUntil = now() + code.manifest.timeoutSeconds * 1000 + BUSY_MARGIN_MS;
  const intent = committed(progress, change, { requestId, busyUntil });
  const actionId = changeId(read, step, way);
  const run = await changeRun(around, read, (present) => {
    checkPhase(present, way);
    if (way === 'forward' && present.stop) throw new InFlightError(`${read.run}: it was stopped meanwhile`);
    checkUnchanged(present, step, way, progress);
    const { summary, before, after, undo } = change;
    return {
      next: withProgress(present, step.name, way, intent, stepOf(present, step.name).status),
      toChange: true,
      echoes: echoesOf({ actionId, incidentId: present.incidentId, change }, now()),
      items: [
        checkNotFrozen(store.table, anyCopy(random)),
        ...entriesOf(around, present, [
          'intent',
          `will ${summary}${intent.attempt > 1 ? ` (try ${intent.attempt})` : ''}`,
          {
            ...{ actionId, step: step.name, change: summary, before, after, undo },
            // The incident stays a person's while what failed is taken back.
            ...(way === 'undo' && { undoes: changeId(read, step, 'forward') }),
          },
        ]),
      ],
    };
  });
  let report: ActReport;
  try {
    report = await move.act(contextOf(around, run), change);
  } catch (error) {
    if (error instanceof EngineError && !error.retryable)
      return failed(around, run, step, way, { looked: intent, error }, error.message);
    // A call that never answered may still take effect: nobody looks, and nothing is done again, before `busyUntil` is over.
    if (error instanceof OutOfTimeError || error instanceof FrozenError || error instanceof InFlightError)
      await changeRun(around, run, (present) => {
        checkToTell(present, step, way, intent);
        return { next: withProgress(present, step.name, way, idle(intent), stepOf(present, step.name).status) };
      });
    throw error;
  }
  await madeIt(around, run, step, way, intent, acted(intent, report, now()));
  return { kind: 'wait', seconds: AFTER_ACT_SECONDS };
}

const madeIt = <Input>(
  around: Around<Input>,
  run: RunItem,
  step: PlanStep,
  way: Way,
  looked: Progress,
  progress: Progress,
) =>
  changeRun(around, run, (present) => {
    checkToTell(present, step, way, looked);
    return {
      next: withProgress(present, step.name, way, progress, stepOf(present, step.name).status),
      items: entriesOf(around, present, [
        'acted',
        progress.report?.summary ?? '',
        { actionId: changeId(run, step, way), step: step.name },
      ]),
    };
  });

async function ended<Input>(
  around: Around<Input>,
  run: RunItem,
  step: PlanStep,
  way: Way,
  progress: Progress,
  { detail, result, isOfNoHelp = false }: Extract<Next, { kind: 'done' }>,
): Promise<MoveResult> {
  const endedAt = around.now();
  const finished: Progress = { ...idle(progress), endedAt, note: detail, ...(result !== undefined && { result }) };
  // The next step follows by the plan itself: an entry `not-verified` without `next` orders nothing.
  const proof = way === 'undo' ? 'handed-back' : isOfNoHelp ? 'not-verified' : 'verified';
  const kind = progress.actedAt === undefined ? 'note' : proof;
  const written = await changeRun(around, run, (present) => {
    checkPhase(present, way);
    checkUnchanged(present, step, way, progress);
    return {
      next: withProgress(present, step.name, way, finished, way === 'undo' ? 'undone' : 'done'),
      items: entriesOf(around, present, [
        kind,
        `${way === 'undo' ? 'took back ' : ''}${step.name}: ${detail}`,
        { actionId: changeId(run, step, way), step: step.name, tookMs: endedAt - progress.beganAt },
      ]),
    };
  });
  return { kind: 'ended', run: written, detail };
}

async function failed<Input>(
  around: Around<Input>,
  run: RunItem,
  step: PlanStep,
  way: Way,
  { looked, error }: { readonly looked: Progress; readonly error?: EngineError },
  reason: string,
): Promise<MoveResult> {
  // Nothing was written then, and at the first try nothing before either: what is there now is somebody else's, and isn't taken back.
  const isNotMade = error instanceof ChangedBySomeoneElseError && looked.attempt === 1;
  const last = isNotMade ? withoutChange(looked) : looked;
  const finished: Progress = { ...idle(last), endedAt: around.now(), note: reason };
  const written = await changeRun(around, run, (present) => {
    if (error) checkToTell(present, step, way, looked);
    else {
      checkPhase(present, way);
      checkUnchanged(present, step, way, looked);
    }
    return {
      // A step that failed stays begun: nobody knows how far it came, so it is taken back like one that is done.
      next: withProgress(present, step.name, way, finished, way === 'undo' ? 'undo-failed' : 'begun'),
      items: entriesOf(around, present, [
        'act-failed',
        `${way === 'undo' ? 'could not take back ' : ''}${step.name}: ${reason}`,
        { actionId: changeId(run, step, way), step: step.name },
      ]),
    };
  });
  return { kind: 'failed', run: written, reason };
}
