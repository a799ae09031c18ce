/** Which emulator test of a remediation shows which of what every remediation must hold (docs/adding-a-remediation.md), by its title. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
/** Titles that several remediations share are in these. */
const SHARED: Readonly<Record<string, string>> = {
  keepsItsPromises: 'test/support/ecs-guarantees.ts',
  itKeepsRdsGuarantees: 'test/support/rds-guarantees.ts',
  itKeepsSqlGuarantees: 'test/support/sql-guarantees.ts',
};
const TITLE = /\bit(?:\.each\(.*\)+)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** In the words of the tests' titles. */
const GUARANTEES: readonly (readonly [string, RegExp])[] = [
  [
    'happy path',
    /is verified|another takes its place|^raises the desired count|^ends the oldest idle|^cancels what runs|^takes back|^ends out-of-memory/,
  ],
  [
    'already as desired',
    /all (is )?well|while the site that is in use answers|^does nothing|days enough|called}|when every task is well/,
  ],
  [
    'outside bounds',
    /changes nothing where it %s|at the maximum|at the minimum|beyond the limit|behind a pooler|^only advises|larger than its limit|could go at once|without an earlier revision|answers nobody any more|can supply nothing|routes by a policy/,
  ],
  ['target missing', /isn’t there|does not exist|is missing|be reached|unreachable|there is no certificate/],
  ['refused', /refuse(?!s every connection)|may not (read|change|register)/],
  ['throttled three times', /throttled|refuses twice/],
  ['timed out after its effect', /answer.* was lost/],
  ['the same event several times', /comes? (five|10|ten) times/],
  [
    'changed by somebody else in between',
    /somebody else|somebody deployed|person changed|between look and|keeps turning idle/,
  ],
  ['observe mode', /observe mode/],
];

const isChanging = (name: string) => !/permissions: \[\],/.test(read(`functions/remediations/${name}/manifest.ts`));
const names = readdirSync(join(ROOT, 'functions/remediations')).filter(isChanging);

function titlesOf(name: string): string[] {
  const own = read(`test/emulator/remediations/${name}.test.ts`);
  const shared = Object.entries(SHARED).flatMap(([call, file]) => (own.includes(`${call}({`) ? [read(file)] : []));
  return [own, ...shared].flatMap((source) => [...source.matchAll(TITLE)].map(([, , title = '']) => title));
}

describe.each(names)('%s', (name) => {
  it.each(GUARANTEES)('has a test of: %s', (_, title) => {
    expect(titlesOf(name).filter((each) => title.test(each))).not.toEqual([]);
  });
});
