/** A metric day by day, over weeks. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { type MetricWanted, readResults } from './newest-period.ts';

const HOUR_SECONDS = 3600;
const HOURS_A_DAY = 24;
/** A day of which less is told isn't told of. */
const HOURS_LEAST = 12;

/**
 * The busiest hour of each of the last days, or the hour in which least was free. A day is 24 hours, counted back from the last whole hour. CloudWatch keeps hours for
 * 455 days ("GetMetricData", Amazon CloudWatch API Reference).
 * @param wanted by an id of the caller's; its `stat` is taken of each hour.
 * @param extreme of the hours of a day.
 * @returns one value for each day, oldest first; undefined where fewer than 12 hours are told of.
 * @throws what the client throws.
 */
export async function dailyExtremes<Id extends string>(
  cloudwatch: CloudWatchClient,
  wanted: Readonly<Record<Id, MetricWanted & { readonly extreme: 'highest' | 'lowest' }>>,
  days: number,
  now: number,
): Promise<Readonly<Record<Id, readonly (number | undefined)[]>>> {
  const hourMs = HOUR_SECONDS * 1000;
  const end = Math.floor(now / hourMs) * hourMs;
  const start = end - days * HOURS_A_DAY * hourMs;
  const results = await readResults(cloudwatch, wanted, HOUR_SECONDS, { start, end });
  const told = (id: string) =>
    results
      .filter(({ Id }) => Id === id)
      .flatMap(({ Timestamps = [], Values = [] }) =>
        Timestamps.flatMap((at, index) => {
          const value = Values[index];
          return value === undefined ? [] : [{ at: at.getTime(), value }];
        }),
      );
  return mapValues(wanted, ({ extreme }, id) => extremesOf(told(id), { start, days, extreme }));
}

const mapValues = <Id extends string, From, To>(
  record: Readonly<Record<Id, From>>,
  to: (value: From, id: Id) => To,
): Record<Id, To> => {
  const entries = (Object.entries(record) as [Id, From][]).map(([id, value]) => [id, to(value, id)] as const);
  return Object.fromEntries(entries) as Record<Id, To>;
};

/** Pure. @param hours with the time at which each begins; all in milliseconds. */
export function extremesOf(
  hours: readonly { readonly at: number; readonly value: number }[],
  { start, days, extreme }: { readonly start: number; readonly days: number; readonly extreme: 'highest' | 'lowest' },
): (number | undefined)[] {
  const dayMs = HOURS_A_DAY * HOUR_SECONDS * 1000;
  return Array.from({ length: days }, (_, day) => {
    const of = hours.filter(({ at }) => Math.floor((at - start) / dayMs) === day).map(({ value }) => value);
    if (of.length < HOURS_LEAST) return undefined;
    return extreme === 'highest' ? Math.max(...of) : Math.min(...of);
  });
}
