/**
 * Runs the states of a block one after the other ("Amazon States Language", "Using state types"). Effects are behind `Port`; what Retry and
 * Catch decide is in retry.ts, tasks and containers are in files of their own.
 */
import { runMap, runParallel } from './containers.ts';
import { Aborted, StatesError } from './errors.ts';
import {
  type Checkpoint,
  checkSize,
  type Execution,
  type Frame,
  fill,
  fillNumber,
  leave,
  record,
  type Step,
  type Strand,
} from './frame.ts';
import { inputDetails, outputDetails } from './history.ts';
import { catcherOf, nextRetry, type RetryCounts } from './retry.ts';
import { runTask } from './task.ts';
import type { Block, ChoiceState, FailState, HandlingState, Json, State, WaitState } from './types.ts';

const LONGEST_WAIT_SECONDS = 99_999_999;

/**
 * Runs a block to its end. @returns its output.
 * @throws StatesError when a state fails and nothing in the block catches it; Aborted when the strand's signal says so.
 */
export async function runBlock(block: Block, strand: Strand, input: Json, execution: Execution): Promise<Json> {
  let at = takeUp(strand, execution) ?? { state: block.StartAt, input, variables: strand.variables };
  strand.variables = at.variables;
  for (;;) {
    const state = block.States[at.state];
    // Definitions are checked when they are made: this can't happen.
    if (!state) throw new Error(`there is no state ${at.state}`);
    const { output, next } = await visit(at, state, strand, execution);
    if (next === undefined) {
      execution.done.set(strand.path, output);
      return output;
    }
    at = { state: next, input: output, variables: strand.variables };
    await execution.port.breathe();
  }
}

/** Where a redrive goes on in this strand, the first time it is asked. */
function takeUp({ path }: Strand, { resuming, checkpoints }: Execution): Checkpoint | undefined {
  return resuming.delete(path) ? checkpoints.get(path) : undefined;
}

async function visit(at: Checkpoint, state: State, strand: Strand, execution: Execution): Promise<Step> {
  strand.signal.throwIfAborted();
  execution.checkpoints.set(strand.path, at);
  const { state: name, input } = at;
  const enteredEventId = execution.history.add({
    type: `${state.Type}StateEntered`,
    previousEventId: strand.previousEventId,
    details: ['stateEntered', { name, ...inputDetails(input) }],
  });
  strand.previousEventId = enteredEventId;
  const enteredAt = execution.port.now();
  const frame: Frame = { name, state, input, strand, execution, enteredAt, enteredEventId, retryCount: 0 };
  const step = await abortable(frame, () => run(frame));
  checkSize(frame, 'output', step.output);
  if (step.assigned) {
    checkSize(frame, 'variables', step.assigned);
    strand.variables = { ...strand.variables, ...step.assigned };
  }
  record(frame, `${state.Type}StateExited`, [
    'stateExited',
    { name, ...outputDetails(step.output), ...(step.assigned ? assignedDetails(step.assigned) : {}) },
  ]);
  return step;
}

/** Values as JSON text, each ("StateExitedEventDetails"). */
const assignedDetails = (assigned: Readonly<Record<string, Json>>) => ({
  assignedVariables: Object.fromEntries(Object.entries(assigned).map(([name, value]) => [name, JSON.stringify(value)])),
  assignedVariablesDetails: { truncated: false },
});

/** Types whose abortion is an event of its own. */
const ABORTABLE = new Set(['Task', 'Wait', 'Parallel', 'Map']);

async function abortable(frame: Frame, work: () => Promise<Step>): Promise<Step> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Aborted && error.by === 'sibling' && ABORTABLE.has(frame.state.Type))
      record(frame, `${frame.state.Type}StateAborted`);
    throw error;
  }
}

async function run(frame: Frame): Promise<Step> {
  const { state } = frame;
  switch (state.Type) {
    case 'Pass':
      return { ...(await leave(frame, state, frame.input)), next: state.Next };
    case 'Succeed':
      return leave(frame, state, frame.input);
    case 'Fail':
      throw await failure(frame, state);
    case 'Wait':
      await waitFor(frame, state);
      return { ...(await leave(frame, state, frame.input)), next: state.Next };
    case 'Choice':
      return choose(frame, state);
    case 'Task':
    case 'Parallel':
    case 'Map':
      return handling(frame as Frame<HandlingState>);
  }
}

async function failure(frame: Frame, { Error: error, Cause }: FailState): Promise<StatesError> {
  const text = async (template: string | undefined, field: string) =>
    template === undefined ? undefined : asText(frame, await fill(frame, template, field), field);
  return new StatesError((await text(error, 'Error')) ?? '', await text(Cause, 'Cause'));
}

function asText(frame: Frame, value: Json, field: string): string {
  if (typeof value === 'string') return value;
  throw new StatesError(
    'States.QueryEvaluationError',
    `The field '${field}' of the state '${frame.name}' has to be a string, not ${JSON.stringify(value)}.`,
  );
}

async function waitFor(frame: Frame, { Seconds, Timestamp }: WaitState): Promise<void> {
  const { port } = frame.execution;
  const seconds =
    Seconds === undefined
      ? await secondsUntil(frame, Timestamp ?? '')
      : await fillNumber(frame, Seconds, 'Seconds', { min: 0, max: LONGEST_WAIT_SECONDS });
  await port.wait(seconds, frame.strand.signal);
}

async function secondsUntil(frame: Frame, template: string): Promise<number> {
  const text = asText(frame, await fill(frame, template, 'Timestamp'), 'Timestamp');
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new StatesError(
      'States.QueryEvaluationError',
      `The field 'Timestamp' of the state '${frame.name}' has to be a time by RFC 3339, not "${text}".`,
    );
  return Math.max(0, (at - frame.execution.port.now().getTime()) / 1_000);
}

async function choose(frame: Frame, state: ChoiceState): Promise<Step> {
  for (const [index, rule] of state.Choices.entries()) {
    const field = `Choices[${index}]/`;
    const isTrue = await fill(frame, rule.Condition, `${field}Condition`);
    if (typeof isTrue !== 'boolean')
      throw new StatesError(
        'States.QueryEvaluationError',
        `The field '${field}Condition' of the state '${frame.name}' has to be a boolean, not ${JSON.stringify(isTrue)}.`,
      );
    if (isTrue) return { ...(await leave(frame, rule, frame.input, { field })), next: rule.Next };
  }
  if (state.Default === undefined)
    throw new StatesError(
      'States.NoChoiceMatched',
      `No choice rule of the state '${frame.name}' is true, and it has no Default.`,
    );
  return { ...(await leave(frame, state, frame.input)), next: state.Default };
}

/** Attempts until one succeeds, nothing retries any more, or a catcher takes over. */
async function handling(frame: Frame<HandlingState>): Promise<Step> {
  const { state, strand, execution } = frame;
  let counts: RetryCounts = {};
  for (;;) {
    try {
      const result = await attempt(frame);
      return { ...(await leave(frame, state, result, { seen: { result } })), next: state.Next };
    } catch (error) {
      if (!(error instanceof StatesError)) throw error;
      const retry = nextRetry(state.Retry ?? [], counts, error, execution.port.random());
      if (!retry) return caught(frame, error);
      counts = retry.counts;
      frame.retryCount += 1;
      await execution.port.wait(retry.delaySeconds, strand.signal);
    }
  }
}

async function attempt(frame: Frame<HandlingState>): Promise<Json> {
  const { state } = frame;
  switch (state.Type) {
    case 'Task':
      return runTask({ ...frame, state });
    case 'Parallel':
      return runParallel({ ...frame, state }, runBlock);
    case 'Map':
      return runMap({ ...frame, state }, runBlock);
  }
}

async function caught(frame: Frame<HandlingState>, error: StatesError): Promise<Step> {
  const found = catcherOf(frame.state.Catch ?? [], error);
  if (!found) throw error;
  const { catcher, index } = found;
  const errorOutput = error.output;
  const options = { seen: { errorOutput }, field: `Catch[${index}]/` };
  return { ...(await leave(frame, catcher, errorOutput, options)), next: catcher.Next };
}
