import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { killAndStartAgain } from '../emulator/world/killing.ts';

/** Moments from the first child to after the last; a prime step so that they don't fall together with the child's own rhythm. */
const MOMENTS_MS = Array.from({ length: 20 }, (_, index) => index * 17);

describe('a world killed at twenty different moments', () => {
  it('leaves no process and no folder after the next start', async () => {
    const base = mkdtempSync(join(tmpdir(), 'worlds-'));
    const root = join(base, 'worlds');
    for (const afterMs of MOMENTS_MS) {
      const { leftByNextStart } = await killAndStartAgain(root, afterMs);
      expect({ afterMs, leftByNextStart, folders: readdirSync(root) }).toEqual({
        afterMs,
        leftByNextStart: 0,
        folders: [],
      });
    }
    rmSync(base, { recursive: true, force: true });
  }, 400_000);
});
