/** Many simulated runs, one after the other; what fails is cut down to the steps that matter. */
import { goBySdk } from './attributes.ts';
import { violationsOf } from './invariants.ts';
import { describeStep, type Scenario, type Step, scenarioOf } from './scenario.ts';
import { World } from './world.ts';

export interface Failure {
  /** `--replay` of this repeats it. */
  readonly seed: number;
  readonly violations: readonly string[];
  /** The fewest steps that still fail. */
  readonly steps: readonly string[];
  readonly trace: readonly string[];
}

export interface Simulated {
  readonly runs: number;
  readonly incidents: number;
  readonly entries: number;
  readonly failures: readonly Failure[];
  readonly mix: Readonly<Record<string, number>>;
}

export interface Options {
  /** Incidents to be opened at least. */
  readonly incidents: number;
  readonly seed: number;
  /** Number of the first run of that seed; 0 when it isn't given. */
  readonly firstRun?: number;
  /** Failures after which it stops. */
  readonly mostFailures?: number;
  readonly mostRuns?: number;
}

/** Of all runs of this process: their times must grow. */
let runs = 0;
/** One run in so many is marshalled by the SDK alone. */
const SDK_EVERY = 50;

async function runOf(scenario: Scenario, log = false): Promise<World> {
  const world = new World(scenario, runs++, { log });
  goBySdk(log || scenario.seed % SDK_EVERY === 0);
  await world.run();
  return world;
}

/** The seed of a run: those of neighbouring seeds of a simulation have none in common. */
export const seedOf = (seed: number, run: number): number => (Math.imul(seed, 0x9e3779b1) + run) >>> 0;

export async function simulate({
  incidents,
  seed,
  firstRun = 0,
  mostFailures = 1,
  mostRuns = Number.POSITIVE_INFINITY,
}: Options): Promise<Simulated> {
  const mix: Record<string, number> = {};
  const failures: Failure[] = [];
  const count = (kind: string) => {
    mix[kind] = (mix[kind] ?? 0) + 1;
  };
  let [done, opened, entries] = [0, 0, 0];
  while (opened < incidents && failures.length < mostFailures && done < mostRuns) {
    const world = await runOf(scenarioOf(seedOf(seed, firstRun + done++)));
    opened += world.incidents;
    entries += world.entries;
    for (const { outcome } of world.deliveries) count(outcome ?? 'none');
    for (const kind of world.met) count(`met ${kind}`);
    if (violationsOf(world).length > 0) failures.push(await minimal(world.scenario));
  }
  return { runs: done, incidents: opened, entries, failures, mix };
}

/** Repeats the run of one seed, with its trace, whether it fails or not. */
export async function replay(seed: number): Promise<Simulated> {
  const failure = await traced(scenarioOf(seed));
  return { runs: 1, incidents: 0, entries: 0, failures: [failure], mix: {} };
}

async function traced(scenario: Scenario): Promise<Failure> {
  const world = await runOf(scenario, true);
  const { seed, steps } = scenario;
  return { seed, violations: violationsOf(world), steps: steps.map(describeStep), trace: world.log ?? [] };
}

/** Leaves out one step after the other as long as something still fails. */
async function minimal(scenario: Scenario): Promise<Failure> {
  let present = scenario;
  for (let index = 0; index < present.steps.length; ) {
    const steps: Step[] = present.steps.filter((_, at) => at !== index);
    const less = { ...present, steps };
    if (violationsOf(await runOf(less)).length > 0) present = less;
    else index++;
  }
  return traced(present);
}
