/** Where the command line reads and writes; tests hand in their own. */
import { createInterface } from 'node:readline/promises';
import pc from 'picocolors';

export interface Io {
  /** A line for people, or the JSON document when `json` was asked for. */
  out(line: string): void;
  /** Everything that isn't the answer: hints, questions, errors. */
  err(line: string): void;
  readonly colours: ReturnType<typeof pc.createColors>;
  /** Asks a yes-or-no question; `undefined` when nobody can answer (input isn't a terminal). */
  ask(question: string): Promise<boolean | undefined>;
}

/** The terminal. Colours only where output is one. */
export function terminal(): Io {
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    colours: pc.createColors(process.stdout.isTTY === true && pc.isColorSupported),
    ask: async (question) => {
      if (!process.stdin.isTTY) return undefined;
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
  };
}

/**
 * Lays rows out in columns, two spaces apart; the last column isn't padded.
 * @param paint colours a cell after it was padded, so that colour codes don't count as width.
 */
export function table(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row, index) =>
    row
      .map((cell, column) => paint(column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0), column, index))
      .join('  '),
  );
}
