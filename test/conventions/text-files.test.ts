import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
/** Of this repository, not what is installed, built or left by worlds. */
const FOLDERS = '{cli,docs,events,functions,infra,local,runbooks,test,tools}/**/*.{ts,md,json,sql,py,yml,yaml}';
const MARK = /^(<{7} |>{7} |={7}$)/m;

describe('pages and sources', () => {
  it('hold no mark of a merge that wasn’t resolved', () => {
    const files = globSync([FOLDERS, '*.{md,ts,json}'], { cwd: ROOT });
    expect(files.length).toBeGreaterThan(500);
    expect(files.filter((file) => MARK.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });
});
