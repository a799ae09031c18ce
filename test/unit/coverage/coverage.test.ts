import { describe, expect, it } from '@jest/globals';
import { coverageOf, coveragePage, proofsIn, unknownIds } from '../../coverage/coverage.ts';
import { row } from '../../coverage/rows.ts';

const rows = [
  row('2b/high-cpu', '000 001', 'a service is short of CPU', 'ladder'),
  row('D26', '001', 'counts are raised from what is there', 'ladder'),
  row('7b/on-call-roles', '000', 'who leads', 'people'),
];
const source = `it('adds tasks [2b/high-cpu, D26]', async () => {});
  it('has no claim', () => {});
  it(\`adds \${n} tasks [D99]\`, () => {});`;

describe('coverage', () => {
  const proofs = proofsIn('test/emulator/x.test.ts', source);

  it('takes the ids in brackets from the titles of tests, and nothing else', () => {
    expect(proofs.map(({ ids }) => ids)).toEqual([['2b/high-cpu', 'D26'], ['D99']]);
    expect(proofs[0]?.title).toBe('adds tasks');
  });

  it('counts what is proved, by runbook, and the rest by its reason', () => {
    expect(coverageOf(rows, proofs)).toEqual({
      total: 3,
      covered: 2,
      later: 0,
      notAutomatable: 1,
      bySeed: { '000': { total: 2, covered: 1 }, '001': { total: 2, covered: 2 } },
    });
    expect(coverageOf(rows, [])).toMatchObject({ covered: 0, later: 2, notAutomatable: 1 });
  });

  it('names the ids that no row has', () => expect(unknownIds(rows, proofs)).toEqual(['D99']));

  it('says on its page which test covers a procedure, or why none does', () => {
    const page = coveragePage({ Alerts: rows }, proofs);
    expect(page).toContain(
      '| 2b/high-cpu | 000 001 | a service is short of CPU | adds tasks (`test/emulator/x.test.ts`) |',
    );
    expect(page).toContain('| 7b/on-call-roles | 000 | who leads | not automatable: People');
  });
});
