/**
 * `CloudWatch Alarm Contributor State Change`: one time series of an alarm on several of them, such as a Metrics Insights query with GROUP BY (Amazon
 * CloudWatch User Guide, "Alarm events and EventBridge"; API page "AlarmContributor").
 */
import * as z from 'zod/mini';
import { eventOf, muteDetail, timestamp } from '../eventbridge.ts';

export const CONTRIBUTOR_EVENT = 'CloudWatch Alarm Contributor State Change';

export const contributorStateChange = eventOf(
  'aws.cloudwatch',
  [CONTRIBUTOR_EVENT],
  z.looseObject({
    alarmName: z.string().check(z.minLength(1)),
    alarmContributor: z.looseObject({
      id: z.string(),
      /** Of a Metrics Insights query: the dimensions of its GROUP BY. */
      attributes: z.record(z.string(), z.string()),
    }),
    /** A time series exists only where there is data, so it is never INSUFFICIENT_DATA ("Acting on alarm changes"). */
    state: z.looseObject({ value: z.enum(['OK', 'ALARM']), timestamp, reason: z.optional(z.string()) }),
    configuration: z.looseObject({
      metrics: z.optional(
        z.array(z.looseObject({ expression: z.optional(z.string()), accountId: z.optional(z.string()) })),
      ),
    }),
    alarmTags: z.optional(z.record(z.string(), z.string())),
    muteDetail,
  }),
);
