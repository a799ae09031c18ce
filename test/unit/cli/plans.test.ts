import { expect, it } from '@jest/globals';
import { isWell } from '../../../cli/commands/plans.ts';
import { MAKES_WAY, type Verdict } from '../../../functions/recovery/items.ts';

const stop = (by: string) => ({ by, at: 0, reason: 'no' });
const JANE = stop('person:jane');

it.each<[string, Parameters<typeof isWell>[0], boolean]>([
  ['recovered', { verdict: 'recovered' }, true],
  ['rehearsed', { verdict: 'rehearsed' }, true],
  ['refused', { verdict: 'refused' }, false],
  ['taken back, because a step failed', { verdict: 'backed-out' }, false],
  ['taken back, because a person stopped it', { verdict: 'backed-out', stop: JANE }, true],
  ['recovered before it could be stopped', { verdict: 'recovered', stop: JANE }, true],
  ['stopped behind a point of no return', { verdict: 'needs-person', stop: JANE }, false],
  ['a rehearsal that made way for a real run', { verdict: 'backed-out', stop: stop(MAKES_WAY) }, false],
])('a run that ended so tells by its exit code whether all is well: %s', (_how, run, well) => {
  expect(isWell(run as { readonly verdict: Verdict })).toBe(well);
});
