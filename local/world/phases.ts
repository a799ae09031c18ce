/** Times the phases of a start, and tells an observer of each. */
import { setTimeout as sleep } from 'node:timers/promises';

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

/** How long parts get to notice that the start failed. The world is stopped by then: what they still try leads nowhere. */
const END_LIMIT_MS = 3_000;

/**
 * All results, or the failure that came first, once every other has ended or had time to.
 * @param onFailure called at the first failure, to make the others end soon.
 */
export async function allOrFirstFailure<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
  onFailure: () => void,
  endLimitMs: number = END_LIMIT_MS,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  let first: { readonly error: unknown } | undefined;
  const failed = Promise.withResolvers<void>();
  const all = Promise.all(
    work.map((each) =>
      each.catch((error: unknown) => {
        if (!first) onFailure();
        first ??= { error };
        failed.resolve();
      }),
    ),
  );
  const overdue = failed.promise.then(() => sleep(endLimitMs, undefined, { ref: false }));
  const results = await Promise.race([all, overdue]);
  if (first) throw first.error;
  return results as { -readonly [K in keyof T]: Awaited<T[K]> };
}
