/**
 * What RDS tells about a DB instance, its DB cluster or a manual snapshot; what happened is the event's own identifier (`RDS-EVENT-0089`). An event of a cluster is about
 * the configured database that names it as its `clusterIdentifier`; where several do, it could be any of them, and is rejected.
 */

import { rdsEvent } from '../../../events/sources/rds-event/schema.ts';
import type { RuntimeConfig } from '../config.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'rds-event',
  eventPattern: (what) => ({
    source: ['aws.rds'],
    'detail-type': ['RDS DB Instance Event', 'RDS DB Cluster Event', 'RDS DB Snapshot Event'],
    ...(what.length > 0 && { detail: { EventID: what } }),
  }),
  toSignal(event, config) {
    const parsed = rdsEvent.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, resources, detail } = parsed.data;
    const { EventID: what, Message, EventCategories } = detail;
    const targets = resources.flatMap((arn) => [...targetsOfArn(arn, config.region), ...membersOf(arn, config)]);
    const target = oneTarget(id, targets, `the RDS event ${what}`);
    if (typeof target !== 'string') return target;
    return happened('rds-event', {
      id,
      time,
      target,
      what,
      reason: Message || what,
      facts: { category: EventCategories[0] },
    });
  },
};

/** Configured databases of the DB cluster that an ARN of this region names (Service Authorization Reference, Amazon RDS: `cluster:<identifier>`). */
function membersOf(arn: string, { region, databases }: RuntimeConfig): string[] {
  const [, ofRegion, cluster] = /^arn:[a-z-]+:rds:([a-z0-9-]+):\d*:cluster:([a-z0-9-]+)$/.exec(arn) ?? [];
  if (cluster === undefined || ofRegion !== region) return [];
  return Object.values(databases)
    .filter(({ clusterIdentifier }) => clusterIdentifier === cluster)
    .map(({ name }) => `rds-instance/${name}`);
}
