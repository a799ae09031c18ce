/** What the gateway reads from the wire. */
import { describe, expect, it } from '@jest/globals';
import { Faults, faultMatches } from '../../../local/gateway/faults.ts';
import { NAMED_FAULTS, namedFault } from '../../../local/gateway/named-faults.ts';
import { parseCall } from '../../../local/gateway/parse.ts';
import { Recorder } from '../../../local/gateway/recorder.ts';
import { faultReply, xmlReply } from '../../../local/gateway/reply.ts';
import { resourceOf } from '../../../local/gateway/resource.ts';
import { isChanging } from '../../../local/gateway/verbs.ts';
import type { RecordedCall } from '../../../local/world/types.ts';

const signed = (service: string, region = 'eu-west-1') => ({
  authorization: `AWS4-HMAC-SHA256 Credential=KEY/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

function parse(given: { method?: string; path?: string; headers?: Record<string, string>; body?: string }) {
  const { method = 'POST', path = '/', headers = {}, body = '' } = given;
  const raw = { id: 1, method, path, headers, body: Buffer.from(body), at: new Date(0) };
  return parseCall(raw, 'us-east-1', (key) => (key === 'OURS' ? 'the-function' : undefined));
}

describe('a call', () => {
  it('of a JSON service names its operation in the target', () => {
    const headers = {
      ...signed('ecs'),
      'x-amz-target': 'AmazonEC2ContainerServiceV20141113.UpdateService',
      'user-agent': 'aws-sdk-js/3 app/healer x/1',
    };
    const call = parse({ headers, body: '{"cluster":"shop","service":"web","desiredCount":3}' });
    expect(call).toMatchObject({
      service: 'ecs',
      region: 'eu-west-1',
      operation: 'UpdateService',
      protocol: 'json',
      caller: 'healer',
      accessKeyId: 'KEY',
    });
    expect(call.params.desiredCount).toBe(3);
    expect(resourceOf(call)).toBe('shop/web');
  });

  it('of a query service names it in the form', () => {
    const headers = { ...signed('rds'), 'content-type': 'application/x-www-form-urlencoded' };
    const call = parse({ headers, body: 'Action=RebootDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders' });
    expect(call).toMatchObject({ service: 'rds', operation: 'RebootDBInstance', protocol: 'query' });
    expect(resourceOf(call)).toBe('orders');
  });

  it.each<[string, string, string, string, string]>([
    [
      'lambda',
      'POST',
      '/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax/invocations?Qualifier=%24LATEST',
      'Invoke',
      'FunctionName',
    ],
    ['scheduler', 'PUT', '/schedules/nightly', 'UpdateSchedule', 'Name'],
    ['route53', 'POST', '/2013-04-01/hostedzone/Z1/rrset/', 'ChangeResourceRecordSets', 'Id'],
    ['route53', 'GET', '/2013-04-01/healthcheck/h/status', 'GetHealthCheckStatus', 'HealthCheckId'],
    ['s3', 'PUT', '/bucket/a/key', 'PutObject', 'Key'],
    ['s3', 'GET', '/bucket?list-type=2', 'ListObjectsV2', 'Bucket'],
  ])('of %s: %s %s is %s', (service, method, path, operation, param) => {
    const call = parse({ method, path, headers: signed(service) });
    expect(call).toMatchObject({ service, operation, protocol: 'rest' });
    expect(call.params).toHaveProperty(param);
  });

  it('that isn’t known keeps its method and path', () => {
    expect(parse({ method: 'GET', path: '/x/y?z=1', headers: signed('backup') }).operation).toBe('GET /x/y');
  });

  it('is understood when it is presigned', () => {
    const path = '/bucket/key?X-Amz-Credential=KEY%2F20260101%2Feu-west-1%2Fs3%2Faws4_request';
    expect(parse({ method: 'GET', path })).toMatchObject({ service: 's3', region: 'eu-west-1', accessKeyId: 'KEY' });
  });

  it('of one of our functions is known by its key, whatever its application id', () => {
    const headers = {
      authorization: signed('ecs').authorization.replace('KEY', 'OURS'),
      'user-agent': 'app/nightshift',
    };
    expect(parse({ headers }).caller).toBe('the-function');
  });
});

describe('changing operations', () => {
  it.each<[string, string, boolean]>([
    ['ecs', 'DescribeServices', false],
    ['dynamodb', 'BatchGetItem', false],
    ['dynamodb', 'TransactGetItems', false],
    ['dynamodb', 'TransactWriteItems', true],
    ['dynamodb', 'Query', false],
    ['ecs', 'UpdateService', true],
    ['lambda', 'Invoke', false],
    ['sqs', 'ReceiveMessage', false],
    ['sqs', 'DeleteMessage', true],
    ['some', 'FrobnicateThing', true],
    ['backup', 'GET /plans', false],
    ['backup', 'PUT /plans', true],
  ])('%s %s: %s', (service, operation, expected) => {
    expect(isChanging(service, operation)).toBe(expected);
  });
});

describe('faults', () => {
  const call = { service: 'ecs', operation: 'UpdateService', caller: 'healer', region: 'us-east-1' };

  it('meet a call only when every set field matches', () => {
    const fault = { name: 'f', kind: 'throttled', match: { service: 'ecs', resource: 'web' } } as const;
    expect(faultMatches(fault, call, 'shop/web')).toBe(true);
    expect(faultMatches(fault, call, 'shop/api')).toBe(false);
  });

  it('of us-east-1 take Route 53’s control plane along, wherever it is called from', () => {
    const fault = { name: 'f', kind: 'cut-off', match: { region: 'us-east-1' } } as const;
    expect(faultMatches(fault, { ...call, service: 'route53', region: 'us-west-2' }, '')).toBe(true);
    expect(faultMatches(fault, { ...call, region: 'us-west-2' }, '')).toBe(false);
  });

  it('stop after as many calls as they say', () => {
    const faults = new Faults();
    faults.add({ name: 'twice', match: {}, kind: 'throttled', times: 2 });
    expect([1, 2, 3].map(() => faults.meet(call, '')?.name)).toEqual(['twice', 'twice', undefined]);
    expect(faults.list()).toMatchObject([{ met: 2, timesLeft: 0 }]);
  });

  it('let as many calls pass before as they say', () => {
    const faults = new Faults();
    faults.add({ name: 'third', match: {}, kind: 'throttled', after: 2, times: 1 });
    expect([1, 2, 3, 4].map(() => faults.meet(call, '')?.name)).toEqual([undefined, undefined, 'third', undefined]);
  });

  it('with a senseless count are refused', () => {
    expect(() => new Faults().add({ name: 'f', match: {}, kind: 'slow', times: 0 })).toThrow(
      'expected a whole number above 0',
    );
  });

  it('of the catalogue each say one sentence', () => {
    for (const [name, { summary }] of Object.entries(NAMED_FAULTS)) {
      expect(summary).toMatch(/^[A-Z].*\.$/);
      expect(namedFault(name)).toMatchObject({ name });
    }
    expect(namedFault('toString')).toBeUndefined();
  });
});

describe('replies', () => {
  it('of query services carry the result in its envelope', () => {
    const reply = xmlReply({ protocol: 'query', service: 'rds', operation: 'Reboot' }, '<A>1</A>', {
      namespace: 'http://ns/',
    });
    expect(reply.body).toContain('<RebootResponse xmlns="http://ns/"><RebootResult><A>1</A></RebootResult>');
  });

  it('of faults make text safe in XML', () => {
    const reply = faultReply(
      { protocol: 'query', service: 'rds', operation: 'x' },
      { code: 'C', message: 'a<b & "c"', status: 400 },
    );
    expect(reply.body).toContain('<Message>a&#60;b &#38; &#34;c&#34;</Message>');
  });
});

describe('the recorder', () => {
  const recorded = (id: number) => ({ id }) as RecordedCall;

  it('keeps the newest calls in order, and counts on from a position', () => {
    const recorder = new Recorder(3);
    for (const id of [1, 2, 3, 4]) recorder.add(recorded(id));
    expect(recorder.calls().map(({ id }) => id)).toEqual([2, 3, 4]);
    expect(recorder.since(3).map(({ id }) => id)).toEqual([4]);
    expect(recorder.since(0).map(({ id }) => id)).toEqual([2, 3, 4]);
    expect(recorder.position).toBe(4);
  });

  it('tells listeners until they leave', () => {
    const recorder = new Recorder(3);
    const heard: number[] = [];
    const leave = recorder.onCall(({ id }) => heard.push(id));
    recorder.add(recorded(1));
    leave();
    recorder.add(recorded(2));
    expect(heard).toEqual([1]);
  });
});
