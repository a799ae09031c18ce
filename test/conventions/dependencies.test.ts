import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
const { packages } = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { license?: string; optional?: boolean }>;
};

/** Names of the page's first table, as patterns: `@aws-sdk/client-*` stands for all clients. */
const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| (.{20,}?) \|/gm)].map(
  ([, name = '']) => name,
);
const stands = (name: string) => (each: string) =>
  each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name;

const ACCEPTED = new Set([
  ...['Apache-2.0', 'MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'Unlicense', 'CC0-1.0'],
  'CC-BY-4.0',
]);
/** An SPDX expression is accepted when each of its `AND` parts offers one that is. */
const accepted = (expression: string) =>
  expression
    .replaceAll(/[()]/g, '')
    .split(' AND ')
    .every((part) => part.split(' OR ').some((licence) => ACCEPTED.has(licence)));

describe('dependencies', () => {
  it('that reach a function each have their reason on the page, and the page lists no others', () => {
    const names = Object.keys(dependencies);
    expect(names.filter((name) => !listed.some(stands(name)))).toEqual([]);
    expect(listed.filter((each) => !names.some((name) => stands(name)(each)))).toEqual([]);
  });

  it('all have a licence that is accepted', () => {
    const wrong = Object.entries(packages)
      // Of another platform and never installed here: the lock file knows their version only.
      .filter(([path, { license, optional }]) => path !== '' && !(optional && license === undefined))
      .filter(([, { license = 'none' }]) => !accepted(license))
      .map(([path, { license }]) => `${path}: ${license ?? 'none'}`);
    expect(wrong).toEqual([]);
  });

  it('are not accepted under a licence that asks for more', () => {
    expect(accepted('GPL-3.0-or-later')).toBe(false);
    expect(accepted('MIT AND GPL-3.0-or-later')).toBe(false);
    expect(accepted('(MIT OR GPL-3.0-or-later)')).toBe(true);
  });
});
