/** What the vendors accept, by their own documentation: closed schemas, so that a field they don't know fails too. */
import { z } from 'zod';

const plainText = (limit: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(limit), emoji: z.boolean().optional() });
const mrkdwn = (limit: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(limit), verbatim: z.boolean().optional() });
const text = (limit: number) => z.union([plainText(limit), mrkdwn(limit)]);

/** "Reference: blocks" and "Composition objects", Slack developer documentation; "Sending messages using incoming webhooks". */
export const slackRules = z
  .strictObject({
    text: z.string().min(1).max(40_000),
    blocks: z
      .array(
        z.union([
          z.strictObject({ type: z.literal('header'), text: plainText(150) }),
          z
            .strictObject({
              type: z.literal('section'),
              text: text(3_000).optional(),
              fields: z.array(text(2_000)).min(1).max(10).optional(),
            })
            .refine((block) => block.text || block.fields, 'a section needs text or fields'),
          z.strictObject({ type: z.literal('context'), elements: z.array(text(3_000)).min(1).max(10) }),
          // "Button element": `url` of at most 3,000 characters, text of at most 75; "Actions block": at most 25 elements.
          z.strictObject({
            type: z.literal('actions'),
            elements: z
              .array(
                z.strictObject({
                  type: z.literal('button'),
                  text: plainText(75),
                  url: z.url().max(3_000),
                  style: z.enum(['primary', 'danger']).optional(),
                }),
              )
              .min(1)
              .max(25),
          }),
          z.strictObject({ type: z.literal('divider') }),
        ]),
      )
      .min(1)
      .max(50),
  })
  // "Formatting message text": an unescaped < begins a command, a mention or a link.
  .refine((body) => !/<|&(?!amp;|lt;|gt;)/.test(JSON.stringify(body)), 'control characters must be escaped');

/** "Send an Alert Event" and "Overview", PagerDuty developer documentation. */
const dedupKey = z.string().min(1).max(255);
const routingKey = z.string().length(32);
export const pagerDutyRules = z
  .discriminatedUnion('event_action', [
    z.strictObject({
      routing_key: routingKey,
      event_action: z.literal('trigger'),
      dedup_key: dedupKey,
      client: z.string().optional(),
      payload: z.strictObject({
        summary: z.string().min(1).max(1_024),
        source: z.string().min(1),
        severity: z.enum(['critical', 'error', 'warning', 'info']),
        timestamp: z.iso.datetime(),
        component: z.string().optional(),
        group: z.string().optional(),
        class: z.string().optional(),
        custom_details: z.record(z.string(), z.unknown()).optional(),
      }),
    }),
    z.strictObject({ routing_key: routingKey, event_action: z.literal('acknowledge'), dedup_key: dedupKey }),
    z.strictObject({ routing_key: routingKey, event_action: z.literal('resolve'), dedup_key: dedupKey }),
  ])
  .refine((event) => Buffer.byteLength(JSON.stringify(event)) <= 512_000, 'at most 512 kB');

const textRun = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string(),
  weight: z.enum(['Default', 'Lighter', 'Bolder']).optional(),
  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
  color: z.enum(['Default', 'Dark', 'Light', 'Accent', 'Good', 'Warning', 'Attention']).optional(),
  fontType: z.enum(['Default', 'Monospace']).optional(),
});

/** Adaptive Cards 1.4 schema; "Create and send messages", Microsoft Teams developer documentation; "Microsoft Teams" connector: about 28 kB. */
export const teamsRules = z
  .strictObject({
    type: z.literal('message'),
    attachments: z
      .array(
        z.strictObject({
          contentType: z.literal('application/vnd.microsoft.card.adaptive'),
          contentUrl: z.null(),
          content: z.strictObject({
            $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
            type: z.literal('AdaptiveCard'),
            version: z.enum(['1.2', '1.3', '1.4', '1.5']),
            msteams: z.strictObject({ width: z.literal('Full') }).optional(),
            body: z
              .array(z.strictObject({ type: z.literal('RichTextBlock'), inlines: z.array(textRun).min(1) }))
              .min(1),
            actions: z
              .array(z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string().min(1), url: z.url() }))
              .min(1)
              .max(5)
              .optional(),
          }),
        }),
      )
      .length(1),
  })
  // What a workflow counts: the posted JSON as a string inside its own.
  .refine((body) => Buffer.byteLength(JSON.stringify(JSON.stringify(body))) <= 28_672, 'at most 28,672 bytes');

/** "Publish", Amazon SNS API Reference. */
export const snsRules = z.object({
  Subject: z
    .string()
    .min(1)
    .max(99)
    .regex(/^[\x21-\x7e][\x20-\x7e]*$/, 'ASCII, no line break, no blank first'),
  Message: z
    .string()
    .min(1)
    .refine((body) => Buffer.byteLength(body) <= 262_144, 'at most 256 kB'),
});
