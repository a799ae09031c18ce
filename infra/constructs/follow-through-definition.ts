/**
 * The follow-through's state machine as data (Amazon States Language, JSONata): ask the function, then wait for news, end, or continue as a new
 * execution. Nothing but the incident's name goes through it. A running execution keeps its definition, so the function's answers stay compatible.
 */

export interface FollowThroughParts {
  readonly functionArn: string;
  readonly pageTopicArn: string;
  readonly deployment: string;
}

/** A whole execution: longer than an incident is followed (30 days, functions/incidents/follow-through/next-step.ts). */
export const EXECUTION_SECONDS = 35 * 24 * 3600;
/** Looks before an execution continues as a new one, when the function hasn't said so itself at 500. */
export const MOST_ROUNDS = 600;

/** Full jitter, up to five minutes apart, for about a quarter of an hour: what passes by itself shouldn't page for every open incident. */
const RETRY = {
  ErrorEquals: ['States.ALL'],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 11,
  JitterStrategy: 'FULL',
} as const;
const ASKED_WRONGLY = { ErrorEquals: ['BadRequestError'], MaxAttempts: 0 } as const;
/** What went wrong is kept as its name only: a cause may hold what a function was given. */
const CATCH = {
  ErrorEquals: ['States.ALL'],
  Assign: { problem: '{% $states.errorOutput.Error %}' },
  Next: 'Page',
} as const;

const INPUT = '$states.context.Execution.Input';
const WHO = { incidentId: `{% ${INPUT}.incidentId %}`, generation: `{% ${INPUT}.generation %}` };

export function followThroughDefinition({ functionArn, pageTopicArn, deployment }: FollowThroughParts): object {
  const invoke = (resource: string, payload: object) => ({
    Type: 'Task',
    Resource: `arn:aws:states:::${resource}`,
    Arguments: { FunctionName: functionArn, Payload: { ...WHO, ...payload } },
  });
  return {
    Comment: 'Follows one incident until it is over: waits for news, has it verified, calls the next level of people.',
    QueryLanguage: 'JSONata',
    StartAt: 'Begin',
    TimeoutSeconds: EXECUTION_SECONDS,
    States: {
      Begin: { Type: 'Pass', Assign: { round: 0, problem: 'none' }, Next: 'Look' },
      Look: {
        ...invoke('lambda:invoke', { do: 'look', round: '{% $round %}' }),
        TimeoutSeconds: 60,
        Retry: [ASKED_WRONGLY, RETRY],
        Catch: [CATCH],
        Assign: {
          round: '{% $round + 1 %}',
          next: '{% $states.result.Payload.next %}',
          seconds: '{% $states.result.Payload.seconds %}',
          problem: 'its function gave an answer that the state machine does not know',
        },
        Next: 'Decide',
      },
      Decide: {
        Type: 'Choice',
        Choices: [
          { Condition: "{% $next = 'end' %}", Next: 'Over' },
          { Condition: `{% $next = 'continue-as-new' or $round >= ${MOST_ROUNDS} %}`, Next: 'ContinueAsNew' },
          { Condition: "{% $next = 'wait' and $seconds >= 1 %}", Next: 'WaitForNews' },
        ],
        Default: 'Page',
      },
      WaitForNews: {
        ...invoke('lambda:invoke.waitForTaskToken', {
          do: 'wait',
          token: '{% $states.context.Task.Token %}',
          // Which wait of this execution it is: one that lasted too long must not take the place of the next.
          round: '{% $round %}',
          retry: '{% $states.context.State.RetryCount %}',
        }),
        // Its time is up: that is an answer, too.
        TimeoutSeconds: '{% $seconds %}',
        Retry: [{ ErrorEquals: ['States.Timeout', 'BadRequestError'], MaxAttempts: 0 }, RETRY],
        Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Look' }, CATCH],
        Next: 'Look',
      },
      ContinueAsNew: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution',
        Arguments: {
          StateMachineArn: '{% $states.context.StateMachine.Id %}',
          // The name is the lock: whoever continued it already, continued it.
          Name: `{% ${INPUT}.incidentId & '-' & $string(${INPUT}.generation + 1) %}`,
          Input: { incidentId: WHO.incidentId, generation: `{% ${INPUT}.generation + 1 %}` },
        },
        TimeoutSeconds: 60,
        Retry: [{ ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'], MaxAttempts: 0 }, RETRY],
        Catch: [{ ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'], Next: 'Over' }, CATCH],
        Next: 'Over',
      },
      Page: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sns:publish',
        Arguments: {
          TopicArn: pageTopicArn,
          Subject: `[P1] Nightshift ${deployment}: a follow-through failed`,
          Message: `{% 'Nobody follows ' & $string(${INPUT}.incidentId) & ' for the moment, so nobody calls the next level of people: ' & $problem & '. Look at it yourself: nightshift incident ' & $string(${INPUT}.incidentId) & '. The reconciler starts its follow-through anew.' %}`,
        },
        TimeoutSeconds: 60,
        Retry: [RETRY],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Failed' }],
        Next: 'Failed',
      },
      Failed: { Type: 'Fail', Error: 'FollowThroughFailed', Cause: '{% $problem %}' },
      Over: { Type: 'Succeed' },
    },
  };
}
