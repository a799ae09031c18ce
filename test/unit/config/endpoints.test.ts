import { describe, expect, it } from '@jest/globals';
import { readAlarmEvent } from '../../../functions/engine/sources/cloudwatch-alarm.ts';
import { manifest } from '../../../functions/remediations/fail-over-dns/manifest.ts';
import type { EndpointInput } from '../../../infra/config/endpoints.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { expandResource } from '../../../infra/constructs/permissions.ts';
import { alarmEvent } from '../../support/fixtures.ts';

const id = (last: number) => `00000000-0000-4000-8000-00000000000${last}`;
const site = (name: string, index: number) => ({
  ...{ name, target: `192.0.2.${index}`, healthCheckId: id(index), probeUrl: `https://${name}.example.com/health` },
});
const shop: EndpointInput = {
  zoneId: 'Z0123456789ABCDEFGHIJ',
  recordName: 'shop.example.com',
  healthCheckId: id(0),
  sites: [site('east', 1), site('west', 2)],
};
const [east, west] = [site('east', 1), site('west', 2)];

function parse(endpoint: object, more: object = {}) {
  const input = {
    region: 'us-east-1',
    standbyRegion: 'us-west-2',
    endpoints: { shop: { ...shop, ...endpoint } },
    ...more,
  };
  return parseConfig(input, [manifest]);
}
function faults(endpoint: object, more: object = {}): string[] {
  try {
    parse(endpoint, more);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe('endpoints in the configuration', () => {
  it('have their defaults filled in, and a person decides on the way back', () => {
    const { runtime } = parse({});
    expect(runtime.endpoints.shop).toMatchObject({
      ...{ name: 'shop', recordType: 'A', ttlSeconds: 60, dwellSeconds: 1800, failBack: 'person', severity: 'P1' },
    });
    expect(runtime.ladders['fail-over-dns']?.rungs).toEqual(['fail-over-dns']);
  });

  it.each<[string, object, string]>([
    ['one site only', { sites: [east] }, 'endpoints.shop.sites'],
    ['a site twice', { sites: [east, { ...west, name: 'east' }] }, 'endpoints.shop.sites[1].name'],
    ['two sites at one place', { sites: [east, { ...west, target: east.target }] }, 'endpoints.shop.sites[1].target'],
    [
      'one health check for two sites',
      { sites: [east, { ...west, healthCheckId: id(1) }] },
      'endpoints.shop.sites[1].healthCheckId',
    ],
    [
      'a site’s health check that follows the record',
      { healthCheckId: id(1) },
      'endpoints.shop.sites[0].healthCheckId',
    ],
    [
      'an alias as a CNAME',
      {
        recordType: 'CNAME',
        sites: [
          { ...east, target: 'east.example.com' },
          { ...west, target: 'west.example.com', aliasZoneId: 'Z35SXDOTRQ7X7K' },
        ],
      },
      'endpoints.shop.sites[1].aliasZoneId',
    ],
    [
      'a name where an address belongs',
      { sites: [east, { ...west, target: 'west.example.com' }] },
      'endpoints.shop.sites[1].target',
    ],
    [
      'an address as a CNAME',
      { recordType: 'CNAME', sites: [{ ...east, target: 'east.example.com' }, west] },
      'endpoints.shop.sites[1].target',
    ],
    ['a type that health checks don’t ask for', { recordType: 'AAAA' }, 'endpoints.shop.recordType'],
    ['a zone that is a wildcard', { zoneId: '*' }, 'endpoints.shop.zoneId'],
    ['a health check that is a wildcard', { healthCheckId: '*' }, 'endpoints.shop.healthCheckId'],
    [
      'a probe that is no URL',
      { sites: [east, { ...west, probeUrl: 'file:///etc/passwd' }] },
      'endpoints.shop.sites[1].probeUrl',
    ],
    ['a time that is no number of periods', { unhealthyForSeconds: 61 }, 'endpoints.shop.unhealthyForSeconds'],
  ])('are refused with %s', (_, change, path) => {
    expect(faults(change)).toEqual([path]);
  });

  it('have no alarm of ours where no event can be brought from the region of their metrics', () => {
    expect(faults({}, { region: 'eu-west-1', standbyRegion: 'eu-central-1' })).toEqual([]);
    const cutOff = { region: 'cn-north-1', standbyRegion: 'cn-northwest-1' };
    expect(faults({}, cutOff)).toEqual(['endpoints.shop.createAlarms']);
    expect(faults({ createAlarms: false }, cutOff)).toEqual([]);
    expect(faults({}, { region: 'us-gov-west-1', standbyRegion: 'us-gov-east-1' })).toHaveLength(1);
  });

  it('are never failed over by mode auto alone', () => {
    const auto = { mode: 'auto', contacts: { pageEmails: ['on-call@example.com'] } };
    expect(faults({}, auto)).toEqual(['runbooks.fail-over-dns.mode']);
    const approve = { runbooks: { 'fail-over-dns': { mode: 'approve' } } };
    expect(faults({}, { ...auto, ...approve })).toEqual(['people']);
    expect(faults({}, { ...auto, ...approve, people: { jane: {}, joe: {} } })).toEqual([]);
  });

  it('may have windows of their own', () => {
    const window = {
      name: 'sale',
      kind: 'freeze',
      repeats: 'never',
      begins: '2026-11-27T00:00:00Z',
      ends: '2026-11-28T00:00:00Z',
    };
    const { runtime } = parse({}, { windows: [{ ...window, for: ['shop'] }] });
    expect(runtime.windows[0]?.targets).toEqual(['dns-endpoint/shop']);
  });
});

describe('permissions of endpoints', () => {
  const own = { partition: 'aws', region: 'us-east-1', account: '111122223333' };

  it('are for each zone and each site’s health check, and for nothing where there is none', () => {
    const { config } = parse({});
    const expand = (resource: string, of = config) => expandResource(resource, own, of);
    expect(expand('arn:{partition}:route53:::hostedzone/{zone}')).toEqual([
      'arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ',
    ]);
    expect(expand('arn:{partition}:route53:::healthcheck/{siteHealthCheck}')).toEqual(
      [1, 2].map((last) => `arn:aws:route53:::healthcheck/${id(last)}`),
    );
    expect(expand('x/{zone}', { ...config, endpoints: {} })).toEqual([]);
    expect(expand('x/{siteHealthCheck}', { ...config, endpoints: {} })).toEqual([]);
  });
});

describe('the alarm of an endpoint', () => {
  const alarmOn = (healthCheckId: string) =>
    alarmEvent({
      detail: {
        alarmTags: { 'nightshift:runbook': 'fail-over-dns' },
        configuration: {
          metrics: [
            {
              id: 'm1',
              metricStat: {
                metric: {
                  namespace: 'AWS/Route53',
                  name: 'HealthCheckStatus',
                  dimensions: { HealthCheckId: healthCheckId },
                },
              },
            },
          ],
        },
      },
    });

  it('is recognised by the health check that follows the record, and by no site’s', () => {
    const { runtime } = parse({});
    expect(readAlarmEvent(alarmOn(id(0)), manifest, runtime)).toMatchObject({ target: 'dns-endpoint/shop' });
    expect(readAlarmEvent(alarmOn(id(1)), manifest, runtime)).toMatchObject({ target: `dns-endpoint/${id(1)}` });
  });
});
