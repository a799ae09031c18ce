/** The stand-in over the wire: production code's own client, a resolver that knows nothing of it, and sites that really answer. */

import { Sha256 } from '@aws-crypto/sha256-js';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { readVotes } from '../../../functions/dns/checkers.ts';
import { probeSite } from '../../../functions/dns/probe.ts';
import { readRecord, replaceRecord } from '../../../functions/dns/route53.ts';
import { eventually } from '../rds/harness.ts';
import { openRoute53World, type Route53World } from './harness.ts';

jest.setTimeout(60_000);
let w: Route53World;
beforeAll(async () => {
  w = await openRoute53World();
});
afterAll(async () => {
  await w?.close();
});

const named = (recordName: string, recordType = 'A') => ({ recordName, recordType });
const values = (...all: string[]) => ({ ttlSeconds: 60, values: all });

/** Any operation of the API, signed by the SDK's signer as the SDK does. */
async function api(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  const url = new URL(`${w.gateway.url}/2013-04-01/${path}`);
  const credentials = { accessKeyId: 'tester', secretAccessKey: 'test' };
  const signer = new SignatureV4({ service: 'route53', region: 'us-east-1', credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname, headers: { host: url.host } },
    ...(body !== undefined && { body }),
  });
  const reply = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
  return { status: reply.status, text: await reply.text() };
}

describe('records', () => {
  it('are read as they are, and found by their own name and type only', async () => {
    const zone = w.route53.createZone('read.test', [
      { name: 'shop.read.test.', type: 'A', ttlSeconds: 60, values: ['192.0.2.1', '192.0.2.2'] },
      { name: '\\052.read.test.', type: 'CNAME', ttlSeconds: 60, values: ['shop.read.test'] },
      {
        name: 'alias.read.test.',
        type: 'A',
        values: [],
        alias: { zoneId: 'Z35SXDOTRQ7X7K', dnsName: 'lb-1.elb.amazonaws.com.', evaluateTargetHealth: true },
      },
      { name: 'both.read.test.', type: 'A', ttlSeconds: 60, values: ['192.0.2.1'] },
      { name: 'both.read.test.', type: 'AAAA', ttlSeconds: 60, values: ['2001:db8::1'] },
      { name: 'two.read.test.', type: 'A', ttlSeconds: 60, values: ['192.0.2.1'], setIdentifier: 'a', weight: 1 },
    ]);
    expect(await readRecord(zone, named('Shop.read.test'))).toEqual({
      kind: 'record',
      record: values('192.0.2.1', '192.0.2.2'),
    });
    expect(await readRecord(zone, named('shop.read.test', 'AAAA'))).toEqual({ kind: 'missing' });
    expect(await readRecord(zone, named('*.read.test', 'CNAME'))).toMatchObject({ kind: 'record' });
    expect(await readRecord(zone, named('alias.read.test'))).toEqual({
      kind: 'record',
      record: { aliasZoneId: 'Z35SXDOTRQ7X7K', dnsName: 'lb-1.elb.amazonaws.com.', evaluateTargetHealth: true },
    });
    expect(await readRecord(zone, named('two.read.test'))).toMatchObject({ kind: 'not-simple' });
    expect(await readRecord(zone, named('both.read.test'))).toEqual({
      kind: 'not-simple',
      why: expect.stringContaining('AAAA record of the same name'),
    });
    await expect(readRecord('ZNONE', named('shop.read.test'))).rejects.toMatchObject({
      name: 'ActionFailedError',
      message: expect.stringContaining('NoSuchHostedZone'),
    });
  });

  it('are replaced when they are as they were, and left alone when they are not', async () => {
    const shop = { name: 'shop.move.test.', type: 'A', ttlSeconds: 60 };
    const zone = w.route53.createZone('move.test', [{ ...shop, values: ['192.0.2.1'] }]);
    expect(await w.resolver.resolve4('shop.move.test')).toEqual(['192.0.2.1']);
    const move = () => replaceRecord(zone, named('shop.move.test'), values('192.0.2.1'), values('192.0.2.2'));
    expect(await move()).toMatchObject({ kind: 'changed', changeId: expect.stringMatching(/^C/) });
    expect(await w.resolver.resolve4('shop.move.test')).toEqual(['192.0.2.2']);
    expect(await move()).toMatchObject({ kind: 'differs', why: expect.stringContaining('do not match') });
    expect(await w.resolver.resolve4('shop.move.test')).toEqual(['192.0.2.2']);
  });

  it('stay as they are when their one control plane is cut off, and are answered all the same', async () => {
    const shop = { name: 'shop.cut.test.', type: 'A', ttlSeconds: 60 };
    const zone = w.route53.createZone('cut.test', [{ ...shop, values: ['192.0.2.1'] }]);
    w.gateway.faults.add({ name: 'down', match: { region: 'us-east-1' }, kind: 'cut-off' });
    await expect(readRecord(zone, named('shop.cut.test'))).rejects.toMatchObject({ retryable: true });
    w.gateway.faults.remove('down');
    expect(await w.resolver.resolve4('shop.cut.test')).toEqual(['192.0.2.1']);
  });

  it('tell how far a change has got', async () => {
    const zone = w.route53.createZone('change.test');
    const batch = (value: string) =>
      `<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a.change.test</Name><Type>A</Type><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>${value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`;
    const { text } = await api('POST', `hostedzone/${zone}/rrset`, batch('192.0.2.1'));
    const id = /<Id>\/change\/(C\w+)</.exec(text)?.[1] ?? '';
    expect(text).toContain('<Status>PENDING</Status>');
    await eventually(
      'INSYNC',
      () => api('GET', `change/${id}`),
      (reply) => reply.text.includes('<Status>INSYNC</Status>'),
    );
    expect((await api('GET', 'change/CNONE')).status).toBe(404);
    expect((await api('POST', `hostedzone/${zone}/rrset`, '<html></html>')).text).toContain('InvalidInput');
    expect((await api('POST', `hostedzone/${zone}/rrset`, '<broken')).text).toContain('InvalidInput');
    expect((await api('GET', 'trafficpolicies')).text).toContain('not yet in the local world');
  });
});

describe('the DNS server', () => {
  it('answers over UDP, and over TCP what is too long for UDP', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `"${String(index).repeat(200)}"`);
    w.route53.createZone('dns.test', [
      { name: 'long.dns.test.', type: 'TXT', ttlSeconds: 60, values: texts },
      { name: 'six.dns.test.', type: 'AAAA', ttlSeconds: 60, values: ['2001:db8::1'] },
      { name: 'www.dns.test.', type: 'CNAME', ttlSeconds: 60, values: ['six.dns.test'] },
    ]);
    expect((await w.resolver.resolveTxt('long.dns.test')).flat()).toHaveLength(8);
    expect(await w.resolver.resolve6('six.dns.test')).toEqual(['2001:db8::1']);
    expect(await w.resolver.resolve6('www.dns.test')).toEqual(['2001:db8::1']);
    expect(await w.resolver.resolveCname('www.dns.test')).toEqual(['six.dns.test']);
    await expect(w.resolver.resolve4('none.dns.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(w.resolver.resolve4('six.dns.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });
});

describe('health checks', () => {
  it('ask the endpoint themselves, tell what they saw, and move a failover record', async () => {
    const { east, west, port } = await w.sites();
    const check = (ipAddress: string, more = {}) =>
      w.route53.createHealthCheck({ ipAddress, port, resourcePath: '/health', failureThreshold: 1, ...more });
    const [first, second, inverted] = [
      check(east.address),
      check(west.address),
      check(east.address, { inverted: true }),
    ];
    const record = { name: 'shop.check.test.', type: 'A', ttlSeconds: 1 };
    w.route53.createZone('check.test', [
      { ...record, values: [east.address], setIdentifier: 'e', failover: 'PRIMARY', healthCheckId: first },
      { ...record, values: [west.address], setIdentifier: 'w', failover: 'SECONDARY', healthCheckId: second },
    ]);
    const byName = w.route53.createHealthCheck({ domainName: 'shop.check.test', port, resourcePath: '/health' });
    const votes = (id: string) => readVotes(id, Date.now());
    await eventually(
      'reports',
      async () => Promise.all([votes(first), votes(byName)]),
      (all) => all.every((each) => each.healthy === 3 && each.all === 3),
    );
    expect(await w.resolver.resolve4('shop.check.test')).toEqual([east.address]);
    expect(w.route53.healthy(inverted)).toBe(false);
    expect(await probeSite(`${east.url}/health`)).toEqual({ healthy: 3, all: 3 });
    east.sick(true);
    await eventually(
      'the secondary',
      () => w.resolver.resolve4('shop.check.test'),
      ([address]) => address === west.address,
    );
    expect(await votes(first)).toEqual({ healthy: 0, all: 3 });
    expect(await probeSite(`${east.url}/health`)).toEqual({ healthy: 0, all: 3, lastFailure: 'status 503' });
    await eventually(
      'the inverted one',
      () => w.route53.healthy(inverted),
      (healthy) => healthy === true,
    );
    const last = w.metrics.findLast(
      ({ dimensions, name }) => dimensions.HealthCheckId === first && name === 'HealthCheckStatus',
    );
    expect(last).toMatchObject({ namespace: 'AWS/Route53', region: 'us-east-1', value: 0 });
    // Reports that are too old count for nothing.
    expect(await readVotes(first, Date.now() + 600_000)).toEqual({ healthy: 0, all: 0 });
    await expect(votes('none')).rejects.toThrow(/NoSuchHealthCheck/);
    expect(await probeSite(`http://127.0.0.4:${port}/`)).toMatchObject({ healthy: 0, lastFailure: 'ECONNREFUSED' });
  });

  it('are changed only at the version that was read', async () => {
    const id = w.route53.createHealthCheck({ ipAddress: '127.0.0.1', port: 9, disabled: true });
    const update = (version: number) =>
      api(
        'POST',
        `healthcheck/${id}`,
        `<UpdateHealthCheckRequest><HealthCheckVersion>${version}</HealthCheckVersion><Inverted>true</Inverted></UpdateHealthCheckRequest>`,
      );
    expect(w.route53.healthy(id)).toBe(true);
    expect((await update(1)).text).toContain('<HealthCheckVersion>2</HealthCheckVersion>');
    expect(w.route53.healthy(id)).toBe(false);
    expect(await update(1)).toMatchObject({ status: 409, text: expect.stringContaining('HealthCheckVersionMismatch') });
    expect((await api('GET', `healthcheck/${id}`)).text).toContain('<Inverted>true</Inverted>');
  });
});
