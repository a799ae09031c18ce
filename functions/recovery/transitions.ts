/** How a run changes: pure, from the item as read to the item as written; and what a step, or its compensation, does next. */
import type { ActReport, Change } from '../engine/remediation.ts';
import type { Progress, RunItem, StepItem } from './items.ts';
import { stepOf } from './items.ts';
import type { Plan, StepStatus } from './plan.ts';
import type { Move, StepCode, StepContext } from './step.ts';

/**
 * Leases are said to hold so long without a turn: longer than any wait between turns. Remediations look again when that is over, so it is short; a lease
 * whose time is over still keeps them away (`leaseGuard`), because nobody else gives it back.
 */
export const LEASE_MS = 120_000;

/** What a step does: forward, or its way back. */
export type Way = 'forward' | 'undo';

export const begin = (now: number, budgetSeconds: number): Progress => ({
  beganAt: now,
  deadlineAt: now + budgetSeconds * 1000,
  attempt: 0,
});

export const withStep = (run: RunItem, name: string, change: Partial<StepItem>): RunItem => ({
  ...run,
  steps: { ...run.steps, [name]: { ...stepOf(run, name), ...change } },
});

export const withProgress = (run: RunItem, name: string, way: Way, progress: Progress, status: StepStatus): RunItem =>
  withStep(run, name, { status, [way]: progress });

/** The change is written down; a function may be making it until `busyUntil`. */
export const committed = (
  progress: Progress,
  change: Change,
  { requestId, busyUntil }: { readonly requestId: string; readonly busyUntil: number },
): Progress => ({ ...progress, change, requestId, busyUntil, attempt: progress.attempt + 1 });

export function acted({ busyUntil: _busy, ...progress }: Progress, report: ActReport, now: number): Progress {
  return { ...progress, actedAt: now, report, note: report.summary };
}

/** It was written down, and surely not made. */
export function withoutChange({ change: _none, ...progress }: Progress): Progress {
  return progress;
}

/** Nobody is making it any more, whether or not it was made. */
export function idle({ busyUntil: _busy, ...progress }: Progress): Progress {
  return progress;
}

const SHORTEST_WAIT_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 1800;

/**
 * How long a run that may not go on waits until it looks again: a tenth of what it has waited already. A wait of days then takes few of the turns that
 * an execution has (`MOST_TURNS`), and nobody waits much longer for it than they made it wait.
 */
export const frozenWaitSeconds = ({ frozenSince }: Pick<RunItem, 'frozenSince'>, now: number): number =>
  Math.min(LONGEST_WAIT_SECONDS, Math.max(SHORTEST_WAIT_SECONDS, Math.round((now - (frozenSince ?? now)) / 1000 / 10)));

/** It may not go on for now: noticed once. */
export const frozen = (run: RunItem, now: number): RunItem =>
  run.frozenSince === undefined ? { ...run, frozenSince: now } : run;

/** It may go on: every budget that was running is longer by the time it was frozen. */
export function thawed({ frozenSince, ...run }: RunItem, now: number): RunItem {
  if (frozenSince === undefined) return run;
  const away = Math.max(0, now - frozenSince);
  const later = (progress: Progress | undefined) =>
    progress && progress.endedAt === undefined ? { ...progress, deadlineAt: progress.deadlineAt + away } : progress;
  const steps = Object.fromEntries(
    Object.entries(run.steps).map(([name, { forward, undo, ...step }]): [string, StepItem] => {
      const [there, back] = [later(forward), later(undo)];
      return [name, { ...step, ...(there && { forward: there }), ...(back && { undo: back }) }];
    }),
  );
  return { ...run, steps, frozenMs: run.frozenMs + away };
}

/** Until when some function may still be making a change (epoch milliseconds); undefined when none is. */
export function busyUntil({ steps }: RunItem, now: number): number | undefined {
  const times = Object.values(steps).flatMap(({ forward, undo }) => [forward?.busyUntil ?? 0, undo?.busyUntil ?? 0]);
  const latest = Math.max(0, ...times);
  return latest > now ? latest : undefined;
}

/** When the run last changed anything (epoch milliseconds); 0: never. */
export const lastChangeAt = ({ steps }: RunItem): number =>
  Math.max(0, ...Object.values(steps).flatMap(({ forward, undo }) => [forward?.actedAt ?? 0, undo?.actedAt ?? 0]));

export const resultsOf = ({ steps }: RunItem): StepContext<unknown>['results'] =>
  Object.fromEntries(
    Object.entries(steps).flatMap(([name, { forward }]) =>
      forward?.result === undefined ? [] : [[name, forward.result]],
    ),
  );

/** Steps that have to be done before this one and aren't. */
export function missingBefore(plan: Plan, run: RunItem, name: string): readonly string[] {
  const after = plan.steps.find((step) => step.name === name)?.after ?? [];
  return after.filter((needed) => stepOf(run, needed).status !== 'done');
}

export const allDone = (plan: Plan, run: RunItem): boolean =>
  plan.steps.every(({ name }) => stepOf(run, name).status === 'done');

export type Next =
  | { readonly kind: 'commit'; readonly change: Change }
  /** The recorded change is made again, or for the first time after a function died before it. */
  | { readonly kind: 'act-again'; readonly change: Change }
  /** It had taken effect, though nobody wrote that down. */
  | { readonly kind: 'was-applied'; readonly change: Change }
  | {
      readonly kind: 'done';
      readonly detail: string;
      readonly result?: Progress['result'];
      /** It made nothing better, and the next step is there for that. */
      readonly isOfNoHelp?: boolean;
    }
  | {
      readonly kind: 'wait';
      readonly seconds: number;
      readonly detail: string;
      readonly result?: Progress['result'];
    }
  | { readonly kind: 'fail'; readonly reason: string };

/**
 * What a step, or its compensation, does next: pure.
 * @param made of a compensation: the change that its step had written down.
 */
export function nextMove<Input, Seen>(
  progress: Progress,
  move: Move<Input, Seen>,
  { whenLate, rehearsal }: Pick<StepCode<Input, Seen>, 'whenLate' | 'rehearsal'>,
  seen: Seen,
  context: StepContext<Input>,
  made?: Change,
): Next {
  const { change } = progress;
  const next = change
    ? progress.actedAt === undefined
      ? unfinished(move, change, seen, context)
      : proof(move, change, whenLate, seen, context)
    : decided(move, rehearsal, seen, context, made);
  const isLate = context.now() >= progress.deadlineAt;
  if (!isLate || next.kind === 'done' || next.kind === 'fail' || next.kind === 'was-applied') return next;
  const seconds = Math.round((progress.deadlineAt - progress.beganAt) / 1000);
  const waitedFor = next.kind === 'wait' ? `; it waited for this: ${next.detail}` : '';
  const late = `not done within its time budget of ${seconds} s${waitedFor}`;
  // An unfinished change may have been made: only looking at it again says so, and nothing is left to the next step then.
  return whenLate === 'go-on' && next.kind === 'wait'
    ? { kind: 'done', detail: `of no help: ${late}`, isOfNoHelp: true }
    : { kind: 'fail', reason: late };
}

/**
 * A step that made no change, and whose time has been over for a whole turn: looking is what it dies of, or takes it so long, so nobody looks again. Pure.
 * @param graceMs the longest turn.
 */
export function overdue(
  progress: Progress,
  whenLate: StepCode<unknown, unknown>['whenLate'],
  now: number,
  graceMs: number,
): Next | undefined {
  const { beganAt, deadlineAt, change, note } = progress;
  if (change || now < deadlineAt + graceMs) return undefined;
  const last = note === undefined ? '' : `; it last said: ${note}`;
  const late = `not done within its time budget of ${Math.round((deadlineAt - beganAt) / 1000)} s${last}`;
  return whenLate === 'go-on'
    ? { kind: 'done', detail: `of no help: ${late}`, isOfNoHelp: true }
    : { kind: 'fail', reason: late };
}

function decided<Input, Seen>(
  move: Move<Input, Seen>,
  rehearsal: StepCode<Input, Seen>['rehearsal'],
  seen: Seen,
  context: StepContext<Input>,
  made: Change | undefined,
): Next {
  const decision = move.decide(seen, context, made);
  if (decision.kind !== 'act') return decision;
  if (context.rehearse && rehearsal !== 'act')
    return { kind: 'done', detail: `a rehearsal: would ${decision.change.summary}` };
  return { kind: 'commit', change: decision.change };
}

function unfinished<Input, Seen>(
  move: Move<Input, Seen>,
  change: Change,
  seen: Seen,
  context: StepContext<Input>,
): Next {
  switch (move.alreadyApplied(change, seen, context)) {
    case 'yes':
      return { kind: 'was-applied', change };
    case 'no':
      return { kind: 'act-again', change };
    default:
      return { kind: 'fail', reason: `whether it did ${change.summary} can't be told, so it isn't done again` };
  }
}

function proof<Input, Seen>(
  move: Move<Input, Seen>,
  change: Change,
  whenLate: StepCode<Input, Seen>['whenLate'],
  seen: Seen,
  context: StepContext<Input>,
): Next {
  const verdict = move.verify(change, seen, context);
  if (verdict.kind === 'good') return { ...verdict, kind: 'done' };
  if (verdict.kind === 'not-yet') return { ...verdict, kind: 'wait' };
  return whenLate === 'go-on'
    ? { kind: 'done', detail: `of no help: ${verdict.detail}`, isOfNoHelp: true }
    : { kind: 'fail', reason: verdict.detail };
}
