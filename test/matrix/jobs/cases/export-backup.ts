/** `export-backup`: one export of one snapshot, whatever goes wrong, and what is said to be whole is. */
import { exportIdOf } from '../../../../functions/databases/export-task.ts';
import { counted } from '../../incidents/story.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { failedBefore, runOf, takeTurns, toldOnce, verdictOf } from '../turns.ts';
import { prove } from './prune-backups.ts';

export const unitCase: UnitCase = {
  unit: 'export-backup',
  deliveries: {
    export: (site) => prepare(site),
    'export after one that failed': (site, incidentId) => prepare(site, incidentId),
  },
};

/** @param incidentId of an earlier run that failed. */
async function prepare(site: Site, incidentId?: string): Promise<Prepared> {
  const { deployment } = site;
  const run = runOf('export-backup', nextDatabase('exported'));
  const rds = new Described(site.place);
  const snapshotId = `nightshift-${deployment}-${run.subject}-2026-11-21-02-00`;
  await rds.create(run.subject);
  await rds.snapshot(run.subject, snapshotId, { 'nightshift:deployment': deployment });
  const [snapshot] = await rds.snapshots(run.subject);
  const arn = snapshot?.DBSnapshotArn ?? '';
  await prove(site, run.subject, snapshotId, 'passed', { takenAt: '2026-11-21T02:00:00Z', rows: {} });
  if (incidentId) await failedBefore(site, run, incidentId);
  return {
    deliver: (copies) => takeTurns(site, run, copies),
    check: async (point) => {
      const verdict = await verdictOf(site, run);
      const exports = await rds.exports(arn);
      const isWhole = verdict?.kind !== 'passed' || exports.every(({ Status }) => Status === 'COMPLETE');
      const isNamed = exports.every((each) => each.ExportTaskIdentifier === exportIdOf(deployment, arn, 0));
      return [
        ...(await toldOnce(site, run, 'passed', point, incidentId)),
        ...counted('I4: exports of the snapshot', exports.length, verdict?.kind === 'passed' ? 1 : 0, 1),
        ...(isWhole ? [] : ['I7: the export is said to be whole, and isn’t']),
        ...(isNamed ? [] : ['I4: the export isn’t named by its snapshot']),
      ];
    },
    dispose: () => rds.dispose(),
  };
}
