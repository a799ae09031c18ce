/** Stopping the services that write to a database, and having them write again at their former size. Pure. */
import type { Change } from '../../engine/remediation.ts';
import { nameOf, type SeenService } from '../rolling.ts';
import type { StepDecision, StepProof } from '../step.ts';

/** Number of tasks by service. */
export type Sizes = Readonly<Record<string, number>>;

export interface Writer extends SeenService {
  /** Tasks that were told to stop, and may still write until they have. */
  readonly stopping: number;
}

/** What `stop-writers` leaves: from then on nobody writes, and what to go back to. */
export type Stopped = { readonly writtenUntil: number; readonly sizes: Sizes };

const POLL_SECONDS = 5;

const desiredOf = ({ seen: { service } }: SeenService): number => (service.kind === 'service' ? service.desired : 0);
const runningOf = ({ seen: { service } }: SeenService): number =>
  service.kind === 'service' ? service.running + service.pending : 0;

const sizesOf = (writers: readonly SeenService[]): Sizes =>
  Object.fromEntries(writers.map((each) => [nameOf(each.target), desiredOf(each)]));
export const sizesIn = (change: Change, side: 'before' | 'after'): Sizes => (change[side] as { sizes: Sizes }).sizes;

const inWords = (sizes: Sizes): string =>
  Object.entries(sizes)
    .map(([name, tasks]) => `${name} ${tasks}`)
    .join(', ');

/** Those of the change whose number of tasks is still what it was before. */
export const unchanged = (change: Change, writers: readonly SeenService[]): SeenService[] => {
  const [before, after] = [sizesIn(change, 'before'), sizesIn(change, 'after')];
  return writers.filter((each) => {
    const name = nameOf(each.target);
    return name in after && desiredOf(each) === before[name] && before[name] !== after[name];
  });
};

export const wantedSize = (change: Change, name: string): number => sizesIn(change, 'after')[name] ?? 0;

export function decideStop(writers: readonly Writer[], now: number): StepDecision {
  const sizes = sizesOf(writers.filter((each) => desiredOf(each) > 0));
  if (Object.keys(sizes).length > 0)
    return {
      kind: 'act',
      change: {
        summary: `stop everybody who writes: ${inWords(sizes)} tasks to 0`,
        before: { sizes },
        after: { sizes: Object.fromEntries(Object.keys(sizes).map((name) => [name, 0])) },
        undo: `set the numbers of tasks again: ${inWords(sizes)}`,
      },
    };
  const still = notOver(writers);
  if (still !== undefined) return { kind: 'wait', seconds: POLL_SECONDS, detail: still };
  return { kind: 'done', detail: 'no service has tasks', result: { writtenUntil: now, sizes: {} } };
}

/** Whose tasks may still write; undefined: nobody's. */
function notOver(writers: readonly Writer[]): string | undefined {
  const found = writers.find((each) => runningOf(each) + each.stopping > 0);
  return found && `${nameOf(found.target)} has ${runningOf(found)} tasks, and ${found.stopping} that are being stopped`;
}

/** Who writes although everybody was stopped, as a sentence; undefined: nobody. */
export function writesAgain(writers: readonly Writer[]): string | undefined {
  const found = writers.find((each) => desiredOf(each) > 0);
  return found
    ? `${nameOf(found.target)} was started again by somebody, with ${desiredOf(found)} tasks`
    : notOver(writers);
}

/** Absolute numbers: repeated for those that still have their earlier one, it is the same change. Another number is somebody else's. */
export function sizesApplied(change: Change, writers: readonly SeenService[]): 'yes' | 'no' | 'unclear' {
  const [present, before, after] = [sizesOf(writers), sizesIn(change, 'before'), sizesIn(change, 'after')];
  const names = Object.keys(after);
  if (names.every((name) => present[name] === after[name])) return 'yes';
  return names.every((name) => present[name] === after[name] || present[name] === before[name]) ? 'no' : 'unclear';
}

/** Started again is who has any tasks: auto scaling, or a person, may have given it more since, and that is neither undone nor a failure. */
export const startApplied = (change: Change, writers: readonly SeenService[]): 'yes' | 'no' =>
  stillStopped(change, writers).length === 0 ? 'yes' : 'no';

const stillStopped = (change: Change, writers: readonly SeenService[]): SeenService[] =>
  writers.filter((each) => (sizesIn(change, 'after')[nameOf(each.target)] ?? 0) > 0 && desiredOf(each) === 0);

export function proveStop(change: Change, writers: readonly Writer[], now: number): StepProof {
  if (sizesApplied(change, writers) !== 'yes')
    return { kind: 'bad', detail: `somebody changed the numbers of tasks meanwhile: ${inWords(sizesOf(writers))}` };
  const still = notOver(writers);
  if (still !== undefined) return { kind: 'not-yet', detail: still, seconds: POLL_SECONDS };
  const result: Stopped = { writtenUntil: now, sizes: sizesIn(change, 'before') };
  return { kind: 'good', detail: `nobody writes: ${inWords(result.sizes)} tasks were stopped`, result };
}

/** After the switch: whoever has tasks already was started by somebody else, perhaps before it, and may write to the damaged database. */
export function decideResume(sizes: Sizes, writers: readonly SeenService[]): StepDecision {
  const early = writers.find((each) => desiredOf(each) > 0);
  return early
    ? { kind: 'fail', reason: `${nameOf(early.target)} was started again by somebody, with ${desiredOf(early)} tasks` }
    : backToSize(sizes, writers);
}

/** Those that are still stopped. */
function backToSize(sizes: Sizes, writers: readonly SeenService[]): StepDecision {
  const present = sizesOf(writers);
  const left = Object.entries(sizes).filter(([name, size]) => present[name] === 0 && size > 0);
  if (left.length === 0)
    return { kind: 'done', detail: `the services have their tasks: ${inWords(present) || 'none'}` };
  const after = Object.fromEntries(left);
  return {
    kind: 'act',
    change: {
      summary: `have the services write again, at their former size: ${inWords(after)} tasks`,
      before: { sizes: Object.fromEntries(left.map(([name]) => [name, 0])) },
      after: { sizes: after },
      undo: 'stop them again',
    },
  };
}

/** @param made the change by which they were stopped. */
export const decideTakeBack = (writers: readonly SeenService[], made: Change | undefined): StepDecision =>
  made ? backToSize(sizesIn(made, 'before'), writers) : { kind: 'done', detail: 'nobody was stopped' };

export function proveResume(change: Change, writers: readonly SeenService[]): StepProof {
  const [stopped] = stillStopped(change, writers);
  if (stopped) return { kind: 'bad', detail: `${nameOf(stopped.target)} was stopped again by somebody` };
  const late = writers.find((each) => {
    const { service } = each.seen;
    return service.kind === 'service' && service.running !== service.desired;
  });
  if (late)
    return {
      kind: 'not-yet',
      detail: `${nameOf(late.target)}: ${runningOf(late)} of ${desiredOf(late)} tasks`,
      seconds: POLL_SECONDS,
    };
  return { kind: 'good', detail: `the services write again: ${inWords(sizesOf(writers))} tasks` };
}
