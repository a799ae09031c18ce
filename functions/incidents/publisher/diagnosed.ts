/** Having an incident's target looked at before people are called, so that the page says what AWS says of it. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { inTime } from '../../engine/in-time.ts';
import { log } from '../../engine/log.ts';

export interface Diagnostician {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string;
  /** Time left to this invocation, in milliseconds. */
  readonly remaining: () => number;
}

/** The pages of one invocation wait no longer for it than this in all, whatever the cause: the last of them is no later than the first. */
export const WAITS_MS = 4_000;
/** With less than this, the next one isn't even asked for: it could only come too late. */
const WORTH_MS = 500;
/** Kept for calling people: several may have to be called by one invocation. */
const KEEP_MS = 18_000;

/** One attempt. */
export const diagnosingClientDefaults = () => ({
  ...clientDefaults(),
  maxAttempts: 1,
  requestHandler: { ...clientDefaults().requestHandler, requestTimeout: WAITS_MS },
});

/**
 * For one invocation: asks for the diagnosis of an incident, which is written into its timeline. It never fails: a page without one is better than none.
 * What it returns tells whether the timeline may hold something new.
 */
export function diagnosing({
  lambda,
  functionName,
  remaining,
}: Diagnostician): (incidentId: string) => Promise<boolean> {
  let leftMs = WAITS_MS;
  return async (incidentId) => {
    if (leftMs < WORTH_MS || remaining() < KEEP_MS + leftMs) return false;
    const askedAt = performance.now();
    try {
      const asked = { FunctionName: functionName, Payload: JSON.stringify({ incidentId }) };
      // A timeout of the client's own ends with the answer's first byte.
      const answer = lambda.send(new InvokeCommand(asked), { abortSignal: AbortSignal.timeout(leftMs) });
      const { FunctionError } = await inTime(leftMs, `no answer within ${Math.round(leftMs)} ms`, answer);
      // What went wrong is in its own log.
      if (FunctionError) log('WARN', 'an incident could not be diagnosed', { incidentId, error: FunctionError });
      return FunctionError === undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log('WARN', 'an incident could not be diagnosed in time', { incidentId, error: why });
      return false;
    } finally {
      leftMs -= performance.now() - askedAt;
    }
  };
}
