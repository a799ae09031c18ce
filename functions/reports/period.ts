/**
 * What time a report is about: the last whole day, week (Monday to Sunday) or month on the clock of its time zone, so that a day on which clocks change has 23 or 25
 * hours and periods of one kind follow each other without gap or overlap. Pure.
 */
export type PeriodKind = 'day' | 'week' | 'month' | 'last-24-hours';

/** From its beginning (which belongs to it) to its end (which doesn't), in epoch milliseconds. */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
  /** For people: `2026-10-25`, `2026-10-19 to 2026-10-25`, `2026-10`. */
  readonly label: string;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** @param at epoch milliseconds; the last period of that kind that was over by then. @throws RangeError for a time zone that isn't known. */
export function periodBefore(kind: PeriodKind, at: number, timeZone: string): Period {
  const today = localDate(timeZone, at);
  const begin = (date: number) => startOfDay(timeZone, date);
  const between = (first: number, end: number, label: string): Period => ({
    ...{ from: begin(first), to: begin(end) },
    ...{ timeZone, label },
  });
  switch (kind) {
    case 'last-24-hours':
      return { from: at - 24 * HOUR_MS, to: at, timeZone, label: `24 hours until ${new Date(at).toISOString()}` };
    case 'day':
      return between(today - 1, today, textOf(today - 1));
    case 'week': {
      // Day 0 of the epoch was a Thursday.
      const monday = today - ((((today + 3) % 7) + 7) % 7);
      return between(monday - 7, monday, `${textOf(monday - 7)} to ${textOf(monday - 1)}`);
    }
    case 'month': {
      const first = firstOfMonth(today, 0);
      return between(firstOfMonth(today, -1), first, textOf(first - 1).slice(0, 7));
    }
    default:
      return kind satisfies never;
  }
}

/** When a date begins on the clock of a zone, in epoch milliseconds. @param date such as `2026-11-01`. @throws RangeError for a time zone that isn't known. */
export const startOf = (date: string, timeZone: string): number =>
  startOfDay(timeZone, Date.parse(`${date}T00:00:00Z`) / DAY_MS);

/** Dates are counted in days since 1970-01-01. */
const DAY_MS = 24 * HOUR_MS;
const textOf = (date: number): string => new Date(date * DAY_MS).toISOString().slice(0, 10);

function firstOfMonth(date: number, monthsOn: number): number {
  const day = new Date(date * DAY_MS);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + monthsOn, 1) / DAY_MS;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The date that a calendar in that zone shows. */
function localDate(timeZone: string, at: number): number {
  let clock = clocks.get(timeZone);
  if (!clock) {
    const parts = { year: 'numeric', month: 'numeric', day: 'numeric', calendar: 'iso8601' } as const;
    clock = new Intl.DateTimeFormat('en-US', { timeZone, ...parts });
    clocks.set(timeZone, clock);
  }
  const shown = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(shown.year ?? Number.NaN, (shown.month ?? Number.NaN) - 1, shown.day) / DAY_MS;
}

/** No zone is further from UTC than this. */
const FURTHEST_MS = 26 * HOUR_MS;

/** The first minute of a date: not always 00:00, because some clocks skip that. */
function startOfDay(timeZone: string, date: number): number {
  let [before, after] = [date * DAY_MS - FURTHEST_MS, date * DAY_MS + FURTHEST_MS];
  while (after - before > MINUTE_MS) {
    const middle = before + Math.floor((after - before) / 2 / MINUTE_MS) * MINUTE_MS;
    if (localDate(timeZone, middle) < date) before = middle;
    else after = middle;
  }
  return after;
}
