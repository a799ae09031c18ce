/** Bytes of one page flip in the backup, after it was taken: nobody notices before that page is read. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKUPS } from '../../services/backups.ts';
import { backupScenario, expectCaught } from '../support/backups.ts';

const PAGE = 8192;

export const scenario = backupScenario({
  name: 'backup-page-damaged',
  rank: 12,
  summary: 'bytes flip in one page of the backup; reading every page finds it, and a person is called',
  run: async (site) => {
    const [{ path = '' } = {}] = await site.query(`SELECT pg_relation_filepath('${BACKUPS.table}') AS path`);
    const id = await site.backUp();
    const file = await open(join(site.folderOf(id), String(path)), 'r+');
    await file.write(Buffer.alloc(64, 0x5a), 0, 64, 3 * PAGE + 4000);
    await file.close();
    site.stage.step('64 bytes in page 3 were overwritten');
    return expectCaught(site, 'full-read');
  },
});
