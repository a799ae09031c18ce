/**
 * Microsoft Teams by a workflow's webhook: one Adaptive Card ("Create and send messages", Microsoft Teams developer documentation; "Microsoft Teams
 * connector": a message is at most about 28 kB). Text from outside stands in text runs, where Teams reads no markdown. Pure.
 */
import type { Message } from '../templates.ts';
import { cutTo } from './text.ts';

/**
 * Workflows count the card as a string inside their own JSON: 24,453 bytes posted were refused as 28,897 of 28,672 (MicrosoftDocs/msteams-docs
 * issue 11274). So the escaped card is what must fit.
 */
const ESCAPED_BYTES = 28_000;
const RUN = 1_500;
const FACTS = 16;

interface TextRun {
  readonly type: 'TextRun';
  readonly text: string;
  readonly weight?: 'Bolder';
  readonly size?: 'Large';
  readonly color?: 'Attention' | 'Warning' | 'Good';
  readonly fontType?: 'Monospace';
}
interface RichTextBlock {
  readonly type: 'RichTextBlock';
  readonly inlines: readonly TextRun[];
}
export interface TeamsMessage {
  readonly type: 'message';
  readonly attachments: readonly [
    {
      readonly contentType: 'application/vnd.microsoft.card.adaptive';
      readonly contentUrl: null;
      readonly content: {
        readonly $schema: 'http://adaptivecards.io/schemas/adaptive-card.json';
        readonly type: 'AdaptiveCard';
        readonly version: '1.4';
        readonly msteams: { readonly width: 'Full' };
        readonly body: readonly RichTextBlock[];
        readonly actions?: readonly { readonly type: 'Action.OpenUrl'; readonly title: string; readonly url: string }[];
      };
    },
  ];
}

const run = (text: string, style: Omit<TextRun, 'type' | 'text'> = {}): TextRun => ({
  type: 'TextRun',
  text: cutTo(text, RUN),
  ...style,
});
const block = (...inlines: TextRun[]): RichTextBlock => ({ type: 'RichTextBlock', inlines });

const COLOUR: Readonly<Partial<Record<Message['happening'], 'Attention' | 'Warning' | 'Good'>>> = {
  opened: 'Warning',
  approval: 'Attention',
  escalated: 'Attention',
  resolved: 'Good',
};

/** The body to post; the oldest lines are left out until it fits. */
export function teamsMessage(message: Message): TeamsMessage {
  for (let from = 0; from < message.lines.length; from++) {
    const card = cardOf(message, message.lines.slice(from));
    if (escapedBytes(card) <= ESCAPED_BYTES) return card;
  }
  return cardOf(message, []);
}

const escapedBytes = (card: TeamsMessage): number => Buffer.byteLength(JSON.stringify(JSON.stringify(card)));

function cardOf(
  { happening, title, headline, facts, look, links = [] }: Message,
  lines: readonly string[],
): TeamsMessage {
  const color = COLOUR[happening];
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            block(run(cutTo(title, 300), { weight: 'Bolder', size: 'Large', ...(color && { color }) })),
            block(run(headline)),
            ...facts
              .slice(0, FACTS)
              .map(({ label, value }) => block(run(`${label}: `, { weight: 'Bolder' }), run(cutTo(value, 800)))),
            ...lines.map((line) => block(run(cutTo(line, 400), { fontType: 'Monospace' }))),
            block(run(look, { fontType: 'Monospace' })),
          ],
          ...(links.length > 0 && {
            actions: links.map(({ label, url }) => ({ type: 'Action.OpenUrl', title: label, url }) as const),
          }),
        },
      },
    ],
  };
}
