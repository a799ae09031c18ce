/** The quick form of `npm run fuzz`, and that it can fail. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { fuzzDocument } from '../../../events/published/fuzz.ts';
import { type Json, mutated } from '../../fuzz/mutate.ts';
import { fuzz } from '../../fuzz/run.ts';
import { randomOf } from '../../simulation/random.ts';

jest.setTimeout(240_000);

it('takes mutated input of every kind, and much of it is still valid', () => {
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../fuzz/main.ts')];
  const stdout = execFileSync(process.execPath, [...args, '--runs', '2000', '--seed', '1'], { encoding: 'utf8' });
  const { runs, schemaValid, byOutcome, unhandled } = fuzzDocument.parse(JSON.parse(stdout));
  expect({ runs, unhandled }).toEqual({ runs: 2000, unhandled: 0 });
  expect(schemaValid).toBeGreaterThan(600);
  const kinds = new Set(Object.keys(byOutcome).map((key) => key.split(': ')[0]));
  expect([...kinds].sort()).toEqual(['command line', 'configuration', 'event', 'journal', 'link', 'order', 'webhook']);
});

it('reports what is not handled, by a run that can be repeated', async () => {
  const fragile = {
    name: 'fragile',
    samples: [{ a: 'b' }],
    take: (input: Json) => ({ outcome: (input as { a: string }).a.trim(), isSchemaValid: true }),
  };
  const { unhandled } = await fuzz([fragile], 1, 200);
  expect(unhandled.length).toBeGreaterThan(0);
  const [first] = unhandled;
  const again = await fuzz([fragile], 1, 1, first?.run);
  expect(again.unhandled).toMatchObject([{ run: first?.run, input: first?.input, surface: 'fragile' }]);
});

it('changes a sample by the same random numbers in the same way, and not the sample itself', () => {
  const sample: Json = { a: ['x', 1], b: { c: null } };
  const copy = structuredClone(sample);
  const results = Array.from({ length: 50 }, (_, seed) => JSON.stringify(mutated(sample, 2, randomOf(seed))));
  expect(results).toEqual(Array.from({ length: 50 }, (_, seed) => JSON.stringify(mutated(sample, 2, randomOf(seed)))));
  expect(new Set(results).size).toBeGreaterThan(20);
  expect(sample).toEqual(copy);
});
