/** A report in Markdown: for the severe ones the draft of the post-mortem, with a place for what only people know. Pure. */
import type { Archive } from './document.ts';
import type { Recovery } from './recovery.ts';
import { causeOf, defused, durationText, type Fact, type Report, reportOf, timeText, topicOf } from './report.ts';
import { fingerprintOf } from './sign.ts';

const TO_WRITE = '_To be written by a person._';

/** What is known of an incident; without `chain` (a report printed from the journal) nothing is said of it. */
export type Reported = Pick<Archive, 'deployment' | 'region' | 'incident'> &
  Partial<Pick<Archive, 'chain' | 'signature'>>;

export function markdownOf(reported: Reported): string {
  const report = reportOf(reported.incident);
  const { incident, isReviewed } = report;
  return `${[
    `# Incident report: ${escaped(incident.title)}`,
    isReviewed
      ? `Draft of the post-mortem, written by Nightshift ${escaped(reported.deployment)} in ${escaped(reported.region)} from its journal. What only people know is marked so. It is about causes, not about who is to blame.`
      : `Written by Nightshift ${escaped(reported.deployment)} in ${escaped(reported.region)} from its journal.`,
    '## Summary',
    table(['', ''], report.facts.map(factRow)),
    ...(isReviewed ? [`What happened, in a few sentences: ${TO_WRITE}`] : []),
    ...(report.recovery ? ['## Recovery', recovery(report.recovery)] : []),
    '## Timeline',
    table(
      ['Time (UTC)', 'What', 'Who', ''],
      incident.timeline.map((entry) => [
        clock(entry.at),
        `${escaped(entry.kind)} (${topicOf(entry)})`,
        escaped(entry.by),
        escaped(entry.summary),
      ]),
    ),
    '## What was changed',
    changes(report),
    '## Cause',
    [
      `What the first alarm said: ${escaped(causeOf(incident) ?? 'no alarm opened it')}`,
      ...(isReviewed ? ['', `Root cause: ${TO_WRITE}`] : []),
    ].join('\n'),
    ...(isReviewed ? review(report) : []),
    ...(reported.chain ? ['## Proof', proof(reported)] : []),
  ].join('\n\n')}\n`;
}

const factRow = ({ label, value }: Fact): string[] => [`**${label}**`, value === undefined ? TO_WRITE : escaped(value)];

function recovery({ run, recoveryTimeMs, targetRecoveryTimeMs, frozenMs, steps }: Recovery): string {
  const frozen = frozenMs > 0 ? `, of which ${durationText(frozenMs)} frozen` : '';
  return [
    `Run ${escaped(run)}: ${durationText(recoveryTimeMs)}${frozen}; the target is ${durationText(targetRecoveryTimeMs)}.`,
    '',
    table(
      ['Step', 'Came to', 'From', 'Took', 'Budget', ''],
      steps.map(({ name, status, fromMs, tookMs, budgetMs, note = '' }) => [
        ...[name, status].map(escaped),
        fromMs === undefined ? '' : `+${durationText(fromMs)}`,
        tookMs === undefined ? '' : durationText(tookMs),
        durationText(budgetMs),
        escaped(note),
      ]),
    ),
  ].join('\n');
}

function changes({ changes: all }: Report): string {
  if (all.length === 0) return 'Nothing was changed.';
  return table(
    ['Time (UTC)', 'By', 'Change', 'Before', 'After', 'To undo', 'Came to'],
    all.map(({ at, remediation, change, before, after, undo, status }) => [
      clock(at),
      ...[remediation, change, before, after, undo, status].map(escaped),
    ]),
  );
}

/** The parts of the runbooks' template that no journal knows (003, lines 615 to 643; 001, lines 379 to 382; 002, lines 1202 to 1205). */
const review = ({ helped, didNotHelp }: Report): string[] => [
  '## What went well, and what did not',
  [
    ...helped.map((text) => `- Helped, as the journal tells: ${escaped(text)}`),
    ...didNotHelp.map((text) => `- Did not help, as the journal tells: ${escaped(text)}`),
    ...(helped.length + didNotHelp.length > 0 ? [''] : []),
    TO_WRITE,
  ].join('\n'),
  '## Lessons',
  TO_WRITE,
  '## Follow-up',
  table(
    ['What', 'Owner', 'Due'],
    ['Prevention', 'Monitoring', 'Runbook and documents', 'Training'].map((what) => [`${what}: ${TO_WRITE}`, '', '']),
  ),
];

function proof({ chain, signature }: Reported): string {
  if (!chain) return '';
  const lines = [
    `- ${chain.count} entries are chained; the last hash is \`${chain.hash}\`.`,
    signature
      ? `- Signed with Ed25519; the key's SHA-256 is \`${fingerprintOf(signature.publicKey)}\`.`
      : '- Not signed: this deployment has no signing secret.',
    ...(chain.findings.length === 0
      ? ['- The journal was as it was written when this was archived.']
      : chain.findings.map(
          ({ kind, entryId, detail }) => `- **${kind}** ${escaped(entryId ?? '')}: ${escaped(detail)}`,
        )),
  ];
  return lines.join('\n');
}

const clock = (iso: string): string => timeText(iso).replace(' UTC', '');

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
/** Cells are Markdown already. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/**
 * Text from outside as Markdown text: no markup, link, mention, HTML, cell or line of its own (CommonMark 0.31, "Backslash escapes" and "Entity and numeric
 * character references"; GitHub Flavored Markdown, "Autolinks (extension)").
 */
export function escaped(text: string): string {
  return defused(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]#|~$!]/g, '\\$&')
    .replace(/:\/\//g, '&#58;//')
    .replace(/www\./gi, (www) => `${www.slice(0, 3)}&#46;`)
    .replace(/@/g, '&#64;')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}
