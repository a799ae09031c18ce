/** `back-up-database`: one snapshot for each period, whatever goes wrong, and what a person made is left alone. */
import type { RunIdentity } from '../../../../functions/jobs/job.ts';
import { counted } from '../../incidents/story.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { failedBefore, runOf, takeTurns, toldOnce, verdictOf } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'back-up-database',
  deliveries: {
    backup: (site) => prepare(site),
    'backup after one that failed': (site, incidentId) => prepare(site, incidentId),
  },
};

const A_PERSONS = 'before-the-upgrade';

/** @param incidentId of an earlier run that failed. */
async function prepare(site: Site, incidentId?: string): Promise<Prepared> {
  const run = runOf('back-up-database', nextDatabase('good'));
  const rds = new Described(site.place);
  const persons = `${A_PERSONS}-${run.subject}`;
  await rds.create(run.subject);
  await rds.snapshot(run.subject, persons, {});
  if (incidentId) await failedBefore(site, run, incidentId);
  return {
    deliver: (copies) => takeTurns(site, run, copies),
    check: async (point) => [
      ...(await toldOnce(site, run, 'passed', point, incidentId)),
      ...(await onePerPeriod(site, run, rds, persons)),
    ],
    dispose: () => rds.dispose(),
  };
}

async function onePerPeriod(site: Site, run: RunIdentity, rds: Described, persons: string): Promise<string[]> {
  const verdict = await verdictOf(site, run);
  const ids = (await rds.snapshots(run.subject)).map((each) => each.DBSnapshotIdentifier ?? '');
  const made = ids.filter((id) => id !== persons);
  const isNamed = verdict?.kind !== 'passed' || made.includes(String(verdict.report.snapshotId));
  return [
    ...counted('I4: snapshots of this period', made.length, verdict?.kind === 'passed' ? 1 : 0, 1),
    ...(isNamed ? [] : [`I7: ${String(verdict?.report.snapshotId)} is said to be made, and isn't there`]),
    ...(ids.includes(persons) ? [] : ['I5: the snapshot that a person made is gone']),
  ];
}
