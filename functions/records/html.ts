/** A report as one page that needs nothing else: no script, no font, no image from anywhere; readable on a phone, in the dark and on paper. Pure. */
import type { IncidentState } from '../../events/journal.ts';
import type { Reported } from './markdown.ts';
import { causeOf, defused, durationText, type Fact, type Report, reportOf, timeText, topicOf } from './report.ts';
import { fingerprintOf } from './sign.ts';
import { STYLE } from './style.ts';

const TO_WRITE = '<em class="people">To be written by a person.</em>';

const STATE_WORD: Readonly<Record<IncidentState, string>> = {
  open: 'open',
  acting: 'acting',
  verifying: 'verifying',
  'waiting-approval': 'waits for an approval',
  escalated: 'needs a person',
  resolved: 'resolved',
};

export function htmlOf(reported: Reported): string {
  const report = reportOf(reported.incident);
  const { incident, isReviewed } = report;
  const title = `${incident.severity}: ${incident.title}`;
  return page(
    title,
    `<header>
<p class="tags"><span class="tag severity">${escaped(incident.severity)}</span> <span class="tag ${stateClass(incident.state)}">${escaped(STATE_WORD[incident.state] ?? incident.state)}</span></p>
<h1>${escaped(incident.title)}</h1>
<p class="quiet">Nightshift ${escaped(reported.deployment)}, ${escaped(reported.region)}. Written from the journal${isReviewed ? '; draft of the post-mortem, what only people know is marked so' : ''}. All times are UTC.</p>
</header>
<main>
${chart(report)}
<section><h2>Summary</h2>
<dl>${report.facts.map(fact).join('')}</dl>
</section>
${recovery(report)}
${changes(report)}
${timeline(report)}
<section><h2>Cause</h2>
<p>What the first alarm said: ${escaped(causeOf(incident) ?? 'no alarm opened it')}</p>
${isReviewed ? `<p>Root cause: ${TO_WRITE}</p>` : ''}
</section>
${isReviewed ? review(report) : ''}
${reported.chain ? proof(reported) : ''}
</main>`,
  );
}

/** The page around it: it runs nothing and loads nothing. @param body HTML; everything from outside in it is escaped. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

const fact = ({ label, value }: Fact): string =>
  `<div><dt>${escaped(label)}</dt><dd>${value === undefined ? TO_WRITE : escaped(value)}</dd></div>`;

/** Names are ours, and still nothing but letters gets into an attribute. */
const stateClass = (state: string): string => `state-${state.replace(/[^a-z-]/g, '')}`;

/** Width and heights of the drawing, in its own units. */
const WIDE = 1000;
const BAR = { top: 8, height: 34, bottom: 66 } as const;

/** One bar: how the incident stood over time, and a stroke for each line of its timeline. */
function chart({ incident, spans, lengthMs }: Report): string {
  const begin = Date.parse(incident.openedAt);
  const place = (ms: number) => (Math.min(Math.max(ms / lengthMs, 0), 1) * WIDE).toFixed(1);
  const bars = spans.map(({ state, fromMs, toMs }) => {
    const width = Math.max(2, Number(place(toMs)) - Number(place(fromMs))).toFixed(1);
    return `<rect class="${stateClass(state)}" x="${place(fromMs)}" y="${BAR.top}" width="${width}" height="${BAR.height}"><title>${escaped(STATE_WORD[state] ?? state)} for ${durationText(toMs - fromMs)}</title></rect>`;
  });
  const strokes = incident.timeline.map((entry) => {
    const x = place(Date.parse(entry.at) - begin);
    return `<line class="topic-${topicOf(entry)}" x1="${x}" x2="${x}" y1="${BAR.top + BAR.height}" y2="${BAR.bottom}"><title>${escaped(`${entry.at} ${entry.kind}: ${entry.summary}`)}</title></line>`;
  });
  const states = [...new Set(spans.map(({ state }) => state))];
  return `<figure>
<svg viewBox="0 0 ${WIDE} 70" role="img" aria-label="How the incident stood over ${durationText(lengthMs)}" preserveAspectRatio="none">${bars.join('')}${strokes.join('')}</svg>
<div class="axis"><span>${escaped(timeText(incident.openedAt))}</span><span>+${durationText(lengthMs)}</span></div>
<figcaption>${states.map((state) => `<span class="key ${stateClass(state)}">${escaped(STATE_WORD[state] ?? state)}</span>`).join(' ')}</figcaption>
</figure>`;
}

/** Each step from its beginning to its end, on the run's own time. */
function recovery({ recovery: told }: Report): string {
  if (!told) return '';
  const { run, recoveryTimeMs, targetRecoveryTimeMs, frozenMs, steps } = told;
  const whole = Math.max(1, recoveryTimeMs);
  const at = (ms: number) => (Math.min(Math.max(ms / whole, 0), 1) * WIDE).toFixed(1);
  const rows = steps.map(({ name, status, fromMs, tookMs, budgetMs, note = '' }) => {
    const end = fromMs === undefined ? 0 : fromMs + (tookMs ?? whole - fromMs);
    const width = Math.max(2, Number(at(end)) - Number(at(fromMs ?? 0))).toFixed(1);
    const colour = status === 'done' ? 'state-resolved' : status === 'waiting' ? 'state-open' : 'state-escalated';
    const bar =
      fromMs === undefined
        ? ''
        : `<svg class="step" viewBox="0 0 ${WIDE} 12" role="img" aria-label="${escaped(name)}" preserveAspectRatio="none"><rect class="${colour}" x="${at(fromMs)}" y="2" width="${width}" height="8"/></svg>`;
    const took = tookMs === undefined ? '' : durationText(tookMs);
    return `<tr><td class="time">${escaped(name)}</td><td><span class="kind">${escaped(status)}</span></td><td>${bar}${escaped([took && `${took} of ${durationText(budgetMs)}`, note].filter(Boolean).join(': '))}</td></tr>`;
  });
  const frozen = frozenMs > 0 ? `, of which ${durationText(frozenMs)} frozen` : '';
  return `<section><h2>Recovery</h2>
<p>Run ${escaped(run)}: ${durationText(recoveryTimeMs)}${frozen}; the target is ${durationText(targetRecoveryTimeMs)}.</p>
<table><thead><tr><th>Step</th><th>Came to</th><th>Time against budget</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></section>`;
}

function changes({ changes: all }: Report): string {
  if (all.length === 0) return '<section><h2>What was changed</h2><p>Nothing was changed.</p></section>';
  const items = all.map(
    ({ at, remediation, change, before, after, undo, status }) => `<li>
<h3>${escaped(change)}</h3>
<p class="quiet">${escaped(timeText(at))}, by ${escaped(remediation)}; came to: ${escaped(status)}</p>
<dl><div><dt>Before</dt><dd><code>${escaped(before)}</code></dd></div><div><dt>After</dt><dd><code>${escaped(after)}</code></dd></div>${undo ? `<div><dt>To undo</dt><dd>${escaped(undo)}</dd></div>` : ''}</dl>
</li>`,
  );
  return `<section><h2>What was changed</h2><ol class="changes">${items.join('')}</ol></section>`;
}

function timeline({ incident }: Report): string {
  const begin = Date.parse(incident.openedAt);
  const lines = incident.timeline.map((entry) => {
    const offset = durationText(Date.parse(entry.at) - begin);
    return `<tr class="topic-${topicOf(entry)}"><td class="time"><time datetime="${escaped(entry.at)}">${escaped(entry.at.slice(11, 23))}</time> <span class="quiet">+${escaped(offset)}</span></td><td><span class="kind">${escaped(entry.kind)}</span></td><td>${escaped(entry.summary)} <span class="quiet by">${escaped(entry.by)}</span></td></tr>`;
  });
  return `<section><h2>Timeline</h2>
<table><thead><tr><th>Time, from the beginning</th><th>Kind</th><th>What</th></tr></thead><tbody>
${lines.join('\n')}
</tbody></table></section>`;
}

const review = ({
  helped,
  didNotHelp,
}: Report): string => `<section><h2>What went well, and what did not</h2>${told('Helped', helped)}${told('Did not help', didNotHelp)}<p>${TO_WRITE}</p></section>
<section><h2>Lessons</h2><p>${TO_WRITE}</p></section>
<section><h2>Follow-up</h2><ul>${['Prevention', 'Monitoring', 'Runbook and documents', 'Training'].map((what) => `<li>${what}: ${TO_WRITE} Owner, due.</li>`).join('')}</ul></section>`;

const told = (what: string, texts: readonly string[]): string =>
  texts.length === 0
    ? ''
    : `<p>${what}, as the journal tells:</p><ul>${texts.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`;

function proof({ chain, signature }: Reported): string {
  if (!chain) return '';
  const findings = chain.findings.map(
    ({ kind, entryId, detail }) =>
      `<li class="bad"><strong>${escaped(kind)}</strong> ${escaped(entryId ?? '')}: ${escaped(detail)}</li>`,
  );
  return `<section><h2>Proof</h2><ul class="proof">
<li>${chain.count} entries are chained; the last hash is <code>${escaped(chain.hash)}</code>.</li>
<li>${signature ? `Signed with Ed25519; the key's SHA-256 is <code>${fingerprintOf(signature.publicKey)}</code>.` : 'Not signed: this deployment has no signing secret.'}</li>
${findings.length > 0 ? findings.join('') : '<li>The journal was as it was written when this was archived.</li>'}
</ul></section>`;
}

const ENTITY: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text from outside, for text and quoted attributes ("Cross Site Scripting Prevention Cheat Sheet", OWASP). */
export const escaped = (text: string): string =>
  defused(text).replace(/[&<>"']/g, (character) => ENTITY[character] ?? '');
