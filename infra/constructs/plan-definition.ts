/**
 * A recovery plan as a state machine (Amazon States Language, JSONata): every step is a state of its own, so that the console shows how far a
 * run is, and steps that may run side by side do. All judgement, time budgets included, is the plan's function's; the machine keeps the order,
 * waits, and sends every failure to one place, where the function takes back what was done, step by step.
 */
import { type Plan, type PlanStep, stagesOf } from '../../functions/recovery/plan.ts';

/** Of all steps together: about 10 events a turn, of the 25,000 that an execution may have ("Step Functions service quotas"). */
export const MOST_TURNS = 2_000;
/** A run that waits for a person, or that is frozen, may take its time; a machine that nobody minds any more may not. */
export const MACHINE_TIMEOUT_SECONDS = 7 * 24 * 3600;

/** Thrown by `open` when nothing was begun: bad input, another run of the plan, a target that is taken. Not repeated. */
export const REFUSED = 'PlanRefusedError';

interface Tries {
  readonly most: number;
  readonly longestDelaySeconds: number;
}
/** With full jitter a delay is half of its longest on average: a quarter of an hour of a throttled or unreachable function. */
const TRIES: Tries = { most: 35, longestDelaySeconds: 60 };
/** What is left half done keeps its targets, so ending is tried for an hour. */
const TRIES_TO_END: Tries = { most: 50, longestDelaySeconds: 180 };

const retry = ({ most, longestDelaySeconds }: Tries) => [
  // Not mended by repeating: the function says so by the error's name.
  { ErrorEquals: [REFUSED, 'PlanStepError'], MaxAttempts: 0 },
  {
    ...{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1, BackoffRate: 2, MaxDelaySeconds: longestDelaySeconds },
    ...{ MaxAttempts: most, JitterStrategy: 'FULL' },
  },
];
const EXECUTION = '$states.context.Execution';
const WHO = { run: `{% ${EXECUTION}.Name %}` };
/** A rehearsal that was taken back is no failed execution, which would call a person by the machine's alarm: whoever wanted it is told by the journal. */
const REHEARSES = `${EXECUTION}.Input.rehearse = true`;
/** Only the error's name: a cause may hold what a function was given. */
const WHY = { why: '{% $states.errorOutput.Error %}' };

export interface PlanParts {
  /** Such as `aws`. */
  readonly partition: string;
  readonly functionArn: string;
  /** The longest that the function may take for one answer. */
  readonly answerSeconds: number;
}

/** @throws Error when the plan has faults. */
export function planDefinition(plan: Plan, { partition, functionArn, answerSeconds }: PlanParts): object {
  const stages = stagesOf(plan);
  const turnsOfStep = Math.floor(MOST_TURNS / plan.steps.length);
  const ask = (payload: object, tries = TRIES) => ({
    Type: 'Task',
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: functionArn, Payload: { ...WHO, ...payload } },
    Output: '{% $states.result.Payload %}',
    TimeoutSeconds: answerSeconds,
    Retry: retry(tries),
  });
  const toBackOut = [{ ErrorEquals: ['States.ALL'], Assign: WHY, Next: 'Begin to back out' }];

  /**
   * A step's states; it leaves by `next`, or ends its branch. Without `catcher` its errors are its branch's.
   * @param turns the variable that counts them: a branch can't assign one of the machine's ("Passing data between states with variables").
   */
  const stepStates = (
    { name, does }: PlanStep,
    turns: string,
    next: object,
    catcher: object,
  ): Record<string, object> => ({
    [name]: { Type: 'Pass', Comment: does, Assign: { [turns]: 0 }, Next: `${name}: go on` },
    [`${name}: go on`]: {
      ...ask({ do: 'step', step: name }),
      ...catcher,
      Assign: { [turns]: `{% $${turns} + 1 %}` },
      Next: `${name}: what next`,
    },
    [`${name}: what next`]: {
      Type: 'Choice',
      Choices: [
        { Condition: "{% $states.input.kind = 'done' %}", Next: `${name}: done` },
        { Condition: `{% $states.input.kind = 'wait' and $${turns} < ${turnsOfStep} %}`, Next: `${name}: wait` },
      ],
      Default: `${name}: too long`,
    },
    [`${name}: wait`]: { Type: 'Wait', Seconds: '{% $states.input.seconds %}', Next: `${name}: go on` },
    [`${name}: done`]: { Type: 'Pass', Output: {}, ...next },
  });
  const tooLong = ({ name }: PlanStep, isBranch: boolean): Record<string, object> => ({
    [`${name}: too long`]: isBranch
      ? { Type: 'Fail', Error: 'TooManyTurns', Cause: `${name} was not done after ${turnsOfStep} turns` }
      : { Type: 'Pass', Assign: { why: 'TooManyTurns' }, Next: 'Begin to back out' },
  });

  const nameOf = (index: number): string => {
    const stage = stages[index];
    if (!stage) return 'Close';
    return stage.length === 1 && stage[0] ? stage[0].name : `Stage ${index + 1}`;
  };
  const states = stages.map((stage, index): Record<string, object> => {
    const [only] = stage;
    const next = { Next: nameOf(index + 1) };
    if (stage.length === 1 && only)
      return { ...stepStates(only, 'turns', next, { Catch: toBackOut }), ...tooLong(only, false) };
    return {
      [nameOf(index)]: {
        Type: 'Parallel',
        Comment: stage.map(({ does }) => does).join('; '),
        Branches: stage.map((step) => ({
          StartAt: step.name,
          States: { ...stepStates(step, 'branchTurns', { End: true }, {}), ...tooLong(step, true) },
        })),
        Output: {},
        Catch: toBackOut,
        ...next,
      },
    };
  });

  return {
    Comment: plan.summary,
    QueryLanguage: 'JSONata',
    TimeoutSeconds: MACHINE_TIMEOUT_SECONDS,
    StartAt: 'Open',
    States: {
      Open: {
        ...ask({ do: 'open', input: `{% ${EXECUTION}.Input %}` }),
        Catch: [{ ErrorEquals: [REFUSED], Next: 'Not begun' }, ...toBackOut],
        Next: nameOf(0),
      },
      ...Object.assign({}, ...states),
      Close: {
        ...ask({ do: 'close' }, TRIES_TO_END),
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Not closed' }],
        Next: 'Recovered',
      },
      Recovered: { Type: 'Succeed' },
      // No failed execution, which would call a person by the machine's alarm: nothing was changed, and whoever wanted it is told by the journal.
      'Not begun': {
        Type: 'Succeed',
        Comment: 'It was refused: the plan’s function says why.',
        Output: { verdict: 'refused' },
      },
      'Not closed': {
        Type: 'Fail',
        Error: 'NotClosed',
        Cause: 'All steps are done, but that could not be written down.',
      },
      'Begin to back out': { Type: 'Pass', Assign: { turns: 0 }, Next: 'Back out' },
      'Back out': {
        ...ask({ do: 'back-out', why: '{% $why %}' }, TRIES_TO_END),
        Assign: { turns: '{% $turns + 1 %}' },
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Not backed out' }],
        Next: 'Back out: what next',
      },
      'Back out: what next': {
        Type: 'Choice',
        Choices: [
          { Condition: `{% $states.input.kind = 'backed-out' and ${REHEARSES} %}`, Next: 'Rehearsal taken back' },
          { Condition: "{% $states.input.kind = 'backed-out' and $states.input.isStopped = true %}", Next: 'Stopped' },
          { Condition: "{% $states.input.kind = 'backed-out' %}", Next: 'Backed out' },
          { Condition: "{% $states.input.kind = 'needs-person' %}", Next: 'Needs a person' },
          { Condition: `{% $states.input.kind = 'wait' and $turns < ${MOST_TURNS} %}`, Next: 'Back out: wait' },
        ],
        Default: 'Not backed out',
      },
      'Back out: wait': { Type: 'Wait', Seconds: '{% $states.input.seconds %}', Next: 'Back out' },
      'Rehearsal taken back': {
        Type: 'Succeed',
        Comment: 'A step failed, it was stopped, or it made way for a real run: the plan’s function says which.',
      },
      Stopped: {
        Type: 'Succeed',
        Comment: 'A person stopped it; what was done before that was taken back.',
        Output: { verdict: 'backed-out' },
      },
      'Backed out': {
        Type: 'Fail',
        Error: 'BackedOut',
        Cause: 'A step failed; what was done before it was taken back.',
      },
      'Needs a person': {
        Type: 'Fail',
        Error: 'NeedsPerson',
        Cause: 'It could not be taken back: a person is called.',
      },
      'Not backed out': {
        Type: 'Fail',
        Error: 'NotBackedOut',
        Cause: 'The plan’s function could not be asked to take back what was done: look at its log.',
      },
    },
  };
}
