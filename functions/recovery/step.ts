/** What a plan supplies for each of its steps. The run around them (journal, leases, budgets, backing out) is the same for all: `run.ts`. */
import type { RuntimeConfig } from '../engine/config.ts';
import type { ActReport, Change, Json } from '../engine/remediation.ts';
import type { Store } from '../engine/store.ts';

/** What a run is about: known from its beginning, the same on every delivery. */
export interface StepContext<Input> {
  readonly run: string;
  readonly input: Input;
  readonly config: RuntimeConfig;
  /** The journal, for what other parts wrote down. Steps only read there, except for who of a pair may write, which is kept there. */
  readonly store: Store;
  /** Nothing may be changed that anybody uses. */
  readonly rehearse: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** When the last change of this run was made (epoch milliseconds); 0: none was. What was seen before says nothing of now. */
  readonly lastChangeAt: number;
  readonly now: () => number;
  /** Time left before this function is stopped by Lambda, in milliseconds. */
  readonly remaining: () => number;
  /** Of `observe`: what the step does is decided already, or taken back. What only deciding needs isn't read then, so that nothing depends on it. */
  readonly isDecided?: boolean;
  /** What earlier steps left for later ones, by step. */
  readonly results: Readonly<Record<string, Json>>;
}

export type StepDecision =
  | { readonly kind: 'done'; readonly detail: string; readonly result?: Json }
  /** The change is written down before it is made. */
  | { readonly kind: 'act'; readonly change: Change }
  /** `result`: how far it is, which its next turn finds as its own. */
  | { readonly kind: 'wait'; readonly seconds: number; readonly detail: string; readonly result?: Json }
  /** It can't be done: the plan is backed out. */
  | { readonly kind: 'fail'; readonly reason: string };

export type StepProof =
  | { readonly kind: 'good'; readonly detail: string; readonly result?: Json }
  | { readonly kind: 'not-yet'; readonly detail: string; readonly seconds: number }
  | { readonly kind: 'bad'; readonly detail: string };

/** One change and its proof: what a step does, and what its compensation does. */
export interface Move<Input, Seen> {
  /** Pure. `made`: of a compensation, the change that the step had written down, if it had. */
  decide(seen: Seen, context: StepContext<Input>, made: Change | undefined): StepDecision;
  /**
   * Makes the recorded change, after one re-read directly before it where the API can't compare.
   * @throws ChangedBySomeoneElseError only before anything was changed: nothing is taken back then.
   */
  act(context: StepContext<Input>, change: Change): Promise<ActReport>;
  /** Pure: did the recorded change already happen? Asked before an unfinished change is made again. */
  alreadyApplied(change: Change, seen: Seen, context: StepContext<Input>): 'yes' | 'no' | 'unclear';
  /** Pure: is it done? */
  verify(change: Change, seen: Seen, context: StepContext<Input>): StepProof;
}

export interface StepCode<Input, Seen> extends Move<Input, Seen> {
  /** Reads what the decisions are made of. */
  observe(context: StepContext<Input>): Promise<Seen>;
  /** Present exactly where the plan's data says `compensate`. */
  readonly compensation?: Move<Input, Seen>;
  /** `go-on`: a step that made nothing better within its budget, or made it and was of no help, leaves the rest to the next one. */
  readonly whenLate?: 'fail' | 'go-on';
  /** What a rehearsal does of it: `decide` says what it would change (default); `act` makes what nobody uses. */
  readonly rehearsal?: 'decide' | 'act';
}

export interface PlanInput {
  readonly [key: string]: Json;
}

/** What a run takes in hand, or why there is nothing to take. */
export type Targets =
  | { readonly kind: 'targets'; readonly targets: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

/** Checks what a person or an alarm gave. Returns what is wrong instead of throwing. */
export type ReadInput<Input> = (
  given: unknown,
) => { readonly ok: true; readonly input: Input } | { readonly ok: false; readonly faults: string };

/** Waits grow with what they wait for: a twentieth of it, so that looking adds no more than that. In seconds. */
export const pollSeconds = ({ now, lastChangeAt }: Pick<StepContext<unknown>, 'now' | 'lastChangeAt'>): number =>
  Math.min(60, Math.max(2, Math.round((now() - lastChangeAt) / 20_000)));

/** What was decided or found, looked at again in that time. */
export const paced = <Found extends StepDecision | StepProof>(
  context: Pick<StepContext<unknown>, 'now' | 'lastChangeAt'>,
  found: Found,
): Found => ('seconds' in found ? { ...found, seconds: pollSeconds(context) } : found);
