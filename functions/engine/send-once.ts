/** Sending a request that must not be sent again unless it is certain that it had no effect. */
import { setTimeout as sleep } from 'node:timers/promises';

const TRIES = 3;
const PAUSE_MS = 200;

/** Answers with which AWS refuses a request before doing anything ("Common Error Types", AWS API references): only these are repeated. */
const THROTTLED =
  /^(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|TooManyRequestsException|SlowDown)$/;

/**
 * Sends, and again (at most three times, with jitter) while the answer is that there were too many requests. Everything else, above all an answer
 * that never came, is thrown as it is.
 * @param send Must not retry by itself (`onceClientDefaults`).
 */
export async function sendOnce<Reply>(send: () => Promise<Reply>): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      if (!wasThrottled(error) || tries === TRIES) throw error;
      await sleep(PAUSE_MS * tries * (0.5 + Math.random()));
    }
  }
}

/** Without an HTTP status there was no answer, whatever the error is called. */
function wasThrottled(error: unknown): boolean {
  if (!(error instanceof Error) || !THROTTLED.test(error.name)) return false;
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== undefined;
}
