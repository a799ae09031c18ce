/** Spreads calls evenly over time, so that what we ask of the account's APIs stays below a rate that leaves room for its owner. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What a pacer goes by; a test has a clock of its own. */
export interface Pace {
  readonly perSecond: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<unknown>;
}

export class Pacer {
  readonly #pace: Pace;
  #freeAt = Number.NEGATIVE_INFINITY;

  constructor(pace: Pick<Pace, 'perSecond'> & Partial<Pace>) {
    this.#pace = { now: () => performance.now(), wait: sleep, ...pace };
  }

  /**
   * Resolves when `calls` more may be made. Callers are served in the order in which they ask; the time their calls take up is kept free
   * after them.
   */
  async take(calls = 1): Promise<void> {
    const { perSecond, now, wait } = this.#pace;
    const present = now();
    const turn = Math.max(present, this.#freeAt);
    this.#freeAt = turn + (calls * 1000) / perSecond;
    if (turn > present) await wait(turn - present);
  }
}
