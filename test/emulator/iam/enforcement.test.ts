/** Policies enforced in the local world: on the wire by the gateway, and at the database's front door. */

import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Signer } from '@aws-sdk/rds-signer';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { rolesOf } from '../../../local/iam/roles.ts';
import type { Login } from '../../../local/stand-ins/rds/model.ts';
import { makeFunction, type SmallWorld, smallWorld } from '../gateway/support.ts';
import { openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

const account = '000000000000';
const place = { account, region: REGION, stackName: 'test' };
const table = (name: string) => `arn:aws:dynamodb:${REGION}:${account}:table/${name}`;

/** A role that only `reader` has. */
const roles = (statement: object) =>
  rolesOf(
    {
      Resources: {
        Role: { Type: 'AWS::IAM::Role', Properties: { Policies: [{ PolicyDocument: { Statement: [statement] } }] } },
        Function: {
          Type: 'AWS::Lambda::Function',
          Properties: { FunctionName: 'reader', Role: { 'Fn::GetAtt': ['Role', 'Arn'] } },
        },
      },
    },
    place,
  );

/** A handler that calls DynamoDB as an SDK would on the wire, and answers with the status and what it was told. */
const SOURCE = `
export const handler = async ({ operation, body }) => {
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_REGION } = process.env;
  const reply = await fetch(AWS_ENDPOINT_URL, {
    method: 'POST',
    headers: {
      'x-amz-target': 'DynamoDB_20120810.' + operation,
      'content-type': 'application/x-amz-json-1.0',
      authorization: 'AWS4-HMAC-SHA256 Credential=' + AWS_ACCESS_KEY_ID + '/20260101/' + AWS_REGION + '/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify(body),
  });
  return { status: reply.status, type: reply.headers.get('x-amzn-errortype'), text: await reply.text() };
};`;

describe('a function’s call', () => {
  let small: SmallWorld;
  beforeAll(async () => {
    small = await smallWorld();
    const dynamodb = new DynamoDBClient(small.client);
    for (const TableName of ['ours', 'theirs'])
      await dynamodb.send(
        new CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        }),
      );
    for (const name of ['reader', 'stranger']) await makeFunction(small, name, SOURCE);
    small.gateway.iam.load(
      roles({ Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:PutItem'], Resource: table('ours') }),
    );
  });
  afterAll(() => small?.stop());

  const Key = { pk: { S: 'a' } };
  async function ask(name: string, operation: string, body: object): Promise<{ status: number; text: string }> {
    const result = await small.lambda.invoke(name, REGION, { operation, body });
    if (result.kind !== 'ok') throw new Error(`${name} failed: ${JSON.stringify(result)}`);
    return JSON.parse(result.payload) as { status: number; text: string };
  }

  it('is answered when its role allows it', async () => {
    expect(await ask('reader', 'GetItem', { TableName: 'ours', Key })).toMatchObject({ status: 200 });
  });

  it.each([
    ['on another table', 'GetItem', { TableName: 'theirs', Key }, `dynamodb:GetItem on resource: ${table('theirs')}`],
    [
      'of another action',
      'DeleteItem',
      { TableName: 'ours', Key },
      `dynamodb:DeleteItem on resource: ${table('ours')}`,
    ],
    [
      'of a transaction of which one part is not allowed',
      'TransactWriteItems',
      { TransactItems: [{ Put: { TableName: 'ours', Item: Key } }, { Delete: { TableName: 'theirs', Key } }] },
      `dynamodb:DeleteItem on resource: ${table('theirs')}`,
    ],
  ])('is refused %s', async (_what, operation, body, sentence) => {
    const reply = await ask('reader', operation, body);
    expect(reply).toMatchObject({ status: 400, type: 'AccessDeniedException' });
    expect(reply.text).toContain(sentence);
  });

  it('has no effect when it is refused', async () => {
    const TransactItems = [
      { Put: { TableName: 'ours', Item: { pk: { S: 'written' } } } },
      { Delete: { TableName: 'theirs', Key } },
    ];
    await ask('reader', 'TransactWriteItems', { TransactItems });
    const found = await ask('reader', 'GetItem', { TableName: 'ours', Key: { pk: { S: 'written' } } });
    expect(JSON.parse(found.text)).not.toHaveProperty('Item');
  });

  it('is recorded with what it asked of IAM, refused or not', async () => {
    await ask('reader', 'TransactWriteItems', { TransactItems: [{ Put: { TableName: 'theirs', Item: Key } }] });
    expect(small.gateway.calls().at(-1)).toMatchObject({
      caller: 'reader',
      status: 400,
      needs: [{ action: 'dynamodb:PutItem', resource: table('theirs') }],
    });
  });

  it('of a function without a role here is left alone', async () => {
    expect(await ask('stranger', 'GetItem', { TableName: 'theirs', Key })).toMatchObject({ status: 200 });
  });

  it('is answered in any case when policies are not enforced', async () => {
    small.gateway.iam.enforce = false;
    expect(await ask('reader', 'GetItem', { TableName: 'theirs', Key })).toMatchObject({ status: 200 });
    small.gateway.iam.enforce = true;
  });
});

describe('a database login by token', () => {
  let world: TestWorld;
  const asked: Login[] = [];
  beforeAll(async () => {
    world = await openTestWorld({
      mayConnect: (login) => {
        asked.push(login);
        return login.accessKeyId === 'ALLOWED';
      },
    });
  });
  afterAll(() => world?.close());

  it('is admitted only when IAM permits rds-db:connect to whoever signed it', async () => {
    const { host, port, database, resourceId } = await world.seed({ maxConnections: 20 });
    const logIn = async (accessKeyId: string): Promise<void> => {
      const credentials = { accessKeyId, secretAccessKey: 'test' };
      const login = { hostname: host, port, region: REGION, username: 'nightshift', credentials };
      const password = await new Signer(login).getAuthToken();
      const ssl = { ca: world.ca, servername: host };
      const client = new pg.Client({ host, port, database, user: 'nightshift', password, ssl });
      client.on('error', () => {});
      await client.connect();
      await client.end();
    };
    await logIn('ALLOWED');
    await expect(logIn('OTHER')).rejects.toMatchObject({ code: '28000' });
    expect(asked.map(({ accessKeyId }) => accessKeyId)).toEqual(['ALLOWED', 'OTHER']);
    expect(asked[0]).toEqual({ accessKeyId: 'ALLOWED', user: 'nightshift', region: REGION, resourceId });
  });
});
