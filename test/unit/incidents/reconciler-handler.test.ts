import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { config } from '../../support/fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-reconciler-'));
let server: Server;
let calls = 0;
beforeAll(async () => {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  server = createServer((_request, response) => {
    calls++;
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    LAMBDA_TASK_ROOT: folder,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    NIGHTSHIFT_TABLE: 'journal',
    NIGHTSHIFT_FUNCTIONS: '{}',
    NIGHTSHIFT_FAILURE_QUEUES: '[]',
    NIGHTSHIFT_FOLLOW_FUNCTION: 'follow',
    NIGHTSHIFT_HEARTBEAT_QUEUE: 'queue',
  });
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the reconciler’s function', () => {
  it.each(['NIGHTSHIFT_STREAM', 'NIGHTSHIFT_FOLLOW_FUNCTION', 'NIGHTSHIFT_HEARTBEAT_QUEUE'])(
    'asks nothing of AWS when %s is missing, because its orders would go on behind the failure',
    async (name) => {
      const kept = { NIGHTSHIFT_STREAM: 'stream', NIGHTSHIFT_FOLLOW_FUNCTION: 'f', NIGHTSHIFT_HEARTBEAT_QUEUE: 'q' };
      Object.assign(process.env, kept);
      delete process.env[name];
      const { handler } = await import('../../../functions/incidents/reconciler/handler.ts');
      const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 } as unknown as Context;
      await expect(handler({}, context)).rejects.toThrow(name);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(calls).toBe(0);
    },
  );
});
