/** Whatever reaches the public endpoint without a signature of ours gets an answer, and neither reads nor changes anything. */
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { httpEvent, linksHarness, pagerDutyEvent, untouchableStore } from '../../support/links.ts';

const links = linksHarness(untouchableStore);
const token = links.token({ operation: 'ack', subject: 'inc-01KAHZ' });

beforeAll(() => {
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '.', '..', token.slice(1), `${token}A`),
);
const headers = fc.dictionary(fc.constantFrom('content-type', 'sec-fetch-site', 'x-pagerduty-signature', 'x'), text);

describe('requests that nobody signed', () => {
  it('of any shape are answered and touch nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.anything(),
          fc.json().map((json) => JSON.parse(json) as unknown),
        ),
        async (event) => {
          const { statusCode, headers: sent } = await links.send(event);
          expect(statusCode).toBeGreaterThanOrEqual(400);
          expect(statusCode).toBeLessThan(500);
          expect(sent['cache-control']).toBe('no-store');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('for any address, method and body are refused and touch nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'get', ''),
        fc.oneof(
          text.map((each) => `/act/${each}`),
          fc.constant('/pagerduty'),
          text,
        ),
        text,
        headers,
        async (method, path, body, with_) => {
          const reply = await links.send(httpEvent(method, path, body, with_));
          expect(reply.statusCode).toBeGreaterThanOrEqual(400);
          expect(reply.statusCode).toBeLessThan(500);
          expect(reply.body).not.toMatch(/<script|onerror=/i);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('with any one character of a token changed are refused and touch nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        async (index, character) => {
          fc.pre(token[index] !== character);
          const altered = `${token.slice(0, index)}${character}${token.slice(index + 1)}`;
          expect((await links.get(altered)).statusCode).toBeGreaterThanOrEqual(400);
          expect((await links.post(altered, { confirm: altered })).statusCode).toBeGreaterThanOrEqual(400);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('webhooks that PagerDuty signed', () => {
  /** A journal without any incident: reading is allowed, writing isn't. */
  const empty = linksHarness(
    Object.assign(Object.create(untouchableStore), { query: async () => [] }) as typeof untouchableStore,
  );

  it('with anything in them are taken, and change nothing of what isn’t ours', async () => {
    const part = fc.oneof(fc.anything(), fc.string(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(
        fc.record({ id: part, event_type: part, occurred_at: part, agent: part, data: part }, { requiredKeys: [] }),
        fc.boolean(),
        async (over, isWhole) => {
          const body = isWhole ? pagerDutyEvent('incident.acknowledged', 'inc-1', over) : { event: over };
          expect((await empty.pagerDuty(JSON.stringify(body) ?? 'null')).statusCode).toBe(202);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('that aren’t JSON are taken and ignored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (body) => {
        expect((await empty.pagerDuty(body)).statusCode).toBe(202);
      }),
    );
  });
});
