/** An older backup lies in the place of the newest: whole in itself, and of the wrong day. */
import { rename, rm } from 'node:fs/promises';
import { copyTree } from '../../postgres/template.ts';
import { backupScenario, expectCaught } from '../support/backups.ts';
import { expectThat } from '../types.ts';

export const scenario = backupScenario({
  name: 'backup-swapped',
  rank: 14,
  summary: 'an older backup lies in the place of the newest; its transactions end too early, and a person is called',
  run: async (site) => {
    const old = await site.backUp();
    const kept = `${site.folderOf(old)}-kept`;
    await copyTree(site.folderOf(old), kept);
    site.stage.restore('no copy of the older backup', () => rm(kept, { recursive: true, force: true }));
    await site.query('SELECT pg_current_xact_id()');
    await site.backUp();
    const good = await site.verify();
    expectThat(good.kind === 'passed', `expected the backup in between to be good, but ${good.summary}`);
    const id = await site.backUp();
    await rm(site.folderOf(id), { recursive: true });
    await rename(kept, site.folderOf(id));
    site.stage.step(`${old} was put in the place of ${id}`);
    return expectCaught(site, 'order');
  },
});
