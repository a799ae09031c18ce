/**
 * Windows of time in which changes are forbidden (`freeze`), only then allowed (`change`), or people are left in peace (`quiet`).
 * They follow the wall clock of their time zone, so that 22:00 stays 22:00 when clocks change: an hour that a clock skips isn't there, an
 * hour that comes twice counts twice. Pure.
 */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Day = (typeof DAYS)[number];

interface WindowBase {
  readonly name: string;
  readonly kind: 'quiet' | 'freeze' | 'change';
  /** Target keys (`ecs-service/<cluster>/<service>`, `rds-instance/<id>`) that it is about; absent: all. */
  readonly targets?: readonly string[];
}

/** Comes again every week. */
export interface WeeklyWindow extends WindowBase {
  /** IANA name, such as Europe/Paris. */
  readonly timeZone: string;
  /** Days on which it begins. */
  readonly days: readonly Day[];
  /** `HH:MM` of the wall clock. When `to` isn't after `from`, it ends on the next day. */
  readonly from: string;
  readonly to: string;
}

/** Once, from one instant to another (ISO 8601 with offset). */
export interface SingleWindow extends WindowBase {
  readonly begins: string;
  readonly ends: string;
}

export type Window = WeeklyWindow | SingleWindow;

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** A weekly window repeats within this; looking further finds nothing new. */
const HORIZON_MS = 8 * DAY_MINUTES * MINUTE_MS;
const STEP_MS = 5 * MINUTE_MS;

/** Whether the window is open at an instant (epoch milliseconds); its begin belongs to it, its end doesn't. */
export function isOpen(window: Window, at: number): boolean {
  if ('begins' in window) return at >= Date.parse(window.begins) && at < Date.parse(window.ends);
  const { day, minutes } = wallClock(window.timeZone, at);
  const [from, to] = [minutesOf(window.from), minutesOf(window.to)];
  const begins = (index: number) => window.days.includes(DAYS[(index + 7) % 7] as Day);
  if (from < to) return begins(day) && minutes >= from && minutes < to;
  return (begins(day) && minutes >= from) || (begins(day - 1) && minutes < to);
}

export interface WindowVerdict {
  /** For people: the window that forbids, or the change windows none of which is open. */
  readonly detail: string;
  /** When changes are allowed again, to five minutes; the horizon of eight days when not within it. */
  readonly until: number;
}

/** Undefined when a change of `target` is allowed at `at`. */
export function changeForbidden(windows: readonly Window[], target: string, at: number): WindowVerdict | undefined {
  const concerned = windows.filter((window) => window.targets === undefined || window.targets.includes(target));
  const forbidding = (instant: number): string | undefined => {
    const frozen = concerned.find((window) => window.kind === 'freeze' && isOpen(window, instant));
    if (frozen) return `freeze window ${frozen.name} is open`;
    const allowed = concerned.filter((window) => window.kind === 'change');
    if (allowed.length === 0 || allowed.some((window) => isOpen(window, instant))) return undefined;
    return `none of its change windows (${allowed.map((window) => window.name).join(', ')}) is open`;
  };
  const detail = forbidding(at);
  if (detail === undefined) return undefined;
  let until = at + STEP_MS - (at % STEP_MS);
  while (until < at + HORIZON_MS && forbidding(until) !== undefined) until += STEP_MS;
  return { detail, until };
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Day of the week (0 is Sunday) and minutes since midnight as a clock in that zone shows them. */
function wallClock(timeZone: string, at: number): { day: number; minutes: number } {
  let clock = clocks.get(timeZone);
  if (!clock) {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit' } as const;
    clock = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...parts });
    clocks.set(timeZone, clock);
  }
  const shown = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf((shown.weekday ?? '').toLowerCase() as Day);
  return { day, minutes: Number(shown.hour) * 60 + Number(shown.minute) };
}
