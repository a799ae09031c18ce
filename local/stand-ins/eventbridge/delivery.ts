/**
 * Handing something to a target, again and again within a retry policy, and to a dead-letter queue in the end. EventBridge's rules and Scheduler
 * share it (user guides, "How EventBridge retries delivering events", "Using dead-letter queues to process undelivered events").
 */

import { AwsCallError } from '../../gateway/upstream.ts';
import type { WorldContext } from '../../world/types.ts';
import { AwsFault } from '../../world/types.ts';

export interface RetryPolicy {
  readonly maximumRetryAttempts: number;
  /** Real time: it is configured. */
  readonly maximumEventAgeSeconds: number;
}

export interface DeliveryFailure {
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly retryAttempts: number;
  /** Absent when the error isn't one that is tried again. */
  readonly exhausted?: 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds';
}

/** Exponential from one second to ten minutes. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 600_000;

/** Codes of errors that another attempt can cure; everything else that a service says with 4xx won't change by itself. */
const PASSING = /Throttl|TooManyRequests|RequestLimitExceeded|Timeout|ServiceUnavailable|Internal/i;

const codeOf = (error: unknown): string =>
  error instanceof AwsCallError || error instanceof AwsFault
    ? error.code
    : error instanceof Error
      ? error.name
      : 'Error';

/** Whether the same delivery may succeed later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof AwsCallError || error instanceof AwsFault)) return true;
  return error.status >= 500 || error.status === 429 || PASSING.test(error.code);
}

export class Deliveries {
  readonly #world: WorldContext;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isStopped = false;

  constructor(world: WorldContext) {
    this.#world = world;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /**
   * Starts delivering and returns at once.
   * @param deliver one attempt; rejects when it fails.
   * @param giveUp told when nothing more will be tried.
   */
  start(
    what: string,
    policy: RetryPolicy,
    deliver: () => Promise<void>,
    giveUp: (failure: DeliveryFailure) => Promise<void>,
  ): void {
    void this.#attempt({ what, policy, deliver, giveUp, startedAt: Date.now() }, 0);
  }

  async #attempt(job: Job, retries: number): Promise<void> {
    try {
      await job.deliver();
    } catch (error) {
      if (this.#isStopped) return;
      this.#world.log('delivery', `${job.what}, retry ${retries}: ${codeOf(error)}: ${messageOf(error)}`);
      await this.#next(job, retries, error);
    }
  }

  async #next(job: Job, retries: number, error: unknown): Promise<void> {
    const { maximumRetryAttempts, maximumEventAgeSeconds } = job.policy;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(retries, 20)) * this.#world.timeScale;
    const failure = { errorCode: codeOf(error), errorMessage: messageOf(error), retryAttempts: retries };
    if (!isPassing(error)) return this.#giveUp(job, failure);
    if (retries >= maximumRetryAttempts) return this.#giveUp(job, { ...failure, exhausted: 'MaximumRetryAttempts' });
    if (Date.now() + waitMs - job.startedAt > maximumEventAgeSeconds * 1_000)
      return this.#giveUp(job, { ...failure, exhausted: 'MaximumEventAgeInSeconds' });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#attempt(job, retries + 1);
    }, waitMs);
    this.#timers.add(timer);
  }

  async #giveUp(job: Job, failure: DeliveryFailure): Promise<void> {
    try {
      await job.giveUp(failure);
    } catch (error) {
      // As on AWS: what can't reach its dead-letter queue is lost; here at least a line remains.
      this.#world.log('delivery', `${job.what} lost, its dead-letter queue failed: ${messageOf(error)}`);
    }
  }
}

interface Job {
  readonly what: string;
  readonly policy: RetryPolicy;
  readonly deliver: () => Promise<void>;
  readonly giveUp: (failure: DeliveryFailure) => Promise<void>;
  readonly startedAt: number;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
