/**
 * Slack incoming webhooks with Block Kit ("Reference: blocks", Slack developer documentation: at most 50 blocks; header 150 characters; section text
 * 3,000; at most 10 fields of 2,000; "Formatting message text": & < > are escaped, which also keeps `<!channel>` from being obeyed). Pure.
 */
import type { Message, MessageLink } from '../templates.ts';
import { cutLines, cutTo } from './text.ts';

const HEADER = 150;
const TEXT = 3_000;
const FIELD = 2_000;
const FIELDS = 10;
const BUTTON = 75;

type PlainText = { readonly type: 'plain_text'; readonly text: string; readonly emoji: false };
type Mrkdwn = { readonly type: 'mrkdwn'; readonly text: string; readonly verbatim: true };
export type SlackBlock =
  | { readonly type: 'header'; readonly text: PlainText }
  | { readonly type: 'section'; readonly text: PlainText }
  | { readonly type: 'section'; readonly fields: readonly Mrkdwn[] }
  | {
      readonly type: 'actions';
      readonly elements: readonly {
        readonly type: 'button';
        readonly text: PlainText;
        readonly url: string;
        readonly style?: 'primary' | 'danger';
      }[];
    }
  | { readonly type: 'context'; readonly elements: readonly PlainText[] };

export interface SlackMessage {
  /** What a notification on a phone shows. */
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escaping = (character: string): string => ESCAPES[character] ?? character;

const plain = (text: string, limit: number): PlainText => ({
  type: 'plain_text',
  text: cutTo(text, limit, escaping),
  emoji: false,
});

/** A link, not an interaction: Slack's servers are never told what it does ("Button element": `url` of at most 3,000 characters). */
const button = ({ label, url, style }: MessageLink) =>
  ({ type: 'button', text: plain(label, BUTTON), url, ...(style && { style }) }) as const;

/** A section has at most ten. */
const sectionsOf = (fields: readonly Mrkdwn[]): SlackBlock[] =>
  Array.from({ length: Math.ceil(fields.length / FIELDS) }, (_, index) => ({
    type: 'section',
    fields: fields.slice(index * FIELDS, (index + 1) * FIELDS),
  }));

/** The body to post. */
export function slackMessage({ title, headline, facts, lines, look, links = [] }: Message): SlackMessage {
  const fields: Mrkdwn[] = facts.map(({ label, value }) => ({
    type: 'mrkdwn',
    text: cutTo(`*${label}*\n${value}`, FIELD, escaping),
    // Without it Slack turns what looks like a link, a channel or a person into one.
    verbatim: true,
  }));
  const timeline = cutLines(lines, TEXT, escaping);
  return {
    text: cutTo(title, TEXT, escaping),
    blocks: [
      { type: 'header', text: plain(title, HEADER) },
      { type: 'section', text: plain(headline || title, TEXT) },
      ...sectionsOf(fields),
      ...(timeline ? [{ type: 'section', text: { type: 'plain_text', text: timeline, emoji: false } } as const] : []),
      ...(links.length > 0 ? [{ type: 'actions', elements: links.map(button) } as const] : []),
      { type: 'context', elements: [plain(look, TEXT)] },
    ],
  };
}
