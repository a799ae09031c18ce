/** What a `webhook` channel posts: "Standard Webhooks" type, timestamp and data. Version 1; the version stands in `data`. */
import * as z from 'zod/mini';
import { HAPPENINGS, incidentEvent } from './notification.ts';
import { reportEvent } from './report.ts';

const folded = z.object({
  entryId: z.string(),
  incidentId: z.string(),
  at: z.string(),
  happening: z.enum(HAPPENINGS),
  severity: z.enum(['P1', 'P2', 'P3', 'P4']),
  target: z.string(),
  text: z.string(),
});

export const webhookBody = z.union([
  z.object({
    type: z.enum([
      'incident.opened',
      'incident.updated',
      'incident.approval',
      'incident.escalated',
      'incident.acknowledged',
      'incident.resolved',
    ]),
    timestamp: z.string(),
    data: incidentEvent,
    /**
     * What its one reader can do by link; only where the channel has a `recipient`. Whoever has a link acts in that person's name: keep them out
     * of logs and chats.
     */
    links: z.optional(z.array(z.object({ operation: z.string(), label: z.string(), url: z.string() }))),
  }),
  z.object({
    type: z.literal('incident.digest'),
    timestamp: z.string(),
    data: z.object({ version: z.literal(1), deployment: z.string(), events: z.array(folded) }),
  }),
  z.object({ type: z.literal('report.written'), timestamp: z.string(), data: reportEvent }),
]);
export type WebhookBody = z.infer<typeof webhookBody>;
