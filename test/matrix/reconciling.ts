/** The real reconciler, run again and again; between two runs, when none of its orders is under way, time can be made to pass. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from './deployment.ts';
import { type Place, REGION } from './place.ts';

const PAUSE_MS = 300;
const QUIET_WITHIN_MS = 20_000;
/** Runs of an asynchronous event that fails each time. */
const RUNS = 3;

interface Turn {
  readonly work: () => Promise<void>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class Reconciling {
  readonly #place: Place;
  readonly #deployment: Deployment;
  readonly #report: (line: string) => void;
  readonly #waiting: Turn[] = [];
  readonly #stopListening: (() => void)[] = [];
  #underWay = 0;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(place: Place, deployment: Deployment, report: (line: string) => void) {
    this.#place = place;
    this.#deployment = deployment;
    this.#report = report;
  }

  start(): void {
    const { gateway, lambda } = this.#place;
    const { orderTaker, reconciler } = this.#deployment;
    this.#stopListening.push(
      gateway.onCall(({ caller, service, operation, status }) => {
        if (caller === reconciler && service === 'lambda' && operation === 'Invoke' && status === 202)
          this.#underWay += 1;
      }),
      lambda.onInvocation(({ functionName, type, outcome, attempt }) => {
        if (type !== 'Event' || !orderTaker(functionName)) return;
        if (outcome === 'ok' || (outcome === 'function-error' && attempt >= RUNS)) this.#underWay -= 1;
      }),
    );
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    for (const stop of this.#stopListening) stop();
  }

  /** Does `work` at a quiet moment, and resolves when the reconciler has run after it and its orders have ended. */
  turn(work: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => this.#waiting.push({ work, done, failed }));
  }

  async #run(): Promise<void> {
    let worked: Turn[] = [];
    while (!this.#stopped) {
      const result = await this.#place.lambda.invoke(this.#deployment.reconciler, REGION, {});
      if (result.kind !== 'ok') this.#report(`the reconciler failed: ${JSON.stringify(result).slice(0, 500)}`);
      const isQuiet = await this.#quiet();
      for (const { done } of worked) done();
      worked = isQuiet ? await this.#doWork() : [];
      if (worked.length === 0) await sleep(PAUSE_MS);
    }
  }

  async #doWork(): Promise<Turn[]> {
    const turns = this.#waiting.splice(0);
    await Promise.all(turns.map(({ work, failed }) => work().catch(failed)));
    return turns;
  }

  async #quiet(): Promise<boolean> {
    for (const until = Date.now() + QUIET_WITHIN_MS; Date.now() < until; await sleep(20))
      if (this.#underWay <= 0) return true;
    this.#report(`${this.#underWay} orders of the reconciler are still under way after ${QUIET_WITHIN_MS / 1000} s`);
    return false;
  }
}
