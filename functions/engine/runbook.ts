/** What a runbook is: a ladder of remediations for one kind of signal. One file in `runbooks/` each, data only. */
import type { Severity } from '../../events/journal.ts';
import type { Trigger } from './manifest.ts';

/** What must not get worse by an action, besides the alarm itself (`guard-metrics.ts`). */
export const GUARD_METRICS = ['healthyHosts', 'runningTasks', 'requestCount', 'errorRate', 'latencySeconds'] as const;
export type GuardMetric = (typeof GUARD_METRICS)[number];

/** What the engine needs of a runbook while it runs; part of every function's configuration. */
export interface Ladder {
  /**
   * Names of remediations, the least dangerous first. A rung that can't help, isn't verified by its deadline or is refused for good hands the
   * signal on to the next; after the last one a person is called.
   */
  readonly rungs: readonly string[];
  /** What starts it, on the first rung. */
  readonly startedBy: readonly Trigger[];
  /** The most urgent that its incidents are; a target that is less urgent makes them less urgent. */
  readonly severity: Severity;
  /** Besides its own signal being well again, these must not be worse than before a change. */
  readonly guards: readonly GuardMetric[];
}

export interface Runbook extends Ladder {
  /** Equal to the file's name, and the value of the alarm tag `nightshift:runbook` that asks for it. */
  readonly name: string;
  /** One sentence: what kind of trouble it is for, and what it does about it. */
  readonly summary: string;
  readonly rungs: readonly [string, ...string[]];
  /** Who is told, and when: for the documentation. */
  readonly told: string;
  /** Procedures of the source runbooks that it covers: ids of docs/coverage.md. */
  readonly covers: readonly string[];
}

/** Identity, so that a runbook is checked where it is written. */
export const defineRunbook = <const R extends Runbook>(runbook: R): R => runbook;
