/** What goes wrong in one simulated run, drawn from a seed: a list of steps, so that a failing run can be cut down to the steps that matter. */
import type { Mode } from '../../functions/engine/config.ts';
import type { SwitchState } from '../../functions/engine/items.ts';
import { between, oneOf, type Random, randomOf } from './random.ts';

/** What becomes of one call of the journal or of a target. `…-before`: without its effect. */
export const FAULTS = [
  'throttled',
  'refused',
  'conflict',
  'lost-before',
  'lost-after',
  'dies-before',
  'dies-after',
  'slow',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What becomes of one event on its way from CloudWatch to the function. */
export const MISDELIVERIES = ['lost', 'twice', 'twice-later', 'late', 'very-late'] as const;
export type Misdelivery = (typeof MISDELIVERIES)[number];

/** `at`: milliseconds from the beginning. Targets and alarms by number. */
export type Step =
  | { readonly kind: 'load'; readonly at: number; readonly target: number; readonly more: number }
  | { readonly kind: 'ease'; readonly at: number; readonly target: number }
  | { readonly kind: 'stuck'; readonly at: number; readonly target: number }
  /** Changes of the target make its error rate worse from now on. */
  | { readonly kind: 'harmful'; readonly at: number; readonly target: number }
  /** The alarm says something else than the truth for a while. */
  | {
      readonly kind: 'lie';
      readonly at: number;
      readonly target: number;
      readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA';
      readonly forMs: number;
    }
  | { readonly kind: 'switch'; readonly at: number; readonly state: SwitchState }
  | { readonly kind: 'mode'; readonly at: number; readonly mode: Mode }
  | { readonly kind: 'by-hand'; readonly at: number; readonly target: number; readonly value: number }
  | { readonly kind: 'take-over'; readonly at: number; readonly target: number; readonly forMs: number }
  | { readonly kind: 'release'; readonly at: number; readonly target: number }
  /** A person ends the target's incident. */
  | { readonly kind: 'end'; readonly at: number; readonly target: number }
  /** A person answers the question that waits for the target. */
  | { readonly kind: 'answer'; readonly at: number; readonly target: number; readonly decision: 'approve' | 'deny' }
  /** Of the run's calls, in the order in which they are made. */
  | { readonly kind: 'fault'; readonly call: number; readonly fault: Fault }
  | { readonly kind: 'misdelivery'; readonly event: number; readonly how: Misdelivery };

export interface Scenario {
  readonly seed: number;
  readonly targets: number;
  /** The first target depends on the second. */
  readonly dependent: boolean;
  readonly mode: Mode;
  readonly limits: {
    readonly perTarget: number;
    readonly perRunbook: number;
    readonly fleet: number;
    readonly removals: number;
  };
  readonly stormTargets: number;
  readonly indexLagMs: number;
  readonly steps: readonly Step[];
}

const MINUTE = 60_000;

/** The scenario of that seed. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed);
  const chance = (share: number) => random() < share;
  const targets = chance(0.75) ? 1 : chance(0.8) ? 2 : between(random, 3, 6);
  const tight = chance(0.1);
  const mode = chance(0.9) ? 'auto' : oneOf<Mode>(random, ['approve', 'approve', 'observe']);
  const steps = stepsOf(random, targets);
  if (mode === 'approve') answers(random, steps);
  return {
    seed,
    targets,
    dependent: targets > 1 && chance(0.3),
    mode,
    limits: {
      perTarget: tight ? 1 : 3,
      perRunbook: tight ? between(random, 1, 2) : 20,
      fleet: tight ? between(random, 1, 3) : 50,
      removals: tight ? 1 : 50,
    },
    stormTargets: chance(0.05) ? 2 : 100,
    indexLagMs: chance(0.3) ? between(random, 10, 2_000) : 0,
    steps,
  };
}

/** Most of what is asked is answered, within minutes of the first trouble and again later. */
function answers(random: Random, steps: Step[]): void {
  const trouble = steps.find((step) => step.kind === 'load' || step.kind === 'stuck');
  if (!trouble) return;
  for (const minutes of [between(random, 2, 5), between(random, 10, 30)]) {
    const decision = random() < 0.8 ? 'approve' : 'deny';
    steps.push({ kind: 'answer', at: trouble.at + minutes * MINUTE, target: trouble.target, decision });
  }
}

function stepsOf(random: Random, targets: number): Step[] {
  const steps: Step[] = [];
  for (let target = 0; target < targets; target++) troubles(random, target, steps);
  const disturbances = random() < 0.35 ? 0 : between(random, 1, 3);
  for (let count = 0; count < disturbances; count++) steps.push(disturbance(random, targets));
  if (random() < 0.15) badMoment(random, steps);
  released(random, steps);
  return steps;
}

/** Who paused or froze releases it again, most of the time and within the half hour: what was held until then goes on. */
function released(random: Random, steps: Step[]): void {
  for (const step of [...steps])
    if (step.kind === 'switch' && step.state !== 'run' && random() < 0.8)
      steps.push({ kind: 'switch', at: step.at + between(random, 2, 30) * MINUTE, state: 'run' });
}

/** A function takes about so long, from a minute after the trouble began. */
const AT_WORK_MS = { from: 60_050, to: 60_350 };
const CALLS_AT_WORK = 9;

/** Somebody does something while a function is at work on the first trouble, which in half of the cases dies of something at about the same time. */
function badMoment(random: Random, steps: Step[]): void {
  const trouble = steps.find((step) => step.kind === 'load' || step.kind === 'stuck');
  if (!trouble) return;
  const { target } = trouble;
  const at = trouble.at + between(random, AT_WORK_MS.from, AT_WORK_MS.to);
  const said = oneOf<Step>(random, [
    { kind: 'switch', at, state: 'freeze' },
    { kind: 'switch', at, state: 'pause' },
    { kind: 'by-hand', at, target, value: between(random, 2, 10) },
    { kind: 'take-over', at, target, forMs: 20 * MINUTE },
    { kind: 'end', at: at + 500, target },
    { kind: 'ease', at, target },
  ]);
  steps.push(said);
  const fault = oneOf<Fault>(random, ['dies-before', 'dies-after', 'lost-after', 'slow']);
  if (random() < 0.5) steps.push({ kind: 'fault', call: between(random, 0, CALLS_AT_WORK), fault });
}

/** One trouble of a target, seldom a second, and its end. */
function troubles(random: Random, target: number, steps: Step[]): void {
  const at = between(random, 0, 5 * MINUTE);
  if (random() < 0.12) {
    steps.push({ kind: 'stuck', at, target });
    if (random() < 0.6) return;
  }
  const more = random() < 0.8 ? 1 : between(random, 2, 9);
  // Longer than it takes to act, and in some runs than the deadline of the verification and every cooldown.
  const minutes = random() < 0.8 ? between(random, 3, 12) : between(random, 12, 40);
  steps.push({ kind: 'load', at, target, more }, { kind: 'ease', at: at + minutes * MINUTE, target });
}

const ROUGHLY_ALL_CALLS = 60;

function disturbance(random: Random, targets: number): Step {
  const target = between(random, 0, targets - 1);
  const at = between(random, 0, 45 * MINUTE);
  const roll = random();
  if (roll < 0.5) return { kind: 'fault', call: between(random, 0, ROUGHLY_ALL_CALLS), fault: oneOf(random, FAULTS) };
  if (roll < 0.65) return { kind: 'misdelivery', event: between(random, 0, 3), how: oneOf(random, MISDELIVERIES) };
  if (roll < 0.73) return { kind: 'switch', at, state: oneOf<SwitchState>(random, ['pause', 'freeze', 'run', 'run']) };
  if (roll < 0.79) return { kind: 'by-hand', at, target, value: between(random, 2, 10) };
  if (roll < 0.83) return { kind: 'take-over', at, target, forMs: between(random, 5, 60) * MINUTE };
  if (roll < 0.85) return { kind: 'release', at, target };
  if (roll < 0.88) return { kind: 'end', at, target };
  if (roll < 0.91) return { kind: 'harmful', at: 0, target };
  if (roll < 0.94) return { kind: 'mode', at, mode: oneOf<Mode>(random, ['auto', 'approve', 'observe']) };
  if (roll < 0.96)
    return { kind: 'answer', at, target, decision: oneOf<'approve' | 'deny'>(random, ['approve', 'approve', 'deny']) };
  const state = oneOf<'ALARM' | 'OK' | 'INSUFFICIENT_DATA'>(random, ['ALARM', 'OK', 'INSUFFICIENT_DATA']);
  return { kind: 'lie', at, target, state, forMs: between(random, 2, 40) * MINUTE };
}

/** One step as a person reads it. */
export const describeStep = (step: Step): string => {
  const { kind, ...rest } = step;
  const at = 'at' in rest ? `${(rest.at / 1000).toFixed(1)} s: ` : '';
  const what = Object.entries(rest)
    .filter(([name]) => name !== 'at')
    .map(([name, value]) => `${name} ${value}`);
  return `${at}${kind} ${what.join(', ')}`;
};
