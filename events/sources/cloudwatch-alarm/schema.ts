/**
 * The `CloudWatch Alarm State Change` event of EventBridge, as far as Nightshift reads it. Unknown fields pass: AWS adds some.
 * Source: Amazon CloudWatch User Guide, "Alarm events and EventBridge" and "Alarm tags in action payloads".
 */
import * as z from 'zod/mini';
import { muteDetail } from '../eventbridge.ts';

const timestamp = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time'));

const state = z.looseObject({
  value: z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']),
  timestamp,
  reason: z.optional(z.string()),
  reasonData: z.optional(z.string()),
  /** Of a composite alarm: by what its actions are suppressed just now ("CompositeAlarm", Amazon CloudWatch API Reference). */
  actionsSuppressedBy: z.optional(z.string()),
});

const metric = z.looseObject({
  id: z.optional(z.string()),
  expression: z.optional(z.string()),
  /** The account whose metric it is, where that is another one ("Create an alarm based on a cross-account metric"). */
  accountId: z.optional(z.string()),
  metricStat: z.optional(
    z.looseObject({
      metric: z.looseObject({
        namespace: z.string(),
        name: z.string(),
        dimensions: z.optional(z.record(z.string(), z.string())),
      }),
    }),
  ),
});

export const alarmStateChange = z.looseObject({
  id: z.string().check(z.minLength(1), z.maxLength(200)),
  source: z.literal('aws.cloudwatch'),
  'detail-type': z.literal('CloudWatch Alarm State Change'),
  account: z.string(),
  region: z.string(),
  time: timestamp,
  resources: z.array(z.string()).check(z.minLength(1)),
  detail: z.looseObject({
    alarmName: z.string().check(z.minLength(1)),
    state,
    previousState: z.optional(z.looseObject({ value: z.optional(z.string()), reason: z.optional(z.string()) })),
    configuration: z.looseObject({
      metrics: z.optional(z.array(metric)),
      /** Only composite alarms have one. */
      alarmRule: z.optional(z.string()),
      description: z.optional(z.string()),
    }),
    alarmTags: z.optional(z.record(z.string(), z.string())),
    muteDetail,
    /** Only in what the reconciler brings up: why a composite's target can't be told. */
    whyNoTarget: z.optional(z.string().check(z.maxLength(1000))),
  }),
});

export type AlarmStateChange = z.infer<typeof alarmStateChange>;
