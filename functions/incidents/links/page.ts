/**
 * The pages behind links: plain HTML, readable on a phone at night, without scripts, pictures or anything from elsewhere. Pure. Every text that isn't
 * written here is escaped: names and reasons of alarms come from outside.
 */
import { createHash } from 'node:crypto';
import type { Severity } from '../../../events/journal.ts';
import { STYLE } from './style.ts';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** Asks for one press of a button. */
export interface Question {
  /** What the button does, as a sentence: "Approve a change". */
  readonly heading: string;
  /** What exactly would happen. */
  readonly what: string;
  readonly severity?: Severity | undefined;
  /** In whose name. */
  readonly person: string;
  readonly facts: readonly Fact[];
  /** Newest last. */
  readonly timeline: readonly string[];
  readonly button: string;
  /** Takes something away from somebody, or can't be taken back. */
  readonly isGrave: boolean;
  /** What is asked for besides, in words for the field. */
  readonly reason?: { readonly label: string; readonly required: boolean } | undefined;
  readonly confirmation: string;
  /** ISO 8601. */
  readonly validUntil: string;
}

/** Says what became of it, or why nothing did. */
export interface Message {
  readonly tone: 'done' | 'refused';
  readonly heading: string;
  readonly text: string;
  readonly facts?: readonly Fact[];
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

/** What the pages may do: their own style and nothing else; their form goes nowhere but to where it came from. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function questionPage(question: Question): string {
  const { heading, what, severity, person, facts, timeline, button, isGrave, reason, confirmation, validUntil } =
    question;
  return page(heading, [
    `<p class="eyebrow">${severity ? `<span class="severity ${severity}">${severity}</span> ` : ''}${escapeHtml(heading)}</p>`,
    `<h1>${escapeHtml(what)}</h1>`,
    factList(facts),
    '<form method="post">',
    `<input type="hidden" name="confirm" value="${escapeHtml(confirmation)}">`,
    reason ? reasonField(reason) : '',
    `<button type="submit"${isGrave ? ' class="grave"' : ''}>${escapeHtml(button)}</button>`,
    '</form>',
    `<p class="note">Nothing has happened yet. This link is <strong>${escapeHtml(person)}</strong>’s: the journal will name ${escapeHtml(person)}. It works once, until ${time(validUntil)}. Don’t pass it on.</p>`,
    timeline.length > 0 ? timelineOf(timeline) : '',
  ]);
}

export const messagePage = ({ tone, heading, text, facts = [] }: Message): string =>
  page(heading, [
    `<p class="eyebrow ${tone}">${tone === 'done' ? 'Done' : 'Nothing was done'}</p>`,
    `<h1>${escapeHtml(heading)}</h1>`,
    `<p>${escapeHtml(text)}</p>`,
    factList(facts),
  ]);

const factList = (facts: readonly Fact[]): string =>
  facts.length === 0
    ? ''
    : `<dl>${facts.map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>`;

const reasonField = ({ label, required }: NonNullable<Question['reason']>): string =>
  `<label>${escapeHtml(label)}<input name="reason" maxlength="200" autocomplete="off"${required ? ' required' : ''}></label>`;

const timelineOf = (lines: readonly string[]): string =>
  `<details><summary>Timeline</summary><ol>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ol></details>`;

const time = (iso: string): string =>
  `<time datetime="${escapeHtml(iso)}">${escapeHtml(`${iso.slice(0, 16).replace('T', ' ')} UTC`)}</time>`;

const page = (title: string, body: readonly string[]): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${escapeHtml(title)} · Nightshift</title>
<style>${STYLE}</style>
</head>
<body>
<header>Nightshift</header>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
