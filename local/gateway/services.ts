/** Handing something to another AWS service, as AWS's own services do for their customers (targets, destinations, dead-letter queues). */
import { randomUUID } from 'node:crypto';
import type { Gateway } from './gateway-types.ts';

export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly account: string;
  /** Everything after the account: `function:name`, `stateMachine:name`, `queue-name`. */
  readonly resource: string;
}

/** @throws Error when the text isn't an ARN. */
export function parseArn(text: string): Arn {
  const [arn, , service = '', region = '', account = '', ...rest] = text.split(':');
  if (arn !== 'arn' || !service || rest.length === 0) throw new Error(`"${text}" isn't an ARN`);
  return { service, region, account, resource: rest.join(':') };
}

/** SQS SendMessage; attributes are sent as strings. @throws AwsCallError, UpstreamUnreachable. */
export async function sendToQueue(
  gateway: Gateway,
  queueArn: string,
  message: { body: string; attributes?: Readonly<Record<string, string>>; groupId?: string | undefined },
): Promise<void> {
  const { region, account, resource } = parseArn(queueArn);
  const attributes = Object.entries(message.attributes ?? {}).map(([name, value]) => [
    name,
    { DataType: 'String', StringValue: value },
  ]);
  await gateway.ask({
    service: 'sqs',
    region,
    target: 'AmazonSQS.SendMessage',
    body: {
      QueueUrl: `${gateway.url}/${account}/${resource}`,
      MessageBody: message.body,
      ...(attributes.length > 0 ? { MessageAttributes: Object.fromEntries(attributes) } : {}),
      ...(message.groupId ? { MessageGroupId: message.groupId, MessageDeduplicationId: randomUUID() } : {}),
    },
  });
}

/** SNS Publish. @throws AwsCallError, UpstreamUnreachable. */
export async function publishToTopic(
  gateway: Gateway,
  topicArn: string,
  message: string,
  attributes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31', TopicArn: topicArn, Message: message });
  Object.entries(attributes).forEach(([name, value], index) => {
    const entry = `MessageAttributes.entry.${index + 1}`;
    form.set(`${entry}.Name`, name);
    form.set(`${entry}.Value.DataType`, 'String');
    form.set(`${entry}.Value.StringValue`, value);
  });
  await gateway.ask({ service: 'sns', region: parseArn(topicArn).region, body: form });
}

/** Step Functions StartExecution under a name of its own. @throws AwsCallError, UpstreamUnreachable. */
export async function startExecution(
  gateway: Gateway,
  stateMachineArn: string,
  input: string,
  name: string,
): Promise<void> {
  await gateway.ask({
    service: 'states',
    region: parseArn(stateMachineArn).region,
    target: 'AWSStepFunctions.StartExecution',
    body: { stateMachineArn, input, name },
  });
}

export interface PutEventsEntry {
  readonly Source: string;
  readonly DetailType: string;
  /** JSON text. */
  readonly Detail: string;
  readonly Resources?: readonly string[];
  readonly EventBusName?: string;
  /** Seconds since 1970. */
  readonly Time?: number;
}

/** EventBridge PutEvents of one entry. @throws Error when the entry is refused; AwsCallError, UpstreamUnreachable. */
export async function putEvent(gateway: Gateway, region: string, entry: PutEventsEntry): Promise<void> {
  const reply = (await gateway.ask({
    service: 'events',
    region,
    target: 'AWSEvents.PutEvents',
    body: { Entries: [entry] },
  })) as { FailedEntryCount: number; Entries: readonly { ErrorCode?: string; ErrorMessage?: string }[] };
  const [result] = reply.Entries;
  if (reply.FailedEntryCount > 0) throw new Error(`${result?.ErrorCode}: ${result?.ErrorMessage}`);
}
