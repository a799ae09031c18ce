import { expect, it } from '@jest/globals';
import { mutationDocument } from '../../../events/published/mutation.ts';
import { documentOf, scoreOf } from '../../mutation/score.ts';
import { decidingFiles, importsOf, readImports, testsOf } from '../../mutation/select.ts';

it('scores what was noticed of what could be, and leaves out what could not be run', () => {
  expect(scoreOf(['Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored', 'CompileError', 'RuntimeError'])).toEqual({
    detected: 2,
    mutants: 4,
    score: 50,
  });
});

it('never rounds a score up to the threshold', () => {
  expect(scoreOf([...Array(849).fill('Killed'), ...Array(151).fill('Survived')]).score).toBe(84.9);
  expect(scoreOf([...Array(84_999).fill('Killed'), ...Array(15_001).fill('Survived')]).score).toBe(84.9);
});

it('prints one score over all mutants, not the mean of the files, in the published shape', () => {
  const document = documentOf({ 'a.ts': ['Killed', 'Killed', 'Killed'], 'b.ts': ['Survived'] }, ['c.ts']);
  expect(mutationDocument.parse(document)).toEqual(document);
  expect(document).toMatchObject({ score: 75, threshold: 85, files: { 'b.ts': { score: 0 } }, untested: ['c.ts'] });
});

it('follows imports that run, and no others', () => {
  const source = `import { a } from '../a.ts';
import type { B } from '../b.ts';
import {
  c,
} from './c.ts';
export { d } from './d.ts';
const e = await import('./e.ts');
import { f } from 'f';
`;
  expect(importsOf('functions/x/y.ts', source)).toEqual([
    'functions/a.ts',
    'functions/x/c.ts',
    'functions/x/d.ts',
    'functions/x/e.ts',
  ]);
});

it('mutates the engine and every decide, each of which has tests of its own', () => {
  const imports = readImports(['functions', 'test/unit', 'test/property']);
  const files = decidingFiles(imports);
  const decides = files.filter((file) => file.endsWith('/decide.ts'));
  expect(files).toContain('functions/engine/guard.ts');
  expect(decides.length).toBeGreaterThan(10);
  expect(decides.filter((file) => testsOf(file, imports).length === 0)).toEqual([]);
  expect(testsOf('functions/engine/guard.ts', imports)).toContain('test/unit/engine/guard.test.ts');
});
