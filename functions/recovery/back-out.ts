/** Taking back what a run did, after a step failed or a person stopped it: one compensation after the other, in the reverse order of the plan. */
import { type Around, changeRun, entriesOf, mustRead, unlessFrozen, type Written } from './around.ts';
import { wakeHeld } from './begin-and-wake.ts';
import { LeaseLostError } from './errors.ts';
import { type RunItem, readRun, stepOf } from './items.ts';
import { secondsUntil, takeMove } from './move.ts';
import type { PlanAnswer } from './order.ts';
import { nextBackOut, type StepStatus } from './plan.ts';
import { endRun, figuresOf, giveBack, ledgerOf } from './run.ts';
import { busyUntil } from './transitions.ts';

/** Compensations that had nothing to do, taken in one turn. */
const MOST_AT_ONCE = 20;

/**
 * Takes one turn of the way back.
 * @param error name of what ended the way forward, as the state machine tells it.
 */
export async function backOut<Input>(around: Around<Input>, runName: string, error: string): Promise<PlanAnswer> {
  try {
    return await takeTurn(around, runName, error);
  } catch (lost) {
    if (!(lost instanceof LeaseLostError)) throw lost;
    // What somebody else has in hand isn't changed any more, so a person has to look; the lock is given back with the run.
    const run = await mustRead(around, runName);
    const busy = busyUntil(run, around.now());
    if (busy !== undefined) return { kind: 'wait', seconds: secondsUntil(busy, around.now()) };
    return end(
      around,
      { ...run, why: run.why ?? whyOf(run, error) },
      { kind: 'needs-person', why: `${lost.message}, so nothing more was taken back` },
    );
  }
}

async function takeTurn<Input>(around: Around<Input>, runName: string, error: string): Promise<PlanAnswer> {
  const { store, code, now } = around;
  const found = await readRun(store, code.manifest.name, runName);
  // It died before it had begun.
  if (!found) return { kind: 'backed-out' };
  if (found.phase === 'ended') return found.verdict === 'needs-person' ? { kind: 'needs-person' } : backedOut(found);
  let run = found.phase === 'working' ? await turnBack(around, found, error) : found;
  // A function that is still making a change of another step would make it after it was taken back.
  const busy = busyUntil(run, now());
  if (busy !== undefined) return { kind: 'wait', seconds: secondsUntil(busy, now()) };
  const may = await unlessFrozen(around, run);
  if (may.kind === 'wait') return may;
  run = may.run;
  for (let taken = 0; taken < MOST_AT_ONCE; taken++) {
    const next = nextBackOut(code.manifest, (name) => touched(run, name));
    if (next.kind === 'backed-out') return end(around, run, next);
    if (next.kind === 'needs-person')
      return end(around, run, { ...next, why: [next.why, ...stuckNotes(run)].join(': ') });
    const result = await takeMove(around, run, next.step, 'undo');
    if (result.kind === 'wait') return { kind: 'wait', seconds: result.seconds };
    run = result.run;
  }
  return { kind: 'wait', seconds: 1 };
}

/** A step that wrote down no change made none: there is nothing to take back. */
function touched(run: RunItem, name: string): StepStatus {
  const { status, forward } = stepOf(run, name);
  return forward?.change === undefined ? 'waiting' : status;
}

/** What compensations said that failed: what is left, and what to do with it. */
const stuckNotes = ({ steps }: RunItem): string[] =>
  Object.values(steps).flatMap(({ status, undo }) => (status === 'undo-failed' ? (undo?.note ?? []) : []));

/** Why it is backed out: what a step said, or who stopped it. A person is called at once, unless it was a person who stopped it. */
function turnBack<Input>(around: Around<Input>, read: RunItem, error: string): Promise<RunItem> {
  const why = whyOf(read, error);
  return changeRun(around, read, (present) => {
    // Another delivery turned it back.
    if (present.phase === 'backing-out') return { next: present };
    return turned(around, present, why);
  });
}

const turned = <Input>(around: Around<Input>, present: RunItem, why: string): Written => {
  const isCalled = !(present.stop || present.rehearse);
  return {
    next: { ...present, phase: 'backing-out', why, calledPerson: isCalled },
    items: entriesOf(
      around,
      present,
      isCalled
        ? ['escalated', `${present.plan} failed: ${why}. What it did is being taken back; the trouble is not mended`]
        : ['note', `backs out: ${why}`],
    ),
  };
};

function whyOf(run: RunItem, error: string): string {
  if (run.stop) return `stopped by ${run.stop.by.replace(/^person:/, '')}: ${run.stop.reason}`;
  const failed = Object.entries(run.steps).find(
    ([, { status, forward }]) => status === 'begun' && forward?.endedAt !== undefined,
  );
  return failed ? `${failed[0]}: ${failed[1].forward?.note ?? ''}` : `its state machine gave up (${error})`;
}

/** How long remediations keep away from what could not be taken back: a person has to look first. */
const HANDS_OFF_MS = 3_600_000;

async function end<Input>(
  around: Around<Input>,
  run: RunItem,
  how: { readonly kind: 'backed-out' } | { readonly kind: 'needs-person'; readonly why: string },
): Promise<PlanAnswer> {
  const endedAt = around.now();
  const needsPerson = how.kind === 'needs-person';
  const summary = needsPerson ? `needs a person: ${how.why}` : `backed out: ${run.why ?? ''}`;
  await endRun(around, run, (present, held) => ({
    next: {
      ...present,
      phase: 'ended',
      endedAt,
      verdict: how.kind,
      summary,
      figures: ledgerOf(around, present, endedAt),
    },
    items: [
      ...giveBack(around, present, held, needsPerson ? endedAt + HANDS_OFF_MS : undefined),
      ...entriesOf(
        around,
        present,
        lastLine(present, needsPerson, summary, figuresOf(around, present, endedAt, how.kind)),
      ),
    ],
  }));
  if (!needsPerson) await wakeHeld(around, run);
  return needsPerson ? { kind: 'needs-person' } : backedOut(run);
}

/** Who stopped it knows of it, unless a person had been called before. */
const backedOut = ({ stop, calledPerson = false }: RunItem): PlanAnswer => ({
  kind: 'backed-out',
  ...(stop && !calledPerson && { isStopped: true }),
});

/** A run that a person stopped, or that changed nothing anybody uses, is over with it; after any other somebody still has to mend the trouble. */
function lastLine(run: RunItem, needsPerson: boolean, summary: string, recovery: object) {
  if (needsPerson) return ['escalated', summary, { recovery }] as const;
  return [run.calledPerson ? 'note' : 'resolved', summary, { recovery }] as const;
}
