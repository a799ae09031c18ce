/** Plain text for e-mail and SNS, and cutting texts to a vendor's limit. Pure. */
import type { Message } from '../templates.ts';

/** "Publish", Amazon SNS API Reference: a subject is ASCII, without line breaks, below 100 characters; 256 kB of message. */
const SNS_SUBJECT = 99;
/** RFC 5322, 2.1.1: a header line has at most 998 characters; people see about this many. */
const MAIL_SUBJECT = 200;

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** The message as the body of a mail or of an SNS message. */
export function textOf({ headline, facts, lines, look, links = [] }: Message): string {
  const width = Math.max(0, ...facts.map(({ label }) => label.length));
  return [
    headline,
    '',
    ...facts.map(({ label, value }) => `${`${label}:`.padEnd(width + 2)}${value}`),
    ...(lines.length > 0 ? ['', ...lines] : []),
    '',
    ...(links.length > 0
      ? [
          'These links are yours alone, work once, and act in your name:',
          ...links.map(({ label, url }) => `${label}: ${url}`),
          '',
        ]
      : []),
    `More: ${look}`,
  ].join('\n');
}

/** A mail; a line break in an alarm's name can't begin another header. */
export const mailOf = (message: Message): Mail => ({
  subject: cutTo(oneLine(message.title), MAIL_SUBJECT),
  text: textOf(message),
});

export const snsMessageOf = (message: Message): Mail => ({
  subject: oneLine(message.title)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, SNS_SUBJECT),
  text: textOf(message),
});

const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

/**
 * Cuts a text so that it has at most `limit` UTF-16 code units after `escaping`, with an ellipsis when something is missing. Characters and
 * escapes are never split.
 */
export function cutTo(text: string, limit: number, escaping: (character: string) => string = (each) => each): string {
  const pieces = Array.from(text, escaping);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length <= limit) return pieces.join('');
  let kept = '';
  for (const piece of pieces) {
    if (kept.length + piece.length > limit - 1) break;
    kept += piece;
  }
  return `${kept}…`;
}

/** As many of the last lines as fit, joined by line breaks; says how many were left out. */
export function cutLines(lines: readonly string[], limit: number, escaping?: (character: string) => string): string {
  for (let from = 0; from < lines.length; from++) {
    const kept = lines.slice(from).map((line) => cutTo(line, limit, escaping));
    const text = [...(from > 0 ? [`(${from} lines left out)`] : []), ...kept].join('\n');
    if (text.length <= limit) return text;
  }
  return '';
}
