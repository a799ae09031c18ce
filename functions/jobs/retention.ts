/**
 * Which backups may go. Pure. The source runbooks delete by date alone, so that a week of failed backups leaves none (D46, D47): here
 * a backup goes only when a newer one was proved by restoring it, and never while the clock or the backups themselves look wrong.
 */

const DAY_MS = 24 * 3_600_000;
/** Clocks of two machines may differ by so much without meaning anything. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

export interface Backup {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly status: 'available' | 'creating' | 'failed';
  /** The Nightshift deployment that made it; undefined when somebody else did. */
  readonly madeBy: string | undefined;
  /** When it was restored and passed its checks (epoch milliseconds). */
  readonly verifiedAt?: number | undefined;
  /** It didn't pass when it was restored last: it is kept for its age only, and stands for nothing. */
  readonly isBad?: boolean | undefined;
}

export interface RetentionPolicy {
  /** Every backup is kept for so many days. */
  readonly keepDays: number;
  /** After that one of each of so many weeks (Monday to Sunday, UTC): the newest verified one, or the newest where none is … */
  readonly keepWeeks: number;
  /** … and of each of so many months. */
  readonly keepMonths: number;
  /** The newest ones stay, however old they are. */
  readonly keepAtLeast: number;
  /** Time between two backups, as scheduled. */
  readonly everySeconds: number;
}

export interface RetentionPlan {
  readonly remove: readonly { readonly id: string; readonly why: string }[];
  readonly keep: readonly { readonly id: string; readonly why: string }[];
  /** Set when nothing is removed because something is wrong; a person should know. */
  readonly halted?: string;
}

/** @param madeBy name of this deployment: what others made is never touched. */
export function planRetention(
  backups: readonly Backup[],
  policy: RetentionPolicy,
  madeBy: string,
  now: number,
): RetentionPlan {
  const ours = backups.filter((each) => each.madeBy === madeBy).sort((a, b) => b.createdAt - a.createdAt);
  const usable = ours.filter(({ status }) => status === 'available');
  const lastVerified = usable.find(({ verifiedAt }) => verifiedAt !== undefined);
  const halted = whyHalted(usable, lastVerified, policy, now);
  const reasons = keepReasons(usable, policy, now);
  const remove: { id: string; why: string }[] = [];
  const keep: { id: string; why: string }[] = [];
  for (const backup of backups) {
    const why = halted ?? reasonToKeep(backup, lastVerified, reasons, madeBy);
    if (why) keep.push({ id: backup.id, why });
    else remove.push({ id: backup.id, why: `older than ${policy.keepDays} days, and a newer one is verified` });
  }
  return halted && ours.length > 0 ? { remove, keep, halted } : { remove, keep };
}

function whyHalted(
  [newest]: readonly Backup[],
  lastVerified: Backup | undefined,
  { everySeconds }: RetentionPolicy,
  now: number,
): string | undefined {
  if (!newest) return 'there is no backup that could be restored';
  if (newest.createdAt > now + CLOCK_TOLERANCE_MS)
    return `the newest backup is from ${iso(newest.createdAt)}, and it is ${iso(now)}: a clock is wrong`;
  if (now - newest.createdAt > 2 * everySeconds * 1000)
    return `the newest backup is from ${iso(newest.createdAt)}: two in a row are missing`;
  if (!lastVerified) return 'no backup has been verified';
  return undefined;
}

const iso = (ms: number) => new Date(ms).toISOString();

function reasonToKeep(
  backup: Backup,
  lastVerified: Backup | undefined,
  reasons: ReadonlyMap<string, string>,
  madeBy: string,
): string | undefined {
  if (backup.madeBy !== madeBy) return 'made by somebody else';
  if (backup.status === 'creating') return 'being made';
  if (!lastVerified || backup.createdAt > lastVerified.createdAt) return 'no newer one is verified yet';
  if (backup.id === lastVerified.id) return 'the last verified one';
  return backup.status === 'failed' ? undefined : reasons.get(backup.id);
}

/** By id: why a usable backup is kept for its age or place. `usable` is sorted, newest first. */
function keepReasons(usable: readonly Backup[], policy: RetentionPolicy, now: number): Map<string, string> {
  const { keepDays, keepWeeks, keepMonths, keepAtLeast } = policy;
  const reasons = new Map<string, string>();
  const note = (backup: Backup, why: string) => {
    if (!reasons.has(backup.id)) reasons.set(backup.id, why);
  };
  const good = usable.filter(({ isBad }) => isBad !== true);
  for (const backup of good.slice(0, keepAtLeast)) note(backup, `one of the newest ${keepAtLeast}`);
  for (const backup of usable) {
    if (now - backup.createdAt < keepDays * DAY_MS) note(backup, `not ${keepDays} days old`);
  }
  for (const backup of bestOfEach(good, weekOf, keepWeeks)) note(backup, `the best of its week`);
  for (const backup of bestOfEach(good, monthOf, keepMonths)) note(backup, `the best of its month`);
  return reasons;
}

/** Of each period the newest that is verified, or the newest where none is. `backups` are sorted, newest first. */
function bestOfEach(backups: readonly Backup[], periodOf: (at: number) => number | string, count: number): Backup[] {
  const best = new Map<number | string, Backup>();
  for (const backup of backups) {
    const period = periodOf(backup.createdAt);
    const found = best.get(period);
    if (!found || (found.verifiedAt === undefined && backup.verifiedAt !== undefined)) best.set(period, backup);
  }
  return [...best.values()].slice(0, count);
}

/** 1 January 1970 was a Thursday: three days more make weeks begin on Monday. */
const weekOf = (at: number): number => Math.floor((at / DAY_MS + 3) / 7);
const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);
