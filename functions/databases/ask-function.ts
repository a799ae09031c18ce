/** Asking another function of Nightshift's own, in a network of databases where the asking one isn't: one that only reads, or whose changes may be repeated. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { clientDefaults } from '../engine/clients.ts';
import { classifyAwsError, RetryableError } from '../engine/errors.ts';

const lambdaError = z.object({ errorType: z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9._]{0,100}$/)) });

/** It died, ran out of time, or threw. What it says may be anything, also data: only the kind of error is told. @param text its answer. */
export function troubleOf(text: string): string {
  const where = 'its log says more';
  try {
    const found = lambdaError.safeParse(JSON.parse(text));
    return found.success ? `${found.data.errorType}: ${where}` : `an error without a type: ${where}`;
  } catch {
    return `an answer that isn't JSON: ${where}`;
  }
}

/**
 * @param timeoutSeconds of the asked function. One attempt outlives it: the next turn asks again.
 * @param region where it is, when not here.
 * @returns asks the function of that name, and gives its answer as it is. The asking function throws RetryableError when it doesn't answer, and other engine errors when it may not be asked.
 */
export function askerOf(
  timeoutSeconds: number,
  region?: string,
): (functionName: string, order: unknown) => Promise<unknown> {
  const lambda = new LambdaClient({
    ...clientDefaults(),
    ...(region !== undefined && { region }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: (timeoutSeconds + 5) * 1000,
      throwOnRequestTimeout: true,
    },
  });
  return async (FunctionName, order) => {
    try {
      const reply = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(order) }));
      const text = new TextDecoder().decode(reply.Payload);
      if (reply.FunctionError) throw new RetryableError(`${FunctionName}: ${troubleOf(text)}`);
      return JSON.parse(text);
    } catch (error) {
      throw classifyAwsError(`ask ${FunctionName}`, error);
    }
  };
}
