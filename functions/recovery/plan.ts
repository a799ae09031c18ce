/**
 * A recovery plan as data: which steps, after which others, within what time, and how each is backed out. Data only, so that it can be shown
 * before the start, drawn for the docs, checked, and compiled to a state machine (infra/constructs/plan-definition.ts).
 */

/** What becomes of a step when a later one fails. */
export type Undo =
  | {
      readonly kind: 'compensate';
      readonly does: string;
      readonly budgetSeconds: number;
      /** Names of later steps whose own way back waits for this one: what users feel is put right before copies are removed, which takes long and may fail. */
      readonly aheadOf?: readonly string[];
    }
  /** It changed nothing, or what it left does no harm: `why` says which. */
  | { readonly kind: 'nothing'; readonly why: string }
  /** From its beginning the plan only ends forward or with a page. Shown before the start. */
  | { readonly kind: 'point-of-no-return'; readonly why: string };

export interface PlanStep {
  /** Such as `promote-replica`. */
  readonly name: string;
  /** For people, in the present tense: "promotes the replica of orders". */
  readonly does: string;
  /** Names of the steps that have to be done before. None: it may be first. */
  readonly after: readonly string[];
  /** Not done by then: the step has failed. */
  readonly budgetSeconds: number;
  readonly undo: Undo;
}

export interface Plan {
  /** Equal to the folder's name. */
  readonly name: string;
  readonly summary: string;
  readonly targets: { readonly recoveryTimeSeconds: number; readonly dataLossSeconds: number };
  readonly steps: readonly PlanStep[];
}

/** Identity, so that a plan is typed where it is written. */
export const definePlan = <const P extends Plan>(plan: P): P => plan;

/** More would not fit an execution's history at a hundred turns a step ("Step Functions service quotas": 25,000 events). */
export const MOST_STEPS = 20;

/**
 * Targets of one run: opening it takes a lock and a lease of each, beside the run itself, the switch and two entries, in one transaction of at most 100 items
 * ("TransactWriteItems", Amazon DynamoDB API Reference).
 */
export const MOST_TARGETS = 48;

/**
 * The steps in the order in which they are taken; those of one stage run side by side. A step is in the first stage after all that it needs.
 * @throws Error when the plan has faults; see `faultsOfPlan`.
 */
export function stagesOf(plan: Plan): PlanStep[][] {
  const faults = faultsOfPlan(plan);
  if (faults.length > 0) throw new Error(`plan ${plan.name}: ${faults.join('; ')}`);
  return layers(plan.steps).stages;
}

function layers(steps: readonly PlanStep[]): { stages: PlanStep[][]; left: readonly PlanStep[] } {
  const stages: PlanStep[][] = [];
  const placed = new Set<string>();
  let left = steps;
  for (;;) {
    const ready = left.filter(({ after }) => after.every((name) => placed.has(name)));
    if (ready.length === 0) return { stages, left };
    stages.push(ready);
    for (const { name } of ready) placed.add(name);
    left = left.filter((step) => !ready.includes(step));
  }
}

const STEP_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Everything that is wrong with a plan, a sentence each. */
export function faultsOfPlan({ steps }: Plan): string[] {
  const names = steps.map(({ name }) => name);
  const faults: string[] = [];
  if (steps.length === 0) faults.push('has no step');
  if (steps.length > MOST_STEPS) faults.push(`has ${steps.length} steps, at most ${MOST_STEPS} are possible`);
  for (const { name, after, budgetSeconds, undo } of steps) {
    if (!STEP_NAME.test(name)) faults.push(`step "${name}": a name is of small letters, digits and single dashes`);
    if (names.filter((each) => each === name).length > 1) faults.push(`step ${name} is there more than once`);
    for (const needed of after)
      if (!names.includes(needed)) faults.push(`step ${name} comes after ${needed}, which isn't there`);
    if (!(budgetSeconds > 0)) faults.push(`step ${name}: its time budget is more than 0 seconds`);
    if (undo.kind === 'compensate' && !(undo.budgetSeconds > 0))
      faults.push(`step ${name}: the time budget of its compensation is more than 0 seconds`);
    for (const other of undo.kind === 'compensate' ? (undo.aheadOf ?? []) : [])
      if (!names.includes(other)) faults.push(`step ${name} is taken back ahead of ${other}, which isn't there`);
  }
  if (faults.length > 0) return [...new Set(faults)];
  const { stages, left } = layers(steps);
  if (left.length > 0) faults.push(`${left.map(({ name }) => name).join(', ')}: wait for each other in a circle`);
  for (const stage of stages)
    for (const { name, undo } of stage)
      if (undo.kind === 'point-of-no-return' && stage.length > 1) {
        const beside = stage.filter((other) => other.name !== name).map((other) => other.name);
        // Whether the plan may still be backed out would depend on which of them was faster.
        faults.push(
          `step ${name} is a point of no return, so nothing may run beside it, but ${beside.join(', ')} does`,
        );
      }
  return faults;
}

/** How far a step of a run is. */
export type StepStatus = 'waiting' | 'begun' | 'done' | 'undone' | 'undo-failed';

export type BackOut =
  /** Compensate this one next. */
  | { readonly kind: 'compensate'; readonly step: PlanStep }
  | { readonly kind: 'backed-out' }
  /** Nothing is taken back any more. `why` is told to the person. */
  | { readonly kind: 'needs-person'; readonly why: string };

/**
 * What to take back next after a failure: pure. In the reverse order of the plan; a step that was only begun is taken back like one that is
 * done, because nobody knows how far it came. Steps of one stage go in the reverse order in which the plan names them, one at a time; one that says
 * `aheadOf` goes before those.
 */
export function nextBackOut(plan: Plan, statusOf: (step: string) => StepStatus): BackOut {
  const begun = wayBack(plan).filter(({ name }) => statusOf(name) !== 'waiting');
  const final = begun.find(({ undo }) => undo.kind === 'point-of-no-return');
  if (final?.undo.kind === 'point-of-no-return')
    return { kind: 'needs-person', why: `${final.name} was begun, and can't be taken back: ${final.undo.why}` };
  const stuck = begun.find(({ name }) => statusOf(name) === 'undo-failed');
  const left = begun.filter(({ name, undo }) => undo.kind === 'compensate' && statusOf(name) !== 'undone');
  if (stuck) {
    const others = left.filter(({ name }) => name !== stuck.name).map(({ name }) => name);
    const neither = others.length > 0 ? `, so neither was ${others.join(', ')}` : '';
    return { kind: 'needs-person', why: `${stuck.name} could not be taken back${neither}` };
  }
  const [step] = left;
  return step ? { kind: 'compensate', step } : { kind: 'backed-out' };
}

/** The steps in the order in which they are taken back. @throws Error when the plan has faults. */
export function wayBack(plan: Plan): PlanStep[] {
  const order = stagesOf(plan).flat().toReversed();
  for (const step of plan.steps) {
    const { aheadOf = [] } = step.undo.kind === 'compensate' ? step.undo : {};
    const [from, to] = [order.indexOf(step), order.findIndex(({ name }) => aheadOf.includes(name))];
    if (to !== -1 && to < from) order.splice(to, 0, ...order.splice(from, 1));
  }
  return order;
}

/** The longest way through the plan, in seconds, if every step takes all of its budget. */
export function longestSeconds(plan: Plan): number {
  const endOf = new Map<string, number>();
  for (const { name, after, budgetSeconds } of stagesOf(plan).flat())
    endOf.set(name, Math.max(0, ...after.map((needed) => endOf.get(needed) ?? 0)) + budgetSeconds);
  return Math.max(...endOf.values());
}
