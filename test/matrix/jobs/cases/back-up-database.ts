/** `back-up-database`: one snapshot for each period, whatever goes wrong, and what a person made is left alone. */
import type { RunIdentity } from '../../../../functions/jobs/job.ts';
import { counted } from '../../incidents/story.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { type Kind, nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { failedBefore, runOf, takeTurns, toldOnce, verdictOf } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'back-up-database',
  deliveries: {
    backup: (site) => prepare(site),
    'backup and its copy': (site) => prepare(site, undefined, 'copied'),
    'backup after one that failed': (site, incidentId) => prepare(site, incidentId),
  },
};

const A_PERSONS = 'before-the-upgrade';

/** @param incidentId of an earlier run that failed. */
async function prepare(site: Site, incidentId?: string, kind: Kind = 'good'): Promise<Prepared> {
  const run = runOf('back-up-database', nextDatabase(kind));
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
      ...(kind === 'copied' ? await oneCopy(site, run, rds) : []),
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

/** One copy of this run's snapshot in the standby region, and nothing else. */
async function oneCopy(site: Site, run: RunIdentity, rds: Described): Promise<string[]> {
  const verdict = await verdictOf(site, run);
  const isGood = verdict?.kind === 'passed';
  const copies = await rds.copies(run.subject);
  const isIt = copies.every(
    (each) =>
      each.DBSnapshotIdentifier === verdict?.report.snapshotId &&
      each.SourceDBSnapshotIdentifier?.endsWith(`:snapshot:${each.DBSnapshotIdentifier}`),
  );
  return [
    ...counted('I4: copies of this period', copies.length, isGood ? 1 : 0, 1),
    ...(isGood && copies.some(({ Status }) => Status !== 'available') ? ['I7: the copy is said to be there'] : []),
    ...(isIt || !isGood ? [] : ['I4: the copy is not of this run’s snapshot']),
  ];
}
