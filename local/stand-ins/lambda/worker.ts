/** One execution environment: a Node process that runs one invocation at a time (Lambda developer guide, "Understanding the Lambda execution environment lifecycle"). */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { WorldContext } from '../../world/types.ts';
import type { FunctionDefinition } from './types.ts';

/** Lambda's own limit for loading a function. */
const INIT_LIMIT_MS = 10_000;
const END_MARK = '\u001eEND ';
/** A worker that can't be heard any more writes no end mark; its END line isn't waited for longer than this. */
const LAST_OUTPUT_MS = 500;

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export type WorkerAnswer = { readonly payload: string } | { readonly error: FunctionError };

type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'init-error'; readonly error: FunctionError }
  | { readonly type: 'result'; readonly requestId: string; readonly payload: string }
  | { readonly type: 'error'; readonly requestId: string; readonly error: FunctionError };

export interface WorkerStart {
  readonly world: WorldContext;
  readonly definition: FunctionDefinition;
  readonly folder: string;
  readonly runtimeFile: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly accessKeyId: string;
  onLine(line: string): void;
}

export class Worker {
  readonly accessKeyId: string;
  readonly #startedAt = performance.now();
  /** Milliseconds it took to load the handler; set once it is ready. */
  initMs = 0;
  /** Milliseconds of the last invocation, without the loading. */
  lastRunMs = 0;
  /** Ended, or about to: not to be used again. */
  isDead = false;
  hasRun = false;
  readonly #child: ChildProcess;
  readonly #ready: Promise<FunctionError | undefined>;
  readonly #exited: Promise<string>;
  readonly #onLine: (line: string) => void;
  #answer: ((answer: WorkerAnswer) => void) | undefined;
  #ended: () => void = () => {};
  #outputEnded: Promise<void> = Promise.resolve();
  #tail: string[] = [];

  constructor(start: WorkerStart) {
    const { world, definition, folder, environment } = start;
    this.accessKeyId = start.accessKeyId;
    this.#onLine = start.onLine;
    const heapMegabytes = Math.max(64, Math.floor(definition.memoryMegabytes * 0.9));
    this.#child = world.spawn(process.execPath, [`--max-old-space-size=${heapMegabytes}`, start.runtimeFile], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#readOutput();
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) =>
        resolve(signal ? `signal: ${signalName(signal)}` : `exit status ${code}`),
      );
      this.#child.once('error', (error) => resolve(`error: ${error.message}`));
    });
    void this.#exited.then(() => {
      this.isDead = true;
    });
    this.#ready = this.#becomeReady();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Runs one invocation. The worker is dead afterwards when it timed out, exited or failed to load. */
  async invoke(invocation: {
    requestId: string;
    payload: string;
    timeoutMs: number;
    functionArn: string;
  }): Promise<WorkerAnswer> {
    const notLoaded = await this.#ready;
    if (notLoaded) return this.#die(notLoaded);
    this.hasRun = true;
    const { requestId, payload, timeoutMs, functionArn } = invocation;
    const began = performance.now();
    this.#tail = [];
    this.#outputEnded = new Promise((resolve) => {
      this.#ended = resolve;
    });
    const answered = new Promise<WorkerAnswer>((resolve) => {
      this.#answer = resolve;
    });
    const seconds = (timeoutMs / 1_000).toFixed(2);
    let timer: NodeJS.Timeout | undefined;
    const timedOut = new Promise<WorkerAnswer>((resolve) => {
      timer = setTimeout(() => {
        this.#onLine(`${new Date().toISOString()} ${requestId} Task timed out after ${seconds} seconds`);
        resolve(
          this.#die({
            errorType: 'Sandbox.Timedout',
            errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
          }),
        );
      }, timeoutMs);
    });
    const died = this.#exited.then((how): WorkerAnswer => ({ error: exitError(requestId, how) }));
    const message = { requestId, payload, deadlineMs: Date.now() + timeoutMs, functionArn };
    this.#child.send(message, () => {
      // A closed channel means that the process ended: `died` answers that.
    });
    const answer = await Promise.race([answered, timedOut, died]);
    clearTimeout(timer);
    this.lastRunMs = performance.now() - began;
    this.#answer = undefined;
    if ('error' in answer && answer.error.errorType.startsWith('Runtime.Un')) this.isDead = true;
    return answer;
  }

  /** Resolves when everything the last invocation wrote has been read; its last lines (4 kB, as `LogType: Tail` gives). */
  async lastOutput(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_OUTPUT_MS);
    });
    await Promise.race([this.#outputEnded, this.#exited, limit]);
    clearTimeout(timer);
    return this.#tail.join('\n').slice(-4_096);
  }

  kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
    this.isDead = true;
    this.#child.kill(signal);
  }

  async gone(): Promise<void> {
    await this.#exited;
  }

  #die(error: FunctionError): WorkerAnswer {
    this.kill();
    return { error };
  }

  #becomeReady(): Promise<FunctionError | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () =>
          resolve({
            errorType: 'Sandbox.Timedout',
            errorMessage: `Error: Init phase timed out after ${INIT_LIMIT_MS / 1_000} seconds`,
          }),
        INIT_LIMIT_MS,
      );
      const settle = (error?: FunctionError) => {
        clearTimeout(timer);
        this.initMs = performance.now() - this.#startedAt;
        resolve(error);
      };
      this.#child.on('message', (message: Message) => {
        if (message.type === 'ready') settle();
        else if (message.type === 'init-error') settle(message.error);
        else this.#answer?.(message.type === 'result' ? { payload: message.payload } : { error: message.error });
      });
      void this.#exited.then((how) =>
        settle({ errorType: 'Runtime.ExitError', errorMessage: `Error: Runtime exited with error: ${how}` }),
      );
    });
  }

  #readOutput(): void {
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error('a worker without output pipes');
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith(END_MARK)) this.#ended();
      else this.#take(line);
    });
    createInterface({ input: stderr }).on('line', (line) => this.#take(line));
  }

  #take(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > 200) this.#tail.shift();
    this.#onLine(line);
  }
}

const signalName = (signal: NodeJS.Signals): string => (signal === 'SIGKILL' ? 'killed' : signal);

const exitError = (requestId: string, how: string): FunctionError => ({
  errorType: 'Runtime.ExitError',
  errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${how}`,
});
