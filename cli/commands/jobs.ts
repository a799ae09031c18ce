/** `nightshift jobs [job]`: scheduled jobs with their last runs. */
import type { JobsDocument } from '../../events/published/jobs.ts';
import { type HeadItem, readHeads } from '../../functions/engine/job-head.ts';
import type { Store } from '../../functions/engine/store.ts';
import { type RunItem, readRuns } from '../../functions/jobs/items.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { type Io, table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';

type Listed = JobsDocument['jobs'][number];

export const jobs = (open: (place: Place) => Store): Command => ({
  name: 'jobs',
  usage: 'jobs [job]',
  summary: 'Lists scheduled jobs and what came of them; with a name, its last runs.',
  run: async (words, { json }, { io, place }) => {
    const [only, ...more] = words;
    if (more.length > 0) throw new UsageError(`jobs takes one name, found "${words.join(' ')}"`);
    const where = await place();
    const store = open(where);
    const heads = (await readHeads(store)).filter(({ job }) => only === undefined || job === only);
    if (only !== undefined && heads.length === 0)
      throw new UsageError(`there is no job "${only}" here: see "nightshift jobs"`);
    const now = Date.now();
    const listed = await Promise.all(
      heads.map(async (head) => ({
        ...listedOf(head, now),
        ...(only !== undefined && { runs: (await readRuns(store, head)).map(runOf) }),
      })),
    );
    const document: JobsDocument = { version: 1, place: placeOf(where), jobs: listed };
    if (json) io.out(JSON.stringify(document));
    else for (const line of lines(listed, io)) io.out(line);
  },
});

const iso = (ms: number): string => new Date(ms).toISOString();

/** A job as it is published, without its runs. Pure. @param now epoch milliseconds. */
export function listedOf(head: HeadItem, now: number): Listed {
  const { job, subject, lastRunAt, lastKind, lastPassedAt, lastSummary, overdueAt, openIncidentId } = head;
  return {
    job,
    subject,
    state: now >= overdueAt ? 'overdue' : (lastKind ?? 'never ran'),
    overdueAt: iso(overdueAt),
    ...(lastRunAt && { lastRunAt }),
    ...(lastPassedAt !== undefined && { lastPassedAt: iso(lastPassedAt) }),
    ...(lastSummary && { lastSummary }),
    ...(openIncidentId && { openIncidentId }),
  };
}

function runOf({
  scheduledAt,
  phase,
  startedAt,
  endedAt,
  verdict,
  note,
}: RunItem): NonNullable<Listed['runs']>[number] {
  return {
    scheduledAt,
    phase,
    startedAt: iso(startedAt),
    ...(endedAt !== undefined && { endedAt: iso(endedAt) }),
    ...(verdict && { verdict: verdict.kind, summary: verdict.summary, report: { ...verdict.report } }),
    ...(verdict?.check && { check: verdict.check }),
    ...(note && { waitsFor: note }),
  };
}

function lines(listed: readonly Listed[], { colours }: Io): string[] {
  if (listed.length === 0)
    return [
      'No scheduled job is known here. `backup`, `checks`, `reports` and `certificates` in the configuration bring them; the reconciler enters a new one at its next run.',
    ];
  const rows = listed.map(({ job, subject, state, lastRunAt = '-', lastPassedAt = '-', openIncidentId = '-' }) => [
    ...[job, subject, state, lastRunAt, lastPassedAt],
    openIncidentId,
  ]);
  const head = ['job', 'for', 'state', 'last run', 'last passed', 'incident'];
  return [
    ...table([head, ...rows], (cell, column, row) =>
      row > 0 && column === 2 && /failed|overdue/.test(cell) ? colours.red(cell) : cell,
    ),
    ...listed.flatMap(({ subject, runs = [] }) =>
      runs.map(
        ({ scheduledAt, phase, verdict, summary, waitsFor }) =>
          `${scheduledAt}  ${subject}  ${verdict ?? phase}${summary || waitsFor ? `: ${summary ?? waitsFor}` : ''}`,
      ),
    ),
  ];
}
