/**
 * Metrics in a function's log lines ("Specification: Embedded metric format", Amazon CloudWatch User Guide): CloudWatch Logs extracts them from each line
 * that is such a document. Left out: high resolution, and the metrics of the namespace AWS/Logs about lines that break the rules; those are ignored here.
 */
import { z } from 'zod';

/** One value for each metric and dimension set. */
export interface EmbeddedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly unit: string | undefined;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly at: Date;
}

/** "Dimension set": at most 30; "Metrics": at most 100 in a directive. */
const METADATA = z.object({
  Timestamp: z.number(),
  CloudWatchMetrics: z.array(
    z.object({
      Namespace: z.string().min(1).max(256),
      Dimensions: z.array(z.array(z.string()).max(30)),
      Metrics: z.array(z.object({ Name: z.string().min(1).max(1024), Unit: z.string().optional() })).max(100),
    }),
  ),
});

/** What a line holds; nothing when it is no such document. Pure. */
export function embeddedMetrics(line: string): EmbeddedMetric[] {
  if (!line.includes('"_aws"')) return [];
  const document = jsonObject(line);
  const metadata = METADATA.safeParse(document?._aws);
  if (!document || !metadata.success) return [];
  const at = new Date(metadata.data.Timestamp);
  return metadata.data.CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = dimensionsOf(document, names);
      if (!dimensions) return [];
      return Metrics.flatMap(({ Name: name, Unit: unit }) => {
        const values = valuesOf(document[name]);
        return values.length === 0 ? [] : [{ namespace, name, unit, dimensions, values, at }];
      });
    }),
  );
}

function jsonObject(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    // A line of another kind that happens to hold the word.
    return undefined;
  }
}

/** "Target members": a dimension's value is a string of at most 1,024 characters; a missing one spoils the whole set. */
function dimensionsOf(
  document: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, string> | undefined {
  const pairs = names.map((name) => [name, document[name]] as const);
  const valid = pairs.every(([, value]) => typeof value === 'string' && value !== '' && value.length <= 1024);
  return valid ? Object.fromEntries(pairs.map(([name, value]) => [name, String(value)])) : undefined;
}

/** A number, or at most 100 of them. */
function valuesOf(value: unknown): number[] {
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, 100) : [value];
  return values.filter((each): each is number => typeof each === 'number' && Number.isFinite(each));
}
