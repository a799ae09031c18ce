/**
 * Step Functions: state machines are kept and run here, because the emulator's time-outs, error names, heartbeats and JSONata aren't AWS's. It never
 * asks the emulator. What it leaves out is in docs/local-world.md: JSONPath, Distributed Map, activities, versions and aliases, logs.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import type { AwsCall, AwsReply, EventSink, StandIn, WorldContext } from '../../world/types.ts';
import type { LocalLambda } from '../lambda/types.ts';
import { describeExecution, type ExecutionRecord, type Status } from './execution-record.ts';
import { Executions } from './executions.ts';
import type { Port } from './frame.ts';
import { type ChildExecutions, callResource } from './integrations.ts';
import { Operations } from './operations.ts';
import { capitalisedKeys } from './service-calls.ts';
import { TaskTokens } from './tokens.ts';

export interface LocalStepFunctions extends StandIn {
  /** Executions of all state machines, oldest first. */
  executions(): readonly { readonly arn: string; readonly status: Status }[];
  /** Resolves when the execution isn't running any more. @throws AwsFault ExecutionDoesNotExist. */
  ended(executionArn: string): Promise<void>;
  stop(): void;
}

export interface StepFunctionsOptions {
  readonly lambda: Pick<LocalLambda, 'invoke' | 'invokeAsync'>;
  readonly events: EventSink;
  /**
   * Waits, retry intervals, time limits and heartbeats of definitions are multiplied by this (default 1): all of them by the same, so that what comes
   * first stays first. Whoever sets it prints it.
   */
  readonly waitScale?: number;
  /** Events that an execution may have (default 25,000); less in tests. */
  readonly historyLimit?: number;
}

/** Node's timers can't wait longer; what is further off is waited for in pieces. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** Makes the Step Functions of `world` and registers it with the gateway; the world's stop ends its executions. */
export function createStepFunctions(
  world: WorldContext,
  gateway: Gateway,
  options: StepFunctionsOptions,
): LocalStepFunctions {
  const { lambda, events, waitScale = 1, historyLimit } = options;
  const tokens = new TaskTokens();
  const portOf = (region: string): Port => ({
    now: () => new Date(),
    random: Math.random,
    breathe: () => nextTurn(),
    wait: (seconds, signal) => waitFor(seconds * 1_000 * waitScale, signal),
    call: (call, signal) => callResource({ ...call, region }, { gateway, lambda, executions: children }, signal),
    openToken: (executionArn) => tokens.open(executionArn),
  });
  const executions = new Executions({ world, events, portOf, ...(historyLimit ? { historyLimit } : {}) });
  const operations = new Operations(executions, tokens, world.accountId);
  const children: ChildExecutions = {
    start: (machineArn, input, name) => operations.start(machineArn, input, name),
    ended: (arn, signal) => endOf(executions, executions.find(arn), signal),
  };
  const stepFunctions: LocalStepFunctions = {
    services: ['states'],
    handle: async (call: AwsCall): Promise<AwsReply> => jsonReply(call, await operations.answer(call.operation, call)),
    executions: () => executions.all(),
    ended: async (arn) => executions.find(arn).ended,
    stop: () => executions.shutDown(),
  };
  gateway.register(stepFunctions);
  world.onStop('executions of state machines', () => stepFunctions.stop());
  return stepFunctions;
}

async function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    for (let left = milliseconds; left > 0; left -= LONGEST_TIMER_MS)
      await sleep(Math.min(left, LONGEST_TIMER_MS), undefined, { signal });
  } catch (error) {
    // Node gives an error of its own around the reason.
    signal.throwIfAborted();
    throw error;
  }
}

/** `.sync`: an execution that is waited for ends with the one that waits. */
async function endOf(executions: Executions, child: ExecutionRecord, signal: AbortSignal) {
  const stopChild = () => executions.stop(child);
  signal.addEventListener('abort', stopChild, { once: true });
  try {
    await child.ended;
    const { redriveCount: _, redriveStatus: __, redriveStatusReason: ___, ...described } = describeExecution(child);
    return capitalisedKeys(JSON.parse(JSON.stringify(described)));
  } finally {
    signal.removeEventListener('abort', stopChild);
  }
}
