/** Task tokens ("Wait for a Callback with Task Token"; API reference, SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat). */
import { randomBytes } from 'node:crypto';
import { AwsFault } from '../../world/types.ts';
import { StatesError } from './errors.ts';
import type { OpenToken } from './frame.ts';
import type { Json } from './types.ts';

interface Pending {
  settle(answer: { readonly output: Json } | { readonly error: StatesError }): void;
  beat(): void;
}

const TOKEN_BYTES = 96;

export class TaskTokens {
  readonly #pending = new Map<string, Pending>();
  readonly #closed = new Set<string>();

  /** AWS knows by a token whose execution it is, and judges policies by that; here it begins with it. Opaque to everybody but IAM. */
  open(executionArn: string): OpenToken {
    const token = Buffer.concat([Buffer.from(`${executionArn}\n`), randomBytes(TOKEN_BYTES)]).toString('base64');
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    // An answer can come before anybody waits for it: the call that hands the token out may not have ended.
    promise.catch(() => {});
    let beat = Promise.withResolvers<void>();
    this.#pending.set(token, {
      settle: (answer) => {
        this.#close(token);
        if ('error' in answer) reject(answer.error);
        else resolve(answer.output);
      },
      beat: () => {
        beat.resolve();
        beat = Promise.withResolvers<void>();
      },
    });
    return { token, answered: promise, nextHeartbeat: () => beat.promise, close: () => this.#close(token) };
  }

  /** @throws AwsFault InvalidToken, InvalidOutput, or TaskTimedOut when the task is over. */
  succeed(token: unknown, output: unknown): void {
    const pending = this.#find(token);
    pending.settle({ output: parsed(output) });
  }

  /** @throws AwsFault InvalidToken, or TaskTimedOut when the task is over. */
  fail(token: unknown, error: unknown, cause: unknown): void {
    const name = error === undefined ? '' : String(error);
    this.#find(token).settle({ error: new StatesError(name, cause === undefined ? undefined : String(cause)) });
  }

  /** @throws AwsFault InvalidToken, or TaskTimedOut when the task is over. */
  heartbeat(token: unknown): void {
    this.#find(token).beat();
  }

  #find(token: unknown): Pending {
    const pending = this.#pending.get(String(token));
    if (pending) return pending;
    if (this.#closed.has(String(token)))
      throw new AwsFault('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
    throw new AwsFault('InvalidToken', "Invalid Token: 'Invalid token'");
  }

  #close(token: string): void {
    if (this.#pending.delete(token)) this.#closed.add(token);
  }
}

function parsed(output: unknown): Json {
  try {
    return JSON.parse(String(output)) as Json;
  } catch (error) {
    throw new AwsFault('InvalidOutput', `Invalid Output: '${error instanceof Error ? error.message : String(error)}'`);
  }
}
