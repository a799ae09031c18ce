import { expect, it } from '@jest/globals';
import { BUGS, patched, sourceOf } from '../../simulation/bugs.ts';

it('knows at least 30 bugs, each of a name of its own', () => {
  expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
  expect(BUGS.length).toBeGreaterThanOrEqual(30);
});

it.each(BUGS)('can still be put into the sources: $name', ({ patches }) => {
  for (const patch of patches) expect(patched(sourceOf(patch.file), [patch])).not.toBe(sourceOf(patch.file));
});
