/** What a job supplies. The run around it (deadline, journal, incident, clean-up) is the same for all: `run.ts`. */
import type { RuntimeConfig } from '../engine/config.ts';
import type { Json } from '../engine/remediation.ts';
import type { Store } from '../engine/store.ts';
import type { JobManifest } from './manifest.ts';

/** What a run is about: known from its beginning, the same on every delivery, so that names made from it are the same too. */
export interface RunIdentity {
  readonly job: string;
  /** A database's name, or `all`. */
  readonly subject: string;
  /** When it was due (ISO 8601). */
  readonly scheduledAt: string;
}

/** For people ("the table orders is empty") and for machines. Never a secret, never a row of anybody's data. */
export interface Verdict {
  readonly kind: 'passed' | 'failed';
  readonly summary: string;
  /** Names the check that failed. */
  readonly check?: string;
  readonly report: { readonly [key: string]: Json };
}

export type Step<State> =
  /** Looked at again after so many seconds, with `state` kept. */
  | { readonly kind: 'wait'; readonly seconds: number; readonly state: State; readonly note: string }
  | { readonly kind: 'verdict'; readonly state: State; readonly verdict: Verdict };

export type CleanUp =
  | { readonly kind: 'clean' }
  | { readonly kind: 'wait'; readonly seconds: number; readonly note: string };

export interface JobContext {
  readonly run: RunIdentity;
  readonly config: RuntimeConfig;
  readonly now: () => number;
  /** Time left before this function is stopped by Lambda, in milliseconds. */
  readonly remaining: () => number;
  /** For reading what earlier runs found; a run writes nothing there but itself. */
  readonly store: Store;
}

/**
 * A job as a chain of steps. A function can die between any two calls, and the same step is then taken again with the state as it was last
 * written: whatever a step makes therefore has a name that follows from the run, and is looked for before it is made.
 */
export interface Job<State extends Json> {
  readonly manifest: JobManifest;
  /** Pure: the state that the first step is given. @param wanted what a person named who started it by hand, such as one backup. */
  begin(run: RunIdentity, config: RuntimeConfig, wanted?: string): State;
  /** @throws EngineError; a retryable one is taken again, any other fails the run. */
  step(context: JobContext, state: State): Promise<Step<State>>;
  /** Removes what the run made for itself, and only that. Asked again until it is clean. Also after a failure. */
  cleanUp?(context: JobContext, state: State): Promise<CleanUp>;
}
