/** Asking AWS page by page, at no more than the fleet's rate; what may pass is thrown, what is refused is noted. */
import { ActionFailedError, classifyAwsError, EngineError } from '../engine/errors.ts';
import type { Pacer } from '../engine/pacer.ts';
import type { ItemKind, Unread } from './item.ts';

/** Beyond that a turn of a run would not be over in time. */
const MOST_PAGES = 200;

export class PacedReading {
  readonly #pacer: Pick<Pacer, 'take'>;

  constructor(pacer: Pick<Pacer, 'take'>) {
    this.#pacer = pacer;
  }

  /** @param what for people, when it fails: "list the zones". @throws EngineError */
  async ask<T>(what: string, ask: () => Promise<T>): Promise<T> {
    await this.#pacer.take();
    try {
      return await ask();
    } catch (error) {
      throw classifyAwsError(what, error);
    }
  }

  /** Every page. @throws EngineError, also for more pages than a turn has time for. */
  async pages<T, Next = string>(
    what: string,
    ask: (from: Next | undefined) => Promise<{ readonly items: readonly T[]; readonly next: Next | undefined }>,
  ): Promise<T[]> {
    const all: T[] = [];
    let from: Next | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const { items, next } = await this.ask(what, () => ask(from));
      all.push(...items);
      if (next === undefined) return all;
      from = next;
    }
    throw new ActionFailedError(`${what}: more than ${MOST_PAGES} pages`);
  }
}

/** What is refused is noted. @throws EngineError (retryable) */
export async function attempt<T>(
  unread: Unread[],
  kind: ItemKind,
  scope: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof EngineError) || error.retryable) throw error;
    unread.push({ kind, scope, why: error.message });
    return undefined;
  }
}
