import { describe, expect, it } from '@jest/globals';
import type { SecretChecks } from '../../../functions/engine/config.ts';
import { findingsOf, isIgnored, type SecretSeen } from '../../../functions/jobs/check-secrets/decide.ts';
import { afterPage, parameterSeen, type State } from '../../../functions/jobs/check-secrets/handler.ts';

const NOW = Date.parse('2026-11-21T06:00:00Z');
const DAY = 86_400_000;
const checks: SecretChecks = { olderThanDays: 90, expiringWithinDays: 7, ignore: [] };
const secret = (more: Partial<SecretSeen> = {}): SecretSeen => ({
  name: 'orders/login',
  setAt: NOW - 10 * DAY,
  expiresAt: undefined,
  ...more,
});
const results = (seen: SecretSeen) => findingsOf(seen, checks, NOW).map(({ check, result }) => [check, result]);

describe('how old a secret is', () => {
  it.each([
    ['set just now', 0, 'passed'],
    ['90 days and a bit', 90 * DAY + 1, 'passed'],
    ['91 days less a moment', 91 * DAY - 1, 'passed'],
    ['91 days', 91 * DAY, 'failed'],
    ['of a clock ahead of ours', -DAY, 'passed'],
  ])('%s: %d ms is %s', (_, age, result) => {
    expect(results(secret({ setAt: NOW - age }))).toEqual([['secret-age', result]]);
  });

  it('is unknown, not young, when AWS names no date', () => {
    expect(results(secret({ setAt: undefined }))).toEqual([['secret-age', 'unknown']]);
  });
});

describe('when a secret ends', () => {
  it.each([
    ['2026-11-28T06:00:00Z', 'failed'],
    ['2026-11-28T06:00:01Z', 'passed'],
    ['2026-11-20', 'failed'],
    ['2027-01-31', 'passed'],
    ['next spring', 'unknown'],
  ])('%s: %s', (expiresAt, result) => {
    expect(results(secret({ expiresAt }))).toEqual([
      ['secret-age', 'passed'],
      ['secret-end', result],
    ]);
  });

  it('is read from the policy of a parameter, of which a broken one is no date', () => {
    const policy = (text: string) => ({ PolicyType: 'Expiration', PolicyText: text, PolicyStatus: 'Pending' });
    const seen = (text: string) => parameterSeen({ Name: '/key', Policies: [policy(text)] }).expiresAt;
    expect(seen('{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2027-01-31T00:00:00.000Z"}}')).toBe(
      '2027-01-31T00:00:00.000Z',
    );
    for (const broken of ['{', '{}', '{"Attributes":{}}']) expect(Date.parse(seen(broken) ?? '')).toBeNaN();
    expect(parameterSeen({ Name: '/key' }).expiresAt).toBeUndefined();
  });
});

describe('which secrets are looked at', () => {
  it.each([
    ['orders/login', ['orders/login'], true],
    ['orders/login2', ['orders/login'], false],
    ['legacy/a', ['legacy/*'], true],
    ['legacy', ['legacy/*'], false],
    ['anything', ['*'], true],
    ['anything', [], false],
  ])('%s with ignore %j: ignored %s', (name, ignore, ignored) => {
    expect(isIgnored(name, { ignore })).toBe(ignored);
  });
});

describe('page after page', () => {
  const state: State = { stage: 'secrets', token: 'one', passed: 3, findings: [] };
  const bad = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      check: 'secret-age',
      subject: `s${at}`,
      result: 'failed' as const,
      says: 'old',
    }));

  it('takes the next page, then parameters from their first, then says what it found', () => {
    expect(afterPage(state, 'two')).toMatchObject({ kind: 'wait', state: { stage: 'secrets', token: 'two' } });
    expect(afterPage(state, undefined)).toMatchObject({ kind: 'wait', state: { stage: 'parameters', token: null } });
    expect(afterPage({ ...state, stage: 'parameters' }, undefined)).toMatchObject({
      kind: 'verdict',
      verdict: { kind: 'passed', summary: '3 of 3 checks passed' },
    });
  });

  it('stops after 500 findings and says so, so that its item stays within DynamoDB', () => {
    expect(afterPage({ ...state, findings: bad(500) }, 'two')).toMatchObject({ kind: 'wait' });
    const stopped = afterPage({ ...state, findings: bad(501) }, 'two');
    expect(stopped).toMatchObject({ kind: 'verdict', verdict: { kind: 'failed', report: { notPassed: 502 } } });
    expect(JSON.stringify(stopped).length).toBeLessThan(300_000);
  });
});
