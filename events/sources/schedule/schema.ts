/** What Nightshift's own scheduled jobs find and put on the default bus for a remediation: `functions/jobs`. */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const SCHEDULE_SOURCE = 'nightshift.jobs';
export const SCHEDULE_EVENTS = ['Certificate Needs Renewal'] as const;

export const schedule = eventOf(
  SCHEDULE_SOURCE,
  SCHEDULE_EVENTS,
  z.looseObject({
    /** Of the run that found it: told again by the same run, it is the same event. */
    id: z.string().check(z.minLength(1), z.maxLength(200)),
    reason: z.string(),
    daysLeft: z.optional(z.number()),
  }),
);
