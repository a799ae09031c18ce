/**
 * Looks for planted secrets in everything that Nightshift leaves behind or tells in a local world (invariant I11): logs, journal, messages, pages, events,
 * archive, inputs and histories of state machines, failure queues, functions' environments, the template.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { World } from '../../local/world/world.ts';

/** A secret with a name by which a leak is reported; the value itself never is. */
export interface Planted {
  readonly name: string;
  readonly value: string;
}

/** A text that was left or told, and where. */
export interface Left {
  readonly where: string;
  readonly text: string;
}

export interface Leak {
  readonly secret: string;
  readonly where: string;
}

/** Shorter ones would be found by chance. */
const SHORTEST = 12;

/**
 * Every planted secret that stands in a text, as it is, percent-encoded, in base64 or escaped as JSON.
 * @throws RangeError for a secret that is too short to be recognised.
 */
export function leaksIn(texts: readonly Left[], planted: readonly Planted[]): Leak[] {
  const forms = planted.map(({ name, value }) => ({ name, forms: formsOf(name, value) }));
  const found = texts.flatMap(({ where, text }) =>
    forms
      .filter((secret) => secret.forms.some((form) => text.includes(form)))
      .map(({ name }) => ({ secret: name, where })),
  );
  return [...new Map(found.map((leak) => [`${leak.secret} ${leak.where}`, leak])).values()];
}

function formsOf(name: string, value: string): string[] {
  if (value.length < SHORTEST) throw new RangeError(`${name}: ${value.length} characters can't be told from others`);
  // The middle of its base64 is the same wherever in a text that was encoded as a whole it may stand at a multiple of three.
  const base64 = [0, 1, 2].map((skipped) =>
    Buffer.from(value.slice(skipped)).toString('base64').replace(/=+$/, '').slice(0, -2),
  );
  return [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...base64];
}

export interface Scan {
  readonly leaks: readonly Leak[];
  /** How many texts were looked at, by kind: nothing found in nothing proves nothing. */
  readonly looked: Readonly<Record<string, number>>;
}

export interface SecretsWatch {
  /** @param printed what else was printed, such as a program's output. */
  scan(planted: readonly Planted[], printed?: readonly string[]): Promise<Scan>;
  /** Bodies of the pages so far. */
  pages(): Promise<readonly string[]>;
  stop(): void;
}

/** Begins to keep what is told from now on; what is left behind is read by `scan`. */
export async function watchForSecrets(world: World): Promise<SecretsWatch> {
  const { region, accountId } = world.context;
  const settings = { endpoint: world.endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const clients = {
    sqs: new SQSClient(settings),
    sns: new SNSClient(settings),
    events: new EventBridgeClient(settings),
    lambda: new LambdaClient(settings),
    sfn: new SFNClient(settings),
  };
  const pages = await queue(clients.sqs, 'scan-pages');
  await clients.sns.send(
    new SubscribeCommand({ TopicArn: world.deployed.outputs.PageTopic, Protocol: 'sqs', Endpoint: pages.arn }),
  );
  const told = await queue(clients.sqs, 'scan-bus');
  const bus = { EventBusName: 'nightshift-demo' };
  await clients.events.send(
    new PutRuleCommand({ ...bus, Name: 'scan', EventPattern: JSON.stringify({ account: [accountId] }) }),
  );
  await clients.events.send(new PutTargetsCommand({ ...bus, Rule: 'scan', Targets: [{ Id: 'scan', Arn: told.arn }] }));
  const kept = new Map<string, Left[]>([
    ['page', []],
    ['event', []],
  ]);
  const drain = async () => {
    kept.get('page')?.push(...(await messages(clients.sqs, pages.url, 'page')));
    kept.get('event')?.push(...(await messages(clients.sqs, told.url, 'event on the bus')));
  };
  return {
    scan: async (planted, printed = []) => {
      await drain();
      const texts = new Map<string, readonly Left[]>([
        ...kept,
        ['log', logs(world)],
        ['journal', await journal(world)],
        ['message', world.team.told.map((body) => left('message to the team', body))],
        ['archive', await archive(world)],
        ['state machine', await executions(world, clients.sfn)],
        ['failure', await failures(clients.sqs)],
        ['environment', await environments(world, clients.lambda)],
        ['template', [left('template', world.deployed.template)]],
        ['printed', printed.map((line) => ({ where: 'printed', text: line }))],
      ]);
      const looked = Object.fromEntries([...texts].map(([kind, found]) => [kind, found.length]));
      return { leaks: leaksIn([...texts.values()].flat(), planted), looked };
    },
    pages: async () => {
      await drain();
      return (kept.get('page') ?? []).map(({ text }) => text);
    },
    stop: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

/** What a world keeps secret anyway: its parameters under `/nightshift/`, and the passwords of its database. */
export async function secretsOf(world: World): Promise<Planted[]> {
  const ssm = new SSMClient({
    endpoint: world.endpoint,
    region: world.context.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const { Parameters = [] } = await ssm.send(
      new GetParametersByPathCommand({ Path: '/nightshift/', Recursive: true, WithDecryption: true }),
    );
    const users = ['postgres', 'orders_app', 'reporting', 'batch_allowed'] as const;
    return [
      ...Parameters.map(({ Name = '', Value = '' }) => ({ name: Name, value: Value.replace(/^whsec_/, '') })),
      ...users.map((user) => ({ name: `password of ${user}`, value: world.database.as(user).password })),
    ];
  } finally {
    ssm.destroy();
  }
}

const left = (where: string, value: unknown): Left => ({ where, text: JSON.stringify(value) ?? '' });

async function queue(sqs: SQSClient, name: string): Promise<{ url: string; arn: string }> {
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }));
  return { url, arn: Attributes?.QueueArn ?? '' };
}

/** All messages; they stay invisible for as long as a test may last, so that none is counted twice. */
async function messages(sqs: SQSClient, url: string, where: string): Promise<Left[]> {
  const found: Left[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 3600 }),
    );
    if (Messages.length === 0) return found;
    found.push(...Messages.map(({ Body = '', MessageAttributes = {} }) => left(where, [Body, MessageAttributes])));
  }
}

/** The emulator's own log isn't looked at: it stands in for AWS, which is given the secrets to keep. */
function logs({ context }: World): Left[] {
  const folder = join(context.dir, 'logs');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.log') && file !== 'ministack.log')
    .map((file) => ({ where: `log ${file}`, text: readFileSync(join(folder, file), 'utf8') }));
}

async function journal(world: World): Promise<Left[]> {
  const { dynamodb } = world.clients();
  const found: Left[] = [];
  let ExclusiveStartKey: Record<string, never> | undefined;
  do {
    const reply = await dynamodb.send(
      new ScanCommand({ TableName: world.deployed.outputs.JournalTable, ExclusiveStartKey, ConsistentRead: true }),
    );
    for (const raw of reply.Items ?? []) {
      const item = unmarshall(raw);
      found.push(left(`journal item ${item.pk} ${item.sk}`, item));
    }
    ExclusiveStartKey = reply.LastEvaluatedKey as typeof ExclusiveStartKey;
  } while (ExclusiveStartKey);
  return found;
}

/** By plain HTTP: the local S3 takes any signature, and there is no S3 client here. */
async function archive(world: World): Promise<Left[]> {
  const bucket = `${world.endpoint}/${world.deployed.outputs.ArchiveBucket}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/${world.context.region}/s3/aws4_request, SignedHeaders=host, Signature=0`;
  const get = async (url: string) => (await fetch(url, { headers: { authorization } })).text();
  const keys = [...(await get(`${bucket}?list-type=2`)).matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
  return Promise.all(keys.map(async (key) => ({ where: `archive ${key}`, text: await get(`${bucket}/${key}`) })));
}

async function executions(world: World, sfn: SFNClient): Promise<Left[]> {
  return Promise.all(
    world.stepFunctions.executions().map(async ({ arn: executionArn }) => {
      const { input, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      const { events } = await sfn.send(
        new GetExecutionHistoryCommand({ executionArn, includeExecutionData: true, maxResults: 1000 }),
      );
      return left(`state machine ${executionArn}`, { input, output, events });
    }),
  );
}

async function failures(sqs: SQSClient): Promise<Left[]> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'nightshift-' }));
  const found = await Promise.all(QueueUrls.map((url) => messages(sqs, url, `queue ${url.split('/').at(-1)}`)));
  return found.flat();
}

async function environments(world: World, lambda: LambdaClient): Promise<Left[]> {
  const names = readdirSync(join(world.context.dir, 'logs'))
    .filter((file) => file.startsWith('nightshift-') && existsSync(join(world.context.dir, 'logs', file)))
    .map((file) => file.replace(/\.log$/, ''))
    .filter((name) => !name.includes('.'));
  return Promise.all(
    names.map(async (FunctionName) =>
      left(
        `environment of ${FunctionName}`,
        (await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }))).Environment,
      ),
    ),
  );
}
