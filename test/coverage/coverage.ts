/** What of the source runbooks is covered. Pure: from the rows and the titles of tests to the answer. */
import { isLater, LATER, NOT_AUTOMATABLE, type Row } from './rows.ts';

/** A test that says by its title which procedures it proves. */
export interface Proof {
  readonly ids: readonly string[];
  readonly title: string;
  /** Path within the repository. */
  readonly file: string;
}

export interface Counts {
  readonly total: number;
  readonly covered: number;
  readonly later: number;
  readonly notAutomatable: number;
}

export interface Coverage extends Counts {
  readonly bySeed: Readonly<Record<string, { readonly total: number; readonly covered: number }>>;
}

/** `[2b/high-cpu, D26]` in a title. */
const IDS = /\[((?:\d[a-z]?\/[\w-]+|[MD]\d+)(?:, (?:\d[a-z]?\/[\w-]+|[MD]\d+))*)\]/g;
const TITLE = /\b(?:it|test)(?:\.each\([^)]*\))?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Proofs in the source of a test file. */
export function proofsIn(file: string, source: string): Proof[] {
  return [...source.matchAll(TITLE)].flatMap(([, , title = '']) => {
    const ids = [...title.matchAll(IDS)].flatMap(([, list = '']) => list.split(', '));
    return ids.length > 0 ? [{ ids, title: title.replaceAll(IDS, '').trim(), file }] : [];
  });
}

/** Ids that tests claim and no row has: misspelt. */
export function unknownIds(rows: readonly Row[], proofs: readonly Proof[]): string[] {
  const known = new Set(rows.map(({ id }) => id));
  return [...new Set(proofs.flatMap(({ ids }) => ids))].filter((id) => !known.has(id)).sort();
}

export const proofsOf = (row: Row, proofs: readonly Proof[]): Proof[] =>
  proofs.filter(({ ids }) => ids.includes(row.id));

export function coverageOf(rows: readonly Row[], proofs: readonly Proof[]): Coverage {
  const isCovered = (row: Row) => proofsOf(row, proofs).length > 0;
  const open = rows.filter((row) => !isCovered(row));
  const seeds = [...new Set(rows.flatMap((row) => row.seeds))].sort();
  return {
    total: rows.length,
    covered: rows.length - open.length,
    later: open.filter((row) => isLater(row.otherwise)).length,
    notAutomatable: open.filter((row) => !isLater(row.otherwise)).length,
    bySeed: Object.fromEntries(
      seeds.map((seed) => {
        const ofSeed = rows.filter((row) => row.seeds.includes(seed));
        return [seed, { total: ofSeed.length, covered: ofSeed.filter(isCovered).length }];
      }),
    ),
  };
}

const reasonOf = ({ otherwise }: Row): string =>
  isLater(otherwise) ? `later: ${LATER[otherwise]}` : `not automatable: ${NOT_AUTOMATABLE[otherwise]}`;

/** The page `docs/coverage.md`. */
export function coveragePage(sections: Readonly<Record<string, readonly Row[]>>, proofs: readonly Proof[]): string {
  const { total, covered, later, notAutomatable, bySeed } = coverageOf(Object.values(sections).flat(), proofs);
  const lines = [
    '# What of the source runbooks is covered',
    '',
    'Made by `npm run coverage:runbooks -- --write`; a test holds it to the tests. A procedure is covered when a test whose title carries its id',
    'runs it against the local world and looks at what came of it. Tests of remediations are run once more with every `decide` doing nothing: all that carry',
    'an id must fail then (`test/world/coverage.test.ts`).',
    '',
    `**${covered} of ${total} covered**, ${later} later, ${notAutomatable} not automatable.`,
    '',
    '| runbook | covered | of |',
    '|---|---|---|',
    ...Object.entries(bySeed).map(([seed, each]) => `| ${seed} | ${each.covered} | ${each.total} |`),
  ];
  for (const [name, rows] of Object.entries(sections)) {
    lines.push('', `## ${name}`, '', '| id | runbooks | asks for | covered by, or why not |', '|---|---|---|---|');
    for (const row of rows) {
      const by = proofsOf(row, proofs).map(({ title, file }) => `${title} (\`${file}\`)`);
      lines.push(
        `| ${row.id} | ${row.seeds.join(' ')} | ${row.asks} | ${by.length > 0 ? by.join('; ') : reasonOf(row)} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
