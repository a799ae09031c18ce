/** Somebody empties a table, and the backup is taken after that: it is whole, and worth nothing. */
import { BACKUPS } from '../../services/backups.ts';
import { backupScenario, expectCaught } from '../support/backups.ts';

export const scenario = backupScenario({
  name: 'backup-source-truncated',
  rank: 11,
  summary: 'a table is emptied before the backup; its rows are missed, and a person is called',
  run: async (site) => {
    await site.query(`TRUNCATE ${BACKUPS.table}`);
    site.stage.step('a table was emptied');
    await site.backUp();
    return expectCaught(site, 'rows');
  },
});
