/** A merge that was left half done reads like text: types, lint and every other test pass with its marks in a page. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['cli', 'docs', 'events', 'functions', 'infra', 'local', 'runbooks', 'test'];
/** Seven characters at the beginning of a line, as git writes them. */
const MARK = /^(?:<{7}|>{7})(?: |$)/m;

it('leaves no mark of a merge conflict in any file', () => {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const files = [...readdirSync(ROOT), ...inFolders].filter((file) => /\.(?:ts|md|sql)$/.test(file));
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter((file) => MARK.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});
