import { describe, expect, it } from '@jest/globals';
import { applyBatch } from '../../../local/stand-ins/route53/changes.ts';
import { isHealthy, type RecordSet, type Zone } from '../../../local/stand-ins/route53/model.ts';
import { answer } from '../../../local/stand-ins/route53/resolve.ts';

const ZONE = 'example.com.';
const a = (name: string, value: string, more: Partial<RecordSet> = {}): RecordSet => ({
  ...{ name: `${name}.${ZONE}`, type: 'A', ttlSeconds: 60, values: [value] },
  ...more,
});
const ask = (
  records: readonly RecordSet[],
  name: string,
  { type = 'A', sick = [] as string[], random = 0, zones = [] as Zone[] } = {},
) =>
  answer(
    {
      zones: [{ id: 'Z1', name: ZONE, records }, ...zones],
      isHealthy: (id) => !sick.includes(id),
      random: () => random,
    },
    name,
    type,
  );
const values = (reply: ReturnType<typeof ask>) => reply.records.map(({ value }) => value);

describe('a batch of changes', () => {
  const [old, next] = [a('shop', '192.0.2.1'), a('shop', '192.0.2.2')];

  it('replaces the exact old record by the new one', () => {
    const changes = [{ action: 'DELETE', record: old } as const, { action: 'CREATE', record: next } as const];
    expect(applyBatch(ZONE, [old, a('other', '192.0.2.9')], changes)).toEqual([a('other', '192.0.2.9'), next]);
  });

  it.each<[string, RecordSet]>([
    ['another value', a('shop', '192.0.2.7')],
    ['another TTL', a('shop', '192.0.2.1', { ttlSeconds: 61 })],
    ['a health check', a('shop', '192.0.2.1', { healthCheckId: 'h' })],
  ])('changes nothing when the record to delete has %s', (_, present) => {
    const changes = [{ action: 'DELETE', record: old } as const, { action: 'CREATE', record: next } as const];
    expect(() => applyBatch(ZONE, [present], changes)).toThrow(/do not match the current values.*already exists/);
  });

  it.each<[string, readonly RecordSet[], RecordSet, RegExp]>([
    ['a record that exists', [old], next, /already exists/],
    ['a name of another zone', [], { ...old, name: 'shop.example.net.' }, /not permitted in zone/],
    ['a CNAME beside another record', [old], a('shop', 'x.', { type: 'CNAME' }), /conflicts with other records/],
    [
      'a weighted one beside a simple one',
      [old],
      a('shop', '1.1.1.1', { setIdentifier: 'b', weight: 1 }),
      /routing policy/,
    ],
  ])('refuses to create %s', (_, records, record, why) => {
    expect(() => applyBatch(ZONE, records, [{ action: 'CREATE', record }])).toThrow(why);
  });
});

describe('an answer', () => {
  it('is that of the record, or of where a CNAME leads', () => {
    const records = [a('east', '192.0.2.1'), a('shop', 'east.example.com', { type: 'CNAME' })];
    expect(ask(records, 'SHOP.example.com').records).toEqual([
      { name: 'shop.example.com.', type: 'CNAME', ttlSeconds: 60, value: 'east.example.com' },
      { name: 'east.example.com.', type: 'A', ttlSeconds: 60, value: '192.0.2.1' },
    ]);
    expect(ask(records, 'shop.example.com', { type: 'CNAME' }).records).toHaveLength(1);
  });

  it('of an alias is what its target answers, under its own name', () => {
    const alias = { zoneId: 'Z1', dnsName: 'east.example.com', evaluateTargetHealth: false };
    const { ttlSeconds: _, ...record } = a('shop', '', { values: [], alias });
    expect(ask([a('east', '192.0.2.1'), record], 'shop.example.com').records).toMatchObject([
      { name: 'shop.example.com.', type: 'A', value: '192.0.2.1' },
    ]);
  });

  it('says what does not exist, what has no such record, and what belongs to others', () => {
    expect(ask([], 'shop.example.com').code).toBe('NXDOMAIN');
    expect(ask([a('shop', '192.0.2.1')], 'shop.example.com', { type: 'TXT' })).toEqual({
      code: 'NOERROR',
      records: [],
    });
    expect(ask([], 'example.net').code).toBe('REFUSED');
  });

  it('of a failover pair is the secondary only while the primary alone is sick', () => {
    const pair = [
      a('shop', '192.0.2.1', { setIdentifier: 'p', failover: 'PRIMARY', healthCheckId: 'p' }),
      a('shop', '192.0.2.2', { setIdentifier: 's', failover: 'SECONDARY', healthCheckId: 's' }),
    ];
    expect(values(ask(pair, 'shop.example.com'))).toEqual(['192.0.2.1']);
    expect(values(ask(pair, 'shop.example.com', { sick: ['p'] }))).toEqual(['192.0.2.2']);
    expect(values(ask(pair, 'shop.example.com', { sick: ['p', 's'] }))).toEqual(['192.0.2.1']);
  });

  it('of weighted records follows the weights of those that are well', () => {
    const records = [
      a('shop', '192.0.2.1', { setIdentifier: 'a', weight: 3, healthCheckId: 'a' }),
      a('shop', '192.0.2.2', { setIdentifier: 'b', weight: 1 }),
      a('shop', '192.0.2.3', { setIdentifier: 'c', weight: 0 }),
    ];
    expect(values(ask(records, 'shop.example.com', { random: 0.74 }))).toEqual(['192.0.2.1']);
    expect(values(ask(records, 'shop.example.com', { random: 0.76 }))).toEqual(['192.0.2.2']);
    expect(values(ask(records, 'shop.example.com', { random: 0, sick: ['a'] }))).toEqual(['192.0.2.2']);
  });

  it('ends where records lead in a circle', () => {
    const circle = [a('x', 'y.example.com', { type: 'CNAME' }), a('y', 'x.example.com', { type: 'CNAME' })];
    expect(ask(circle, 'x.example.com').code).toBe('NOERROR');
  });
});

describe('a health check', () => {
  const check = (healthy: number, all: number, more = {}) => ({
    config: {
      ...{ type: 'HTTP' as const, port: 80, resourcePath: '/', inverted: false, disabled: false, failureThreshold: 3 },
      ...more,
    },
    reports: new Map(
      Array.from({ length: all }, (_, index) => [
        String(index),
        { region: String(index), healthy: index < healthy, status: '', checkedAt: new Date(0) },
      ]),
    ),
  });

  it('is healthy when more than 18 % of its checkers say so', () => {
    expect(isHealthy(check(18, 100))).toBe(false);
    expect(isHealthy(check(19, 100))).toBe(true);
    expect(isHealthy(check(0, 0))).toBe(true);
    expect(isHealthy(check(0, 3, { disabled: true }))).toBe(true);
  });

  it('is the opposite when it is inverted', () => {
    expect(isHealthy(check(3, 3, { inverted: true }))).toBe(false);
    expect(isHealthy(check(0, 3, { inverted: true }))).toBe(true);
  });
});
