/** Where the results of asynchronous invocations go ("Capturing records of Lambda asynchronous invocations": record shape, dead-letter attributes). */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn, publishToTopic, putEvent, sendToQueue } from '../../gateway/services.ts';
import type { FunctionDefinition, RunResult } from './types.ts';

export type Condition = 'RetriesExhausted' | 'EventAgeExceeded' | 'Success';

export interface Finished {
  readonly definition: FunctionDefinition;
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  readonly condition: Condition;
  /** How often the function ran. */
  readonly runs: number;
  /** Of the last run; absent when it never ran. */
  readonly last?: RunResult;
}

const parsed = (json: string): unknown => JSON.parse(json);

/** The invocation record of a destination. */
export function invocationRecord(finished: Finished, now: Date): Record<string, unknown> {
  const { definition, requestId, condition, runs, last } = finished;
  const ran = last && (last.kind === 'ok' || last.kind === 'function-error');
  return {
    version: '1.0',
    timestamp: now.toISOString(),
    requestContext: {
      requestId,
      functionArn: `${definition.arn}:$LATEST`,
      condition,
      approximateInvokeCount: runs,
    },
    requestPayload: parsed(finished.payload),
    ...(ran
      ? {
          responseContext: {
            statusCode: 200,
            executedVersion: '$LATEST',
            ...(last.kind === 'function-error' ? { functionError: 'Unhandled' } : {}),
          },
          responsePayload: parsed(last.payload),
        }
      : {}),
  };
}

/** Attributes of a message in a dead-letter queue: `RequestID`, `ErrorCode`, `ErrorMessage` (the first 1 kB). */
export function deadLetterAttributes({ requestId, last }: Finished): Record<string, string> {
  const message =
    last?.kind === 'function-error' ? String((parsed(last.payload) as { errorMessage?: string }).errorMessage) : '';
  return {
    RequestID: requestId,
    ErrorCode: last?.kind === 'throttled' ? '429' : '200',
    ErrorMessage: message.slice(0, 1_024) || 'none',
  };
}

/**
 * Sends the record to an SQS queue, SNS topic, EventBridge bus or another function.
 * @throws Error when the destination can't be reached or is of another kind.
 */
export async function sendToDestination(
  gateway: Gateway,
  invoke: (arn: string, payload: unknown) => Promise<unknown>,
  destination: string,
  finished: Finished,
): Promise<void> {
  const record = invocationRecord(finished, new Date());
  const { service, region, resource } = parseArn(destination);
  const body = JSON.stringify(record);
  switch (service) {
    case 'sqs':
      return sendToQueue(gateway, destination, { body });
    case 'sns':
      return publishToTopic(gateway, destination, body);
    case 'lambda':
      await invoke(destination, record);
      return;
    case 'events':
      return putEvent(gateway, region, {
        Source: 'lambda',
        DetailType: `Lambda Function Invocation Result - ${finished.condition === 'Success' ? 'Success' : 'Failure'}`,
        Detail: body,
        Resources: [destination, `${finished.definition.arn}:$LATEST`],
        EventBusName: resource.replace(/^event-bus\//, ''),
      });
    default:
      throw new Error(`destination ${destination}: expected SQS, SNS, Lambda or EventBridge`);
  }
}

/** Sends the bare event to a function's dead-letter queue or topic. */
export function sendToDeadLetter(gateway: Gateway, target: string, finished: Finished): Promise<void> {
  const attributes = deadLetterAttributes(finished);
  if (parseArn(target).service === 'sns') return publishToTopic(gateway, target, finished.payload, attributes);
  return sendToQueue(gateway, target, { body: finished.payload, attributes });
}
