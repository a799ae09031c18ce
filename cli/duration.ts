/** Durations as people type them. */
import { UsageError } from '../local/world/errors.ts';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * @param text a whole number with a unit: `90s`, `30m`, `2h`, `1d`.
 * @returns seconds.
 * @throws UsageError naming the option when it isn't that, or not between `least` and `most` seconds.
 */
export function parseDuration(option: string, text: string, least: number, most: number): number {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined)
    throw new UsageError(`${option} "${text}": expected a whole number and a unit, such as 30m, 2h or 1d`);
  const seconds = Number(digits) * SECONDS[unit as keyof typeof SECONDS];
  if (seconds < least || seconds > most)
    throw new UsageError(`${option} "${text}": expected between ${least} seconds and ${most / 86_400} days`);
  return seconds;
}
