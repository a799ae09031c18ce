/** Nightshift watching itself, in a whole world (invariant I13): signs of life, trouble that is counted, and who is called when it is dead. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runbooksDocument } from '../../events/published/runbooks.ts';
import { startWorld, type World } from '../../local/world/world.ts';
import { lastDocument, runToEnd } from '../emulator/world/programs.ts';

const NAME = `self-watch-${process.pid}`;
const WITHIN_MS = 180_000;
let world: World;
let region: string;
let standby: string;
const made: { destroy(): void }[] = [];

function clientFor<C extends { destroy(): void }>(Client: new (settings: object) => C, of: string): C {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new Client({ endpoint: world.endpoint, region: of, credentials });
  made.push(client);
  return client;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await sleep(500)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`not within ${WITHIN_MS / 1000} s: ${what}`);
}

/** A person's inbox: what is published to a topic. */
async function inbox(of: string, topicArn: string | undefined, name = 'inbox'): Promise<() => Promise<string[]>> {
  const sqs = clientFor(SQSClient, of);
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}-${of}` }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const endpoint = Attributes?.QueueArn;
  await clientFor(SNSClient, of).send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: endpoint }),
  );
  return async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
    );
    return Messages.map(({ Body = '' }) => Body);
  };
}

async function alarm(of: string, name: string) {
  const { MetricAlarms } = await clientFor(CloudWatchClient, of).send(
    new DescribeAlarmsCommand({ AlarmNames: [name] }),
  );
  return MetricAlarms?.[0];
}

beforeAll(async () => {
  world = await startWorld({ name: NAME });
  region = world.context.region;
  standby = world.context.standbyRegion;
}, 400_000);

afterAll(async () => {
  for (const client of made) client.destroy();
  await world?.stop();
}, 400_000);

describe('Nightshift that lives', () => {
  it('says so in the standby region, where an alarm hears it', async () => {
    await until('the alarm in the standby region is OK', async () =>
      (await alarm(standby, 'nightshift-demo-silent'))?.StateValue === 'OK' ? true : undefined,
    );
  }, 400_000);

  it('counts what a function gave up on, and a person is called while it is there', async () => {
    const pages = await inbox(region, world.deployed.outputs.PageTopic);
    const sqs = clientFor(SQSClient, region);
    const { QueueUrl } = await sqs.send(
      new GetQueueUrlCommand({ QueueName: 'nightshift-demo-scale-out-service-failures' }),
    );
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
    await until('the metric NewTrouble', async () => {
      const { Metrics = [] } = await clientFor(CloudWatchClient, region).send(
        new ListMetricsCommand({ Namespace: 'Nightshift', MetricName: 'NewTrouble' }),
      );
      return Metrics.length > 0 ? true : undefined;
    });
    const page = await until('a page about the trouble', async () => {
      await world.cloudwatch.evaluateNow(new Date(Math.ceil(Date.now() / 60_000) * 60_000));
      return (await pages()).find((body) => body.includes('nightshift-demo-trouble'));
    });
    expect(page).toContain('gave up on events');
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  }, 400_000);
});

describe('a canary', () => {
  it('comes all the way, with nobody being told and no budget claimed', async () => {
    await until('a canary to come all the way', async () =>
      (await alarm(region, 'nightshift-demo-canary-missed'))?.StateValue === 'OK' ? true : undefined,
    );
    expect(await world.lambda.logs('nightshift-demo-canary')).toContain('"kind":"remediated"');
    expect(await world.journal.listIncidents()).toEqual([]);
    const ended = await runToEnd('cli/main.ts', ['runbooks', '--json', '--world', NAME], {});
    const { fleet, runbooks } = runbooksDocument.parse(lastDocument(ended));
    expect(fleet.usedThisHour).toBe(0);
    expect(runbooks.map(({ name }) => name)).not.toContain('canary');
  }, 400_000);

  it('is missed when the journal is not followed any more, which nothing else would tell', async () => {
    const pages = await inbox(region, world.deployed.outputs.PageTopic, 'missed');
    const lambda = clientFor(LambdaClient, region);
    const { EventSourceMappings = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: 'nightshift-demo-publisher' }),
    );
    for (const { UUID } of EventSourceMappings)
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    // What was read before is still told.
    await sleep(2_000);
    await world.cloudwatch.evaluateNow(new Date(Math.ceil(Date.now() / 60_000) * 60_000 + 40 * 60_000));
    await until('a page about the missed canary', async () =>
      (await pages()).find((body) => body.includes('nightshift-demo-canary-missed')),
    );
  }, 400_000);
});

describe('Nightshift that is dead', () => {
  it('calls a person by the standby region, at most 15 minutes later by the clock of its alarm [2a/monitoring-down]', async () => {
    const pages = await inbox(standby, world.deployed.standbyOutputs.PageTopic);
    const lambda = clientFor(LambdaClient, region);
    // Not one execution any more: as if the function's code, its role or its quota were gone.
    await lambda.send(
      new PutFunctionConcurrencyCommand({
        FunctionName: 'nightshift-demo-reconciler',
        ReservedConcurrentExecutions: 0,
      }),
    );
    // What runs already ends.
    await sleep(5_000);
    const { Datapoints = [] } = await clientFor(CloudWatchClient, standby).send(
      new GetMetricStatisticsCommand({
        Namespace: 'AWS/SQS',
        MetricName: 'NumberOfMessagesSent',
        Dimensions: [{ Name: 'QueueName', Value: 'nightshift-demo-heartbeat' }],
        StartTime: new Date(Date.now() - 600_000),
        EndTime: new Date(Date.now() + 60_000),
        Period: 10,
        Statistics: ['Sum'],
      }),
    );
    // SQS goes on telling zeros of a queue that was active.
    const sent = Datapoints.filter(({ Sum = 0 }) => Sum > 0);
    const last = Math.max(...sent.map(({ Timestamp }) => Timestamp?.getTime() ?? 0));
    expect(last).toBeGreaterThan(0);
    expect(await pages()).toEqual([]);
    // The alarm's clock is put forward; a deployment's own alarm looks once a minute, this one each 10 s.
    let firedAfterMs = Number.POSITIVE_INFINITY;
    for (let at = last; at <= last + 15 * 60_000; at += 10_000) {
      await world.cloudwatch.evaluateNow(new Date(at));
      if ((await alarm(standby, 'nightshift-demo-silent'))?.StateValue === 'OK') continue;
      firedAfterMs = at - last;
      break;
    }
    expect(firedAfterMs).toBeLessThanOrEqual(15 * 60_000);
    const page = await until('a page in the standby region', async () => (await pages())[0]);
    expect(page).toContain('no sign of life');
  }, 400_000);
});
