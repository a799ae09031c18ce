/**
 * Schedule expressions (EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler"): `at(...)`, `rate(...)`, `cron(...)`, in a
 * time zone. Daylight saving as documented there: a time that doesn't exist is skipped, a time that comes twice counts once.
 */
import { Cron } from 'croner';

/** The expression or the time zone is wrong; the message is AWS's. */
export class InvalidExpression extends Error {
  override readonly name = 'InvalidExpression';
}

export type Expression =
  | { readonly kind: 'at'; readonly at: Date }
  | { readonly kind: 'rate'; readonly everySeconds: number }
  | { readonly kind: 'cron'; readonly next: (after: Date) => Date | undefined };

const UNIT_SECONDS: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 };

function rate(text: string, invalid: () => InvalidExpression): Expression {
  const [, count = '', unit = ''] = /^(\d+) (minutes?|hours?|days?)$/.exec(text) ?? [];
  const seconds = UNIT_SECONDS[unit.replace(/s$/, '')];
  const isPlural = unit.endsWith('s');
  // "rate(1 hours)" and "rate(2 hour)" are refused.
  if (!seconds || Number(count) < 1 || (Number(count) === 1) === isPlural) throw invalid();
  return { kind: 'rate', everySeconds: Number(count) * seconds };
}

function at(text: string, timeZone: string, invalid: () => InvalidExpression): Expression {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) throw invalid();
  // The time may be past, so it is looked for from before.
  const found = new Cron(text, { timezone: timeZone, paused: true }).nextRun(new Date(0));
  if (!found) throw invalid();
  return { kind: 'at', at: found };
}

function cron(text: string, timeZone: string, invalid: () => InvalidExpression): Expression {
  const fields = text.split(/\s+/);
  const [minutes, hours, dayOfMonth, month, dayOfWeek, year] = fields;
  // One of the two days has to be "?" and only one (user guide, "Cron-based schedules").
  if (fields.length !== 6 || (dayOfMonth === '?') === (dayOfWeek === '?')) throw invalid();
  const pattern =
    `0 ${minutes} ${hours} ${dayOfMonth} ${month} ${dayOfWeek?.replace(/^(\d|[A-Z]{3})L$/i, '$1#L')} ${year}`.replaceAll(
      '?',
      '*',
    );
  const job = new Cron(pattern, { timezone: timeZone, paused: true, alternativeWeekdays: true, sloppyRanges: true });
  return { kind: 'cron', next: (after) => nextExisting(job, after) };
}

/** croner moves a run out of the hour that a clock skips; AWS leaves it out. */
function nextExisting(job: Cron, after: Date): Date | undefined {
  let found = job.nextRun(after);
  while (found && !job.match(found)) found = job.nextRun(found);
  return found ?? undefined;
}

/** @throws InvalidExpression. */
export function parseExpression(expression: string, timeZone = 'UTC'): Expression {
  const invalid = () => new InvalidExpression(`Invalid Schedule Expression ${expression}.`);
  const [, kind, inner = ''] = /^(at|rate|cron)\((.*)\)$/.exec(expression) ?? [];
  checkTimeZone(timeZone);
  try {
    if (kind === 'rate') return rate(inner, invalid);
    if (kind === 'at') return at(inner, timeZone, invalid);
    if (kind === 'cron') return cron(inner, timeZone, invalid);
  } catch (error) {
    if (error instanceof InvalidExpression) throw error;
    throw new InvalidExpression(invalid().message, { cause: error });
  }
  throw invalid();
}

function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (error) {
    throw new InvalidExpression(`Provided ScheduleExpressionTimezone ${timeZone} is invalid.`, { cause: error });
  }
}

export interface Span {
  /** When the schedule was made: rates count from here (or from `start`). */
  readonly createdAt: Date;
  readonly start?: Date;
  readonly end?: Date;
}

/**
 * The first time after `after` at which the schedule runs; nothing when it never will again. Pure.
 * @param timeScale rates are multiplied by it; times of the clock aren't.
 */
export function nextTime(expression: Expression, span: Span, after: Date, timeScale: number): Date | undefined {
  const from = span.start && span.start > after ? new Date(span.start.getTime() - 1) : after;
  const found = candidate(expression, span, from, timeScale);
  return found && !(span.end && found > span.end) ? found : undefined;
}

function candidate(expression: Expression, span: Span, from: Date, timeScale: number): Date | undefined {
  if (expression.kind === 'cron') return expression.next(from);
  if (expression.kind === 'at') return expression.at > from ? expression.at : undefined;
  const everyMs = expression.everySeconds * 1_000 * timeScale;
  const base = (span.start ?? span.createdAt).getTime();
  // With a start date the first run is at the start; without, one period after it was made.
  const first = span.start ? 0 : 1;
  const periods = Math.max(first, Math.floor((from.getTime() - base) / everyMs) + 1);
  return new Date(base + periods * everyMs);
}
