/** Part of the backup is missing: no server starts from it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backupScenario, expectCaught } from '../support/backups.ts';

export const scenario = backupScenario({
  name: 'backup-cut-short',
  rank: 13,
  summary: 'part of the backup is missing; no server starts from it, and a person is called',
  run: async (site) => {
    const id = await site.backUp();
    await rm(join(site.folderOf(id), 'global'), { recursive: true });
    site.stage.step('a folder of the backup was removed');
    return expectCaught(site, 'start');
  },
});
