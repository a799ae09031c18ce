/** `sweep-scratch`: what outlived its lease goes, and nothing that isn't proved to be ours. */
import type { RunItem } from '../../../../functions/jobs/items.ts';
import type { RunIdentity } from '../../../../functions/jobs/job.ts';
import { scratchIdOf, scratchPrefix, scratchTags } from '../../../../functions/jobs/scratch-id.ts';
import { putRun } from '../../../../functions/jobs/writes.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { runOf, takeTurns, toldOnce, verdictOf } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'sweep-scratch',
  // It looks at the whole region, and has one subject: what another point's run told would be taken for its own.
  ownJournal: true,
  deliveries: {
    'left over': (site) => prepare(site, false),
    'left over beside strangers': (site) => prepare(site, true),
  },
};

const HOUR_MS = 3_600_000;

/** @param strangers whether there are some that are named like ours and aren't proved to be. */
async function prepare(site: Site, strangers: boolean): Promise<Prepared> {
  const { deployment } = site;
  const run = runOf('sweep-scratch', nextDatabase('good'));
  const rds = new Described(site.place);
  const scratch = async (day: number, leaseUntil: number, isKnown: boolean) => {
    const by = { job: 'verify-backup', subject: run.subject, scheduledAt: `2026-11-${day}T04:00:00Z` };
    const id = scratchIdOf(deployment, by);
    await rds.create(id, scratchTags(deployment, by, leaseUntil));
    if (isKnown) await note(site, by);
    return id;
  };
  const over = await scratch(18, Date.now() - HOUR_MS, true);
  const kept = [await scratch(19, Date.now() + HOUR_MS, true)];
  if (strangers) {
    kept.push(await scratch(20, Date.now() - HOUR_MS, false));
    kept.push(`${scratchPrefix(deployment)}of-a-person`);
    await rds.create(kept.at(-1) ?? '');
  }
  return {
    deliver: (copies) => takeTurns(site, run, copies),
    check: async (point) => {
      const verdict = await verdictOf(site, run);
      const missing = await Promise.all(kept.map((id) => rds.isGone(id)));
      const isWell = verdict?.kind === 'passed' || verdict?.check === 'unknown';
      const isTold = JSON.stringify(verdict?.report ?? {}).includes(over);
      return [
        ...(await toldOnce(site, run, strangers ? 'failed' : 'passed', point)),
        ...kept
          .filter((_, at) => missing[at])
          .map((id) => `I5: ${id} was removed, and it isn't past its lease or isn't ours`),
        ...(isWell && !(await rds.isGone(over)) ? [`I6: ${over} is past its lease, and still there`] : []),
        ...(isWell && !isTold ? [`I1: ${over} was removed, and its run doesn't say so`] : []),
      ];
    },
    dispose: () => rds.dispose(),
  };
}

/** The journal knows the run that made it. */
async function note({ store }: Site, run: RunIdentity): Promise<void> {
  const times = { startedAt: Date.now(), deadlineAt: Date.now(), endedAt: Date.now() };
  const item: RunItem = { ...run, version: 0, phase: 'ended', state: null, ...times };
  await store.transact([putRun(store.table, item)]);
}
