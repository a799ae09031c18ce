/**
 * Plays scenarios, each with a time limit: one after the other where they share a target, side by side where they don't, as many at once as are
 * asked for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../functions/engine/errors.ts';
import { type Figures, type Scenario, ScenarioFailure, type Stage } from './types.ts';

export interface ScenarioResult {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly error?: string;
  readonly figures: Figures;
}

/** What a spectator is told while scenarios play. */
export interface Audience<W> {
  started(scenario: Scenario<W>): void;
  step(scenario: Scenario<W>, text: string): void;
  /** Awaited, so that what belongs to the scenario can be told before the next one begins. */
  ended(scenario: Scenario<W>, result: ScenarioResult): Promise<void> | void;
}

/** After the limit, this long for `run` to notice before its restoring begins. */
const SETTLE_MS = 1_000;

/**
 * Plays all of `scenarios` and returns their results in the same order. Those that share something they use wait for each other.
 * @param atOnce how many play at the same time at most.
 * @param signal breaks the run off: what plays fails, what follows is skipped; what they changed is restored all the same.
 */
export async function playAll<W>(
  world: W,
  scenarios: readonly Scenario<W>[],
  audience: Audience<W>,
  signal: AbortSignal,
  atOnce = Number.POSITIVE_INFINITY,
): Promise<ScenarioResult[]> {
  const places = placesOf(atOnce);
  const lastUser = new Map<string, Promise<unknown>>();
  const spoilt = new Map<string, string>();
  const playing = scenarios.map((scenario) => {
    const before = scenario.uses.flatMap((used) => lastUser.get(used) ?? []);
    const holds = new Map(scenario.uses.map((used) => [used, Promise.withResolvers<void>()]));
    for (const [used, { promise }] of holds) lastUser.set(used, promise);
    const doneWith = (used: string) => holds.get(used)?.resolve();
    return Promise.all(before).then(async () => {
      await places.take();
      const obstacle = scenario.uses.flatMap((used) => spoilt.get(used) ?? [])[0];
      const reason = obstacle ?? (signal.aborted ? 'the run was broken off' : undefined);
      const played = reason ? skipped(scenario, reason) : await play(world, scenario, audience, signal, doneWith);
      await audience.ended(scenario, played.result);
      if (played.spoilt) for (const used of scenario.uses) spoilt.set(used, played.spoilt);
      for (const used of scenario.uses) doneWith(used);
      places.giveBack();
      return played.result;
    });
  });
  return Promise.all(playing);
}

/** Who comes first is let in first. */
function placesOf(count: number): { take(): Promise<void>; giveBack(): void } {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    async take() {
      if (free > 0) free -= 1;
      else await new Promise<void>((letIn) => waiting.push(letIn));
    },
    giveBack() {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    },
  };
}

interface Played {
  readonly result: ScenarioResult;
  /** Why the target isn't in a clean state for the next scenario. */
  readonly spoilt?: string;
}

const skipped = ({ name }: { readonly name: string }, error: string): Played => ({
  result: { name, status: 'skipped', error, figures: {} },
});

async function play<W>(
  world: W,
  scenario: Scenario<W>,
  audience: Audience<W>,
  broken: AbortSignal,
  doneWith: (used: string) => void,
): Promise<Played> {
  audience.started(scenario);
  const { name } = scenario;
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new ScenarioFailure(`not done within ${scenario.timeLimitMs / 1000} s`)),
    scenario.timeLimitMs,
  );
  const signal = AbortSignal.any([limit.signal, broken]);
  const undo: { what: string; undo: () => Promise<void> | void }[] = [];
  let result: ScenarioResult;
  try {
    const step = (text: string) => audience.step(scenario, text);
    const stage = makeStage(signal, { step, doneWith }, undo);
    const figures = await untilAborted(signal, scenario.run(world, stage));
    result = { name, status: 'passed', figures };
  } catch (error) {
    result = { name, status: 'failed', error: reasonOf(error), figures: {} };
  } finally {
    clearTimeout(timer);
  }
  const faults = await restoreAll(undo);
  if (faults.length === 0) return { result };
  const error = `its changes couldn't be restored: ${faults.join('; ')}`;
  const told = result.error ? `${result.error}; ${error}` : error;
  return {
    result: { ...result, status: 'failed', error: told },
    spoilt: `"${name}" left the target in an unclean state`,
  };
}

/** @returns one sentence for each step that failed. */
async function restoreAll(undo: { what: string; undo: () => Promise<void> | void }[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { what, undo: restore } of undo.reverse()) {
    try {
      await restore();
    } catch (error) {
      faults.push(`${what}: ${reasonOf(error)}`);
    }
  }
  return faults;
}

/** `work`, or the signal's reason. A run that ignores its signal keeps going unseen for a moment, so it is waited for a little. */
async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const refuse = () => reject(signal.reason);
    if (signal.aborted) refuse();
    else signal.addEventListener('abort', refuse, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) await Promise.race([work.catch(() => undefined), sleep(SETTLE_MS, undefined, { ref: false })]);
    throw error;
  }
}

/** The stage of one scenario; see the contract in types.ts. */
export function makeStage(
  signal: AbortSignal,
  tell: Pick<Stage, 'step' | 'doneWith'>,
  undo: { what: string; undo: () => Promise<void> | void }[],
): Stage {
  return {
    ...tell,
    signal,
    restore: (what, how) => undo.push({ what, undo: how }),
    until: async (expected, look, options = {}) => {
      const { withinMs = 30_000, everyMs = 200, seen } = options;
      const end = performance.now() + withinMs;
      for (;;) {
        signal.throwIfAborted();
        const found = await lookOnce(look);
        if (found !== undefined) return found;
        if (performance.now() >= end)
          throw new ScenarioFailure(
            `expected ${expected} within ${withinMs / 1000} s${seen ? `, but saw ${seen()}` : ''}`,
          );
        await sleep(everyMs);
      }
    },
  };
}

/** A journal or an API that can't be read at this moment is looked at again, as everything is that isn't there yet. */
async function lookOnce<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof EngineError && error.retryable) return undefined;
    throw error;
  }
}

/** An expectation's sentence as it is; anything else with its kind, because it is a fault of the scenario or the world. */
function reasonOf(error: unknown): string {
  if (error instanceof ScenarioFailure) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
