/** Statistics over the samples of one period (AWS page "CloudWatch statistics definitions"). */
import type { MetricStore, Sample } from './metrics.ts';

const PERCENTILE = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/;
const SIMPLE = ['Average', 'Sum', 'Minimum', 'Maximum', 'SampleCount'] as const;

/** Whether the local world can compute this statistic; trimmed means and percentile ranks are not. */
export const isKnownStatistic = (stat: string): boolean =>
  SIMPLE.some((name) => name === stat) || PERCENTILE.test(stat);

/**
 * One statistic of one period's samples; `undefined` without samples.
 * Percentiles are taken by nearest rank (AWS doesn't publish its interpolation) and need single values: a statistic set
 * counts only if its minimum equals its maximum, as on AWS.
 */
export function statistic(samples: readonly Sample[], stat: string): number | undefined {
  if (samples.length === 0) return undefined;
  const count = samples.reduce((total, sample) => total + sample.sampleCount, 0);
  const sum = samples.reduce((total, sample) => total + sample.sum, 0);
  switch (stat) {
    case 'Average':
      return count > 0 ? sum / count : undefined;
    case 'Sum':
      return sum;
    case 'Minimum':
      return Math.min(...samples.map((sample) => sample.minimum));
    case 'Maximum':
      return Math.max(...samples.map((sample) => sample.maximum));
    case 'SampleCount':
      return count;
    default:
      return percentile(samples, Number(PERCENTILE.exec(stat)?.[1]));
  }
}

function percentile(samples: readonly Sample[], percent: number): number | undefined {
  const values = samples.filter((s) => s.minimum === s.maximum).sort((a, b) => a.minimum - b.minimum);
  const count = values.reduce((total, sample) => total + sample.sampleCount, 0);
  let seen = 0;
  for (const sample of values) {
    seen += sample.sampleCount;
    if (seen >= (percent / 100) * count) return sample.minimum;
  }
  return undefined;
}

/** What is read of one metric: `stat` over each `periodSeconds`; with `unit`, only samples of that unit. */
export interface MetricQuery {
  readonly metric: { readonly namespace: string; readonly name: string; readonly dimensions: Record<string, string> };
  readonly periodSeconds: number;
  readonly stat: string;
  readonly unit?: string;
}

/** The statistic for each window `[start, start + period)`; `undefined` where there is no sample. Starts in milliseconds. */
export function readWindows(
  store: MetricStore,
  query: MetricQuery,
  startsMs: readonly number[],
): readonly (number | undefined)[] {
  const widthMs = query.periodSeconds * 1000;
  return startsMs.map((startMs) => {
    const samples = store.read(query.metric, startMs, startMs + widthMs);
    const wanted = query.unit === undefined ? samples : samples.filter((sample) => sample.unit === query.unit);
    return statistic(wanted, query.stat);
  });
}
