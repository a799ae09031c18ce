/** One execution as it is kept and told (API reference, "DescribeExecution"; "Step Functions execution status changes" in EventBridge's form). */
import { randomUUID } from 'node:crypto';
import { type AwsEvent, AwsFault } from '../../world/types.ts';
import { Aborted } from './errors.ts';
import { type Execution, MAX_DATA_BYTES, type Port } from './frame.ts';
import { History } from './history.ts';
import type { Machine } from './machines.ts';
import type { Json } from './types.ts';

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** "Step Functions service quotas". */
export const MAX_EXPRESS_SECONDS = 300;
const REDRIVABLE_FOR_MS = 14 * 86_400_000;
/** Names of executions, and of machines. */
export const NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

export interface Outcome {
  readonly status: Exclude<Status, 'RUNNING'>;
  /** JSON text. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export class ExecutionRecord {
  readonly arn: string;
  readonly name: string;
  /** As it was at the start: an update of the machine doesn't change what runs. */
  readonly machine: Machine;
  readonly inputText: string;
  readonly input: Json;
  readonly startedAt = new Date();
  readonly history: History;
  readonly execution: Execution;
  status: Status = 'RUNNING';
  outcome: Outcome | undefined;
  stoppedAt: Date | undefined;
  redriveCount = 0;
  redrivenAt: Date | undefined;
  stopping = new AbortController();
  #ended = Promise.withResolvers<void>();

  constructor(made: {
    arn: string;
    name: string;
    machine: Machine;
    inputText: string;
    input: Json;
    execution: Execution;
  }) {
    this.arn = made.arn;
    this.name = made.name;
    this.machine = made.machine;
    this.inputText = made.inputText;
    this.input = made.input;
    this.execution = made.execution;
    this.history = made.execution.history;
  }

  /** Resolves when it isn't running any more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get lastEventId(): number {
    return this.history.events.length;
  }

  /** It runs (again). */
  begin(): void {
    if (this.outcome) {
      this.#ended = Promise.withResolvers<void>();
      this.stopping = new AbortController();
    }
    this.status = 'RUNNING';
    this.outcome = undefined;
    this.stoppedAt = undefined;
  }

  close(outcome: Outcome): void {
    this.status = outcome.status;
    this.outcome = outcome;
    this.stoppedAt = new Date();
    this.stopping.abort(new Aborted('execution'));
    this.#ended.resolve();
  }
}

/** @throws AwsFault InvalidName, InvalidExecutionInput, ValidationException. */
export function makeRecord(asked: {
  readonly machine: Machine;
  /** JSON text. */
  readonly input: string;
  readonly name: string;
  readonly port: Port;
  readonly account: string;
  readonly historyLimit: number | undefined;
}): ExecutionRecord {
  const { machine, input: inputText, name, port, account } = asked;
  if (!NAME.test(name)) throw new AwsFault('InvalidName', `Invalid Name: '${name}'`);
  const input = parsedInput(inputText);
  const prefix = `arn:aws:states:${machine.region}:${account}`;
  const arn =
    machine.type === 'EXPRESS'
      ? `${prefix}:express:${machine.name}:${name}:${randomUUID()}`
      : `${prefix}:execution:${machine.name}:${name}`;
  const history = new History(() => new Date(), asked.historyLimit);
  const context = {
    Execution: {
      Id: arn,
      Input: input,
      Name: name,
      RoleArn: machine.roleArn,
      StartTime: new Date().toISOString(),
      RedriveCount: 0,
    },
    StateMachine: { Id: machine.arn, Name: machine.name },
  };
  const execution: Execution = {
    port,
    history,
    region: machine.region,
    context,
    checkpoints: new Map(),
    done: new Map(),
    resuming: new Set(),
  };
  return new ExecutionRecord({ arn, name, machine, inputText, input, execution });
}

function parsedInput(text: string): Json {
  if (Buffer.byteLength(text) > MAX_DATA_BYTES)
    throw new AwsFault(
      'ValidationException',
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${MAX_DATA_BYTES}`,
    );
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new AwsFault('InvalidExecutionInput', `Invalid State Machine Execution Input: '${message}'`);
  }
}

/** Why it can't be redriven now; nothing when it can. */
export function notRedrivable({ status, machine, stoppedAt }: ExecutionRecord, now: Date): string | undefined {
  if (machine.type === 'EXPRESS') return 'Redrive is not supported for EXPRESS executions';
  if (status === 'RUNNING' || status === 'SUCCEEDED') return `Execution is ${status} and cannot be redriven`;
  if (stoppedAt && now.getTime() - stoppedAt.getTime() > REDRIVABLE_FOR_MS)
    return 'Execution was closed more than 14 days ago and cannot be redriven';
  return undefined;
}

const seconds = (date: Date | undefined): number | undefined => date && date.getTime() / 1_000;

function redriveOf(record: ExecutionRecord, now: Date) {
  const reason = notRedrivable(record, now);
  return {
    redriveCount: record.redriveCount,
    redriveStatus: reason ? 'NOT_REDRIVABLE' : 'REDRIVABLE',
    ...(reason ? { redriveStatusReason: reason } : {}),
  };
}

/** DescribeExecution's answer. */
export function describeExecution(record: ExecutionRecord) {
  const { outcome } = record;
  return {
    executionArn: record.arn,
    stateMachineArn: record.machine.arn,
    name: record.name,
    status: record.status,
    startDate: seconds(record.startedAt),
    stopDate: seconds(record.stoppedAt),
    input: record.inputText,
    inputDetails: { included: true },
    ...(outcome?.output === undefined ? {} : { output: outcome.output, outputDetails: { included: true } }),
    error: outcome?.error,
    cause: outcome?.cause,
    redriveDate: seconds(record.redrivenAt),
    ...redriveOf(record, new Date()),
  };
}

/** One line of ListExecutions. */
export const summariseExecution = (record: ExecutionRecord) => ({
  executionArn: record.arn,
  stateMachineArn: record.machine.arn,
  name: record.name,
  status: record.status,
  startDate: seconds(record.startedAt),
  stopDate: seconds(record.stoppedAt),
  redriveCount: record.redriveCount,
  redriveDate: seconds(record.redrivenAt),
});

/** The event "Step Functions Execution Status Change": times are milliseconds, what isn't there is null. */
export function statusEvent(record: ExecutionRecord, now: Date): AwsEvent {
  const { outcome, machine } = record;
  const { redriveStatusReason = null, ...redrive } = redriveOf(record, now);
  return {
    source: 'aws.states',
    detailType: 'Step Functions Execution Status Change',
    resources: [record.arn],
    region: machine.region,
    time: now,
    detail: {
      executionArn: record.arn,
      stateMachineArn: machine.arn,
      name: record.name,
      status: record.status,
      startDate: record.startedAt.getTime(),
      stopDate: record.stoppedAt?.getTime() ?? null,
      input: record.inputText,
      output: outcome?.output ?? null,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      ...redrive,
      redriveDate: record.redrivenAt?.getTime() ?? null,
      redriveStatusReason,
      inputDetails: { included: true },
      outputDetails: outcome?.output === undefined ? null : { included: true },
      error: outcome?.error ?? null,
      cause: outcome?.cause ?? null,
    },
  };
}
