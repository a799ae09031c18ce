/** What the gateway passes on arrives as it was sent: large bodies, 100-continue, HEAD, and an emulator that isn't there. */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SmallWorld, smallWorld } from './support.ts';

let small: SmallWorld;
beforeAll(async () => {
  small = await smallWorld();
});
afterAll(() => small.stop());

const authorization =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly wasContinued: boolean;
}

function s3(method: string, path: string, body?: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let wasContinued = false;
    const outgoing = request(
      `${small.gateway.url}${path}`,
      { method, headers: { authorization, ...headers } },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () =>
          resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(chunks), wasContinued }),
        );
      },
    );
    outgoing.on('error', reject);
    if (headers.expect) {
      outgoing.on('continue', () => {
        wasContinued = true;
        outgoing.end(body);
      });
      outgoing.flushHeaders();
    } else outgoing.end(body);
  });
}

describe('an object', () => {
  it('of eight megabytes, sent after 100-continue, comes back byte for byte', async () => {
    const content = randomBytes(8 * 1_024 * 1_024);
    expect((await s3('PUT', '/bucket')).status).toBe(200);
    const put = await s3('PUT', '/bucket/a/key', content, {
      expect: '100-continue',
      'content-length': String(content.length),
    });
    expect([put.status, put.wasContinued]).toEqual([200, true]);
    expect((await s3('GET', '/bucket/a/key')).body.equals(content)).toBe(true);
    const head = await s3('HEAD', '/bucket/a/key');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(content.length), 0]);
  });

  it('is recorded by bucket and key, without its content', async () => {
    await s3('DELETE', '/bucket/a/key');
    expect(small.gateway.calls().at(-1)).toMatchObject({
      service: 's3',
      operation: 'DeleteObject',
      resource: 'bucket/a/key',
      changing: true,
    });
  });
});

describe('regions', () => {
  it('are kept apart', async () => {
    const [here, there] = ['us-east-1', 'us-west-2'].map((region) => new DynamoDBClient({ ...small.client, region }));
    await here?.send(
      new CreateTableCommand({
        TableName: 'only-here',
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      }),
    );
    expect((await there?.send(new ListTablesCommand({})))?.TableNames).toEqual([]);
  });
});

describe('an emulator that isn’t there', () => {
  it('is told as ServiceUnavailable', async () => {
    const { upstreamUrl } = small.gateway;
    small.gateway.upstreamUrl = undefined;
    const listed = new DynamoDBClient(small.client).send(new ListTablesCommand({}));
    await expect(listed).rejects.toMatchObject({ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } });
    small.gateway.upstreamUrl = upstreamUrl;
  });
});
