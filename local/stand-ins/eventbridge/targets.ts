/** One attempt to hand a text to a target by its ARN: Lambda, SQS, SNS, Step Functions. */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn, publishToTopic, sendToQueue, startExecution } from '../../gateway/services.ts';
import { AwsFault, type LambdaInvoker } from '../../world/types.ts';

export interface Handed {
  readonly arn: string;
  /** JSON text. */
  readonly input: string;
  readonly messageGroupId?: string | undefined;
  /** Name for an execution, so that a repeated delivery starts it once. */
  readonly name: string;
}

/** @throws AwsFault or AwsCallError from the target; AwsFault UnsupportedTarget for kinds that the local world doesn't know. */
export async function handTo(gateway: Gateway, lambda: LambdaInvoker, handed: Handed): Promise<void> {
  const { arn, input } = handed;
  const { service, resource } = parseArn(arn);
  switch (service) {
    case 'lambda':
      await lambda.invokeAsync(arn, JSON.parse(input));
      return;
    case 'sqs':
      return sendToQueue(gateway, arn, { body: input, groupId: handed.messageGroupId });
    case 'sns':
      return publishToTopic(gateway, arn, input);
    case 'states':
      if (resource.startsWith('stateMachine:')) return startExecution(gateway, arn, input, handed.name);
      break;
    default:
  }
  throw new AwsFault(
    'UnsupportedTarget',
    `${arn}: the local world delivers to Lambda, SQS, SNS, Step Functions and event buses only`,
  );
}
