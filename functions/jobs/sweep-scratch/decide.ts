/** Which scratch instances nobody uses any more. Pure. */
import type { Step, Verdict } from '../job.ts';
import { type Claim, claimOf, type Scratch } from '../scratch-id.ts';

/** Kept between turns. */
export type State = {
  /** What was found to be left over, and is to be gone at the end of the run. */
  readonly found: readonly string[];
};

export interface Seen {
  readonly scratch: Scratch;
  /** By its name and tags together; undefined: not this deployment's. */
  readonly claim: Claim | undefined;
  /** The journal knows the run that the tags name. */
  readonly isKnown: boolean;
}

export const claimed = (deployment: string, scratch: Scratch): Omit<Seen, 'isKnown'> => ({
  scratch,
  claim: claimOf(deployment, scratch),
});

const AGAIN_SECONDS = 60;

export type Next =
  | Step<State>
  | { readonly kind: 'remove'; readonly scratch: readonly Scratch[]; readonly state: State };

/**
 * What is past its lease goes, if name, tags and journal agree that a run of ours made it. What is named like ours and isn't proved to be is left alone, and a person is
 * told. Written down before anything is removed. @param now epoch milliseconds.
 */
export function nextStep(state: State, seen: readonly Seen[], now: number): Next {
  const over = seen.filter(({ claim, isKnown }) => isKnown && claim !== undefined && now >= claim.leaseUntil);
  const isNew = over.filter(({ scratch: { id } }) => !state.found.includes(id));
  if (isNew.length > 0) {
    const found = [...state.found, ...isNew.map(({ scratch }) => scratch.id)];
    return { kind: 'wait', seconds: 1, state: { found }, note: `${isNew.length} scratch instances are left over` };
  }
  if (over.length > 0) return { kind: 'remove', scratch: over.map(({ scratch }) => scratch), state };
  return { kind: 'verdict', state, verdict: verdictOf(state, seen) };
}

export const again = (state: State, note: string): Step<State> => ({
  kind: 'wait',
  seconds: AGAIN_SECONDS,
  state,
  note,
});

function verdictOf({ found }: State, seen: readonly Seen[]): Verdict {
  const unknown = seen.filter(({ claim, isKnown }) => !claim || !isKnown).map(({ scratch }) => scratch.id);
  const report = { removed: [...found], unknown, inUse: seen.length - unknown.length };
  if (unknown.length === 0)
    return { kind: 'passed', summary: `${found.length} removed, ${report.inUse} in use`, report };
  const summary = `named like scratch instances of ours, but not by their tags and the journal; they were left alone: ${unknown.join(', ')}`;
  return { kind: 'failed', check: 'unknown', summary, report };
}
