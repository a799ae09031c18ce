/** `prune-backups`: what may go goes, the last proved backup and what is somebody else's never do, and a plan that is out of date removes nothing. */
import { type RunItem, runKey } from '../../../../functions/jobs/items.ts';
import type { Verdict } from '../../../../functions/jobs/job.ts';
import { putRun } from '../../../../functions/jobs/writes.ts';
import type { IncidentPoint, Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { type Kind, nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { runOf, takeTurns, toldOnce, verdictOf } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'prune-backups',
  deliveries: {
    'two may go': (site) => prepare(site, false),
    'copies may go, too': (site) => prepare(site, false, 'copied'),
    'the proof fails meanwhile': (site) => prepare(site, true),
  },
};

/** @param fails whether the newest backup is found to be bad once the plan has been written down. */
async function prepare(site: Site, fails: boolean, kind: Kind = 'good'): Promise<Prepared> {
  const { deployment, store } = site;
  const run = runOf('prune-backups', nextDatabase(kind));
  const rds = new Described(site.place);
  const named = (time: string) => `nightshift-${deployment}-${run.subject}-2026-11-${time}-02-00`;
  const old = [named('18'), named('19')];
  const newest = named('21');
  const foreign = [`nightshift-other-${run.subject}-2026-11-17-02-00`, `by-hand-${run.subject}`];
  await rds.create(run.subject);
  for (const id of foreign) await rds.snapshot(run.subject, id, { 'nightshift:deployment': 'other' });
  for (const id of [...old, newest]) await rds.snapshot(run.subject, id, { 'nightshift:deployment': deployment });
  const kept = `by-hand-copy-${run.subject}`;
  if (kind === 'copied') {
    for (const id of [...old, newest]) await rds.copy(run.subject, id, { 'nightshift:deployment': deployment });
    await rds.copy(run.subject, newest, { 'nightshift:deployment': deployment }, kept);
  }
  await prove(site, run.subject, newest, 'passed');
  let told = !fails;
  const before = async () => {
    const planned = ((await store.read(runKey(run))) as RunItem | undefined)?.state as
      | { planned?: unknown }
      | undefined;
    if (told || !planned?.planned) return;
    told = true;
    await prove(site, run.subject, newest, 'failed');
  };
  return {
    deliver: (copies) => takeTurns(site, run, copies, before),
    check: async (point) => {
      const verdict = await verdictOf(site, run);
      const ids = new Set((await rds.snapshots(run.subject)).map((each) => each.DBSnapshotIdentifier ?? ''));
      const missing = [newest, ...foreign, ...(mustKeep(fails, point) ? old : [])].filter((id) => !ids.has(id));
      const left = verdict?.kind === 'passed' ? old.filter((id) => ids.has(id)) : [];
      const untold = verdict?.kind === 'passed' ? old.filter((id) => !JSON.stringify(verdict.report).includes(id)) : [];
      // Of two at once the quicker may have removed both before the proof fails.
      const expected = fails && point.mode === 'retry' ? 'failed' : (verdict?.kind ?? 'passed');
      return [
        ...(await toldOnce(site, run, fails ? expected : 'passed', point)),
        ...missing.map((id) => `I6: ${id} is gone`),
        ...left.map((id) => `I1: ${id} is said to be removed, and is there`),
        ...untold.map((id) => `I1: ${id} was removed, and its run doesn't say so`),
        ...(kind === 'copied' && verdict
          ? await copiesLeft(rds, run.subject, verdict, { old, kept: [newest, kept] })
          : []),
      ];
    },
    dispose: () => rds.dispose(),
  };
}

/** Of the copies what may go goes, and what must stay stays. */
async function copiesLeft(
  rds: Described,
  subject: string,
  verdict: Verdict,
  { old, kept }: { readonly old: readonly string[]; readonly kept: readonly string[] },
): Promise<string[]> {
  const ids = new Set((await rds.copies(subject)).map((each) => each.DBSnapshotIdentifier ?? ''));
  const told = JSON.stringify(verdict.report.copies ?? null);
  return [
    ...kept.filter((id) => !ids.has(id)).map((id) => `I6: the copy ${id} is gone`),
    ...(verdict.kind === 'passed' ? old : [])
      .filter((id) => ids.has(id) || !told.includes(id))
      .map((id) => `I1: the copy ${id} is still there, or its run doesn't say that it went`),
  ];
}

const mustKeep = (fails: boolean, { mode }: Pick<IncidentPoint, 'mode'>): boolean => fails && mode === 'retry';

let minutes = 0;

/** A run of `verify-backup` that came to this, as the journal keeps it. */
export async function prove(
  { store }: Site,
  subject: string,
  snapshotId: string,
  kind: Verdict['kind'],
  more: Verdict['report'] = {},
): Promise<void> {
  const now = Date.now();
  const scheduledAt = new Date(now + ++minutes * 1_000).toISOString();
  const verdict: Verdict = {
    ...{
      kind,
      summary: `${snapshotId} ${kind}`,
      report: { snapshotId, systemId: '1', majorVersion: 18, nextXid: '1', ...more },
    },
    ...(kind === 'failed' && { check: 'rows' }),
  };
  const times = { startedAt: now, deadlineAt: now, endedAt: now };
  const item: RunItem = {
    job: 'verify-backup',
    subject,
    scheduledAt,
    version: 0,
    phase: 'ended',
    state: null,
    ...times,
    verdict,
  };
  await store.transact([putRun(store.table, item)]);
}
