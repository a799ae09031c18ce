/**
 * CloudWatch of the regions that alarms are in. Not all are in the deployment's: Route 53's metrics, and so alarms on them, are in us-east-1 only, and are
 * brought here as events (docs/endpoints.md). Asked for in the wrong region, an alarm that fires looks as if it had been deleted.
 */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { clientDefaults } from '../engine/clients.ts';

export type CloudWatchIn = (region: string) => Pick<CloudWatchClient, 'send'>;

/** Clients of regions, each made when it is first needed. */
export function cloudwatchOfRegions(): CloudWatchIn {
  const made = new Map<string, CloudWatchClient>();
  return (region) => {
    const client = made.get(region) ?? new CloudWatchClient({ ...clientDefaults(), region });
    made.set(region, client);
    return client;
  };
}

/** Pure: alarms by the region that their ARNs name (`arn:<partition>:cloudwatch:<region>:<account>:alarm:<name>`). */
export const byRegion = (arns: Iterable<string>): ReadonlyMap<string, readonly string[]> =>
  Map.groupBy(arns, (arn) => arn.split(':')[3] ?? '');
