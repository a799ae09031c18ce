/** Figures of reports. What can't be told is undefined and never 0. Pure. */
import type { Incident, Severity } from '../../events/journal.ts';

/**
 * Nearest rank: the smallest value that so many percent of them don't exceed.
 * @param percent above 0, at most 100. @returns undefined of no values.
 */
export function percentile(values: readonly number[], percent: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** One hour of a service's load balancer. Undefined: CloudWatch tells nothing of it. */
export interface RequestHour {
  /** When it begins, epoch milliseconds. */
  readonly at: number;
  readonly requests: number;
  readonly failed: number;
  /** 95th percentile of the targets' response times. */
  readonly p95Seconds?: number | undefined;
}

export interface ErrorBudget {
  /** Requests that may fail, and that did. */
  readonly allowed: number;
  readonly failed: number;
  /** Of what is allowed; below 0: it is overspent. */
  readonly leftShare: number;
  /** The same as minutes of a whole outage within the period. */
  readonly allowedMinutes: number;
  readonly leftMinutes: number;
}

export interface ServiceLevel {
  readonly requests: number;
  readonly failed: number;
  /** Of its requests, those that didn't fail. */
  readonly availablePercent: number;
  /** Undefined: no objective is configured. */
  readonly budget?: ErrorBudget;
  /** Hours in which the 95th percentile was told, and was above its target. */
  readonly latencyHours: number;
  readonly slowHours: number;
  /** Hours of the period in which no request was told of: they count for nothing. */
  readonly silentHours: number;
}

/** @returns undefined when no request was told of in all of the period. */
export function serviceLevel(
  hours: readonly RequestHour[],
  { from, to }: { readonly from: number; readonly to: number },
  {
    objectivePercent,
    latencySeconds,
  }: { readonly objectivePercent?: number | undefined; readonly latencySeconds: number },
): ServiceLevel | undefined {
  const told = hours.filter(({ at, requests }) => at >= from && at < to && requests > 0);
  const requests = sum(told.map((hour) => hour.requests));
  if (requests === 0) return undefined;
  const failed = sum(told.map((hour) => hour.failed));
  const timed = told.flatMap(({ p95Seconds }) => (p95Seconds === undefined ? [] : [p95Seconds]));
  return {
    ...{ requests, failed, availablePercent: 100 * (1 - failed / requests) },
    ...(objectivePercent !== undefined && {
      budget: budgetOf(requests, failed, objectivePercent, (to - from) / 60_000),
    }),
    latencyHours: timed.length,
    slowHours: timed.filter((seconds) => seconds > latencySeconds).length,
    silentHours: Math.max(0, Math.round((to - from) / 3_600_000) - told.length),
  };
}

function budgetOf(requests: number, failed: number, objectivePercent: number, minutes: number): ErrorBudget {
  const allowedShare = (100 - objectivePercent) / 100;
  const allowed = requests * allowedShare;
  const leftShare = 1 - failed / allowed;
  const allowedMinutes = minutes * allowedShare;
  return { allowed, failed, leftShare, allowedMinutes, leftMinutes: allowedMinutes * leftShare };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Of the incidents of one severity. Times in milliseconds from the opening. */
export interface ResponseTimes {
  readonly severity: Severity;
  readonly incidents: number;
  readonly acknowledge: Spread;
  readonly resolve: Spread;
}
export interface Spread {
  /** How many of them have one. */
  readonly count: number;
  readonly median?: number | undefined;
  readonly p90?: number | undefined;
  readonly longest?: number | undefined;
}

const SEVERITIES: readonly Severity[] = ['P1', 'P2', 'P3', 'P4'];

/** One line for each severity that occurred. */
export const responseTimes = (incidents: readonly Incident[]): ResponseTimes[] =>
  SEVERITIES.flatMap((severity) => {
    const those = incidents.filter((incident) => incident.severity === severity);
    if (those.length === 0) return [];
    const times = (end: (incident: Incident) => string | undefined) =>
      those.flatMap((incident) => {
        const at = end(incident);
        return at === undefined ? [] : [Math.max(0, Date.parse(at) - Date.parse(incident.openedAt))];
      });
    return [
      {
        severity,
        incidents: those.length,
        acknowledge: spreadOf(times(({ acknowledgedAt }) => acknowledgedAt)),
        resolve: spreadOf(times(({ resolvedAt }) => resolvedAt)),
      },
    ];
  });

const spreadOf = (times: readonly number[]): Spread => ({
  count: times.length,
  median: percentile(times, 50),
  p90: percentile(times, 90),
  longest: percentile(times, 100),
});

/** All in epoch milliseconds. */
export interface Gap {
  readonly ms: number;
  /** Nothing is known from before it: it may be longer. */
  readonly isAtLeast: boolean;
}

/**
 * Longest time between two of these moments, from the one before the period to its end.
 * @param before the last moment before the period; undefined: none is known, and time counts from the period's beginning.
 */
export function longestGap(
  moments: readonly number[],
  { from, to }: { readonly from: number; readonly to: number },
  before?: number,
): Gap {
  const edges = [before ?? from, ...[...moments].sort((a, b) => a - b), to];
  const gaps = edges.slice(1).map((at, index) => at - (edges[index] ?? at));
  const ms = Math.max(...gaps);
  return { ms, isAtLeast: before === undefined && gaps[0] === ms };
}
