/**
 * The state machine that takes a scheduled job from its start to its end: it asks the job's function for the next turn, waits as long as the
 * function says, and asks again. All judgement is the function's; the machine counts, keeps time and says when the function can't be asked.
 */

/** Turns of one run; then it is broken. About 10 events a turn, of the 25,000 an execution may have ("Step Functions service quotas"). */
export const MOST_TURNS = 1_500;
/** Times that a run that is broken is asked to end, which is cleaning up: at 30 s a time 2.5 hours. */
export const MOST_ENDINGS = 300;
/** Longer than any job's deadline and clean-up. */
export const MACHINE_TIMEOUT_SECONDS = 2 * 24 * 3600;

/** Passing troubles of Lambda ("Handle transient Lambda service exceptions", Step Functions Developer Guide), and errors of ours that pass. */
const RETRY = [
  {
    ErrorEquals: ['States.ALL'],
    IntervalSeconds: 2,
    MaxAttempts: 6,
    BackoffRate: 2,
    MaxDelaySeconds: 60,
    JitterStrategy: 'FULL',
  },
];

const ORDER = {
  job: '{% $job %}',
  subject: '{% $subject %}',
  scheduledAt: '{% $scheduledAt %}',
  startedBy: '{% $startedBy %}',
  wanted: '{% $wanted %}',
};

/** The error and the beginning of what it says. */
const WHY = "{% $substring($states.errorOutput.Error & ': ' & $states.errorOutput.Cause, 0, 300) %}";

/** @param partition of the deployment, such as `aws`. @param turnSeconds the longest that a function may take for one turn. */
export function jobMachineDefinition(partition: string, turnSeconds: number): object {
  const ask = (payload: object) => ({
    Type: 'Task',
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: '{% $functionName %}', Payload: payload },
    Output: '{% $states.result.Payload %}',
    TimeoutSeconds: turnSeconds,
    Retry: RETRY,
  });
  return {
    Comment: 'A run of a scheduled job: turn by turn until its function says that it has ended.',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: MACHINE_TIMEOUT_SECONDS,
    StartAt: 'Begin',
    States: {
      Begin: {
        Type: 'Pass',
        Assign: {
          functionName: '{% $states.input.functionName %}',
          job: '{% $states.input.job %}',
          subject: '{% $states.input.subject %}',
          scheduledAt: '{% $states.input.scheduledAt %}',
          startedBy: "{% $exists($states.input.startedBy) ? $states.input.startedBy : 'schedule' %}",
          wanted: "{% $exists($states.input.wanted) ? $states.input.wanted : '' %}",
          turns: 0,
          endings: 0,
        },
        Next: 'Turn',
      },
      Turn: {
        ...ask(ORDER),
        Assign: { turns: '{% $turns + 1 %}' },
        Catch: [{ ErrorEquals: ['States.ALL'], Assign: { why: WHY }, Next: 'Broken' }],
        Next: 'What next',
      },
      'What next': {
        Type: 'Choice',
        Choices: [
          { Condition: "{% $states.input.kind = 'ended' and $states.input.verdict = 'passed' %}", Next: 'Passed' },
          { Condition: "{% $states.input.kind = 'ended' %}", Next: 'Failed' },
          { Condition: `{% $states.input.kind = 'wait' and $turns < ${MOST_TURNS} %}`, Next: 'Wait' },
        ],
        Default: 'Too many turns',
      },
      Wait: { Type: 'Wait', Seconds: '{% $states.input.seconds %}', Next: 'Turn' },
      'Too many turns': { Type: 'Pass', Assign: { why: `not over after ${MOST_TURNS} turns` }, Next: 'Broken' },
      /**
       * The function ends the run as failed, which calls a person at once, and is asked again until it has removed what the run made. Where that fails too, the
       * machine's own alarm calls.
       */
      Broken: {
        ...ask({ ...ORDER, broken: '{% $why %}' }),
        Assign: { endings: '{% $endings + 1 %}' },
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Not even that' }],
        Next: 'Is it over',
      },
      'Is it over': {
        Type: 'Choice',
        Choices: [
          { Condition: "{% $states.input.kind = 'ended' %}", Next: 'Failed' },
          {
            Condition: `{% $states.input.kind = 'wait' and $endings < ${MOST_ENDINGS} %}`,
            Next: 'Wait to end',
          },
        ],
        Default: 'Not even that',
      },
      'Wait to end': { Type: 'Wait', Seconds: '{% $states.input.seconds %}', Next: 'Broken' },
      Passed: { Type: 'Succeed' },
      /** The function has written it down and a person is called: for the machine that is an orderly end. */
      Failed: { Type: 'Succeed' },
      'Not even that': { Type: 'Fail', Error: 'RunBroken', Cause: 'The run could not be ended: look at its function.' },
    },
  };
}
