/** A report in Markdown. Pure. */
import { escaped, table } from '../records/markdown.ts';
import { timeText } from '../records/report.ts';
import type { Chart, ReportModel, Section } from './model.ts';

export function markdownOf({
  title,
  deployment,
  region,
  period,
  asOf,
  headline,
  unknown,
  sections,
}: ReportModel): string {
  return `${[
    `# ${escaped(title)}: ${escaped(period.label)}`,
    `Written by Nightshift ${escaped(deployment)} in ${escaped(region)} of ${timeText(period.from)} to ${timeText(period.to)} (${escaped(period.timeZone)}), as known at ${timeText(asOf)}.`,
    ...(headline.length > 0
      ? [
          table(
            ['', ''],
            headline.map(({ label, value }) => [`**${escaped(label)}**`, escaped(value)]),
          ),
        ]
      : []),
    ...(unknown.length > 0
      ? ['## What could not be found out', unknown.map((sentence) => `- ${escaped(sentence)}`).join('\n')]
      : []),
    ...sections.flatMap(section),
  ].join('\n\n')}\n`;
}

const section = ({ title, says = [], table: rows, charts = [] }: Section): string[] => [
  `## ${escaped(title)}`,
  ...says.map(escaped),
  ...(rows
    ? [
        table(
          rows.columns.map(escaped),
          rows.rows.map((cells) => cells.map(escaped)),
        ),
      ]
    : []),
  ...(charts.length > 0 ? [charts.map(chart).join('\n')] : []),
];

/** In words: the picture is in the page. */
function chart({ label, unit, points, limit }: Chart): string {
  const told = points.flatMap(({ value }) => (value === null ? [] : [value]));
  if (told.length === 0) return `- ${escaped(label)}: nothing is told of it`;
  const write = (value: number) => `${Number(value.toFixed(3))} ${escaped(unit)}`;
  const against = limit === undefined ? '' : `; the limit is ${write(limit)}`;
  return `- ${escaped(label)}: from ${write(Math.min(...told))} to ${write(Math.max(...told))}${against}`;
}
