/** What the safety case names is there: otherwise it proves nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const REPOSITORY = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(REPOSITORY, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Each thing once that the pattern's first group finds. */
const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, each = '']) => each)),
];

describe.each(['docs/safety-case.md', 'docs/simulation.md'])('%s', (page) => {
  const text = read(page);

  it('names only commands that there are', () => {
    const commands = found(text, /npm (?:run )?([\w:-]+)/g);
    expect(commands).toContain('simulate');
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names only files that there are', () => {
    const files = [...found(text, /`((?:test|functions|events|docs|infra)\/[\w./-]+)`/g)];
    expect(files.length).toBeGreaterThan(3);
    expect(files.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([]);
    const pages = found(text, /\]\(([\w./-]+\.md)(?:#[\w-]+)?\)/g);
    expect(pages.filter((file) => !existsSync(join(REPOSITORY, 'docs', file)))).toEqual([]);
  });
});

it('the safety case speaks of every invariant', () => {
  const text = read('docs/safety-case.md');
  const missing = Array.from({ length: 13 }, (_, index) => `I${index + 1}`).filter(
    (invariant) => !new RegExp(`\\b${invariant}\\b`).test(text),
  );
  expect(missing).toEqual([]);
});
