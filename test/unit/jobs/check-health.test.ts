import { describe, expect, it } from '@jest/globals';
import type { HealthChecks } from '../../../functions/engine/config.ts';
import {
  alarmFindings,
  databaseFindings,
  requestFindings,
  serviceFindings,
} from '../../../functions/jobs/check-health/decide.ts';

const NOW = Date.parse('2026-11-21T07:00:00Z');
const health: HealthChecks = { storageAbovePercent: 80, errorsAbovePercent: 1, firingForHours: 4 };
const heard = { name: 'a', description: undefined, isHeard: true };
const first = (findings: readonly { readonly result: string }[]) => findings[0]?.result;

describe('the morning round of services', () => {
  it.each([
    ['all run', { desired: 4, running: 4, rollingOut: false }, 2, 'passed'],
    ['one is missing', { desired: 4, running: 3, rollingOut: false }, 2, 'failed'],
    ['one is missing during a deployment', { desired: 4, running: 3, rollingOut: true }, 2, 'passed'],
    ['fewer than the least during a deployment', { desired: 4, running: 1, rollingOut: true }, 2, 'failed'],
    ['somebody wants fewer than the least', { desired: 1, running: 1, rollingOut: false }, 2, 'failed'],
    ['none is wanted, and none need be', { desired: 0, running: 0, rollingOut: false }, 0, 'passed'],
  ])('%s', (_, seen, minTasks, result) => {
    expect(first(serviceFindings('orders', { kind: 'service', ...seen }, minTasks))).toBe(result);
  });

  it('names one that is gone', () => {
    expect(serviceFindings('orders', { kind: 'missing', why: 'ECS service shop/orders is INACTIVE' }, 1)).toEqual([
      { check: 'service', subject: 'orders', result: 'failed', says: 'ECS service shop/orders is INACTIVE' },
    ]);
  });

  it.each([
    [1000, 10, 'passed'],
    [1000, 11, 'failed'],
    [1, 1, 'failed'],
  ])('%d requests, %d failed: %s', (requests, errors, result) => {
    expect(first(requestFindings('orders', { requests, errors }, health))).toBe(result);
  });

  it('does not take silence for health', () => {
    expect(first(requestFindings('orders', undefined, health))).toBe('unknown');
  });
});

describe('the morning round of databases', () => {
  const seen = { kind: 'instance' as const, status: 'available', storageGib: 100, freeGib: 50 };
  const results = (more: object) => databaseFindings('db', { ...seen, ...more }, health).map(({ result }) => result);

  it.each([
    [{}, ['passed', 'passed']],
    [{ freeGib: 20 }, ['passed', 'passed']],
    [{ freeGib: 19.9 }, ['passed', 'failed']],
    [{ freeGib: undefined }, ['passed', 'unknown']],
    [{ storageGib: 0 }, ['passed', 'unknown']],
    [{ status: 'storage-full', freeGib: 0 }, ['failed', 'failed']],
    [{ status: 'backing-up' }, ['passed', 'passed']],
    [{ status: 'stopped' }, ['failed', 'passed']],
  ])('%j: %j', (more, expected) => {
    expect(results(more)).toEqual(expected);
  });

  it('names one that is gone', () => {
    expect(first(databaseFindings('db', { kind: 'missing', why: 'gone' }, health))).toBe('failed');
  });
});

describe('alarms that nobody has mended', () => {
  it.each([
    [4 * 3_600_000, 'passed'],
    [4 * 3_600_000 + 1, 'failed'],
    [0, 'passed'],
  ])('firing for %d ms: %s', (age, result) => {
    expect(first(alarmFindings([{ ...heard, firingSince: NOW - age }], health, NOW))).toBe(result);
  });

  it('of auto scaling, and those whose actions somebody switched off, are not counted', () => {
    const old = { ...heard, firingSince: NOW - 48 * 3_600_000 };
    const others = [
      { ...old, name: 'TargetTracking-service/shop/orders-AlarmLow-1' },
      { ...old, description: 'DO NOT EDIT OR DELETE. For TargetTrackingScaling policy orders.' },
      { ...old, isHeard: false },
    ];
    expect(alarmFindings([...others, old], health, NOW)).toHaveLength(1);
  });
});
