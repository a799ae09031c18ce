/** Functions, invocations and what the local Lambda offers. */
import type { AwsReply, LambdaInvoker, MetricSink, StandIn } from '../../world/types.ts';

/** How a function's asynchronous invocations are treated (Lambda developer guide, "Configuring error handling settings for asynchronous invocations"). */
export interface AsyncSettings {
  /** 0 to 2. */
  readonly maximumRetryAttempts: number;
  /** 60 to 21,600; counted in real time. */
  readonly maximumEventAgeSeconds: number;
  readonly onFailureArn?: string;
  readonly onSuccessArn?: string;
  /** The older dead-letter queue (SQS or SNS): gets the bare event. */
  readonly deadLetterArn?: string;
}

/** A function as the emulator keeps it. */
export interface FunctionDefinition {
  /** Unqualified. */
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly runtime: string;
  /** `file.export`. */
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Base64. */
  readonly codeSha256: string;
  readonly role: string;
  /** Absent: the function shares the account's unreserved concurrency. */
  readonly reservedConcurrency?: number;
  readonly asynchronous: AsyncSettings;
}

/** Settings that the emulator doesn't keep, told by the deployer; each replaces what the emulator says. */
export type RegisteredSettings = Partial<AsyncSettings> & { readonly reservedConcurrency?: number };

/** How one run of a function ended. */
export type RunResult =
  | { readonly kind: 'ok'; readonly payload: string; readonly logTail: string }
  | { readonly kind: 'function-error'; readonly payload: string; readonly errorType: string; readonly logTail: string }
  | { readonly kind: 'throttled'; readonly reason: ThrottleReason }
  /** Lambda itself failed; nothing is known to have run. */
  | { readonly kind: 'system-error'; readonly message: string };

export type ThrottleReason = 'ReservedFunctionConcurrentInvocationLimitExceeded' | 'ConcurrentInvocationLimitExceeded';

/** One run that took place (or was throttled), told to listeners when it ended. */
export interface Invocation {
  readonly functionName: string;
  readonly region: string;
  readonly requestId: string;
  readonly type: 'RequestResponse' | 'Event';
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly coldStart: boolean;
  readonly outcome: RunResult['kind'];
  readonly errorType?: string;
}

export interface LocalLambda extends StandIn, LambdaInvoker {
  /** Invokes and waits, by name or ARN. @throws AwsFault ResourceNotFoundException. */
  invoke(functionName: string, region: string, payload: unknown): Promise<RunResult>;
  /** Told of settings the emulator loses or that a test wants. */
  registerInvokeConfig(functionName: string, region: string, settings: RegisteredSettings): void;
  /** Everything the function wrote so far, with START, END and REPORT lines. */
  logs(functionName: string, region?: string): Promise<string>;
  /** @returns the function that ends listening. */
  onInvocation(listener: (invocation: Invocation) => void): () => void;
  /** Ends with SIGKILL the execution environments of the function (all, or the one that got this access key). @returns how many. */
  killWorker(which: { functionName: string; region?: string } | { accessKeyId: string }): number;
  /** Where `AWS/Lambda` metrics go. */
  setMetrics(sink: MetricSink): void;
  /** Environments that start from now on ask the name server on that port of 127.0.0.1 for names that end with `.test`, as they would ask their network's resolver. */
  setNameServer(port: number): void;
  /** Concurrent executions in the account and region (default 1,000). */
  setAccountConcurrency(limit: number): void;
  /** Forgets what is cached of the emulator's definitions. */
  refresh(): void;
  /** Asynchronous events accepted and neither done nor given up; only those of the functions that `counts` says yes to, by name. */
  pending(counts?: (functionName: string) => boolean): number;
  stop(): Promise<void>;
}

export type { AwsReply };
