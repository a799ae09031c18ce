/**
 * The contracts between the parts of the local world. Nothing deployed imports anything of `local/`.
 * One world is one Node process (supervisor, gateway and stand-ins) and its children: the emulator, PostgreSQL servers,
 * service tasks and Lambda workers.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';

/** What every part of a world is given. */
export interface WorldContext {
  readonly name: string;
  /** Scratch folder of this world: removed when it stops, or by the next start if it was killed. */
  readonly dir: string;
  readonly accountId: '000000000000';
  readonly region: string;
  readonly standbyRegion: string;
  /**
   * Long waits of AWS (Scheduler rates, Lambda's retry delays) are multiplied by this; 1 is real time. Printed at start.
   * Nothing that our own code or configuration decides is scaled.
   */
  readonly timeScale: number;
  /** Starts a child that belongs to this world: it carries the world's marker in its environment and is ended with it. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Registers what has to be undone at stop; run in reverse order of registration, each with a time limit. */
  onStop(what: string, undo: () => Promise<void> | void): void;
  /** One line for the world's own log file (never the terminal). */
  log(part: string, line: string): void;
}

/** An AWS API call as the gateway understood it. */
export interface AwsCall {
  readonly id: number;
  /** Service in the signature's credential scope: `dynamodb`, `ecs`, `rds`, `monitoring`, `application-autoscaling`, `lambda`, ... */
  readonly service: string;
  readonly region: string;
  /** API operation where the protocol tells it (JSON target, query action, known REST route), else `METHOD /path`. */
  readonly operation: string;
  /** The function's name for a local function (known by its access key), else `AWS_SDK_UA_APP_ID` (`app/<name>` in the user agent), else `''`. */
  readonly caller: string;
  readonly accessKeyId: string;
  readonly method: string;
  /** Path with query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Parsed parameters: JSON body, or the flat `A.B.1=c` parameters of the query protocol. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly protocol: 'json' | 'query' | 'rest';
  readonly at: Date;
}

export interface AwsReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

/** An AWS service that the gateway answers itself. `undefined` passes the call on to the emulator. */
export interface StandIn {
  /** Services (as in the credential scope) this stand-in is asked about. */
  readonly services: readonly string[];
  handle(call: AwsCall): Promise<AwsReply | undefined>;
}

/** An error a stand-in answers with, in AWS's shape for the protocol of the call. */
export class AwsFault extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
  }
}

/** Where stand-ins publish metrics as AWS's services do. */
export interface MetricSink {
  put(metric: {
    region: string;
    namespace: string;
    name: string;
    dimensions: Readonly<Record<string, string>>;
    value: number;
    unit?: string | undefined;
    at: Date;
  }): void;
}

/** An event as a service hands it to the default bus; the bus adds id, version and account. */
export interface AwsEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
  readonly region: string;
  readonly time: Date;
  /** Set only to replay one and the same event. */
  readonly id?: string;
}

/** Where stand-ins publish the events AWS would; resolves once the event was accepted by the bus (not delivered). */
export interface EventSink {
  publish(event: AwsEvent): Promise<{ id: string }>;
}

/** Invokes functions with Lambda's own rules (queue, retries, destinations, throttles). */
export interface LambdaInvoker {
  /** Asynchronous invocation: accepted into the function's queue. */
  invokeAsync(functionArn: string, payload: unknown): Promise<{ requestId: string }>;
}

/** What the gateway remembers of each call; bodies are not kept. */
export interface RecordedCall {
  readonly id: number;
  readonly at: string;
  readonly service: string;
  readonly region: string;
  readonly operation: string;
  readonly caller: string;
  readonly status: number;
  readonly durationMs: number;
  /** Whether the operation can change state (by its name's verb; see `local/gateway/verbs.ts`). */
  readonly changing: boolean;
  /** Short identification of what was called upon (service name, table, instance), when the parameters tell. */
  readonly resource: string;
  /** What the call asked of IAM, action by action; only for functions whose role is known. */
  readonly needs?: readonly {
    readonly action: string;
    readonly resource: string;
    /** Condition keys that the call gives. */
    readonly context?: Readonly<Record<string, string | readonly string[]>>;
  }[];
  /** Name of the injected fault that met this call. */
  readonly fault?: string;
}

/** A fault on the wire. Every field that is set must match; `times` counts down, absent means until removed. */
export interface Fault {
  readonly name: string;
  readonly match: {
    readonly service?: string;
    readonly operation?: string;
    /** A name, or the beginning of names, ended by `*`. */
    readonly caller?: string;
    readonly region?: string;
    /** Substring of `RecordedCall.resource`. */
    readonly resource?: string;
  };
  readonly kind:
    | 'throttled'
    | 'refused'
    | 'timeout-before'
    | 'timeout-after'
    | 'slow'
    | 'cut-off'
    | 'kill-caller-after';
  readonly delayMs?: number;
  /** So many matching calls pass before the first one meets the fault (default 0). */
  readonly after?: number;
  readonly times?: number;
}
