/** A long simulation that is broken off and gone on with. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { blockOf, digestOfSources } from '../../simulation/blocks.ts';
import { appendToLedger, type LedgerLine, missingBlocks, readLedger, sumOfLedger } from '../../simulation/ledger.ts';

const line = (block: number, more: Partial<LedgerLine> = {}): LedgerLine => ({
  ...{ digest: 'd', seed: 1, block, runs: 3, incidents: 5, entries: 50, violations: 0, failingSeeds: [], cpuMs: 100 },
  at: '2026-11-22T10:00:00.000Z',
  ...more,
});

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightshift-ledger-'));
  file = join(folder, 'ledger.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('begins with nothing, and adds up what was played since', () => {
  expect(readLedger(file, 'd', 1)).toEqual([]);
  appendToLedger(file, line(0));
  appendToLedger(file, line(2, { violations: 2, failingSeeds: [7] }));
  expect(sumOfLedger(readLedger(file, 'd', 1))).toEqual({
    ...{ runs: 6, incidents: 10, entries: 100, violations: 2, failingSeeds: [7], cpuMs: 200 },
  });
});

it('counts neither blocks of other sources nor those of another seed', () => {
  for (const each of [line(0, { digest: 'before the change' }), line(0, { seed: 2 }), line(1)])
    appendToLedger(file, each);
  expect(readLedger(file, 'd', 1).map(({ block }) => block)).toEqual([1]);
});

it('plays a block again whose line was cut off', () => {
  appendToLedger(file, line(0));
  appendFileSync(file, '{"digest":"d","se');
  expect(readLedger(file, 'd', 1)).toEqual([line(0)]);
  appendToLedger(file, line(1));
  expect(readLedger(file, 'd', 1)).toEqual([line(0), line(1)]);
  expect(readFileSync(file, 'utf8')).not.toContain('"se{');
});

it('refuses a line that is none, and a block that would count twice', () => {
  appendFileSync(file, '{"block":1}\n');
  expect(() => readLedger(file, 'd', 1)).toThrow(`${file}:1 is no line of a simulation's ledger`);
  rmSync(file);
  appendToLedger(file, line(4));
  appendToLedger(file, line(4));
  expect(() => readLedger(file, 'd', 1)).toThrow('block 4 of seed 1 stands there twice');
});

it('goes on with the first blocks that are missing', () => {
  expect(missingBlocks([line(0), line(2), line(5)], 3)).toEqual([1, 3, 4]);
  expect(missingBlocks([], 0)).toEqual([]);
});

it('gives no two blocks the same run', () => {
  const [first, second] = [blockOf(1, 3), blockOf(1, 4)];
  expect(first.firstRun + first.mostRuns).toBeLessThanOrEqual(second.firstRun);
});

it('knows sources that were not changed', () => {
  expect(digestOfSources()).toMatch(/^[0-9a-f]{16}$/);
  expect(digestOfSources()).toBe(digestOfSources());
});
