/** One attempt of a Task ("Task workflow state", "Discover service integration patterns in Step Functions"): call, time limit, heartbeat, events. */
import { heartbeatTimeout, StatesError } from './errors.ts';
import { checkSize, type Frame, fill, fillNumber, type OpenToken, record } from './frame.ts';
import { errorDetails, inputDetails, outputDetails } from './history.ts';
import type { Json, TaskState } from './types.ts';

const LONGEST_SECONDS = 99_999_999;
const CALLBACK = '.waitForTaskToken';

interface Limits {
  readonly timeoutSeconds?: number;
  readonly heartbeatSeconds?: number;
}

/** @returns the task's result. @throws StatesError as the task failed, told in the history. */
export async function runTask(frame: Frame<TaskState>): Promise<Json> {
  const { state, execution } = frame;
  const token = state.Resource.endsWith(CALLBACK)
    ? execution.port.openToken(execution.context.Execution.Id)
    : undefined;
  try {
    const taskFrame = token ? { ...frame, token: token.token } : frame;
    const parameters =
      state.Arguments === undefined ? frame.input : await fill(taskFrame, state.Arguments, 'Arguments');
    checkSize(frame, 'arguments', parameters);
    const limits = await limitsOf(frame);
    const events = eventsOf(frame, parameters, limits);
    events.scheduled();
    return await limited(frame, limits, events, (signal) => work(frame, { parameters, token, limits, events, signal }));
  } finally {
    token?.close();
  }
}

async function limitsOf(frame: Frame<TaskState>): Promise<Limits> {
  const { TimeoutSeconds, HeartbeatSeconds } = frame.state;
  const range = { min: 1, max: LONGEST_SECONDS };
  const timeoutSeconds = TimeoutSeconds && (await fillNumber(frame, TimeoutSeconds, 'TimeoutSeconds', range));
  const heartbeatSeconds = HeartbeatSeconds && (await fillNumber(frame, HeartbeatSeconds, 'HeartbeatSeconds', range));
  return { ...(timeoutSeconds ? { timeoutSeconds } : {}), ...(heartbeatSeconds ? { heartbeatSeconds } : {}) };
}

interface Work {
  readonly parameters: Json;
  readonly token: OpenToken | undefined;
  readonly limits: Limits;
  readonly events: Events;
  readonly signal: AbortSignal;
}

async function work(frame: Frame<TaskState>, { parameters, token, limits, events, signal }: Work): Promise<Json> {
  const { execution, state } = frame;
  const resource = token ? state.Resource.slice(0, -CALLBACK.length) : state.Resource;
  const executionArn = execution.context.Execution.Id;
  const reply = await execution.port.call({ resource, arguments: parameters, executionArn }, signal);
  if (!token) return reply;
  events.submitted(reply);
  return callback(frame, token, limits.heartbeatSeconds, signal);
}

/** The answer to the token, unless too long a time passes without a heartbeat. */
async function callback(
  { execution }: Frame,
  token: OpenToken,
  heartbeatSeconds: number | undefined,
  signal: AbortSignal,
): Promise<Json> {
  if (heartbeatSeconds === undefined) return token.answered;
  for (;;) {
    const timer = new AbortController();
    try {
      const silence = execution.port.wait(heartbeatSeconds, AbortSignal.any([signal, timer.signal])).then(() => {
        throw heartbeatTimeout();
      });
      const beat = token.nextHeartbeat().then(() => undefined);
      const answer = token.answered.then((value) => ({ value }));
      const first = await Promise.race([answer, beat, silence]);
      if (first) return first.value;
    } finally {
      timer.abort(new Error('no longer waited for'));
    }
  }
}

/** Runs `task` within its time limit and tells how it ended. */
async function limited(
  frame: Frame<TaskState>,
  { timeoutSeconds }: Limits,
  events: Events,
  task: (signal: AbortSignal) => Promise<Json>,
): Promise<Json> {
  const { strand, execution } = frame;
  const over = new AbortController();
  const signal = AbortSignal.any([strand.signal, over.signal]);
  const ends: Promise<Json>[] = [task(signal), aborted(signal)];
  if (timeoutSeconds !== undefined)
    ends.push(
      execution.port.wait(timeoutSeconds, signal).then(() => {
        throw new StatesError('States.Timeout');
      }),
    );
  // Only the first end counts; the others are told to stop, and what they still say isn't an error of anybody's.
  for (const end of ends) end.catch(() => {});
  try {
    const result = await Promise.race(ends);
    checkSize(frame, 'result', result);
    events.succeeded(result);
    return result;
  } catch (error) {
    if (error instanceof StatesError) events.failed(error);
    throw error;
  } finally {
    over.abort(new Error('the task is over'));
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

interface Events {
  scheduled(): void;
  submitted(reply: Json): void;
  succeeded(result: Json): void;
  failed(error: StatesError): void;
}

const seconds = ({ timeoutSeconds, heartbeatSeconds }: Limits) => ({
  ...(timeoutSeconds ? { timeoutInSeconds: timeoutSeconds } : {}),
  ...(heartbeatSeconds ? { heartbeatInSeconds: heartbeatSeconds } : {}),
});

function eventsOf(frame: Frame<TaskState>, parameters: Json, limits: Limits): Events {
  const { Resource } = frame.state;
  return Resource.startsWith('arn:aws:lambda:')
    ? lambdaEvents(frame, parameters, limits)
    : taskEvents(frame, parameters, limits);
}

/** A function's ARN as the resource has events of its own. */
function lambdaEvents(frame: Frame<TaskState>, input: Json, limits: Limits): Events {
  const { Resource: resource } = frame.state;
  return {
    scheduled() {
      const details = { resource, ...inputDetails(input), ...seconds(limits) };
      record(frame, 'LambdaFunctionScheduled', ['lambdaFunctionScheduled', details]);
      record(frame, 'LambdaFunctionStarted');
    },
    submitted() {},
    succeeded: (result) => record(frame, 'LambdaFunctionSucceeded', ['lambdaFunctionSucceeded', outputDetails(result)]),
    failed(error) {
      const isTimeout = error.error === 'States.Timeout';
      const details = errorDetails(error);
      if (isTimeout) record(frame, 'LambdaFunctionTimedOut', ['lambdaFunctionTimedOut', details]);
      else record(frame, 'LambdaFunctionFailed', ['lambdaFunctionFailed', details]);
    },
  };
}

function taskEvents(frame: Frame<TaskState>, parameters: Json, limits: Limits): Events {
  // `arn:aws:states:::lambda:invoke`, `arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken`
  const parts = frame.state.Resource.replace(/^arn:aws:states:::/, '').split(':');
  const isNested = parts[0] === 'aws-sdk';
  const resourceType = isNested ? `aws-sdk:${parts[1]}` : (parts[0] ?? '');
  const what = { resourceType, resource: parts.slice(isNested ? 2 : 1).join(':') };
  return {
    scheduled() {
      const { region } = frame.execution;
      const details = { ...what, region, parameters: JSON.stringify(parameters), ...seconds(limits) };
      record(frame, 'TaskScheduled', ['taskScheduled', details]);
      record(frame, 'TaskStarted', ['taskStarted', what]);
    },
    submitted: (reply) => record(frame, 'TaskSubmitted', ['taskSubmitted', { ...what, ...outputDetails(reply) }]),
    succeeded: (result) => record(frame, 'TaskSucceeded', ['taskSucceeded', { ...what, ...outputDetails(result) }]),
    failed(error) {
      const details = { ...what, ...errorDetails(error) };
      if (error.error === 'States.Timeout') record(frame, 'TaskTimedOut', ['taskTimedOut', details]);
      else record(frame, 'TaskFailed', ['taskFailed', details]);
    },
  };
}
