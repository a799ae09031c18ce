/** A report as one page that needs nothing else: no script, no font, no image from anywhere. Pure. */
import { escaped, page } from '../records/html.ts';
import { timeText } from '../records/report.ts';
import type { Chart, ReportModel, Section } from './model.ts';

export function htmlOf(report: ReportModel): string {
  const { title, deployment, region, period, asOf, headline, unknown, sections } = report;
  const named = `${title}: ${period.label}`;
  return page(
    named,
    `<header>
<h1>${escaped(named)}</h1>
<p class="quiet">Nightshift ${escaped(deployment)}, ${escaped(region)}. ${escaped(timeText(period.from))} to ${escaped(timeText(period.to))} (${escaped(period.timeZone)}), as known at ${escaped(timeText(asOf))}.</p>
</header>
<main>
${headline.length > 0 ? `<section><dl>${headline.map(({ label, value }) => `<div><dt>${escaped(label)}</dt><dd>${escaped(value)}</dd></div>`).join('')}</dl></section>` : ''}
${unknown.length > 0 ? `<section><h2>What could not be found out</h2><ul class="people">${unknown.map((sentence) => `<li>${escaped(sentence)}</li>`).join('')}</ul></section>` : ''}
${sections.map(section).join('\n')}
</main>`,
  );
}

const section = ({ title, says = [], table, charts = [] }: Section): string => `<section><h2>${escaped(title)}</h2>
${says.map((sentence) => `<p class="quiet">${escaped(sentence)}</p>`).join('')}
${
  table
    ? `<table class="figures"><thead><tr>${table.columns.map((cell) => `<th>${escaped(cell)}</th>`).join('')}</tr></thead><tbody>
${table.rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody></table>`
    : ''
}
${charts.map(chart).join('\n')}
</section>`;

/** Width and height of the drawing, in its own units. */
const [WIDE, HIGH] = [1000, 70];

/** One bar for each point; what isn't known leaves a gap. The scale begins at 0 and holds the limit. */
function chart({ label, unit, points, limit }: Chart): string {
  const told = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const [first, last] = [points[0], points.at(-1)];
  if (told.length === 0 || !first || !last) return `<p class="quiet">${escaped(label)}: nothing is told of it.</p>`;
  const top = Math.max(...told, limit ?? 0) || 1;
  const step = WIDE / points.length;
  const height = (value: number) => Math.min(HIGH, Math.max(0, (value / top) * HIGH));
  const bars = points.flatMap(({ at, value }, index) => {
    if (value === null) return [];
    // A value of nothing is still seen: it is no gap.
    const tall = Math.max(1, height(value));
    const colour = limit !== undefined && value > limit ? 'state-escalated' : 'state-acting';
    return `<rect class="${colour}" x="${(index * step).toFixed(2)}" y="${(HIGH - tall).toFixed(2)}" width="${(step * 0.9).toFixed(2)}" height="${tall.toFixed(2)}"><title>${escaped(`${at}: ${written(value)} ${unit}`)}</title></rect>`;
  });
  const line =
    limit === undefined
      ? ''
      : `<line class="topic-called" x1="0" x2="${WIDE}" y1="${(HIGH - height(limit)).toFixed(2)}" y2="${(HIGH - height(limit)).toFixed(2)}"/>`;
  const scale = `up to ${written(Math.max(...told))} ${unit}${limit === undefined ? '' : `; the limit is ${written(limit)} ${unit}`}`;
  return `<figure>
<svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${escaped(`${label}, ${scale}`)}" preserveAspectRatio="none">${bars.join('')}${line}</svg>
<div class="axis"><span>${escaped(timeText(first.at))}</span><span>${escaped(timeText(last.at))}</span></div>
<figcaption>${escaped(`${label}, ${scale}`)}</figcaption>
</figure>`;
}

const written = (value: number): string => String(Number(value.toFixed(3)));
