/** What a person must look at although nothing failed loudly, and the sign of life that the standby region watches. */
import { type LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { marshall } from '../../engine/attributes.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { troubleKey } from '../../engine/items.ts';
import type { Measure } from '../../engine/metrics.ts';
import type { Store } from '../../engine/store.ts';

/** A client for one region. The region decides where it calls, not the queue's URL: that is also how an endpoint of one's own is used. */
export const sqsIn = (region: string): SQSClient =>
  new SQSClient({ ...clientDefaults(), region, useQueueUrlAsEndpoint: false });

/** "GetQueueAttributes", Amazon SQS API Reference: what somebody looks at just now is still there. */
const COUNTED = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;

/** Messages in the failure queues. @throws EngineError when one of them can't be looked into: what can't be seen isn't called fine. */
export async function countFailures(sqs: Pick<SQSClient, 'send'>, queueUrls: readonly string[]): Promise<number> {
  const counts = await Promise.all(
    queueUrls.map(async (QueueUrl) => {
      try {
        const { Attributes } = await sqs.send(
          new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...COUNTED] }),
        );
        return COUNTED.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
      } catch (error) {
        throw classifyAwsError(`look into ${QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1)}`, error);
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** States in which a mapping reads the stream, or is about to ("GetEventSourceMapping", AWS Lambda API reference). */
const FOLLOWING = ['Enabled', 'Enabling', 'Creating', 'Updating'];

/**
 * Functions that should follow the journal's stream and don't, because somebody switched their event source mapping off: nothing they tell reaches
 * anybody, and no alarm of theirs notices, because what isn't read is never late.
 * @returns one line for each; one as well when nobody follows the stream at all.
 * @throws EngineError when Lambda can't be asked.
 */
export async function whoStoppedFollowing(
  lambda: Pick<LambdaClient, 'send'>,
  EventSourceArn: string,
): Promise<string[]> {
  try {
    // Never more than a page of them: a stream feeds few functions.
    const { EventSourceMappings: mappings = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ EventSourceArn }),
    );
    if (mappings.length === 0) return ['nobody follows the journal: deploy again'];
    return mappings
      .filter(({ State = '' }) => !FOLLOWING.includes(State))
      .map(({ FunctionArn = '', State, UUID }) => {
        const name = FunctionArn.slice(FunctionArn.lastIndexOf(':') + 1);
        return `${name} does not follow the journal: enable its event source mapping ${UUID} (it is ${State})`;
      });
  } catch (error) {
    throw classifyAwsError('list who follows the journal', error);
  }
}

/** Work is handed out again a period after it was: what waits for three of them doesn't get its turn. */
const PERIODS_TO_BE_STUCK = 3;

export interface Found {
  /** Messages in failure queues. */
  readonly failures: number;
  /** Functions that don't follow the journal any more. */
  readonly stopped: number;
  readonly due: number;
  /** How long the oldest piece of due work had waited, in seconds. */
  readonly waitedSeconds: number;
}

/** How much a person must look at. Pure. */
export function troubleOf(
  { failures, stopped, waitedSeconds }: Found,
  { reconcileEverySeconds }: { readonly reconcileEverySeconds: number },
): number {
  return failures + stopped + (waitedSeconds > PERIODS_TO_BE_STUCK * reconcileEverySeconds ? 1 : 0);
}

/**
 * What is worth sending: nothing while nothing is due and nothing failed, because a metric costs by the hour in which it is sent. What is new since the last
 * run pages; the zero behind it ends that alarm, so that what comes next pages again, whatever still lies there. Pure.
 * @param before Trouble of the last run.
 */
export function reconcilerMeasures(
  found: Found,
  before: number,
  config: { readonly reconcileEverySeconds: number },
): Measure[] {
  const trouble = troubleOf(found, config);
  const measures: Measure[] = [
    { name: 'WorkDue', value: found.due },
    { name: 'WorkOverdue', value: found.waitedSeconds },
    { name: 'Trouble', value: trouble },
  ];
  const sent = measures.filter(({ value }) => value > 0);
  if (trouble === 0 && before === 0) return sent;
  return [...sent, { name: 'NewTrouble', value: Math.max(0, trouble - before) }];
}

/** Trouble of the last run; zero before there was one. @throws EngineError when the journal can't be read. */
export const readTrouble = async (store: Pick<Store, 'read'>): Promise<number> =>
  Number((await store.read(troubleKey))?.trouble ?? 0);

/**
 * For the next run, once it was told: a run that dies in between tells it again.
 * @throws EngineError when the journal can't be written: the next run tells it again, too.
 */
export async function keepTrouble(store: Pick<Store, 'table' | 'transact'>, trouble: number): Promise<void> {
  const Item = marshall({ ...troubleKey, trouble });
  await store.transact([{ label: 'trouble', item: { Put: { TableName: store.table, Item } } }]);
}

/**
 * Says in the standby region that a run went well. @throws EngineError when it can't be said; the caller goes on, for the alarm there notices the
 * silence.
 */
export async function giveSign(sqs: Pick<SQSClient, 'send'>, QueueUrl: string): Promise<void> {
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'alive' }));
  } catch (error) {
    throw classifyAwsError('give a sign of life in the standby region', error);
  }
}
