import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { locateBinaries, openInstallation } from '../../../local/postgres/installation.ts';
import { startServer } from '../../../local/postgres/server.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

let root: string;
let world: OpenWorld;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-installation-test-'));
  world = await openWorld({ name: 'install', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
});

afterAll(async () => {
  await world.stop();
  await rm(root, { recursive: true, force: true });
});

const isLink = (folder: string) =>
  readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink()).length;

describe('the PostgreSQL programs', () => {
  it("run from a folder that the servers' user can't enter, and without the links that npm leaves out", async () => {
    const { root: original, version } = locateBinaries();
    const closed = join(root, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const native = join(closed, 'native');
    cpSync(original, native, { recursive: true, verbatimSymlinks: true });
    for (const entry of readdirSync(join(native, 'lib'), { withFileTypes: true }))
      if (entry.isSymbolicLink()) rmSync(join(native, 'lib', entry.name));
    expect(isLink(join(native, 'lib'))).toBe(0);

    const installation = await openInstallation(world, { root: native, version });
    // Only root's servers run as somebody else, who can't enter a folder of root's.
    expect(installation.root === native).toBe(installation.identity === undefined);
    expect(isLink(join(installation.root, 'lib'))).toBeGreaterThan(0);
    const server = await startServer(world, {
      installation,
      name: 'elsewhere',
      cacheDir: join(root, 'cache'),
      settings: { fsync: false, shared_buffers: '8MB', io_method: 'sync' },
      hba: [],
    });
    expect(server.state).toBe('running');
    await server.stop();
  });

  it('leave nothing of an owner that was killed, and everything of one that lives', async () => {
    const mine = await openInstallation(world);
    const abandoned = join(mine.scratch, '..', 'nightshift-pg-1.never-XXXXXX');
    mkdirSync(abandoned);
    await openInstallation(world);
    expect(existsSync(abandoned)).toBe(false);
    expect(existsSync(mine.scratch)).toBe(true);
  });
});
