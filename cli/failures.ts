/** The failure queues of a deployment, `nightshift-<deployment>-<function>-failures`, and what their messages say. */
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  paginateListQueues,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { JournalEntry } from '../events/journal.ts';
import { clientDefaults } from '../functions/engine/clients.ts';
import { openStore } from './journal.ts';
import type { Place } from './place.ts';
import { type Batch, batchIn, whyNotTaken, writtenIn } from './stream-failures.ts';

export interface FailureQueue {
  /** The function's name without its deployment, such as `scale-out-service`. */
  readonly unit: string;
  readonly functionName: string;
  readonly url: string;
  /** About: SQS counts approximately ("GetQueueAttributes", Amazon SQS API Reference). */
  readonly messages: number;
}

/** A message as it was received; `payload` is what the function was invoked with, absent where the message doesn't hold it. */
export interface Failure {
  readonly id: string;
  readonly at: string;
  readonly reason: string;
  readonly payload?: string;
  /** Records of the journal's stream, which are read again from the journal. */
  readonly batch?: Batch;
}

export interface Received extends Failure {
  readonly receipt: string;
}

export interface Failures {
  queues(): Promise<FailureQueue[]>;
  /** @param hideForSeconds for how long nobody else receives them; 0 to look only. Up to `limit` messages. */
  receive(queue: FailureQueue, hideForSeconds: number, limit: number): Promise<Received[]>;
  /** Accepted into the function's own queue, with all of its retries. */
  invoke(functionName: string, payload: string): Promise<void>;
  /**
   * Invoked, and its answer waited for: who reads a stream says in it what it couldn't take, which nobody would read otherwise.
   * @returns why it didn't take all of it.
   */
  tell(functionName: string, payload: string): Promise<string | undefined>;
  /** Entries of the journal that a batch may have held. */
  written(batch: Batch): Promise<JournalEntry[]>;
  remove(queue: FailureQueue, receipt: string): Promise<void>;
  destroy(): void;
}
export type OpenFailures = (place: Place, deployment: string) => Failures;

/** "ReceiveMessage", Amazon SQS API Reference: at most 10 at once, and fewer than there are at times. */
const BATCH = 10;
const EMPTY_ANSWERS = 2;
/** "Lambda quotas": no function runs longer. */
const LONGEST_RUN_MS = 15 * 60_000;

export const openFailures: OpenFailures = (place, deployment) => {
  const { clientSettings } = place;
  const settings = { ...clientDefaults(), ...clientSettings };
  const store = openStore(place);
  const sqs = new SQSClient(settings);
  const lambda = new LambdaClient(settings);
  // Once: what takes long isn't begun again beside itself.
  const patient = new LambdaClient({
    ...settings,
    maxAttempts: 1,
    requestHandler: { ...settings.requestHandler, requestTimeout: LONGEST_RUN_MS },
  });
  const prefix = `nightshift-${deployment}-`;
  return {
    queues: async () => {
      const found: FailureQueue[] = [];
      const told = await queuesToldOf(lambda, `${prefix}reconciler`);
      for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs }, { QueueNamePrefix: prefix }))
        for (const url of ownQueues(QueueUrls, told)) {
          const functionName = nameOf(url).slice(0, -SUFFIX.length);
          found.push({ unit: functionName.slice(prefix.length), functionName, url, messages: await count(sqs, url) });
        }
      return found;
    },
    receive: async (queue, hideForSeconds, limit) => {
      const found = new Map<string, Received>();
      for (let without = 0; without < EMPTY_ANSWERS && found.size < limit; ) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: queue.url,
            MaxNumberOfMessages: Math.min(BATCH, limit - found.size),
            VisibilityTimeout: hideForSeconds,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['SentTimestamp'],
          }),
        );
        const before = found.size;
        for (const message of Messages) found.set(message.MessageId ?? '', receivedOf(message));
        // Looking only, the same ones come again.
        if (found.size === before) without++;
      }
      return [...found.values()].sort((a, b) => a.at.localeCompare(b.at));
    },
    invoke: async (FunctionName, payload) => {
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: payload }));
    },
    tell: async (FunctionName, Payload) => {
      const reply = await patient.send(new InvokeCommand({ FunctionName, Payload }));
      return whyNotTaken(reply.FunctionError, reply.Payload?.transformToString() ?? '');
    },
    written: (batch) => writtenIn(store, batch),
    remove: async ({ url }, ReceiptHandle) => {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    },
    destroy: () => {
      sqs.destroy();
      lambda.destroy();
      patient.destroy();
    },
  };
};

const SUFFIX = '-failures';
const nameOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/**
 * Pure: which of the queues that a prefix finds are failure queues of this deployment. Where one is called `main` and another one `main-eu`, names alone
 * don't tell: the reconciler was told of its own ones when it was deployed.
 * @param told URLs; undefined where there is no reconciler to ask: a queue too many shown is better than none.
 */
export function ownQueues(urls: readonly string[], told: readonly string[] | undefined): string[] {
  const own = told && new Set(told.map(nameOf));
  return urls.filter((url) => url.endsWith(SUFFIX) && (!own || own.has(nameOf(url))));
}

/** What infra/constructs/self-watch.ts told the reconciler. @throws what the client throws, except that the function isn't there. */
async function queuesToldOf(lambda: LambdaClient, FunctionName: string): Promise<string[] | undefined> {
  try {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const told = Environment?.Variables?.NIGHTSHIFT_FAILURE_QUEUES;
    return told === undefined ? undefined : (JSON.parse(told) as string[]);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function count(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes ?? {}).reduce((sum, text) => sum + Number(text), 0);
}

function receivedOf(message: Message): Received {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes, MessageAttributes = {} } = message;
  const sent = Number(Attributes?.SentTimestamp ?? 0);
  const attributes = Object.fromEntries(
    Object.entries(MessageAttributes).map(([key, each]) => [key, each.StringValue]),
  );
  return { id: MessageId, receipt: ReceiptHandle, at: new Date(sent).toISOString(), ...failureIn(Body, attributes) };
}

/**
 * What a message says. Pure.
 *   Lambda's own record ("Capturing records of Lambda asynchronous invocations"): `requestContext.condition`, `responsePayload.errorMessage`, `requestPayload`.
 *   EventBridge's ("Using dead-letter queues to process undelivered events in EventBridge"): the event itself, with ERROR_CODE and ERROR_MESSAGE beside it.
 *   A stream's ("Retain discarded records", Using Lambda with DynamoDB): when the records were written, but not the records.
 */
export function failureIn(
  body: string,
  attributes: Readonly<Record<string, string | undefined>>,
): Pick<Failure, 'reason' | 'payload' | 'batch'> {
  const { ERROR_CODE, ERROR_MESSAGE } = attributes;
  if (ERROR_CODE !== undefined)
    return { reason: `EventBridge could not deliver it: ${ERROR_CODE}: ${ERROR_MESSAGE ?? ''}`, payload: body };
  const record = recordIn(body);
  if (!record) return { reason: 'it is no record of a failed invocation' };
  const { requestContext, responsePayload, requestPayload } = record;
  const condition = requestContext?.condition ?? 'failed';
  const attempts = requestContext?.approximateInvokeCount;
  const error = responsePayload?.errorMessage ?? 'the function told no error';
  const reason = `${condition}${attempts === undefined ? '' : ` after ${attempts} attempts`}: ${error}`;
  const batch = batchIn(record);
  if (batch) {
    const span = `${new Date(batch.from).toISOString()} to ${new Date(batch.to).toISOString()}`;
    return { reason: `${reason} (${batch.records} entries of the journal, written ${span})`, batch };
  }
  if (requestPayload === undefined || requestPayload === null)
    return { reason: `${reason} (the message holds no payload: what it was about isn't known)` };
  return { reason, payload: JSON.stringify(requestPayload) };
}

interface InvocationRecord {
  readonly requestContext?: { readonly condition?: string; readonly approximateInvokeCount?: number };
  readonly responsePayload?: { readonly errorMessage?: string } | null;
  readonly requestPayload?: unknown;
}

/** Of JSON objects only, and of those with the context of an invocation. */
function recordIn(body: string): InvocationRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'requestContext' in parsed
      ? (parsed as InvocationRecord)
      : undefined;
  } catch {
    // Somebody put something else there; it is shown as such.
    return undefined;
  }
}
