/**
 * `RDS DB Instance Event`, `RDS DB Cluster Event` and `RDS DB Snapshot Event` (Amazon RDS User Guide, "Monitoring Amazon RDS events"; identifiers and messages: "Amazon RDS event
 * categories and event messages"). RDS sends them on a best effort, in any order.
 */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const rdsEvent = eventOf(
  'aws.rds',
  ['RDS DB Instance Event', 'RDS DB Cluster Event', 'RDS DB Snapshot Event'],
  z.looseObject({
    /** Such as `RDS-EVENT-0049`. */
    EventID: z.string().check(z.regex(/^RDS-EVENT-\d{4}$/)),
    EventCategories: z.array(z.string()),
    Message: z.string(),
    /** `DB_INSTANCE`, `CLUSTER` or `SNAPSHOT`. The published samples' `SourceIdentifier` and `SourceArn` vary in form: `resources` names the target. */
    SourceType: z.string(),
  }),
);
