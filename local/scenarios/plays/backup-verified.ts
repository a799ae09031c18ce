/** A good backup: restored into a second server, read, compared, and said to be good. */
import { backupScenario } from '../support/backups.ts';
import { expectThat } from '../types.ts';

export const scenario = backupScenario({
  name: 'backup-verified',
  rank: 10,
  summary: 'a database with a million rows is backed up, the backup restored into a second server and found to be good',
  run: async (site) => {
    const { query, rows } = site;
    await query('CREATE EXTENSION IF NOT EXISTS amcheck');
    await query('GRANT EXECUTE ON FUNCTION bt_index_check(regclass) TO nightshift_verify');
    const since = Date.now();
    const id = await site.backUp();
    const backedUpMs = Date.now() - since;
    const verdict = await site.verify();
    expectThat(verdict.kind === 'passed', `expected ${id} to be found good, but ${verdict.summary}`);
    const { report } = verdict;
    const counted = (report.rows as Record<string, number> | undefined)?.['public.ledger'];
    expectThat(counted === rows, `expected ${rows} rows in the restored ledger, but it has ${counted}`);
    return {
      rows,
      backedUpMs,
      verifyMs: Date.now() - since - backedUpMs,
      restoreSeconds: Number(report.restoreSeconds),
      recoveryPointSeconds: Number(report.recoveryPointSeconds),
      fullReadMib: Number(report.fullReadMib),
      indexesChecked: Number(report.indexesChecked),
      pages: await site.pages(),
    };
  },
});
