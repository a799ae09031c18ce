/** Execution environments of all functions: kept warm, thrown away when the definition changes, never more than the machine bears. */
import { createHash, randomBytes } from 'node:crypto';
import type { FunctionDefinition } from './types.ts';
import type { Worker } from './worker.ts';

const IDLE_LIMIT_MS = 60_000;

export interface PoolOptions {
  /** Most processes at a time, over all functions; what exceeds it waits its turn. */
  readonly maxWorkers: number;
  start(definition: FunctionDefinition, accessKeyId: string): Promise<Worker>;
}

interface Slot {
  readonly key: string;
  readonly functionKey: string;
  readonly worker: Worker;
  timer?: NodeJS.Timeout;
}

/** What has to be equal for an environment to be used again. */
function versionKey(definition: FunctionDefinition): string {
  const { asynchronous: _, reservedConcurrency: __, ...runs } = definition;
  return createHash('sha256').update(JSON.stringify(runs)).digest('hex');
}

const functionKey = (name: string, region: string): string => `${region} ${name}`;

export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Slot[] = [];
  readonly #busy = new Set<Slot>();
  readonly #waiting: (() => void)[] = [];
  #seated = 0;
  #starting = 0;
  #isStopped = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Waits until one more invocation may run at all. What waits here isn't running yet, so it takes none of the function's concurrency.
   * @returns the function that gives the seat back.
   */
  async seat(): Promise<() => void> {
    if (this.#seated >= this.#options.maxWorkers) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#seated += 1;
    return () => {
      const next = this.#waiting.shift();
      // The seat goes straight to the next one, or somebody newer would take it.
      if (next) next();
      else this.#seated -= 1;
    };
  }

  /** A free environment of the function, the most recently used first, else a new one; the caller holds a seat. */
  async take(definition: FunctionDefinition): Promise<{ worker: Worker; release: () => void }> {
    if (this.#isStopped) throw new Error('the local Lambda has stopped');
    const key = versionKey(definition);
    const warm = this.#takeIdle(key);
    if (warm) return this.#lend(warm);
    this.#makeRoom();
    this.#starting += 1;
    try {
      const accessKeyId = `LOCAL${randomBytes(8).toString('hex').toUpperCase()}`;
      const worker = await this.#options.start(definition, accessKeyId);
      return this.#lend({ key, functionKey: functionKey(definition.name, definition.region), worker });
    } finally {
      this.#starting -= 1;
    }
  }

  /** Ends environments with SIGKILL. @returns how many. */
  kill(selects: (worker: Worker, functionKey: string) => boolean): number {
    const chosen = [...this.#busy, ...this.#idle].filter((slot) => selects(slot.worker, slot.functionKey));
    for (const slot of chosen) slot.worker.kill();
    return chosen.length;
  }

  killFunction(name: string, region: string): number {
    return this.kill((_, key) => key === functionKey(name, region));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const all = [...this.#busy, ...this.#idle];
    for (const slot of all) {
      clearTimeout(slot.timer);
      slot.worker.kill();
    }
    for (const resume of this.#waiting.splice(0)) resume();
    await Promise.all(all.map(({ worker }) => worker.gone()));
  }

  #takeIdle(key: string): Slot | undefined {
    for (let at = this.#idle.length - 1; at >= 0; at -= 1) {
      const slot = this.#idle[at];
      if (slot?.worker.isDead) this.#forget(slot);
      else if (slot?.key === key) {
        this.#forget(slot);
        return slot;
      }
    }
    return undefined;
  }

  /** Ends the longest idle one if there would be too many: those that run are never more than there are seats. */
  #makeRoom(): void {
    const [oldest] = this.#idle;
    if (!oldest || this.#idle.length + this.#busy.size + this.#starting < this.#options.maxWorkers) return;
    this.#forget(oldest);
    oldest.worker.kill();
  }

  #lend(slot: Slot): { worker: Worker; release: () => void } {
    this.#busy.add(slot);
    return { worker: slot.worker, release: () => this.#giveBack(slot) };
  }

  #giveBack(slot: Slot): void {
    this.#busy.delete(slot);
    if (!slot.worker.isDead && !this.#isStopped) {
      slot.timer = setTimeout(() => {
        this.#forget(slot);
        slot.worker.kill();
      }, IDLE_LIMIT_MS);
      slot.timer.unref();
      this.#idle.push(slot);
    }
  }

  #forget(slot: Slot): void {
    clearTimeout(slot.timer);
    const at = this.#idle.indexOf(slot);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}
