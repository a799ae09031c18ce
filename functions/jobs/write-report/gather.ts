/** Reads what a report is made of, and nothing that it doesn't need. Figures that CloudWatch refuses are told as not known; what may pass is tried again. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { Incident } from '../../../events/journal.ts';
import { listSummaries } from '../../engine/chain-store.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { EngineError } from '../../engine/errors.ts';
import { type HeadItem, type JobName, readHeads } from '../../engine/job-head.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { readTargets } from '../../engine/operator.ts';
import type { Store } from '../../engine/store.ts';
import { recoveryOf } from '../../records/recovery.ts';
import { NEEDS } from '../../reports/compose.ts';
import type { Drill, Facts, JobRun, JobState, TargetFacts } from '../../reports/facts.ts';
import { BACKUP_JOB, REPORTS, type ReportName } from '../../reports/names.ts';
import { type Period, periodBefore } from '../../reports/period.ts';
import { type RunItem, readLastPassedBefore, readRunsBetween } from '../items.ts';
import { databaseFacts, serviceFacts, unknownServices } from './metrics.ts';

export interface Sources {
  readonly store: Store;
  readonly cloudwatch: Pick<CloudWatchClient, 'send'>;
  readonly config: RuntimeConfig;
  /** Those that are deployed; the journal also knows those that were. */
  readonly jobs: readonly JobName[];
}

/** As many incidents as one report reads. */
const INCIDENTS_MOST = 1000;
/** Of runs of one job within one report: an hourly job's of a month. */
const RUNS_MOST = 800;
/** So many runs before the period are looked through for one that passed. */
const RUNS_BEFORE = 200;
/** An incident may have been open for so many months before the period. */
const MONTHS_BEFORE = 2;

/**
 * @param at when the report is due (epoch milliseconds): it is about the last whole period before.
 * @param now epoch milliseconds.
 * @throws EngineError when the journal can't be read, or CloudWatch can't at the moment: what isn't read must not look as if there were none.
 */
export async function gather(name: ReportName, sources: Sources, at: number, now: number): Promise<Facts> {
  const { config, store, cloudwatch, jobs } = sources;
  const period = periodBefore(REPORTS[name].period, at, config.reports?.timeZone ?? 'UTC');
  const unread: string[] = [];
  const wants = NEEDS[name];
  // Who takes over needs what is open now, whenever it was opened.
  const openUntil = name === 'on-call-handoff' ? now : period.to;
  const incidents = wants.incidents ? await readIncidents(store, period, openUntil, unread) : [];
  const heads = wants.jobs ? (await readHeads(store)).filter((head) => isIn(jobs, head)) : [];
  const states = await Promise.all(heads.map((head) => readJob(store, head, wants.drills ? period : undefined)));
  const runs = await Promise.all(heads.map((head) => readRunsBetween(store, head, period, RUNS_MOST)));
  const targets = wants.targets ? await readUnquiet(config, store, now) : [];
  const drills = wants.drills ? await readDrills(store, incidents, period) : [];
  const services =
    wants.requests || wants.use
      ? await attempt(unread, 'the figures of services', unknownServices(config), () =>
          serviceFacts(cloudwatch, config, period, wants),
        )
      : [];
  const databases =
    wants.use || wants.drills
      ? await attempt(
          unread,
          'the figures of databases',
          // Without their use nothing is asked for: what the configuration says of them stays.
          await databaseFacts(cloudwatch, config, period, false),
          () => databaseFacts(cloudwatch, config, period, wants.use),
        )
      : [];
  return {
    ...{ deployment: config.name, region: config.region, period, now, incidents, unread },
    ...(wants.incidents && { incidentsSince: monthsBefore(period) }),
    ...{ runs: runs.flat().filter(isWhole).map(runOf), jobs: states, services, databases, targets, drills },
  };
}

/** A report with a gap that it names is better than none; what is refused is told of as not known. */
async function attempt<T>(unread: string[], what: string, otherwise: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof EngineError) || error.retryable) throw error;
    unread.push(`${what} couldn’t be read: ${error.message}`);
    return otherwise;
  }
}

const isIn = (jobs: readonly JobName[], { job, subject }: JobName): boolean =>
  jobs.some((each) => each.job === job && each.subject === subject);

/** Where incidents are looked for from: the first of a month of UTC. */
function monthsBefore({ from }: Period): number {
  const first = new Date(from);
  return Date.UTC(first.getUTCFullYear(), first.getUTCMonth() - MONTHS_BEFORE, 1);
}

/**
 * By the index of months: no table is scanned. An incident that began earlier and is still open is missed, and that is said. One that was over and calls a person
 * again is open.
 * @param openUntil epoch milliseconds: those that aren't over count when they were opened before.
 */
async function readIncidents(
  store: Store,
  { from, to }: Period,
  openUntil: number,
  unread: string[],
): Promise<Incident[]> {
  const [first, last] = [new Date(from), new Date(openUntil)];
  const months = 12 * (last.getUTCFullYear() - first.getUTCFullYear()) + last.getUTCMonth() - first.getUTCMonth() + 1;
  const all = await listSummaries(store, { limit: INCIDENTS_MOST + 1, months: months + MONTHS_BEFORE, now: last });
  const found = all.slice(0, INCIDENTS_MOST);
  if (all.length > INCIDENTS_MOST)
    unread.push(`There are more than ${INCIDENTS_MOST} incidents: only the newest are counted.`);
  return found.filter(({ state, openedAt, resolvedAt }) => {
    const isOver = state === 'resolved' && resolvedAt !== undefined;
    return isOver
      ? Date.parse(openedAt) < to && Date.parse(resolvedAt) >= from
      : Date.parse(openedAt) < Math.max(to, openUntil);
  });
}

/** What a person named, such as one old backup to prove, says nothing of what the job is for. */
const isWhole = ({ wanted }: RunItem): boolean => wanted === undefined;

const runOf = ({ job, subject, scheduledAt, verdict, startedAt, endedAt }: RunItem): JobRun => ({
  ...{
    job,
    subject,
    scheduledAt,
    verdict: endedAt === undefined ? undefined : verdict?.kind,
    summary: verdict?.summary,
  },
  tookMs: endedAt === undefined ? undefined : endedAt - startedAt,
});

/** @param before the period before which the last backup is asked for; undefined: it isn't. */
async function readJob(store: Store, head: HeadItem, before: Period | undefined): Promise<JobState> {
  const { job, subject, lastKind, lastPassedAt, overdueAt, lastSummary } = head;
  const passedBeforeAt =
    before && job === BACKUP_JOB ? await readLastPassedBefore(store, head, before.from, RUNS_BEFORE) : undefined;
  return { ...{ job, subject, lastKind, lastPassedAt, overdueAt, lastSummary }, passedBeforeAt };
}

/** Targets with a temporary change in force, or in a person's hands. */
async function readUnquiet(config: RuntimeConfig, store: Store, now: number): Promise<TargetFacts[]> {
  const names = [
    ...Object.values(config.services).map(({ cluster, service }) => `ecs-service/${cluster}/${service}`),
    ...Object.values(config.databases).map(({ name }) => `rds-instance/${name}`),
    ...Object.values(config.endpoints).map(({ name }) => `dns-endpoint/${name}`),
  ];
  const found = await readTargets(store, names);
  return [...found].flatMap(([target, { holds, takenOver }]) => {
    const taken = takenOver && takenOver.until > now ? takenOver : undefined;
    if (holds.length === 0 && !taken) return [];
    const words = holds.map(
      ({ field, baseline, value, remediation, since }) =>
        `${field} is ${value} instead of ${baseline}, by ${remediation} since ${since}`,
    );
    return [{ target, holds: words, ...(taken && { takenOver: taken }) }];
  });
}

/** Each run of a plan counts where it began. How long recovery took, and how it ended, stands in its last entry. */
async function readDrills(store: Store, incidents: readonly Incident[], { from }: Period): Promise<Drill[]> {
  const drills: Drill[] = [];
  for (const { id, title, target, openedAt } of incidents) {
    if (!target.startsWith('plan/') || Date.parse(openedAt) < from) continue;
    const incident = await readIncident(store, id);
    drills.push({ incidentId: id, title, openedAt, recovery: incident && recoveryOf(incident) });
  }
  return drills;
}
