/** Since when indexes are unused, told from one run to the next by their reports. Pure: a report that isn't as expected is of another version, and tells nothing. */
import * as z from 'zod/mini';
import type { RunItem } from '../items.ts';
import type { DatabaseReading } from './sql.ts';

/** When a run saw it unused first, without one since in which it was used (ISO 8601), by its id. */
export type UnusedSince = Readonly<Record<string, string>>;

const report = z.object({ unusedSince: z.record(z.string(), z.iso.datetime()) });

/** @param runs newest first; the newest that looked counts. @param now epoch milliseconds. */
export function unusedSince(
  { unused, knowsTables }: Pick<DatabaseReading, 'unused' | 'knowsTables'>,
  runs: readonly Pick<RunItem, 'verdict'>[],
  now: number,
): UnusedSince {
  const [before = {}] = runs.flatMap(({ verdict }) => {
    const found = report.safeParse(verdict?.report);
    return found.success ? [found.data.unusedSince] : [];
  });
  if (!knowsTables) return before;
  return Object.fromEntries(unused.map(({ id }) => [id, before[id] ?? new Date(now).toISOString()]));
}
