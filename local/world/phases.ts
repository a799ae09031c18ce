/** Times the phases of a start, and tells an observer of each. */

/** Told when a phase begins; what it returns is told how it ended. */
export interface PhaseObserver {
  phase(name: string): { done(detail?: string): void; failed(): void };
}

export interface PhaseTime {
  readonly name: string;
  readonly milliseconds: number;
}

export class Phases {
  readonly times: PhaseTime[] = [];
  readonly #observer: PhaseObserver;

  constructor(observer: PhaseObserver) {
    this.#observer = observer;
  }

  /** Runs `work` as a phase. @param detail what is worth knowing about the result, for people. */
  async run<T>(name: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T> {
    const startedAt = performance.now();
    const shown = this.#observer.phase(name);
    try {
      const result = await work();
      this.times.push({ name, milliseconds: Math.round(performance.now() - startedAt) });
      shown.done(detail?.(result));
      return result;
    } catch (error) {
      shown.failed();
      throw error;
    }
  }
}

/**
 * All results, and the first failure only after every other has ended: nothing may go on working behind a failed start.
 */
export async function allOrFirstFailure<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  // All have ended: this gives every result, or throws the first failure in the order given.
  const results: unknown[] = [];
  for (const each of work) results.push(await each);
  return results as { -readonly [K in keyof T]: Awaited<T[K]> };
}
