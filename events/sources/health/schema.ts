/** `AWS Health Event` (AWS Health User Guide, "Reference: AWS Health events Amazon EventBridge schema"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const health = eventOf(
  'aws.health',
  ['AWS Health Event'],
  z.looseObject({
    eventArn: z.string(),
    service: z.string(),
    eventTypeCode: z.string().check(z.minLength(1)),
    eventTypeCategory: z.string(),
    statusCode: z.optional(z.string()),
    /** The region that is affected; that of the event is where it was delivered. */
    eventRegion: z.optional(z.string()),
    eventDescription: z.optional(z.array(z.looseObject({ latestDescription: z.optional(z.string()) }))),
    affectedEntities: z.optional(z.array(z.looseObject({ entityValue: z.string() }))),
  }),
);
