/** What is attached to a page is bounded and holds no secret, whatever AWS or an application says. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { redact } from '../../../functions/diagnostics/redact.ts';
import type { Seen } from '../../../functions/diagnostics/types.ts';
import { diagnosisOf } from '../../../functions/diagnostics/words.ts';

const SECRET = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/);
const around = fc.stringMatching(/^[a-z ]{0,20}$/);

describe('redact', () => {
  it('takes a secret out of every form in which one is usually written', () => {
    const forms: readonly ((secret: string) => string)[] = [
      (secret) => `password=${secret}`,
      (secret) => `DB_PASSWORD: "${secret}"`,
      (secret) => `{"api_key":"${secret}","n":1}`,
      (secret) => `postgres://orders:${secret}@db:5432/orders`,
      (secret) => `Authorization: Bearer ${secret}`,
      (secret) => `clientSecret='${secret}'`,
      (secret) => `x-auth-token=${secret}; path=/`,
    ];
    fc.assert(
      fc.property(SECRET, around, around, fc.constantFrom(...forms), (secret, before, after, form) => {
        expect(redact(`${before} ${form(secret)} ${after}`, 1000)).not.toContain(secret);
      }),
    );
  });

  it('knows access keys, private keys and web tokens by their own look', () => {
    for (const text of [
      'key AKIAIOSFODNN7EXAMPLE used',
      '-----BEGIN RSA PRIVATE KEY----- MIIEow -----END RSA PRIVATE KEY-----',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
      'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    ])
      expect(redact(text)).toContain('[removed]');
  });

  it('leaves AWS’s own words as they are', () => {
    for (const text of [
      `CannotPullContainerError: failed to resolve ref 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/backend@sha256:${'a1'.repeat(32)}: not found`,
      '(service backend) (task 4c8b16ec1d1f4d0ea5f3e3f3a2b1c0d9) (port 80) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/b/0123456789abcdef) due to (reason Health checks failed with these codes: [502])',
      'arn:aws:ecs:eu-west-1:111122223333:task/orders/4c8b16ec1d1f4d0ea5f3e3f3a2b1c0d9',
    ])
      expect(redact(text)).toBe(text);
  });
});

/** All texts in it, however deep. */
const wordsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsIn) : [];
};
const holdsControls = (text: string): boolean => [...text].some((each) => each < ' ');

describe('a diagnosis', () => {
  const words = fc.oneof(
    fc.string({ maxLength: 2000 }),
    fc.constant('CannotPullContainerError: token=abcdefghijklmnop'),
  );
  const task = fc.record({
    atMs: fc.integer({ min: 0, max: 2e12 }),
    stopCode: words,
    reason: words,
    containers: fc.array(fc.record({ name: words, image: words, exitCode: fc.integer(), reason: words }), {
      maxLength: 3,
    }),
  });
  const seen: fc.Arbitrary<Seen> = fc.record({
    kind: fc.constant('service' as const),
    name: fc.constant('backend'),
    ...{ desired: fc.nat(9), running: fc.nat(9), pending: fc.nat(9) },
    deployments: fc.constant([]),
    events: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 2e12 }), message: words }), { maxLength: 120 }),
    stopped: fc.array(task, { maxLength: 120 }),
  });

  it('is small, whatever is said, and without control characters', () => {
    fc.assert(
      fc.property(seen, (each) => {
        const diagnosis = diagnosisOf({ seen: each, unread: [] });
        const text = JSON.stringify(diagnosis);
        expect(text.length).toBeLessThan(12_000);
        expect(text).not.toContain('abcdefghijklmnop');
        // Of its words themselves: written as JSON, a backslash before an n looks like a line's end.
        expect(wordsIn(diagnosis).filter(holdsControls)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
