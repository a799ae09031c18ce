/**
 * What a long simulation has come to so far: one line of JSON for each block that was played, so that it can be broken off and gone on with. Only blocks of one seed
 * and of unchanged sources are added up.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { z } from 'zod';
import type { Simulated } from './run.ts';

const count = z.number().int().nonnegative();
const line = z.strictObject({
  digest: z.string(),
  seed: count,
  block: count,
  runs: count,
  incidents: count,
  entries: count,
  violations: count,
  failingSeeds: z.array(count),
  cpuMs: z.number().nonnegative(),
  /** When it was played. ISO 8601. */
  at: z.iso.datetime(),
});
export type LedgerLine = z.infer<typeof line>;

/**
 * Blocks of that seed and those sources. A last line that was cut off, because the process that wrote it was killed, is left out: its block is played again.
 * @throws Error naming the line that is none, or the block that stands there twice.
 */
export function readLedger(file: string, digest: string, seed: number): LedgerLine[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const whole = lines.slice(0, -1).map((text, index) => parsed(text, `${file}:${index + 1}`));
  const mine = whole.filter((each) => each.digest === digest && each.seed === seed);
  const blocks = new Set<number>();
  for (const { block } of mine) {
    if (blocks.has(block))
      throw new Error(`${file}: block ${block} of seed ${seed} stands there twice: remove one of them`);
    blocks.add(block);
  }
  return mine;
}

function parsed(text: string, where: string): LedgerLine {
  try {
    return line.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${where} is no line of a simulation's ledger: remove it, or name another file`, { cause });
  }
}

/** Adds a block; what a killed process left of a line is cut off before. */
export function appendToLedger(file: string, played: LedgerLine): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const whole = before.slice(0, before.lastIndexOf('\n') + 1);
  if (whole.length < before.length) truncateSync(file, Buffer.byteLength(whole));
  appendFileSync(file, `${JSON.stringify(played)}\n`);
}

/** The first blocks that aren't there yet, as many as are asked for. */
export function missingBlocks(done: readonly LedgerLine[], many: number): number[] {
  const known = new Set(done.map(({ block }) => block));
  const missing: number[] = [];
  for (let block = 0; missing.length < many; block++) if (!known.has(block)) missing.push(block);
  return missing;
}

/** What the lines come to; of failures only their seeds are kept. */
export const sumOfLedger = (
  lines: readonly LedgerLine[],
): Omit<Simulated, 'failures' | 'mix'> & Pick<LedgerLine, 'violations' | 'failingSeeds' | 'cpuMs'> => {
  const sum = (of: (each: LedgerLine) => number) => lines.reduce((total, each) => total + of(each), 0);
  return {
    runs: sum(({ runs }) => runs),
    incidents: sum(({ incidents }) => incidents),
    entries: sum(({ entries }) => entries),
    violations: sum(({ violations }) => violations),
    failingSeeds: lines.flatMap(({ failingSeeds }) => failingSeeds),
    cpuMs: sum(({ cpuMs }) => cpuMs),
  };
};
