/** docs/adding-a-remediation.md, followed to the letter: its own code, in a copy of the repository, with nothing else changed. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const NAME = 'wake-service';
const COPIED = ['docs', 'events', 'functions', 'infra', 'local', 'runbooks', 'test/support', 'tools'];
const FILES = ['cdk.json', 'jest.config.js', 'nightshift.config.ts', 'package.json', 'tsconfig.json'];
const page = readFileSync(join(REPOSITORY, 'docs/adding-a-remediation.md'), 'utf8');
/** The page's code by the file that its first line names. */
const blocks = new Map(
  [...page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, path = '', code = '']) => [path, code]),
);
const tree = mkdtempSync(join(tmpdir(), 'nightshift-page-'));

beforeAll(() => {
  for (const part of [...COPIED, ...FILES]) cpSync(join(REPOSITORY, part), join(tree, part), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(tree, 'node_modules'));
  for (const [path, code] of blocks) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), code);
  }
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

function run(command: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: tree,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  return { status, output: status === 0 ? '' : `${stdout}${stderr}` };
}
interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
const starts = (rule: Resource['Properties']): boolean => JSON.stringify(rule?.EventPattern).includes(`"${NAME}"`);
const FINE = { status: 0, output: '' };

describe('the page on adding a remediation', () => {
  it('brings every file that it asks for, and none that is there already', () => {
    expect([...blocks.keys()].sort()).toEqual([
      `functions/remediations/${NAME}/decide.ts`,
      `functions/remediations/${NAME}/handler.ts`,
      `functions/remediations/${NAME}/manifest.ts`,
      `runbooks/${NAME}.ts`,
      `test/unit/remediations/${NAME}.test.ts`,
    ]);
    expect([...blocks.keys()].filter((path) => existsSync(join(REPOSITORY, path)))).toEqual([]);
  });

  it('brings code of the right types', () => {
    const project = { extends: './tsconfig.json', include: [...blocks.keys()], exclude: [] };
    writeFileSync(join(tree, 'tsconfig.page.json'), JSON.stringify(project));
    expect(run(join(REPOSITORY, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.page.json'])).toEqual(FINE);
  }, 300_000);

  it('brings a unit test that passes', () => {
    const jest = join(REPOSITORY, 'node_modules/jest/bin/jest.js');
    const words = ['--selectProjects', 'unit', '--testPathPatterns', `unit/remediations/${NAME}`];
    expect(run(process.execPath, ['--experimental-vm-modules', jest, ...words])).toEqual(FINE);
  }, 300_000);

  it('brings a page of the remediation by the command that it names', () => {
    expect(run(process.execPath, ['tools/remediation-pages.ts'])).toEqual(FINE);
    expect(readFileSync(join(tree, 'docs/remediations', `${NAME}.md`), 'utf8')).toMatch(/left with zero tasks/);
    expect(readFileSync(join(tree, 'docs/remediations/README.md'), 'utf8')).toContain(`${NAME}.md`);
  }, 300_000);

  it('brings a function, its role and its rule, with no list edited', () => {
    const out = join(tree, 'out');
    const context = JSON.stringify({ 'nightshift:checks': 'off' });
    const env = { CDK_OUTDIR: out, CDK_CONTEXT_JSON: context, CDK_VALIDATION: 'false' };
    expect(run(process.execPath, ['infra/app.ts'], env)).toEqual(FINE);
    const [file = ''] = readdirSync(out).filter((each) => /^nightshift-\w+\.template\.json$/.test(each));
    const template = JSON.parse(readFileSync(join(out, file), 'utf8')) as { Resources: Record<string, Resource> };
    const resources = Object.values(template.Resources);
    const named = resources.filter(({ Properties }) => JSON.stringify(Properties?.FunctionName)?.includes(NAME));
    expect(named.map(({ Type }) => Type)).toContain('AWS::Lambda::Function');
    const rules = resources.filter(({ Type, Properties }) => Type === 'AWS::Events::Rule' && starts(Properties));
    expect(rules).toHaveLength(1);
  }, 300_000);
});
