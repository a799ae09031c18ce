/**
 * What every event of EventBridge has (Amazon EventBridge User Guide, "Events in Amazon EventBridge"), as far as Nightshift reads it.
 * Unknown fields pass: AWS adds some.
 */
import * as z from 'zod/mini';

export const timestamp = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time'));

/**
 * Of an alarm's event, there only while an alarm mute rule holds: by which rule, and until when. The rule mutes the alarm's actions; events are sent all the
 * same (Amazon CloudWatch User Guide, "Alarm events and EventBridge"; API page "PutAlarmMuteRule").
 */
export const muteDetail = z.optional(z.looseObject({ muteWindowEnd: timestamp }));

/** An event of exactly this `source` and one of these `detail-type`s. */
export const eventOf = <Detail extends z.ZodMiniType>(source: string, detailTypes: readonly string[], detail: Detail) =>
  z.looseObject({
    id: z.string().check(z.minLength(1), z.maxLength(200)),
    source: z.literal(source),
    'detail-type': z.enum(detailTypes as readonly [string, ...string[]]),
    account: z.string(),
    region: z.string(),
    time: timestamp,
    resources: z.array(z.string()),
    detail,
  });
