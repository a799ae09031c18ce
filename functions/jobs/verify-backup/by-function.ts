/** Asking `read-backup`, the function in the network of restored instances. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { clientDefaults } from '../../engine/clients.ts';
import { classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { manifest, READER } from './manifest.ts';
import { type Answer, answer, type ReadOrder } from './reading.ts';

/** Asks the function that reads restored instances. @throws RetryableError when it doesn't answer. */
export type Reader = (order: ReadOrder, deployment: string) => Promise<Answer>;

/** One attempt that outlives the reader: it only reads, and the next turn asks again. */
const lambda = new LambdaClient({
  ...clientDefaults(),
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: 1_000,
    requestTimeout: (manifest.reader.timeoutSeconds + 5) * 1000,
    throwOnRequestTimeout: true,
  },
});

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

/** By the function `read-backup`, which is the only one in the network of restored instances. */
export const byFunction: Reader = async (order, deployment) => {
  const FunctionName = `nightshift-${deployment}-${READER}`;
  try {
    const reply = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(order) }));
    const text = new TextDecoder().decode(reply.Payload);
    if (reply.FunctionError) throw new RetryableError(`${FunctionName}: ${troubleOf(text)}`);
    return answer.parse(JSON.parse(text));
  } catch (error) {
    throw classifyAwsError(`ask ${FunctionName}`, error);
  }
};
