import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Lock, missingOptional } from '../../tools/complete-lock.ts';

const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')) as Lock;

describe('the lock file', () => {
  it('names every optional package of every platform, because npm ci refuses it otherwise (npm run lock:complete)', () => {
    expect(missingOptional(lock).map(([path]) => path)).toEqual([]);
  });
  it('names no host', () => {
    expect(JSON.stringify(lock)).not.toMatch(/"resolved"/);
  });
});
