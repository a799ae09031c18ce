/** Scheduled jobs that should have passed by now and haven't: nobody else notices a schedule that starts nothing. */
import type { JournalEntry } from '../../../events/journal.ts';
import { type ExpectedJob, type HeadItem, jobTarget, newHead, readHeads } from '../../engine/job-head.ts';
import { putHead } from '../../engine/job-head-writes.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import type { Store } from '../../engine/store.ts';
import { entryMaker, newId, putEntry } from '../../engine/writes.ts';

/** What is to be written for one job: its head as it was read (version), the next one, and what is told. */
export interface Found {
  readonly read: number;
  readonly next: HeadItem;
  readonly entries: readonly JournalEntry[];
}

/**
 * Pure. A job that isn't known yet is given its time from now; one that is overdue opens an incident, once. Where a person resolved its incident, it is watched again, and
 * has its time once more.
 * @param resolved incidents that are over.
 */
export function findOverdue(
  expected: readonly ExpectedJob[],
  heads: readonly HeadItem[],
  now: number,
  resolved: ReadonlySet<string> = new Set(),
): Found[] {
  return expected.flatMap((job): Found[] => {
    const head = heads.find((each) => each.job === job.job && each.subject === job.subject);
    if (!head) return [{ read: 0, next: newHead(job, now + job.overdueAfterSeconds * 1000), entries: [] }];
    if (head.openIncidentId !== undefined && resolved.has(head.openIncidentId)) {
      const { openIncidentId: _over, ...rest } = head;
      const overdueAt = Math.max(head.overdueAt, now + job.overdueAfterSeconds * 1000);
      return [{ read: head.version, next: { ...rest, overdueAt }, entries: [] }];
    }
    if (head.openIncidentId !== undefined || now < head.overdueAt) return [];
    const openIncidentId = `inc-${newId(now)}`;
    return [
      {
        read: head.version,
        next: { ...head, openIncidentId },
        entries: overdueEntries(job, head, openIncidentId, now),
      },
    ];
  });
}

function overdueEntries(job: ExpectedJob, head: HeadItem, incidentId: string, now: number): JournalEntry[] {
  const make = entryMaker(incidentId, 'reconciler', now);
  const title = `${job.job} is overdue for ${job.subject}`;
  const last = head.lastPassedAt === undefined ? 'it has never passed' : `it last passed at ${iso(head.lastPassedAt)}`;
  const hours = Math.round(job.overdueAfterSeconds / 3600);
  return [
    make('opened', title, { title, target: jobTarget(job), severity: job.severity, remediation: job.job }),
    make('escalated', `${title}: ${last}, and should every ${hours} h`, { remediation: job.job }),
  ];
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Of the incidents that heads name, those that are over: the run that passes next hasn't closed them, a person has. */
async function resolvedOf(store: Store, heads: readonly HeadItem[]): Promise<Set<string>> {
  const ids = heads.flatMap(({ openIncidentId }) => (openIncidentId === undefined ? [] : [openIncidentId]));
  const incidents = await Promise.all(ids.map((id) => readIncident(store, id)));
  return new Set(incidents.flatMap((incident) => (incident?.state === 'resolved' ? [incident.id] : [])));
}

/** @returns how many jobs were found overdue. @throws EngineError when the journal can't be read or written. */
export async function watchJobs(store: Store, expected: readonly ExpectedJob[], now: number): Promise<number> {
  if (expected.length === 0) return 0;
  const heads = await readHeads(store);
  let overdue = 0;
  for (const { read, next, entries } of findOverdue(expected, heads, now, await resolvedOf(store, heads))) {
    // Refused when a run ended meanwhile: the next look sees what it found.
    const written = await store.transact([
      putHead(store.table, read, next),
      ...entries.map((each) => putEntry(store.table, each)),
    ]);
    if (written.ok && entries.length > 0) overdue++;
  }
  return overdue;
}
