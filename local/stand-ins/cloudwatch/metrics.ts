/**
 * Metrics as CloudWatch keeps them: one series for each exact namespace, name and set of dimensions
 * (AWS page "Metrics concepts", Dimensions: each combination of dimensions is a separate metric).
 */

/** A value, or a statistic set, at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly sampleCount: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly unit?: string;
}

export interface MetricIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Longest time an alarm of less than a week looks back, with a margin; older samples are dropped. */
const RETENTION_MS = 25 * 3600_000;

export interface MetricStore {
  put(metric: MetricIdentity, sample: Sample): void;
  /** Samples at or after `fromMs` and before `toMs`, oldest first. */
  read(metric: MetricIdentity, fromMs: number, toMs: number): readonly Sample[];
  list(): readonly MetricIdentity[];
}

const keyOf = (metric: MetricIdentity): string =>
  JSON.stringify([
    metric.namespace,
    metric.name,
    Object.entries(metric.dimensions).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  ]);

/** Position of the first sample at or after `ms`; the samples are in order of time. */
function firstFrom(samples: readonly Sample[], ms: number): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.atMs ?? ms) < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Samples mostly arrive in order; a late one is put where it belongs. */
function insert(samples: Sample[], sample: Sample): void {
  const last = samples.at(-1);
  if (last === undefined || last.atMs <= sample.atMs) samples.push(sample);
  else samples.splice(firstFrom(samples, sample.atMs), 0, sample);
}

/** An empty store of one region. */
export function createMetricStore(): MetricStore {
  const series = new Map<string, { readonly metric: MetricIdentity; samples: Sample[] }>();
  return {
    put(metric, sample) {
      const key = keyOf(metric);
      const entry = series.get(key) ?? { metric, samples: [] };
      series.set(key, entry);
      insert(entry.samples, sample);
      const oldest = entry.samples[0];
      // Dropped in batches: the array is copied only once in several hours' worth of samples.
      if (oldest && oldest.atMs < sample.atMs - 2 * RETENTION_MS)
        entry.samples = entry.samples.filter((kept) => kept.atMs >= sample.atMs - RETENTION_MS);
    },
    read: (metric, fromMs, toMs) => {
      const samples = series.get(keyOf(metric))?.samples ?? [];
      return samples.slice(firstFrom(samples, fromMs), firstFrom(samples, toMs));
    },
    list: () => [...series.values()].map((entry) => entry.metric),
  };
}
