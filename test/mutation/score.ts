/** Scores of mutants. Pure. */
import type { MutationDocument, MutationScore } from '../../events/published/mutation.ts';

/** As Stryker names them ("Mutant states and metrics", Stryker's documentation). */
export type MutantStatus =
  | 'Killed'
  | 'Timeout'
  | 'Survived'
  | 'NoCoverage'
  | 'Ignored'
  | 'CompileError'
  | 'RuntimeError'
  | 'Pending';

/** Percent of mutants that must be noticed (design, section 9; issue "Proof"). */
export const THRESHOLD = 85;

/** Mutants that can't be run, or were left out, prove nothing either way. */
const COUNTED: readonly MutantStatus[] = ['Killed', 'Timeout', 'Survived', 'NoCoverage'];
const DETECTED: readonly MutantStatus[] = ['Killed', 'Timeout'];

export function scoreOf(statuses: readonly MutantStatus[]): MutationScore {
  const mutants = statuses.filter((status) => COUNTED.includes(status)).length;
  const detected = statuses.filter((status) => DETECTED.includes(status)).length;
  return { detected, mutants, score: mutants === 0 ? 100 : Math.floor((detected / mutants) * 1000) / 10 };
}

export function documentOf(
  byFile: Readonly<Record<string, readonly MutantStatus[]>>,
  untested: readonly string[],
): MutationDocument {
  const files = Object.fromEntries(Object.entries(byFile).map(([file, statuses]) => [file, scoreOf(statuses)]));
  return { version: 1, ...scoreOf(Object.values(byFile).flat()), threshold: THRESHOLD, files, untested: [...untested] };
}
