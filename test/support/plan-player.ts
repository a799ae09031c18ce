/** A plan whose steps set numbers, played as its state machine would, on a clock of its own, with the real journal. */
import type { Change } from '../../functions/engine/remediation.ts';
import type { Around, PlanCode } from '../../functions/recovery/around.ts';
import { takeOrder } from '../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../functions/recovery/items.ts';
import { definePlanManifest, type PlanManifest } from '../../functions/recovery/manifest.ts';
import type { PlanAnswer, PlanOrder } from '../../functions/recovery/order.ts';
import type { Move, StepCode } from '../../functions/recovery/step.ts';
import type { EngineWorld } from './engine-world.ts';
import { ask, playPlan } from './plan-play.ts';

const step = (name: string, ...after: string[]): PlanManifest['steps'][number] => ({
  name,
  does: `sets ${name}`,
  after,
  budgetSeconds: 100,
  undo: { kind: 'compensate', does: `sets ${name} back`, budgetSeconds: 60 },
});

export const STEPS = ['first', 'left', 'right', 'last'] as const;
export type StepName = (typeof STEPS)[number];

const manifestOf = (name: string): PlanManifest =>
  definePlanManifest({
    name,
    summary: 'Sets four numbers, two of them side by side.',
    input: { to: 'a number' },
    targets: { recoveryTimeSeconds: 300, dataLossSeconds: 0 },
    targetKinds: ['ecs-service'],
    severity: 'P2',
    steps: [step('first'), step('left', 'first'), step('right', 'first'), step('last', 'left', 'right')],
    permissions: [],
    timeoutSeconds: 30,
    memoryMegabytes: 128,
  });

type Input = { readonly to: number };
type Numbers = Record<string, number>;
const wantedBy = (change: Change): number => (change.after as { value: number }).value;

export class Player {
  readonly numbers: Numbers;
  /** How often each was written. */
  readonly writes: Numbers = {};
  /** Called before and after each write; may throw, as a function that dies does. */
  hooks: {
    before?: (step: string, way: string) => void;
    after?: (step: string, way: string) => void;
    /** While a function makes its change; it is dead when that takes longer than it may. */
    acting?: (step: string, way: string) => Promise<void>;
    /** Between what a turn read of the journal and what it sees of the world. */
    looking?: (step: string) => Promise<void>;
  } = {};
  /** Steps whose change was taken back, in that order. */
  readonly undone: string[] = [];
  /** A step that never is seen to be done. */
  stuck: string | undefined;
  /** When it is looked at again. */
  stuckSeconds = 30;
  clock = Date.now();
  readonly orders: PlanOrder[] = [];
  readonly code: PlanCode<Input>;
  /** Also of later runs: what they are about. */
  target: string;
  readonly #world: Pick<EngineWorld, 'store' | 'config'>;
  readonly #timeoutMs: number;
  #requests = 0;

  /**
   * @param other steps that do something else.
   * @param manifest of another plan: its graph, budgets and ways back, with a number for each step.
   */
  constructor(
    world: Pick<EngineWorld, 'store' | 'config'>,
    name: string,
    other: Readonly<Record<string, StepCode<Input, number>>> = {},
    manifest: PlanManifest = manifestOf(name),
  ) {
    this.#world = world;
    const steps = manifest.steps.map((each) => each.name);
    this.numbers = Object.fromEntries(steps.map((each) => [each, 0]));
    this.#timeoutMs = manifest.timeoutSeconds * 1000;
    this.target = `ecs-service/orders/${name}`;
    this.code = {
      manifest,
      readInput: (given) => {
        const { to, ...rest } = given as { to?: unknown };
        return typeof to === 'number' && Object.keys(rest).length === 0
          ? { ok: true, input: { to } }
          : { ok: false, faults: 'to: expected a number' };
      },
      targetsOf: () => ({ kind: 'targets', targets: [this.target] }),
      steps: { ...Object.fromEntries(manifest.steps.map((each) => [each.name, this.#step(each)])), ...other },
    };
  }

  #step({ name, undo }: PlanManifest['steps'][number]): StepCode<Input, number> {
    const forward = this.#move(name, 'forward', (to) => to);
    return {
      ...forward,
      observe: async () => {
        const seen = this.numbers[name] ?? 0;
        await this.hooks.looking?.(name);
        return seen;
      },
      ...(undo.kind === 'compensate' && { compensation: this.#move(name, 'undo', () => 0) }),
    };
  }

  #move(name: string, way: string, wanted: (to: number) => number): Move<Input, number> {
    return {
      decide: (seen, { input }) =>
        seen === wanted(input.to)
          ? { kind: 'done', detail: `${name} is ${seen}` }
          : {
              kind: 'act',
              change: {
                summary: `set ${name} to ${wanted(input.to)}`,
                before: { value: seen },
                after: { value: wanted(input.to) },
                undo: `set ${name} to ${seen}`,
              },
            },
      act: async ({ now }, change) => {
        const since = now();
        await this.hooks.acting?.(name, way);
        if (now() - since > this.#timeoutMs) throw new Error('the function was stopped');
        this.hooks.before?.(name, way);
        this.numbers[name] = wantedBy(change);
        this.writes[name] = (this.writes[name] ?? 0) + 1;
        if (way === 'undo') this.undone.push(name);
        this.hooks.after?.(name, way);
        return { summary: change.summary, data: {} };
      },
      alreadyApplied: (change, seen) =>
        seen === wantedBy(change) ? 'yes' : seen === (change.before as { value: number }).value ? 'no' : 'unclear',
      verify: (_change, seen) =>
        this.stuck === name && way === 'forward'
          ? { kind: 'not-yet', detail: 'it never is', seconds: this.stuckSeconds }
          : { kind: 'good', detail: `${name} is ${seen}` },
    };
  }

  around(): Around<Input> {
    const { store, config } = this.#world;
    return {
      ...{ code: this.code, store, config, now: () => this.clock, random: Math.random, remaining: () => 30_000 },
      requestId: `request-${this.#requests++}`,
    };
  }

  take(order: PlanOrder): Promise<PlanAnswer> {
    this.orders.push(order);
    return takeOrder(this.around(), order);
  }

  readonly #playing = {
    take: (order: PlanOrder) => this.take(order),
    wait: (seconds: number) => {
      this.clock += seconds * 1000;
    },
    backsOutAtOnce: false,
  };

  ask = (order: PlanOrder): Promise<PlanAnswer> => ask(this.#playing, order);

  /** From now on a failure is answered while turns of other steps are still under way. */
  backOutAtOnce(): void {
    this.#playing.backsOutAtOnce = true;
  }

  /** The whole run; how it ended. @param between is called before each step. */
  play(run: string, input: object = { to: 7 }, between: (step: string) => void | Promise<void> = () => {}) {
    return playPlan(this.#playing, this.code.manifest, run, input, between);
  }

  run = (run: string): Promise<RunItem | undefined> => readRun(this.#world.store, this.code.manifest.name, run);
}
