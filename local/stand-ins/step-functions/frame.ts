/** What a state is run with: its place in the execution, its data, the world outside. */
import { Aborted, StatesError } from './errors.ts';
import { type Bindings, evaluate, QueryEvaluationError } from './expressions.ts';
import type { History, Recorded } from './history.ts';
import type { Json, JsonObject, Outputs, State } from './types.ts';

/** 256 KiB ("Step Functions service quotas": input or result data for a task, state, or execution). */
export const MAX_DATA_BYTES = 262_144;

/** A task as it is handed out. */
export interface TaskCall {
  readonly resource: string;
  readonly arguments: Json;
  readonly executionArn: string;
}

/** A task token that was handed out and isn't closed. */
export interface OpenToken {
  readonly token: string;
  /** Settled by SendTaskSuccess and SendTaskFailure (a StatesError). */
  readonly answered: Promise<Json>;
  /** Resolves at the next SendTaskHeartbeat. */
  nextHeartbeat(): Promise<void>;
  /** The task is over: later answers are refused. */
  close(): void;
}

/** Everything the interpreter needs from outside; nothing else in it has effects. */
export interface Port {
  now(): Date;
  /** From 0 to 1. */
  random(): number;
  /** Between states: lets others run, so that a loop of states doesn't stop the whole world. */
  breathe(): Promise<void>;
  /** Resolves after `seconds` of a definition; rejects with the signal's reason as soon as that is aborted. */
  wait(seconds: number, signal: AbortSignal): Promise<void>;
  /** @throws StatesError as the service names its errors. */
  call(call: TaskCall, signal: AbortSignal): Promise<Json>;
  openToken(executionArn: string): OpenToken;
}

/** Where a strand of states is, for a redrive. */
export interface Checkpoint {
  readonly state: string;
  readonly input: Json;
  readonly variables: Scope;
  /** Items of the Map that the strand is in. */
  items?: readonly Json[];
}

/** Variables of a strand; branches see those outside, and theirs end with them ("Passing data between states with variables"). */
export type Scope = JsonObject;

export interface Execution {
  readonly port: Port;
  readonly history: History;
  readonly region: string;
  /** `$states.context` of every state: Execution and StateMachine. */
  context: { readonly Execution: JsonObject & { readonly Id: string }; readonly StateMachine: JsonObject };
  /** By strand. */
  readonly checkpoints: Map<string, Checkpoint>;
  /** Output of strands that reached their end. */
  readonly done: Map<string, Json>;
  /** Strands that have still to be taken up where they stopped. */
  readonly resuming: Set<string>;
}

/** One sequence of states: the machine's own, a branch's, an iteration's. */
export interface Strand {
  /** `''` for the machine's own; else the path of states and indexes that leads to it. */
  readonly path: string;
  previousEventId: number;
  variables: Scope;
  readonly signal: AbortSignal;
  /** The item of the Map around it. */
  readonly map?: JsonObject;
}

export interface Frame<S extends State = State> {
  readonly name: string;
  readonly state: S;
  readonly input: Json;
  readonly strand: Strand;
  readonly execution: Execution;
  readonly enteredAt: Date;
  readonly enteredEventId: number;
  /** Attempts of this visit that failed and were repeated. */
  retryCount: number;
  token?: string;
}

/** Adds an event to the strand of the frame. @returns its id. @throws Aborted when the execution has ended. */
export function record(frame: Frame, type: string, details?: Recorded['details']): number {
  const { strand, execution } = frame;
  const { reason }: { reason: unknown } = strand.signal;
  // What still runs when an execution has ended adds nothing to its history.
  if (reason instanceof Aborted && reason.by === 'execution') throw reason;
  const event = { type, previousEventId: strand.previousEventId, ...(details ? { details } : {}) };
  strand.previousEventId = execution.history.add(event);
  return strand.previousEventId;
}

/** `$states.context` ("Accessing execution data from the Context object in Step Functions"). */
function contextOf(frame: Frame): Record<string, unknown> {
  const { execution, strand, name, enteredAt, retryCount, token } = frame;
  return {
    ...execution.context,
    State: { Name: name, EnteredTime: enteredAt.toISOString(), RetryCount: retryCount },
    ...(token ? { Task: { Token: token } } : {}),
    ...(strand.map ? { Map: { Item: strand.map } } : {}),
  };
}

/** What a state adds to `$states` beside input and context. */
export interface Seen {
  readonly result?: Json;
  readonly errorOutput?: Json;
}

/**
 * A template of the frame's state, filled in with what is seen on entering it.
 * @param map the item a Map's ItemSelector is about.
 * @throws StatesError States.QueryEvaluationError, told in the history too.
 */
export async function fill(
  frame: Frame,
  template: Json,
  field: string,
  seen: Seen = {},
  map?: JsonObject,
): Promise<Json> {
  const { input, strand } = frame;
  const context = { ...contextOf(frame), ...(map ? { Map: { Item: map } } : {}) };
  const bindings: Bindings = { ...strand.variables, states: { input, context, ...seen } };
  try {
    return await evaluate(template, bindings, field);
  } catch (error) {
    if (!(error instanceof QueryEvaluationError)) throw error;
    const { error: name, causeText = '', location } = error;
    record(frame, 'EvaluationFailed', [
      'evaluationFailed',
      { error: name, cause: causeText, location, state: frame.name },
    ]);
    throw new StatesError(name, `${during(frame)} ${causeText}`);
  }
}

/** How AWS begins what it says about a state. */
export const during = ({ name, enteredEventId }: Frame): string =>
  `An error occurred while executing the state '${name}' (entered at the event id #${enteredEventId}).`;

/** A number from a field that may be an expression. @throws StatesError when it is none, or outside its limits. */
export async function fillNumber(
  frame: Frame,
  template: number | string,
  field: string,
  limits: { readonly min: number; readonly max: number },
): Promise<number> {
  const value = await fill(frame, template, field);
  if (typeof value === 'number' && Number.isInteger(value) && value >= limits.min && value <= limits.max) return value;
  throw new StatesError(
    'States.QueryEvaluationError',
    `${during(frame)} The value of the field '${field}' has to be a whole number from ${limits.min} to ${limits.max}, not ${JSON.stringify(value)}.`,
  );
}

/** How a state ended: its output, what its strand's variables become, and where it goes on. */
export interface Step {
  readonly output: Json;
  readonly assigned?: JsonObject;
  /** Absent at the end of a strand. */
  readonly next?: string | undefined;
}

/** Output and variables, both from the values on entering: assignments take effect with the next state. */
export async function leave(
  frame: Frame,
  { Output, Assign }: Outputs,
  byDefault: Json,
  options: { readonly seen?: Seen; readonly field?: string } = {},
): Promise<Pick<Step, 'output' | 'assigned'>> {
  const { seen = {}, field = '' } = options;
  const assigned = Assign && ((await fill(frame, Assign, `${field}Assign`, seen)) as JsonObject);
  const output = Output === undefined ? byDefault : await fill(frame, Output, `${field}Output`, seen);
  return { output, ...(assigned ? { assigned } : {}) };
}

/** @throws StatesError States.DataLimitExceeded for more than 256 KiB. */
export function checkSize(frame: Frame, what: string, data: Json): void {
  if (Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES)
    throw new StatesError(
      'States.DataLimitExceeded',
      `The state/task '${frame.name}' returned a result with a size exceeding the maximum number of bytes service limit. (${what})`,
    );
}
