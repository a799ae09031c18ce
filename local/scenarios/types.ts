/** What a scenario is: a real trouble made in a running world, and what has to be seen there afterwards. */

/** Measured by a scenario, flat, units in the names. */
export type Figures = Readonly<Record<string, number | string | boolean>>;

/** What a scenario is handed besides the world. */
export interface Stage {
  /** Tells the spectator what is being done or was seen. */
  step(text: string): void;
  /** Aborted at the scenario's time limit and when the run is broken off. */
  readonly signal: AbortSignal;
  /**
   * Looks again and again until `look` gives something other than `undefined`.
   * @throws ScenarioFailure saying what was expected, for how long, and what was seen last (`seen`).
   */
  until<T>(
    expected: string,
    look: () => Promise<T | undefined> | T | undefined,
    options?: { readonly withinMs?: number; readonly everyMs?: number; readonly seen?: () => string },
  ): Promise<T>;
  /** Says that one of the things it `uses` isn't needed any more: scenarios that wait for it may begin. */
  doneWith(used: string): void;
  /** Registers how to restore what the scenario changes: always run, in reverse order, also after a failure. */
  restore(what: string, undo: () => Promise<void> | void): void;
}

/** @typeParam W the world it plays in. */
export interface Scenario<W> {
  /** Equal to the file's name. */
  readonly name: string;
  /** Groups it belongs to besides `all`. */
  readonly groups: readonly string[];
  readonly summary: string;
  /** Place in its groups: lower ones are played first. */
  readonly rank: number;
  /** Targets whose incidents it is told in, such as `ecs-service/orders/backend`. */
  readonly targets: readonly string[];
  /** Targets whose state it depends on or changes; scenarios that share one never run at once. Includes `targets`. */
  readonly uses: readonly string[];
  readonly timeLimitMs: number;
  /** What the demo's configuration must read from its environment when it is deployed, so that this scenario can be played. */
  readonly environment?: Readonly<Record<string, string>>;
  run(world: W, stage: Stage): Promise<Figures>;
}

/** A scenario's expectation that didn't come true; `message` is a plain sentence. */
export class ScenarioFailure extends Error {
  override readonly name = 'ScenarioFailure';
}

/** @throws ScenarioFailure with `otherwise` unless `condition` holds. */
export function expectThat(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new ScenarioFailure(otherwise);
}
