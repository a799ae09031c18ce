/** What RDS tells about a DB instance or a manual snapshot; what happened is the event's own identifier (`RDS-EVENT-0089`). Clusters are no targets yet. */
import { rdsEvent } from '../../../events/sources/rds-event/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'rds-event',
  eventPattern: (what) => ({
    source: ['aws.rds'],
    'detail-type': ['RDS DB Instance Event', 'RDS DB Cluster Event', 'RDS DB Snapshot Event'],
    ...(what.length > 0 && { detail: { EventID: what } }),
  }),
  toSignal(event, { region }) {
    const parsed = rdsEvent.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, resources, detail } = parsed.data;
    const { EventID: what, Message, EventCategories } = detail;
    const targets = resources.flatMap((arn) => targetsOfArn(arn, region));
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
