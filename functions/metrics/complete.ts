/** Whether CloudWatch told all of what it was asked for. Pure. */
import type { MetricDataResult } from '@aws-sdk/client-cloudwatch';
import { RetryableError } from '../engine/errors.ts';

/**
 * "MetricDataResult", Amazon CloudWatch API Reference: StatusCode is Complete, PartialData (more is on the next page), InternalError or Forbidden. Of a metric that isn't
 * told of completely, what is missing would look as if there were none.
 * @param results of all pages; of each metric its last one counts. @param ids that were asked for. @param what for people.
 * @throws RetryableError naming the metrics that aren't complete.
 */
export function requireComplete(
  what: string,
  results: readonly Pick<MetricDataResult, 'Id' | 'StatusCode'>[],
  ids: readonly string[],
): void {
  const status = new Map(results.map(({ Id = '', StatusCode }) => [Id, StatusCode]));
  const missing = ids.filter((id) => status.get(id) !== 'Complete');
  if (missing.length === 0) return;
  const words = missing.map((id) => `${id} (${status.get(id) ?? 'absent'})`).join(', ');
  throw new RetryableError(`${what}: CloudWatch did not tell all of ${words}`);
}
