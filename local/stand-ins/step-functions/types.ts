/** A definition as it was checked ("Amazon States Language"), in the form of its own JSON; only what JSONata states may have. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

/** What a state (or a rule, or a catcher) says about its output; templates hold `{% ... %}` expressions. */
export interface Outputs {
  readonly Output?: Json;
  readonly Assign?: JsonObject;
}

export interface Catcher extends Outputs {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
}

interface Going {
  readonly Next?: string;
  readonly End?: boolean;
}

interface Handling {
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
}

export interface PassState extends Outputs, Going {
  readonly Type: 'Pass';
}
export interface SucceedState {
  readonly Type: 'Succeed';
  readonly Output?: Json;
}
export interface FailState {
  readonly Type: 'Fail';
  readonly Error?: string;
  readonly Cause?: string;
}
export interface WaitState extends Outputs, Going {
  readonly Type: 'Wait';
  readonly Seconds?: number | string;
  readonly Timestamp?: string;
}
export interface ChoiceRule extends Outputs {
  readonly Condition: string | boolean;
  readonly Next: string;
}
export interface ChoiceState extends Outputs {
  readonly Type: 'Choice';
  readonly Choices: readonly ChoiceRule[];
  readonly Default?: string;
}
export interface TaskState extends Outputs, Going, Handling {
  readonly Type: 'Task';
  readonly Resource: string;
  readonly Arguments?: Json;
  readonly TimeoutSeconds?: number | string;
  readonly HeartbeatSeconds?: number | string;
}
export interface ParallelState extends Outputs, Going, Handling {
  readonly Type: 'Parallel';
  readonly Arguments?: Json;
  readonly Branches: readonly Block[];
}
export interface MapState extends Outputs, Going, Handling {
  readonly Type: 'Map';
  readonly Items?: Json;
  readonly ItemSelector?: Json;
  readonly MaxConcurrency?: number | string;
  readonly ItemProcessor: Block;
}
/** States that may fail in a way that Retry and Catch deal with. */
export type HandlingState = TaskState | ParallelState | MapState;
export type State = PassState | SucceedState | FailState | WaitState | ChoiceState | HandlingState;

/** States with an entrance: a whole machine, a branch, what a Map runs for each item. */
export interface Block {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export interface Definition extends Block {
  readonly TimeoutSeconds?: number;
}

export type MachineType = 'STANDARD' | 'EXPRESS';
