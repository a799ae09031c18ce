/** Functions in real processes: what handlers and callers see, and what becomes of asynchronous events. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Invocation } from '../../../local/stand-ins/lambda/index.ts';
import { startDnsServer } from '../../../local/stand-ins/route53/dns-server.ts';
import {
  eventually,
  makeFunction,
  makeQueue,
  nextMessage,
  type Queue,
  type SmallWorld,
  smallWorld,
} from '../gateway/support.ts';

const SOURCE = `
let runs = 0;
export const handler = async (event, context) => {
  runs += 1;
  if (event.log) console.log(event.log);
  if (event.fail) throw Object.assign(new Error(event.fail), { name: 'Custom.Failure' });
  if (event.sleepMs) await new Promise((done) => setTimeout(done, event.sleepMs));
  if (event.exit) process.exit(event.exit);
  if (event.call) await fetch(process.env.AWS_ENDPOINT_URL, { method: 'POST', body: '{}', headers: {
    'x-amz-target': 'DynamoDB_20120810.ListTables', 'content-type': 'application/x-amz-json-1.0',
    authorization: 'AWS4-HMAC-SHA256 Credential=' + process.env.AWS_ACCESS_KEY_ID + '/20260101/us-east-1/dynamodb/aws4_request, Signature=0' } });
  return { runs, pid: process.pid, cwd: process.cwd() === process.env.LAMBDA_TASK_ROOT,
    name: context.functionName, arn: context.invokedFunctionArn, id: context.awsRequestId, left: context.getRemainingTimeInMillis() };
};`;

let small: SmallWorld;
let lambda: LambdaClient;
const invocations: Invocation[] = [];

beforeAll(async () => {
  small = await smallWorld();
  lambda = new LambdaClient(small.client);
  small.lambda.onInvocation((invocation) => invocations.push(invocation));
  await makeFunction(small, 'plain', SOURCE, { timeoutSeconds: 1 });
});
afterAll(() => small.stop());

async function invoke(FunctionName: string, event: object = {}) {
  const reply = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), LogType: 'Tail' }));
  return {
    error: reply.FunctionError,
    log: Buffer.from(reply.LogResult ?? '', 'base64').toString(),
    payload: JSON.parse(Buffer.from(reply.Payload ?? []).toString()),
  };
}
const invokeLater = (FunctionName: string, event: object) =>
  lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));

const ASKS = `
import { lookup } from 'node:dns';
import { resolve4 } from 'node:dns/promises';
export const handler = async ({ host, url }) => ({
  addresses: await resolve4(host).catch((error) => error.code),
  reached: await fetch(url).then((reply) => reply.text()),
  looked: await new Promise((done) => lookup('localhost', (error) => done(error === null))),
  told: process.env.LOCAL_DNS_PORT ?? null,
});`;

describe('a synchronous invocation', () => {
  it('gives the handler the context that AWS documents, in the folder of its code', async () => {
    const { payload } = await invoke('plain');
    expect(payload).toMatchObject({
      cwd: true,
      name: 'plain',
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:plain',
    });
    expect(payload.left).toBeGreaterThan(0);
    expect(payload.left).toBeLessThanOrEqual(1_000);
  });

  it('finds the world’s names by its name server, and all others as the machine does', async () => {
    const site = createServer((_, reply) => reply.end('here')).listen(0, '127.0.0.1');
    await once(site, 'listening');
    const { port } = site.address() as AddressInfo;
    const records = [{ name: 'shop.test.', type: 'A' as const, ttlSeconds: 1, value: '127.0.0.1' }];
    const names = await startDnsServer((name, type) =>
      name.startsWith('shop.test') && type === 'A' ? { code: 'NOERROR', records } : { code: 'NXDOMAIN', records: [] },
    );
    small.lambda.setNameServer(names.port);
    await makeFunction(small, 'asks', ASKS);
    const { payload } = await invoke('asks', { host: 'shop.test', url: `http://shop.test:${port}/` });
    expect(payload).toEqual({ addresses: ['127.0.0.1'], reached: 'here', looked: true, told: null });
    expect((await invoke('asks', { host: 'none.test', url: `http://shop.test:${port}/` })).payload).toMatchObject({
      addresses: 'ENOTFOUND',
    });
    site.close();
    await names.close();
  });

  it('uses a warm process again, also after a thrown error, which keeps its name', async () => {
    const first = await invoke('plain');
    const failed = await invoke('plain', { fail: 'no luck' });
    const last = await invoke('plain');
    expect(failed.error).toBe('Unhandled');
    expect(failed.payload).toMatchObject({ errorType: 'Custom.Failure', errorMessage: 'no luck' });
    expect(failed.payload.trace[0]).toBe('Custom.Failure: no luck');
    expect(last.payload).toMatchObject({ pid: first.payload.pid, runs: first.payload.runs + 2 });
  });

  it('ends with Sandbox.Timedout at the function’s timeout, and the process isn’t used again', async () => {
    const { payload: before } = await invoke('plain');
    const timedOut = await invoke('plain', { sleepMs: 30_000 });
    expect(timedOut.error).toBe('Unhandled');
    expect(timedOut.payload).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/),
    });
    expect((await invoke('plain')).payload.pid).not.toBe(before.pid);
  });

  it('ends with Runtime.ExitError when the process does', async () => {
    const { payload } = await invoke('plain', { exit: 3 });
    expect(payload.errorType).toBe('Runtime.ExitError');
    expect(payload.errorMessage).toContain('exit status 3');
  });

  it('brings back the log with its request id', async () => {
    const { log, payload } = await invoke('plain', { log: 'hello there' });
    expect(log).toContain(`${payload.id}\tINFO\thello there`);
  });

  it('runs in parallel in processes of their own', async () => {
    const both = await Promise.all([invoke('plain', { sleepMs: 200 }), invoke('plain', { sleepMs: 200 })]);
    expect(both[0]?.payload.pid).not.toBe(both[1]?.payload.pid);
  });

  it('names a missing function, a missing handler and a syntax error', async () => {
    await expect(invoke('missing')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await makeFunction(small, 'no-handler', 'export const other = 1;');
    expect((await invoke('no-handler')).payload.errorType).toBe('Runtime.HandlerNotFound');
    await makeFunction(small, 'broken', 'export const handler = async () => {');
    expect((await invoke('broken')).payload.errorType).toBe('Runtime.UserCodeSyntaxError');
  });

  it('makes calls that the gateway knows by the function’s name', async () => {
    await invoke('plain', { call: true });
    expect(small.gateway.calls().findLast(({ operation }) => operation === 'ListTables')?.caller).toBe('plain');
  });

  it('is killed right after the effect by a kill-caller-after fault', async () => {
    small.gateway.faults.add({ name: 'kill', match: { operation: 'ListTables' }, kind: 'kill-caller-after', times: 1 });
    const { payload } = await invoke('plain', { call: true });
    small.gateway.faults.remove('kill');
    expect(payload.errorType).toBe('Runtime.ExitError');
    expect(payload.errorMessage).toContain('signal: killed');
    expect(small.gateway.calls().findLast(({ fault }) => fault === 'kill')).toMatchObject({ operation: 'ListTables' });
  });
});

describe('an asynchronous invocation', () => {
  let failures: Queue;
  beforeAll(async () => {
    failures = await makeQueue(small, 'failures');
    await makeFunction(small, 'async', SOURCE);
    await lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: 'async',
        MaximumRetryAttempts: 1,
        DestinationConfig: { OnFailure: { Destination: failures.arn } },
      }),
    );
  });

  it('is tried again, and then told to the failure destination in AWS’s shape', async () => {
    await invokeLater('async', { fail: 'always' });
    const record = JSON.parse((await nextMessage(small, failures)).Body ?? '');
    expect(record).toMatchObject({
      version: '1.0',
      requestContext: {
        functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:async:$LATEST',
        condition: 'RetriesExhausted',
        approximateInvokeCount: 2,
      },
      requestPayload: { fail: 'always' },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorType: 'Custom.Failure', errorMessage: 'always' },
    });
    const runs = invocations.filter(({ requestId }) => requestId === record.requestContext.requestId);
    expect(runs.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'function-error'],
      [2, 'function-error'],
    ]);
  });

  it('is tried again after its process was killed', async () => {
    small.gateway.faults.add({ name: 'kill', match: { operation: 'ListTables' }, kind: 'kill-caller-after', times: 1 });
    await invokeLater('async', { call: true });
    await eventually(
      () => invocations.some((one) => one.functionName === 'async' && one.outcome === 'ok'),
      'the second attempt succeeded',
    );
    small.gateway.faults.remove('kill');
    const runs = invocations.filter((one) => one.functionName === 'async').slice(-2);
    expect(runs.map(({ errorType, outcome }) => errorType ?? outcome)).toEqual(['Runtime.ExitError', 'ok']);
  });

  it('leaves the bare event in a dead-letter queue that the deployer registered', async () => {
    const dead = await makeQueue(small, 'dead');
    await makeFunction(small, 'dead-lettered', SOURCE);
    small.lambda.registerInvokeConfig('dead-lettered', 'us-east-1', {
      maximumRetryAttempts: 0,
      deadLetterArn: dead.arn,
    });
    await invokeLater('dead-lettered', { fail: 'once' });
    const message = await nextMessage(small, dead);
    expect(JSON.parse(message.Body ?? '')).toEqual({ fail: 'once' });
    expect(message.MessageAttributes?.ErrorMessage?.StringValue).toBe('once');
  });
});

describe('reserved concurrency', () => {
  it('of zero throttles every call and sends events straight to the destination', async () => {
    const queue = await makeQueue(small, 'stopped');
    await makeFunction(small, 'stopped', SOURCE);
    small.lambda.registerInvokeConfig('stopped', 'us-east-1', { onFailureArn: queue.arn });
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'stopped', ReservedConcurrentExecutions: 0 }));
    await expect(invoke('stopped')).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      $metadata: { httpStatusCode: 429 },
    });
    await invokeLater('stopped', { n: 1 });
    expect(JSON.parse((await nextMessage(small, queue)).Body ?? '').requestPayload).toEqual({ n: 1 });
    expect(invocations.some((one) => one.functionName === 'stopped' && one.outcome !== 'throttled')).toBe(false);
  });

  it('of one lets one run and throttles the other; an event that is throttled waits and runs later', async () => {
    await makeFunction(small, 'single', SOURCE);
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'single', ReservedConcurrentExecutions: 1 }));
    const results = await Promise.allSettled([invoke('single', { sleepMs: 300 }), invoke('single', { sleepMs: 300 })]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await Promise.all([invokeLater('single', { sleepMs: 100 }), invokeLater('single', { sleepMs: 100 })]);
    await eventually(() => small.lambda.pending() === 0, 'both events ran');
    const ran = invocations.filter(
      (one) => one.functionName === 'single' && one.type === 'Event' && one.outcome === 'ok',
    );
    expect(ran).toHaveLength(2);
  });
});

describe('the account’s concurrency', () => {
  it('is shared by functions without a reservation, and throttles beyond its limit', async () => {
    await makeFunction(small, 'shares', SOURCE);
    small.lambda.setAccountConcurrency(1);
    const results = await Promise.allSettled([invoke('plain', { sleepMs: 300 }), invoke('shares', { sleepMs: 300 })]);
    small.lambda.setAccountConcurrency(1_000);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('keeps an event that it throttles, which is counted as pending for its own function', async () => {
    await makeFunction(small, 'kept', SOURCE);
    const ofKept = () => small.lambda.pending((name) => name === 'kept');
    small.lambda.setAccountConcurrency(0);
    await invokeLater('kept', {});
    expect([ofKept(), small.lambda.pending((name) => name !== 'kept')]).toEqual([1, 0]);
    small.lambda.setAccountConcurrency(1_000);
    await eventually(() => ofKept() === 0, 'the event ran');
  });
});
