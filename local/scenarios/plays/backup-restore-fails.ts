/** AWS refuses the restore: a backup that can't be restored when it is needed is none. */
import { backupScenario, expectCaught } from '../support/backups.ts';

const FAULT = 'restores are refused';

export const scenario = backupScenario({
  name: 'backup-restore-fails',
  rank: 15,
  summary: 'AWS refuses to restore the backup; a person is called',
  run: async (site) => {
    await site.backUp();
    const { faults } = site.world.gateway;
    faults.add({
      name: FAULT,
      match: { service: 'rds', operation: 'RestoreDBInstanceFromDBSnapshot' },
      kind: 'refused',
    });
    site.stage.restore(FAULT, () => {
      faults.remove(FAULT);
    });
    return expectCaught(site, 'restore');
  },
});
