/** Having an incident's target looked at before people are called, so that the page says what AWS says of it. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { log } from '../../engine/log.ts';

export interface Diagnostician {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string;
  /** Time left to this invocation, in milliseconds. */
  readonly remaining: () => number;
}

/** A page waits no longer for it than this, whatever the cause. */
export const WAITS_MS = 4_000;
/** Kept for calling people: several may have to be called by one invocation. */
const KEEP_MS = 18_000;

/** One attempt; the whole of it may not take longer than a page may wait. */
export const diagnosingClientDefaults = () => ({
  ...clientDefaults(),
  maxAttempts: 1,
  requestHandler: { ...clientDefaults().requestHandler, requestTimeout: WAITS_MS },
});

/**
 * Asks for a diagnosis, which is written into the incident's timeline. It never fails: a page without one is better than none.
 * @returns whether the timeline may hold something new.
 */
export async function haveDiagnosed(
  incidentId: string,
  { lambda, functionName, remaining }: Diagnostician,
): Promise<boolean> {
  if (remaining() < KEEP_MS + WAITS_MS) return false;
  try {
    const { FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ incidentId }) }),
    );
    // What went wrong is in its own log.
    if (FunctionError) log('WARN', 'an incident could not be diagnosed', { incidentId, error: FunctionError });
    return FunctionError === undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log('WARN', 'an incident could not be diagnosed in time', { incidentId, error: why });
    return false;
  }
}
