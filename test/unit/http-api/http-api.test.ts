import { describe, expect, it } from '@jest/globals';
import { chooseRoute } from '../../../local/stand-ins/http-api/route.ts';
import { Throttle } from '../../../local/stand-ins/http-api/throttle.ts';

const routes = ['GET /act/{token}', 'POST /act/{token}', 'POST /pagerduty', 'ANY /any'].map((key) => ({
  key,
  integration: key,
}));

describe('routes of an HTTP API', () => {
  it.each([
    ['GET', '/act/abc', 'GET /act/{token}', { token: 'abc' }],
    ['POST', '/act/abc', 'POST /act/{token}', { token: 'abc' }],
    ['POST', '/pagerduty', 'POST /pagerduty', {}],
    ['DELETE', '/any', 'ANY /any', {}],
  ])('%s %s', (method, path, key, parameters) => {
    expect(chooseRoute(routes, method, path)).toMatchObject({ route: { key }, parameters });
  });

  it.each([
    ['PUT', '/act/abc'],
    ['GET', '/act/'],
    ['GET', '/act'],
    ['GET', '/act/a/b'],
    ['GET', '/pagerduty'],
    ['GET', '/'],
  ])('%s %s is none of them', (method, path) => {
    expect(chooseRoute(routes, method, path)).toBeUndefined();
  });
});

describe('its throttle', () => {
  it('admits a burst, then so many a second', () => {
    const throttle = new Throttle(2, 3);
    expect([0, 0, 0, 0].map((now) => throttle.admit(now))).toEqual([true, true, true, false]);
    expect(throttle.admit(499)).toBe(false);
    expect([1500, 1500, 1500, 1500].map((now) => throttle.admit(now))).toEqual([true, true, true, false]);
  });

  it('admits everything without limits', () => {
    const throttle = new Throttle();
    expect(Array.from({ length: 1000 }, () => throttle.admit(0))).not.toContain(false);
  });
});
