/**
 * When something that is used up day by day runs out, told from its last weeks. Pure.
 *
 * The trend is the median of what each day is above the same weekday a week before. Weekends therefore don't count as a fall, and single days (an import, an outage)
 * don't bend it: up to half of the differences may be wrong.
 */

/** One value for each day, oldest first, the last one over; undefined: too little is told of that day. */
export type Days = readonly (number | undefined)[];

export interface Rule {
  /** The values rise to it; what falls, such as free memory, is given with its sign turned. */
  readonly limit: number;
  /**
   * `newest`: what is stored, which is what it is now.   `busiest`: what comes and goes with the week: its busiest day counts.
   */
  readonly level: 'newest' | 'busiest';
  /** A fall from one day to the next by more than this is no trend: storage was added, or a table dropped. Only what comes after it tells where it stands. */
  readonly fallAbove?: number | undefined;
}

export type Projection =
  /** Too little is told of the days that count: the last two of what is stored, the last week of what comes and goes. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'reached'; readonly now: number }
  /** Fewer days than it takes. */
  | { readonly kind: 'too-little'; readonly now: number; readonly days: number }
  | { readonly kind: 'steady'; readonly now: number }
  | { readonly kind: 'grows'; readonly now: number; readonly perDay: number; readonly daysLeft: number };

const WEEK = 7;
/** A week and its predecessor. */
const LEAST_DAYS = 2 * WEEK;
/** It grows when fewer than a third of the differences say otherwise: weekends may stay as they are while weekdays grow. */
const DISSENT = 1 / 3;

/** What is stored is what it is now; what comes and goes may rest over a weekend. */
const SILENT_DAYS: Readonly<Record<Rule['level'], number>> = { newest: 2, busiest: WEEK };

/** @param days of at least two weeks, better a month. */
export function projectionOf(days: Days, { limit, level, fallAbove }: Rule): Projection {
  if (days.slice(-SILENT_DAYS[level]).every((day) => day === undefined)) return { kind: 'unknown' };
  const even = fallAbove === undefined ? days : withoutFalls(days, fallAbove);
  const recent = even.slice(-WEEK).filter(isTold);
  const now = level === 'newest' ? (recent.at(-1) ?? Number.NaN) : Math.max(...recent);
  if (now >= limit) return { kind: 'reached', now };
  const told = even.filter(isTold).length;
  const differences = weekly(even);
  if (told < LEAST_DAYS || differences.length < WEEK) return { kind: 'too-little', now, days: told };
  const perDay = quantile(differences, 0.5) / WEEK;
  if (quantile(differences, DISSENT) <= 0 || perDay <= 0) return { kind: 'steady', now };
  return { kind: 'grows', now, perDay, daysLeft: (limit - now) / perDay };
}

const isTold = (day: number | undefined): day is number => day !== undefined;

/** What each day is above the same weekday before, where both are told of. */
const weekly = (days: Days): number[] =>
  days.flatMap((day, index) => {
    const before = days[index - WEEK];
    return day === undefined || before === undefined ? [] : [day - before];
  });

/** The days as they would have been had there been no such fall: the newest keep their values, those before it are lowered by it. */
function withoutFalls(days: Days, fallAbove: number): Days {
  const even: (number | undefined)[] = [];
  let lower = 0;
  let after: number | undefined;
  for (const day of days.toReversed()) {
    if (day !== undefined && after !== undefined && day - after > fallAbove) lower += day - after;
    even.unshift(day === undefined ? undefined : day - lower);
    after = day ?? after;
  }
  return even;
}

/** @param share between 0 and 1. The nearest value from below: of a quarter of three values, the first. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}
