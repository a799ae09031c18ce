import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EVENT_SOURCES } from '../../../functions/engine/sources/index.ts';
import { config } from '../../support/fixtures.ts';

const FOLDER = join(import.meta.dirname, '../../../events/sources');
const samples = EVENT_SOURCES.flatMap((source) => {
  const folder = join(FOLDER, source.name, 'samples');
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.map((file) => ({ source, event: JSON.parse(readFileSync(join(folder, file), 'utf8')) as object }));
});

/** The event with the value at a random place replaced by anything. */
const broken = fc
  .constantFrom(...samples)
  .chain(({ source, event }) =>
    fc
      .tuple(fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 4 }), fc.anything({ maxDepth: 2 }))
      .map(([path, value]) => ({ source, event: replaced(event, path, value) })),
  );

function replaced(value: unknown, [step, ...rest]: readonly number[], by: unknown): unknown {
  if (step === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const inner = replaced((value as Record<string, unknown>)[key], rest, by);
  if (Array.isArray(value)) return value.map((each, index) => (String(index) === key ? inner : each));
  return { ...value, [key]: inner };
}

describe('event sources, whatever comes', () => {
  it('answer every broken sample with a rejection or with a signal of one small, well-formed target', () => {
    let signals = 0;
    fc.assert(
      fc.property(broken, fc.constantFrom('us-west-2', 'us-east-1'), ({ source, event }, region) => {
        const answer = source.toSignal(event, { ...config, region });
        if ('rejected' in answer) return answer.detail.length <= 700;
        signals++;
        const [kind, ...names] = answer.target.split('/');
        const known = kind === 'ecs-service' ? names.length === 2 : names.length === 1;
        return known && names.every((name) => name !== '') && JSON.stringify(answer).length < 3_000;
      }),
      { numRuns: 3000 },
    );
    expect(signals).toBeGreaterThan(100);
  });
});
