/**
 * Virtual time: what is to happen stands in one queue ordered by time, and the clock jumps from one to the next. Everything that the engine waits with or tells
 * time by is replaced for this process (`install`), so production code needs no door for it, and a run depends on its seed alone.
 */
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { type Random, randomOf } from './random.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock {
  now: number;
  #queue: Event[] = [];
  #order = 0;

  constructor(now: number) {
    this.now = now;
  }

  at(time: number, run: () => void): void {
    const event = { at: Math.max(time, this.now), order: this.#order++, run };
    // Few events wait at a time, so a walk is quicker than a heap. In descending order: the next one is at the end.
    let index = this.#queue.length;
    while (index > 0 && !isLater(this.#queue[index - 1], event)) index--;
    this.#queue.splice(index, 0, event);
  }

  /** When the next thing happens; undefined: never. */
  get next(): number | undefined {
    return this.#queue.at(-1)?.at;
  }

  /** Resolves `ms` later. When nothing happens until then, the clock is simply put forward: most waits are those of the only one at work. */
  sleep<T = void>(ms: number, value?: T): Promise<T> {
    const until = this.now + Math.max(0, ms);
    const next = this.next;
    if (next === undefined || next > until) {
      this.now = until;
      return Promise.resolve(value as T);
    }
    return new Promise((resolve) => this.at(until, () => resolve(value as T)));
  }

  /** The next event happens, and all that follows from it until everybody waits again. False: there is none. */
  async step(): Promise<boolean> {
    const event = this.#queue.pop();
    if (!event) return false;
    this.now = Math.max(this.now, event.at);
    event.run();
    await settled();
    return true;
  }
}

const isLater = (a: Event | undefined, b: Event): boolean =>
  a !== undefined && (a.at > b.at || (a.at === b.at && a.order > b.order));

/**
 * All promises that can go on have gone on: what is put off by `nextTick` from within a promise's callback runs when no other is left ("process.nextTick(callback)",
 * Node.js documentation). Nothing here waits for anything but promises, so no turn of the event loop is needed.
 */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

let clock = new VirtualClock(0);
let random: Random = randomOf(0);

/** From now on time and chance of this process are these. */
export function use(its: VirtualClock, chance: Random): void {
  clock = its;
  random = chance;
}

/** The engine's marshalling and what stands in for it. */
const MARSHALLING = new URL('../../functions/engine/attributes.ts', import.meta.url).href;
const IN_ITS_PLACE = new URL('./attributes.ts', import.meta.url).href;

/** Replaces time, chance and marshalling of this process for good; to be called before the engine is imported. */
export function install(): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const resolved = nextResolve(specifier, context);
      const isEngines = resolved.url === MARSHALLING && context.parentURL !== IN_ITS_PLACE;
      return isEngines ? { ...resolved, url: IN_ITS_PLACE } : resolved;
    },
  });
  // Errors are part of the protocol here, thousands of them; nobody reads where each was made.
  Error.stackTraceLimit = 0;
  timers.setTimeout = ((ms = 0, value?: unknown) => clock.sleep(ms, value)) as typeof timers.setTimeout;
  syncBuiltinESMExports();
  Math.random = () => random();
  Date.now = () => Math.floor(clock.now);
  performance.now = () => clock.now;
  // ULIDs are made of these.
  globalThis.crypto.getRandomValues = ((bytes: Uint8Array) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(random() * 256);
    return bytes;
  }) as typeof globalThis.crypto.getRandomValues;
}
