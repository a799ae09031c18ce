/** Parts that reports are put together from. Pure: the same facts give the same part. */
import type { Incident } from '../../events/journal.ts';
import type { Recovery } from '../records/recovery.ts';
import { durationText, timeText } from '../records/report.ts';
import type { DatabaseFacts, Facts, JobRun, JobState, ServiceFacts, Use } from './facts.ts';
import { longestGap, responseTimes, type ServiceLevel, type Spread, serviceLevel } from './figures.ts';
import type { Chart, Section } from './model.ts';
import { BACKUP_JOB, PROOF_JOB } from './names.ts';
import { availableText, countText, percentText, plural, shown, UNKNOWN } from './words.ts';

/** As many rows as somebody reads; the rest is counted. */
const ROWS = 50;

export const isOpen = ({ state }: Incident): boolean => state !== 'resolved';

/** Opened within the period; others were open when it began. */
export const openedIn = ({ incidents, period }: Facts): Incident[] =>
  incidents.filter(({ openedAt }) => Date.parse(openedAt) >= period.from);

const most = (rows: readonly (readonly string[])[], what: string): Pick<Section, 'says'> =>
  rows.length > ROWS ? { says: [`${rows.length - ROWS} more ${what} are left out here.`] } : {};

/** Changes that took effect: what was only meant, or failed, isn't one. */
export const changesMade = ({ actions }: Incident): number =>
  actions.filter(({ status }) => status !== 'intended' && status !== 'failed').length;

/**
 * Newest first, what is still open before what is over.
 * @param since epoch milliseconds: incidents that were opened before weren't looked for, which is said; undefined: there is none to be missed.
 */
export function incidentsSection(
  title: string,
  incidents: readonly Incident[],
  otherwise: string,
  since?: number,
): Section {
  const limits =
    since === undefined
      ? []
      : [`Incidents that were opened before ${new Date(since).toISOString().slice(0, 10)} weren’t looked for.`];
  if (incidents.length === 0) return { title, says: [otherwise, ...limits] };
  const sorted = [...incidents].sort(
    (a, b) => Number(isOpen(b)) - Number(isOpen(a)) || (a.openedAt < b.openedAt ? 1 : -1),
  );
  const rows = sorted.map((incident) => {
    const { id, openedAt, severity, state, target, title: about, resolvedAt } = incident;
    return [
      timeText(openedAt),
      severity,
      state,
      target,
      about,
      resolvedAt && !isOpen(incident) ? durationText(Date.parse(resolvedAt) - Date.parse(openedAt)) : 'not over',
      plural(changesMade(incident), 'change'),
      id,
    ];
  });
  const columns = ['Opened', 'Severity', 'State', 'Target', 'What', 'Took', 'Changed', 'Incident'];
  const says = [...limits, ...(most(rows, 'incidents').says ?? [])];
  return { title, ...(says.length > 0 && { says }), table: { columns, rows: rows.slice(0, ROWS) } };
}

/** Alarms gone through: which targets call most, and what came of it (runbook 000, line 165). */
export function targetsSection(incidents: readonly Incident[]): Section {
  const title = 'What was in trouble most often';
  if (incidents.length === 0) return { title, says: ['No incident was opened.'] };
  const byTarget = [...Map.groupBy(incidents, ({ target }) => target)].sort(([, a], [, b]) => b.length - a.length);
  const rows = byTarget.map(([target, those]) => [
    target,
    String(those.length),
    String(those.filter((each) => !isOpen(each) && changesMade(each) > 0).length),
    String(those.filter((each) => !isOpen(each) && changesMade(each) === 0).length),
    String(those.filter(isOpen).length),
  ]);
  const columns = ['Target', 'Incidents', 'Over, after a change', 'Over, without any change', 'Not over'];
  return {
    title,
    says: [
      'Trouble that goes away without any change is worth a look at its alarm.',
      ...(most(rows, 'targets').says ?? []),
    ],
    table: { columns, rows: rows.slice(0, ROWS) },
  };
}

/** Scheduled jobs: how often each passed in the period, and how it stands now. */
export function jobsSection(
  runs: readonly JobRun[],
  jobs: readonly JobState[],
  now: number,
  otherwise = 'No scheduled job is known here.',
): Section {
  const title = 'Scheduled jobs';
  if (jobs.length === 0) return { title, says: [otherwise] };
  const rows = jobs.map((job) => {
    const own = runs.filter((run) => run.job === job.job && run.subject === job.subject);
    const count = (verdict: JobRun['verdict']) => own.filter((run) => run.verdict === verdict).length;
    return [
      job.job,
      job.subject,
      stateOf(job, now),
      `${count('passed')} passed, ${count('failed')} failed, ${count(undefined)} not over`,
      job.lastPassedAt === undefined ? 'never' : timeText(new Date(job.lastPassedAt).toISOString()),
      job.lastSummary ?? '',
    ];
  });
  return { title, table: { columns: ['Job', 'For', 'Now', 'In the period', 'Last passed', 'Last said'], rows } };
}

export const isOverdue = ({ overdueAt }: JobState, now: number): boolean => now >= overdueAt;
/** One that doesn't stand well: failed or overdue. */
export const isAmiss = (job: JobState, now: number): boolean => job.lastKind === 'failed' || isOverdue(job, now);
const stateOf = (job: JobState, now: number): string =>
  isOverdue(job, now) ? 'overdue' : (job.lastKind ?? 'never ran');

const useText = ({ average, highest }: Use, write: (value: number) => string): string =>
  average === undefined && highest === undefined
    ? UNKNOWN
    : `${shown(average, write)}, at most ${shown(highest, write)}`;

const percent = (value: number): string => percentText(value, 0);

/** CPU and memory of the period (runbook 002, lines 823 to 826 and 849 to 851). */
export function useSection({ services, databases }: Pick<Facts, 'services' | 'databases'>): Section {
  const title = 'Use of resources';
  if (services.length + databases.length === 0) return { title, says: ['No service and no database is protected.'] };
  const rows = [
    ...services.map(({ name, cpu, memory }) => [
      'service',
      name,
      useText(cpu, percent),
      useText(memory, percent),
      '',
      '',
    ]),
    ...databases.map(({ name, cpu, connections, ...rest }) => [
      ...['database', name, useText(cpu, percent), ''],
      useText(connections, countText),
      growthText(rest),
    ]),
  ];
  return {
    title,
    says: ['Averages over all tasks; the highest is that of the busiest hour.'],
    table: { columns: ['', 'Name', 'CPU', 'Memory', 'Connections', 'Free storage'], rows },
  };
}

const gib = (value: number): string => `${value.toFixed(1)} GiB`;
function growthText({ freeGibFirst, freeGibLast }: Pick<DatabaseFacts, 'freeGibFirst' | 'freeGibLast'>): string {
  if (freeGibFirst === undefined || freeGibLast === undefined) return shown(freeGibLast, gib);
  const used = freeGibFirst - freeGibLast;
  return `${gib(freeGibLast)}, ${gib(Math.abs(used))} ${used >= 0 ? 'less' : 'more'} than at the beginning`;
}

/** The level of each service whose load balancer is configured. */
export const levelsOf = ({ services, period }: Pick<Facts, 'services' | 'period'>) =>
  services.map((service) => ({
    service,
    level: service.requests && serviceLevel(service.requests, period, service),
  }));

const leftText = ({ budget }: ServiceLevel): string =>
  budget
    ? `${percentText(100 * budget.leftShare, 1)}: ${budget.leftMinutes.toFixed(1)} of ${budget.allowedMinutes.toFixed(1)} minutes`
    : 'no objective is configured';

/** Whether each target was met; runbook 002, lines 1143 to 1165: availability, p95 below 2 s, errors below 1 %. */
export function levelsSection(facts: Pick<Facts, 'services' | 'period'>): Section {
  const title = 'Service levels';
  const levels = levelsOf(facts);
  if (levels.length === 0) return { title, says: ['No service is protected.'] };
  const rows = levels.map(({ service, level }) => {
    if (!level) return [service.name, ...Array.from({ length: 5 }, () => UNKNOWN)];
    const { requests, failed, availablePercent, budget } = level;
    const errors = (100 * failed) / requests;
    return [
      service.name,
      countText(requests),
      `${availableText(availablePercent)}${budget ? `, ${budget.leftShare >= 0 ? 'met' : 'missed'} (${service.objectivePercent} %)` : ''}`,
      `${percentText(errors, 3)}, ${errors < service.errorsPercent ? 'met' : 'missed'} (below ${service.errorsPercent} %)`,
      latencyText(level, service),
      leftText(level),
    ];
  });
  return {
    title,
    says: [
      'A request failed when the target or the load balancer itself answered it with 5xx; a load balancer that several services share counts its own errors against each of them.',
      'The downtime budget is what the objective lets fail, as minutes of a whole outage.',
    ],
    table: { columns: ['Service', 'Requests', 'Available', 'Errors', 'Latency (p95)', 'Downtime budget left'], rows },
    charts: levels.flatMap(({ service, level }) => (level ? chartsOf(service) : [])),
  };
}

function latencyText({ latencyHours, slowHours }: ServiceLevel, { latencySeconds }: ServiceFacts): string {
  if (latencyHours === 0) return UNKNOWN;
  const verdict = slowHours === 0 ? 'met' : 'missed';
  return `above ${latencySeconds} s in ${slowHours} of ${plural(latencyHours, 'hour')}, ${verdict}`;
}

/** Hours in which nothing is told of are gaps. */
function chartsOf({ name, requests = [], latencySeconds, errorsPercent }: ServiceFacts): Chart[] {
  const at = (hour: { readonly at: number }) => new Date(hour.at).toISOString();
  return [
    {
      label: `${name}: share of failed requests, by the hour`,
      unit: '%',
      limit: errorsPercent,
      points: requests.map((hour) => ({
        at: at(hour),
        value: hour.requests > 0 ? (100 * hour.failed) / hour.requests : null,
      })),
    },
    {
      label: `${name}: 95th percentile of response times, by the hour`,
      unit: 's',
      limit: latencySeconds,
      points: requests.map((hour) => ({ at: at(hour), value: hour.p95Seconds ?? null })),
    },
  ];
}

/** Within how long each severity is to be acknowledged: 5, 15 and 60 minutes; P4 by the next business day. */
const ACKNOWLEDGE_MS: Readonly<Record<string, number>> = { P1: 300_000, P2: 900_000, P3: 3_600_000 };

export function responseSection(incidents: readonly Incident[]): Section {
  const title = 'Times to acknowledge and resolve';
  const times = responseTimes(incidents);
  if (times.length === 0) return { title, says: ['No incident was opened.'] };
  const spread = ({ count, median, p90, longest }: Spread, of: number) =>
    count === 0
      ? `none of ${of}`
      : `${shown(median, durationText)}, ${shown(p90, durationText)}, ${shown(longest, durationText)} (${count} of ${of})`;
  const rows = times.map(({ severity, incidents: of, acknowledge, resolve }) => {
    const within = ACKNOWLEDGE_MS[severity];
    const late = incidents.filter(
      (each) =>
        each.severity === severity &&
        each.acknowledgedAt !== undefined &&
        within !== undefined &&
        Date.parse(each.acknowledgedAt) - Date.parse(each.openedAt) > within,
    ).length;
    return [
      ...[severity, String(of), spread(acknowledge, of)],
      within === undefined ? 'next business day' : `${late} later than ${durationText(within)}`,
      spread(resolve, of),
    ];
  });
  return {
    title,
    says: [
      'Each is the median, the 90th percentile and the longest, from the opening. What nobody acknowledged, because it mended itself or because nobody came, isn’t in the times to acknowledge.',
    ],
    table: { columns: ['Severity', 'Incidents', 'Acknowledged after', 'Against its target', 'Resolved after'], rows },
  };
}

/** Whether each database was backed up and proved as its objective asks. */
export function backupsSection({
  databases,
  runs,
  jobs,
  period,
}: Pick<Facts, 'databases' | 'runs' | 'jobs' | 'period'>): Section {
  const title = 'Backups';
  const backed = databases.flatMap(({ name, backup }) => (backup ? [{ name, backup }] : []));
  if (backed.length === 0) return { title, says: ['Nightshift takes backups of no database here.'] };
  const rows = backed.map(({ name, backup }) => {
    const of = (job: string) => runs.filter((run) => run.job === job && run.subject === name);
    const passed = (those: readonly JobRun[]) => those.filter(({ verdict }) => verdict === 'passed');
    const [taken, proved] = [of(BACKUP_JOB), of(PROOF_JOB)];
    const before = jobs.find((job) => job.job === BACKUP_JOB && job.subject === name)?.passedBeforeAt;
    const gap = longestGap(
      passed(taken).map(({ scheduledAt }) => Date.parse(scheduledAt)),
      period,
      before,
    );
    // Of a database without any run nothing says since when it should have had one.
    const isKnown = before !== undefined || taken.length > 0;
    return [
      name,
      `${passed(taken).length} of ${taken.length}`,
      isKnown ? `${gap.isAtLeast ? 'at least ' : ''}${durationText(gap.ms)}` : UNKNOWN,
      `${durationText(backup.recoveryPointSeconds * 1000)}${backup.pointInTimeRecovery ? ', by transaction logs' : ''}`,
      backup.isProved ? `${passed(proved).length} of ${proved.length}` : 'nothing proves them',
      shown(longest(passed(proved)), durationText),
    ];
  });
  return {
    title,
    table: {
      columns: ['Database', 'Taken', 'Longest time without', 'Objective', 'Proved by restoring', 'Longest proof'],
      rows,
    },
  };
}

const longest = (runs: readonly JobRun[]): number | undefined => {
  const times = runs.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]));
  return times.length === 0 ? undefined : Math.max(...times);
};

/** Runs of recovery plans, real ones and drills, with the time they really took. */
export function drillsSection({ drills }: Pick<Facts, 'drills'>): Section {
  const title = 'Runs of recovery plans';
  if (drills.length === 0) return { title, says: ['No recovery plan was run: nothing shows that they still work.'] };
  const rows = drills.map(({ openedAt, title: about, incidentId, recovery }) => [
    timeText(openedAt),
    about,
    recovery ? durationText(recovery.recoveryTimeMs) : '',
    recovery ? durationText(recovery.targetRecoveryTimeMs) : '',
    recovery ? cameTo(recovery) : 'not over',
    incidentId,
  ]);
  return { title, table: { columns: ['Begun', 'Plan', 'Took', 'Target', '', 'Incident'], rows } };
}

/** Only what helped can have met its target. */
function cameTo({ verdict, recoveryTimeMs, targetRecoveryTimeMs }: Recovery): string {
  switch (verdict) {
    case 'recovered':
    case 'rehearsed':
      return recoveryTimeMs <= targetRecoveryTimeMs ? 'met' : 'missed';
    case 'backed-out':
      return 'failed: backed out';
    case 'needs-person':
      return 'failed: needs a person';
    case undefined:
      return UNKNOWN;
    default:
      return verdict satisfies never;
  }
}

/** What isn't as it is in quiet times. */
export function presentSection({ targets }: Pick<Facts, 'targets'>): Section {
  const title = 'Temporary changes and take-overs';
  const rows = targets.flatMap(({ target, holds, takenOver }) => [
    ...holds.map((hold) => [target, hold]),
    ...(takenOver
      ? [
          [
            target,
            `${takenOver.by} has it in hand until ${timeText(new Date(takenOver.until).toISOString())}: ${takenOver.reason}`,
          ],
        ]
      : []),
  ]);
  return rows.length === 0
    ? { title, says: ['None is in force.'] }
    : { title, table: { columns: ['Target', 'What'], rows } };
}
