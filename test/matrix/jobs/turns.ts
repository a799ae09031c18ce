/** Runs of jobs as their state machine takes them (infra/constructs/job-machine.ts), without its waits, and what must be told of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../../events/journal.ts';
import { type HeadItem, headKey, newHead } from '../../../functions/engine/job-head.ts';
import { putHead } from '../../../functions/engine/job-head-writes.ts';
import { readEntries } from '../../../functions/engine/journal-reader.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { type RunItem, runKey } from '../../../functions/jobs/items.ts';
import type { RunIdentity, Verdict } from '../../../functions/jobs/job.ts';
import type { Turn } from '../../../functions/jobs/run.ts';
import { counted } from '../incidents/story.ts';
import type { IncidentPoint, Site } from '../incidents/types.ts';
import { REGION } from '../place.ts';

/** The machine's retries of one turn. */
const RETRIES = 6;
const MOST_TURNS = 400;
/** Longer than the stand-in needs for any change of status. */
const WAIT_MS = 15;

/** A run's identity, due this minute. */
export const runOf = (job: string, subject: string): RunIdentity => ({
  job,
  subject,
  scheduledAt: new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString(),
});

/**
 * Takes the run's turns to its end, `copies` times at once.
 * @param before what happens before each turn. @returns a sentence for each copy that didn't come to the end.
 */
export async function takeTurns(
  site: Site,
  run: RunIdentity,
  copies: number,
  before: () => Promise<void> = async () => {},
): Promise<string[]> {
  const ends = await Promise.all(Array.from({ length: copies }, () => toItsEnd(site, run, before)));
  return ends.flatMap((ended) => ended ?? []);
}

async function toItsEnd(
  { place, functionName }: Site,
  run: RunIdentity,
  before: () => Promise<void>,
): Promise<string | undefined> {
  let failed = 0;
  let broken: string | undefined;
  for (let turns = 0; turns < MOST_TURNS; turns++) {
    await before();
    const order = { ...run, startedBy: 'schedule', wanted: '', ...(broken !== undefined && { broken }) };
    const result = await place.lambda.invoke(functionName, REGION, order);
    if (result.kind === 'ok') {
      const turn = JSON.parse(result.payload) as Turn;
      if (turn.kind === 'ended') return undefined;
      failed = 0;
    } else if (++failed > RETRIES) {
      if (broken !== undefined) return `I1: the run of ${run.job} could not even be ended`;
      broken = 'Lambda.Unknown';
      failed = 0;
    }
    // With jitter, as the machine retries: copies would meet again and again.
    await sleep(WAIT_MS * (1 + Math.random()));
  }
  return `I1: the run of ${run.job} did not end within ${MOST_TURNS} turns`;
}

/** An incident of an earlier run that failed is open. @returns its id. */
export async function failedBefore(
  { store }: Site,
  { job, subject }: RunIdentity,
  incidentId: string,
): Promise<string> {
  const make = entryMaker(incidentId, job, Date.now() - 86_400_000);
  const data = { title: `${job} failed`, target: `job/${job}/${subject}`, severity: 'P2', remediation: job };
  const head: HeadItem = { ...newHead({ job, subject }, Date.now() + 86_400_000), openIncidentId: incidentId };
  await store.transact([putHead(store.table, 0, head), putEntry(store.table, make('opened', `${job} failed`, data))]);
  return incidentId;
}

/** What a run came to. */
export const verdictOf = async ({ store }: Site, run: RunIdentity): Promise<Verdict | undefined> =>
  ((await store.read(runKey(run))) as RunItem | undefined)?.verdict;

/** Whether a verdict other than the expected one is the fault's doing: what is refused isn't repeated. */
export const mayFail = ({ kind }: Pick<IncidentPoint, 'kind'>): boolean => kind === 'refused';

/**
 * The run has ended with the verdict that was to be expected, and that is told once (I1, I4).
 * @param open an incident that was open before, if there was one.
 */
export async function toldOnce(
  site: Site,
  run: RunIdentity,
  expected: Verdict['kind'],
  point: Pick<IncidentPoint, 'kind'>,
  open?: string,
): Promise<string[]> {
  const item = (await site.store.read(runKey(run))) as RunItem | undefined;
  if (item?.phase !== 'ended' || !item.verdict) return [`I1: the run is ${item?.phase ?? 'nowhere'}, expected ended`];
  const { kind, check, summary } = item.verdict;
  const found =
    kind === expected || mayFail(point) ? [] : [`I4: it ${kind} (${check}: ${summary}), expected ${expected}`];
  const head = (await site.store.read(headKey(run))) as HeadItem | undefined;
  const id = open ?? head?.openIncidentId;
  const entries = id === undefined ? [] : await readEntries(site.store, id);
  const told = (wanted: JournalEntry['kind']) => entries.filter((entry) => entry.kind === wanted).length;
  return [
    ...found,
    ...(head?.lastRunAt === run.scheduledAt && head.lastKind === kind
      ? []
      : ['I1: the news of its job are not of this run']),
    ...(kind === 'passed'
      ? [
          ...counted('I1: resolved', told('resolved'), open === undefined ? 0 : 1),
          ...counted('I4: people called', told('escalated'), 0),
          ...(head?.openIncidentId === undefined ? [] : ['I1: it passed, and its incident is still open']),
        ]
      : [
          ...counted('I4: incidents opened', told('opened'), 1),
          ...counted('I4: people called', told('escalated'), 1),
          ...counted('I1: resolved', told('resolved'), 0),
        ]),
  ];
}
