/**
 * Which emulator test of a remediation shows which of what every remediation must hold (docs/adding-a-remediation.md): by its title, and by what it looks at. What the function says
 * of itself proves nothing: such a test must expect something of the calls that the gateway counted, or of the state that is there afterwards.
 */
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

/** Who tells what was done, other than the outcome of the delivery: calls and statements as they were counted, and readings of what is changed. */
const WITNESSES =
  /\b(?:changing|changes|made|calls|statements|isUnchanged|timesDone|ended|processes)\b|\b(?!reportOf)\w+Of\(|\b(?:state|describe_?|answer|resolveCname|report|executions)\(/;
/** Expectations that are functions of their own: `untilDone(id, 1)`, `trouble.expectUnchanged()`. */
const WITNESS_CALLS = /\b(?:until[A-Z]\w*|expect(?:Unchanged|ChangedOnce))\(/;
/** Nothing can be changed of what isn't there. */
const WITHOUT_WITNESS = 'target missing';

interface Test {
  readonly title: string;
  /** From its title to the next one's. */
  readonly body: string;
}

function testsOf(name: string): Test[] {
  const own = read(`test/emulator/remediations/${name}.test.ts`);
  const shared = Object.entries(SHARED).flatMap(([call, file]) => (own.includes(`${call}({`) ? [read(file)] : []));
  return [own, ...shared].flatMap(testsIn);
}

function testsIn(source: string): Test[] {
  const found = [...source.matchAll(TITLE)];
  return found.map(({ index, 2: title = '' }, at) => ({ title, body: source.slice(index, found[at + 1]?.index) }));
}

/** What stands between the parentheses of each `expect(...)`. */
function expectedIn(body: string): string[] {
  return [...body.matchAll(/\bexpect\(/g)].map(({ index, 0: { length } }) => {
    const from = index + length;
    let depth = 1;
    let at = from;
    for (; depth > 0 && at < body.length; at++) depth += body[at] === '(' ? 1 : body[at] === ')' ? -1 : 0;
    return body.slice(from, at - 1);
  });
}

const hasWitness = ({ body }: Test): boolean =>
  WITNESS_CALLS.test(body) || expectedIn(body).some((expected) => WITNESSES.test(expected));

describe.each(names)('%s', (name) => {
  const tests = testsOf(name);

  it.each(GUARANTEES)('has a test of: %s', (guarantee, title) => {
    const about = tests.filter((test) => title.test(test.title));
    expect(about).not.toEqual([]);
    if (guarantee !== WITHOUT_WITNESS) expect(about.filter(hasWitness)).not.toEqual([]);
  });
});

describe('a test with the right title', () => {
  const judged = (body: string) => testsIn(`it('makes no changing call in observe mode', async () => {${body}});`);

  it.each([
    ['', false],
    ["expect(await deliver('a')).toMatchObject({ kind: 'would-act' });", false],
    ["await expect(deliver('a')).rejects.toThrow(); expect(await reportOf(outcome)).toEqual({});", false],
    ['const { changing } = await callsDuring(() => deliver(1)); expect(result).toBeDefined();', false],
    ['expect(changing).toEqual([]);', true],
    ["expect(await desiredOf('a')).toBe(2);", true],
    ['await trouble.expectUnchanged();', true],
  ])('that does %j shows something: %j', (body, isShown) => {
    expect(judged(body).map(hasWitness)).toEqual([isShown]);
  });
});
