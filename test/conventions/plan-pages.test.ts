import { expect, it } from '@jest/globals';
import { wantedPages, writtenPages } from '../../tools/plan-pages.ts';

it('the page of each recovery plan is what its manifest says: npm run docs:plans', async () => {
  expect(writtenPages()).toEqual(await wantedPages());
});
