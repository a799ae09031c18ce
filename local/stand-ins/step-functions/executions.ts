/** Executions of one world: started, watched over, ended, taken up again ("Start, stop, redrive"; API reference, "StartExecution", "RedriveExecution"). */
import { randomUUID } from 'node:crypto';
import { AwsFault, type EventSink, type WorldContext } from '../../world/types.ts';
import { Aborted, StatesError } from './errors.ts';
import {
  type ExecutionRecord,
  MAX_EXPRESS_SECONDS,
  makeRecord,
  notRedrivable,
  statusEvent,
} from './execution-record.ts';
import type { Port } from './frame.ts';
import { errorDetails, inputDetails, outputDetails } from './history.ts';
import { runBlock } from './interpreter.ts';
import type { Machine } from './machines.ts';
import { prepareRedrive } from './redrive.ts';
import type { Json } from './types.ts';

/** How an execution ends, other than by its states. */
type Ended = { readonly status: 'ABORTED' | 'TIMED_OUT'; readonly error?: string; readonly cause?: string };

export interface Outside {
  readonly world: WorldContext;
  readonly events: EventSink;
  /** The port of executions in one region. */
  portOf(region: string): Port;
  readonly historyLimit?: number;
}

export class Executions {
  readonly #outside: Outside;
  readonly #records = new Map<string, ExecutionRecord>();

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  /** Oldest first. */
  all(): readonly ExecutionRecord[] {
    return [...this.#records.values()];
  }

  /** @throws AwsFault ExecutionDoesNotExist. */
  find(arn: unknown): ExecutionRecord {
    const found = this.#records.get(String(arn));
    if (found) return found;
    throw new AwsFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${String(arn)}'`);
  }

  /**
   * The same name and input while it runs is the same execution; any other use of a name is refused, for good: worlds don't live for 90 days.
   * @param input JSON text.
   * @throws AwsFault ExecutionAlreadyExists, InvalidName, InvalidExecutionInput, ValidationException.
   */
  start(machine: Machine, input: string, name: string = randomUUID()): ExecutionRecord {
    const { world, historyLimit } = this.#outside;
    const port = this.#outside.portOf(machine.region);
    const record = makeRecord({ machine, input, name, port, account: world.accountId, historyLimit });
    const known = this.#records.get(record.arn);
    if (known?.status === 'RUNNING' && known.inputText === input) return known;
    if (known) throw new AwsFault('ExecutionAlreadyExists', `Execution Already Exists: '${record.arn}'`);
    this.#records.set(record.arn, record);
    record.history.addLast({
      type: 'ExecutionStarted',
      previousEventId: 0,
      details: ['executionStarted', { ...inputDetails(record.input), roleArn: machine.roleArn }],
    });
    this.#run(record);
    return record;
  }

  /** Ends it as ABORTED; nothing more is recorded. One that ended already stays as it is. */
  stop(record: ExecutionRecord, error?: string, cause?: string): void {
    this.#end(record, { status: 'ABORTED', ...(error ? { error } : {}), ...(cause ? { cause } : {}) });
  }

  /** Takes it up where it failed. @throws AwsFault ExecutionNotRedrivable. */
  redrive(record: ExecutionRecord): void {
    const reason = notRedrivable(record, new Date());
    if (reason) throw new AwsFault('ExecutionNotRedrivable', reason);
    record.redriveCount += 1;
    prepareRedrive(record);
    record.redrivenAt = new Date();
    record.history.addLast({
      type: 'ExecutionRedriven',
      previousEventId: record.lastEventId,
      details: ['executionRedriven', { redriveCount: record.redriveCount }],
    });
    this.#run(record);
  }

  /** Ends everything, without a word to anybody: the world goes. */
  shutDown(): void {
    for (const record of this.#records.values()) record.stopping.abort(new Aborted('execution'));
    this.#records.clear();
  }

  #run(record: ExecutionRecord): void {
    record.begin();
    this.#publish(record);
    void this.#watch(record);
    void this.#work(record).catch((error: unknown) => {
      // A fault of ours: told as AWS tells its own, so that nobody waits for ever.
      this.#log(record, error);
      this.#fail(record, new StatesError('States.Runtime', `the local Step Functions failed: ${String(error)}`));
    });
  }

  async #work(record: ExecutionRecord): Promise<void> {
    const { execution, stopping } = record;
    const strand = {
      path: '',
      previousEventId: record.redriveCount > 0 ? record.lastEventId : 0,
      variables: {},
      signal: stopping.signal,
    };
    try {
      const output = await runBlock(record.machine.definition, strand, record.input, execution);
      this.#succeed(record, output, strand.previousEventId);
    } catch (error) {
      // Whoever aborted told how it ended.
      if (error instanceof Aborted) return;
      if (!(error instanceof StatesError)) throw error;
      this.#fail(record, error);
    }
  }

  /** The machine's own time limit ("TimeoutSeconds" of a state machine). */
  async #watch(record: ExecutionRecord): Promise<void> {
    const { machine, stopping, execution } = record;
    const limits = [machine.definition.TimeoutSeconds ?? Number.POSITIVE_INFINITY];
    if (machine.type === 'EXPRESS') limits.push(MAX_EXPRESS_SECONDS);
    const seconds = Math.min(...limits);
    if (!Number.isFinite(seconds)) return;
    try {
      await execution.port.wait(seconds, stopping.signal);
    } catch {
      return; // It ended in time.
    }
    this.#end(record, { status: 'TIMED_OUT', error: 'States.Timeout' });
  }

  #succeed(record: ExecutionRecord, output: Json, previousEventId: number): void {
    if (record.status !== 'RUNNING') return;
    const details = ['executionSucceeded', outputDetails(output)] as const;
    record.history.addLast({ type: 'ExecutionSucceeded', previousEventId, details });
    this.#close(record, { status: 'SUCCEEDED', output: JSON.stringify(output) });
  }

  #fail(record: ExecutionRecord, error: StatesError): void {
    if (record.status !== 'RUNNING') return;
    const details = ['executionFailed', errorDetails(error)] as const;
    record.history.addLast({ type: 'ExecutionFailed', previousEventId: record.lastEventId, details });
    const { causeText } = error;
    this.#close(record, { status: 'FAILED', error: error.error, ...(causeText ? { cause: causeText } : {}) });
  }

  #end(record: ExecutionRecord, ended: Ended): void {
    if (record.status !== 'RUNNING') return;
    const { status, ...details } = ended;
    const [type, name] =
      status === 'ABORTED' ? ['ExecutionAborted', 'executionAborted'] : ['ExecutionTimedOut', 'executionTimedOut'];
    record.history.addLast({ type, previousEventId: record.lastEventId, details: [name, details] });
    this.#close(record, ended);
  }

  #close(record: ExecutionRecord, outcome: Parameters<ExecutionRecord['close']>[0]): void {
    record.close(outcome);
    this.#publish(record);
  }

  /** Standard executions tell EventBridge; Express ones only their logs. */
  #publish(record: ExecutionRecord): void {
    if (record.machine.type === 'EXPRESS') return;
    this.#outside.events.publish(statusEvent(record, new Date())).catch((error: unknown) => this.#log(record, error));
  }

  #log(record: ExecutionRecord, error: unknown): void {
    this.#outside.world.log('step-functions', `${record.arn}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
