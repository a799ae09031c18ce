/** A small world for tests: gateway, emulator, Lambda and EventBridge, in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { strToU8, zipSync } from 'fflate';
import { startMinistack } from '../../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { createEventBridge, type LocalEventBridge } from '../../../local/stand-ins/eventbridge/index.ts';
import { createLambda, type LocalLambda } from '../../../local/stand-ins/lambda/index.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

export interface SmallWorld {
  readonly world: OpenWorld;
  readonly gateway: Gateway;
  readonly lambda: LocalLambda;
  readonly bridge: LocalEventBridge;
  /** For SDK clients: endpoint, region, credentials; one attempt, so that faults are seen. */
  readonly client: ReturnType<typeof clientConfig>;
  stop(): Promise<void>;
}

export const clientConfig = (endpoint: string, region = 'us-east-1') => ({
  endpoint,
  region,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
});

/** @param timeScale AWS's own waits are multiplied by this. */
export async function smallWorld(timeScale = 0.001): Promise<SmallWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-test-'));
  const world = await openWorld({ name: 'test', timeScale, report: () => {}, root: join(root, 'worlds') });
  const gateway = await startGateway(world);
  const { url } = await startMinistack(world, { endpointUrl: gateway.url });
  gateway.upstreamUrl = url;
  const lambda = await createLambda(world, gateway);
  const bridge = createEventBridge(world, gateway, lambda);
  return {
    world,
    gateway,
    lambda,
    bridge,
    client: clientConfig(gateway.url),
    async stop() {
      await world.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Makes a function whose `handler` is the given source, in an ES module. @returns its ARN. */
export async function makeFunction(
  { client }: Pick<SmallWorld, 'client'>,
  name: string,
  source: string,
  options: { timeoutSeconds?: number; environment?: Record<string, string> } = {},
): Promise<string> {
  const made = await new LambdaClient(client).send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: 'arn:aws:iam::000000000000:role/test',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: options.timeoutSeconds ?? 5,
      Code: { ZipFile: zipSync({ 'index.mjs': strToU8(source) }) },
      Environment: { Variables: options.environment ?? {} },
    }),
  );
  if (!made.FunctionArn) throw new Error(`${name} has no ARN`);
  return made.FunctionArn;
}

export interface Queue {
  readonly arn: string;
  readonly url: string;
}

export async function makeQueue({ client }: Pick<SmallWorld, 'client'>, name: string): Promise<Queue> {
  const { QueueUrl } = await new SQSClient(client).send(new CreateQueueCommand({ QueueName: name }));
  return { arn: `arn:aws:sqs:${client.region}:000000000000:${name}`, url: QueueUrl ?? '' };
}

/** The next message, taken from the queue; waits up to ten seconds. @throws Error when none arrives. */
export async function nextMessage({ client }: Pick<SmallWorld, 'client'>, queue: Queue): Promise<Message> {
  const sqs = new SQSClient(client);
  const receive = new ReceiveMessageCommand({
    QueueUrl: queue.url,
    WaitTimeSeconds: 1,
    MessageAttributeNames: ['All'],
  });
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const [message] = (await sqs.send(receive)).Messages ?? [];
    if (!message) continue;
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }));
    return message;
  }
  throw new Error(`no message in ${queue.url}`);
}

/** Resolves once `holds` does. @throws Error after ten seconds. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(20)) if (await holds()) return;
  throw new Error(`still not: ${what}`);
}
