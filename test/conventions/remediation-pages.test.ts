import { expect, it } from '@jest/globals';
import { currentPages, writtenPages } from '../../tools/remediation-pages.ts';

it('has a page of each remediation, as its manifest says: npm run docs:remediations', async () => {
  const [current, written] = [await currentPages(), writtenPages()];
  expect([...written.keys()].sort()).toEqual([...current.keys()].sort());
  for (const [file, text] of current) expect({ file, text: written.get(file) }).toEqual({ file, text });
});
