/** The deployed bundles: from a line of the journal over the bus to the team's webhook, and into the failure queue when nobody answers there. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateFunctionCommand, LambdaClient, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { zipSync } from 'fflate';
import type { EntryKind } from '../../../events/journal.ts';
import { entryKey } from '../../../functions/engine/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import type { NotifyConfig } from '../../../functions/incidents/notify/manifest.ts';
import { type Bundles, bundle } from '../../../infra/bundle.ts';
import { REPOSITORY } from '../../../infra/discover.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config } from '../../support/fixtures.ts';
import { type Receiver, SIGNING_SECRET, startReceiver } from '../../support/notify/receiver.ts';
import { eventually, makeQueue, nextMessage, type Queue, type SmallWorld, smallWorld } from '../gateway/support.ts';

const parameter = (name: string) => `arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/${name}`;
const notifyConfig: NotifyConfig = {
  version: 1,
  deployment: 'test',
  channels: {
    team: { kind: 'webhook', urlSecretArn: parameter('url'), signingSecretArn: parameter('signing'), perMinute: 10 },
  },
  routing: [{ severities: ['P1', 'P2', 'P3', 'P4'], events: ['opened', 'escalated', 'resolved'], channels: ['team'] }],
};
const handlerOf = (name: string) => join(REPOSITORY, 'functions', 'incidents', name, 'handler.ts');

let small: SmallWorld;
let receiver: Receiver;
let bundles: Bundles;
let failures: Queue;
let store: Store;
const arns: Record<string, string> = {};

beforeAll(async () => {
  [small, receiver] = await Promise.all([smallWorld(), startReceiver()]);
  const client = new DynamoDBClient(small.client);
  store = new Store('journal', client);
  await client.send(journalTable('journal'));
  const ssm = new SSMClient(small.client);
  const put = (name: string, Value: string) =>
    ssm.send(new PutParameterCommand({ Name: `/nightshift/${name}`, Value, Type: 'SecureString' }));
  await Promise.all([put('url', `${receiver.url}/hook`), put('signing', SIGNING_SECRET)]);
  failures = await makeQueue(small, 'failures');
  const files = { 'channels.json': JSON.stringify(notifyConfig) };
  bundles = bundle(
    [
      { name: 'announcer', handler: handlerOf('announcer') },
      { name: 'notify', handler: handlerOf('notify'), files },
    ],
    config,
  );
  for (const name of ['announcer', 'notify']) arns[name] = await deploy(name);
  await connect();
});
afterAll(async () => {
  bundles?.remove();
  await receiver?.close();
  await small?.stop();
});

async function deploy(name: string): Promise<string> {
  const lambda = new LambdaClient(small.client);
  const folder = bundles.folderOf(name);
  const zip = zipSync(Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))])));
  const { FunctionArn = '' } = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: 'arn:aws:iam::000000000000:role/test',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: 30,
      Code: { ZipFile: zip },
      Environment: { Variables: { NIGHTSHIFT_TABLE: 'journal', NIGHTSHIFT_BUS: 'nightshift-test' } },
    }),
  );
  const DestinationConfig = { OnFailure: { Destination: failures.arn } };
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({ FunctionName: name, MaximumRetryAttempts: 2, DestinationConfig }),
  );
  return FunctionArn;
}

async function connect(): Promise<void> {
  const events = new EventBridgeClient(small.client);
  const on = { EventBusName: 'nightshift-test' };
  await events.send(new CreateEventBusCommand({ Name: 'nightshift-test' }));
  await events.send(
    new PutRuleCommand({ ...on, Name: 'notify', EventPattern: JSON.stringify({ source: ['nightshift'] }) }),
  );
  await events.send(new PutTargetsCommand({ ...on, Rule: 'notify', Targets: [{ Id: 'notify', Arn: arns.notify }] }));
}

/** Writes an entry, and hands it to the announcer as the table's stream would. */
async function write(
  incidentId: string,
  kind: EntryKind,
  summary: string,
  data: Record<string, unknown> = {},
): Promise<string> {
  const entry = entryMaker(incidentId, 'scale-out-service', Date.now())(kind, summary, data);
  await store.transact([{ label: 'entry', item: putEntry('journal', entry).item }]);
  const NewImage = marshall({ ...entryKey(incidentId, entry.id), ...entry }, { removeUndefinedValues: true });
  await small.lambda.invokeAsync(arns.announcer ?? '', {
    Records: [{ eventName: 'INSERT', dynamodb: { SequenceNumber: '1', NewImage } }],
  });
  return entry.id;
}

describe('the deployed functions', () => {
  it('keep within the size of every other function', () => {
    const sizes = ['announcer', 'notify'].map((name) => statSync(join(bundles.folderOf(name), 'index.cjs')).size);
    // Design, section 10.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(800_000);
  });

  it('tell the team of a new incident, signed, with the id of the line that says so [M19, M36]', async () => {
    const id = await write('inc-told', 'opened', 'backend-cpu', {
      title: 'backend-cpu',
      target: 'ecs-service/orders/backend',
      severity: 'P2',
    });
    await eventually(() => receiver.taken.length > 0, 'the team is told');
    expect(receiver.taken).toMatchObject([
      {
        vendor: 'webhook',
        id,
        body: { type: 'incident.opened', data: { incident: { id: 'inc-told', severity: 'P2' } } },
      },
    ]);
    expect(receiver.refused).toEqual([]);
  });

  it('keep what could not be told, whole, in the failure queue after the last retry', async () => {
    receiver.answers.push(...Array.from({ length: 3 }, () => ({ status: 400 })));
    await write('inc-lost', 'opened', 'orders-db', {
      title: 'orders-db',
      target: 'rds-instance/orders-db',
      severity: 'P1',
    });
    const { requestPayload, responsePayload } = JSON.parse((await nextMessage(small, failures)).Body ?? '{}');
    expect(requestPayload).toMatchObject({
      'detail-type': 'Incident Opened',
      detail: { incident: { id: 'inc-lost' } },
    });
    expect(responsePayload).toMatchObject({ errorType: 'NotTold' });
    expect(JSON.stringify([requestPayload, responsePayload])).not.toContain(SIGNING_SECRET.slice(6));
  });
});
