/** Pages as whoever is on call gets them: everything published to the page topic, by Nightshift or by an alarm directly. */
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { World } from '../../world/world.ts';
import type { Stage } from '../types.ts';

/** Subscribes a queue to the page topic. @returns how many pages arrived since. */
export async function countPages(world: World, stage: Stage): Promise<() => Promise<number>> {
  const settings = {
    endpoint: world.endpoint,
    region: world.context.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const sqs = new SQSClient(settings);
  const sns = new SNSClient(settings);
  stage.restore('the clients that count pages', () => {
    sqs.destroy();
    sns.destroy();
  });
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `pages-${Date.now()}` }));
  const attributes = async (name: 'QueueArn' | 'ApproximateNumberOfMessages') =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [name] }))).Attributes?.[name] ?? '';
  await sns.send(
    new SubscribeCommand({
      TopicArn: world.deployed.outputs.PageTopic,
      Protocol: 'sqs',
      Endpoint: await attributes('QueueArn'),
    }),
  );
  return async () => Number(await attributes('ApproximateNumberOfMessages'));
}
