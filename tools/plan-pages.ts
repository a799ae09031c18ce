/** `npm run docs:plans`: writes docs/plans from the plans' manifests. A convention test compares the pages with what this makes. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanManifest } from '../functions/recovery/manifest.ts';
import { longestSeconds, type PlanStep, stagesOf } from '../functions/recovery/plan.ts';
import { discover, REPOSITORY } from '../infra/discover.ts';

const FOLDER = join(REPOSITORY, 'docs/plans');
const NOTE = '<!-- Written by `npm run docs:plans` from the manifest: change that, not this page. -->';

const duration = (seconds: number): string =>
  seconds === 0 ? 'none' : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;

const takenBack = ({ undo }: PlanStep): string =>
  undo.kind === 'compensate'
    ? `${undo.does}, within ${duration(undo.budgetSeconds)}`
    : undo.kind === 'nothing'
      ? `nothing: ${undo.why}`
      : `**can't be**: ${undo.why}`;

/** Steps side by side have no arrow between them; a point of no return has thick edges. */
function picture({ steps }: PlanManifest): string {
  const id = (name: string) => name.replaceAll('-', '_');
  const boxes = steps.map(({ name, budgetSeconds, undo }) => {
    const text = `"${name}<br>${duration(budgetSeconds)}"`;
    return `  ${id(name)}${undo.kind === 'point-of-no-return' ? `[[${text}]]` : `[${text}]`}`;
  });
  const arrows = steps.flatMap(({ name, after }) =>
    after.length === 0 ? [`  open --> ${id(name)}`] : after.map((before) => `  ${id(before)} --> ${id(name)}`),
  );
  const last = steps.filter(({ name }) => !steps.some(({ after }) => after.includes(name)));
  const ends = last.map(({ name }) => `  ${id(name)} --> recovered([recovered])`);
  const back = steps.map(({ name }) => `  ${id(name)} -. fails .-> back`);
  return [
    '```mermaid',
    'flowchart TD',
    '  open([opened: input checked, plan locked, targets leased])',
    ...boxes,
    '  back([what was done is taken back, in reverse])',
    ...arrows,
    ...ends,
    ...back,
    '```',
  ].join('\n');
}

/** The page of one plan, as Markdown. */
export function pageOf(manifest: PlanManifest): string {
  const { name, summary, input, targets, permissions, targetKinds } = manifest;
  const example = Object.keys(input)
    .map((key) => ` ${key}=...`)
    .join('');
  const rows = stagesOf(manifest).flatMap((stage, index) =>
    stage.map(
      (step) =>
        `| ${index + 1} | \`${step.name}\` | ${step.does} | ${duration(step.budgetSeconds)} | ${takenBack(step)} |`,
    ),
  );
  const granted = permissions.flatMap(({ actions }) => actions).sort();
  return `${[
    NOTE,
    `# ${name}`,
    summary,
    `Back within ${duration(targets.recoveryTimeSeconds)}; data lost: ${targets.dataLossSeconds === 0 ? 'none' : `at most ${duration(targets.dataLossSeconds)}`}. If every step takes all of its time: ${duration(longestSeconds(manifest))}. It takes in hand: ${targetKinds.join(', ')}.`,
    picture(manifest),
    '## Steps',
    ['| | step | what it does | within | how it is taken back |', '|---|---|---|---|---|', ...rows].join('\n'),
    '## Input',
    Object.entries(input)
      .map(([key, meaning]) => `- \`${key}\`: ${meaning}`)
      .join('\n'),
    ['```sh', `nightshift recover ${name}${example} --rehearse`, '```'].join('\n'),
    'In the console of Step Functions the same as JSON, with `"rehearse": true` for a rehearsal.',
    '## What it may call',
    granted.map((action) => `\`${action}\``).join(', '),
  ].join('\n\n')}\n`;
}

/** Pages by file name, as they should be. */
export async function wantedPages(): Promise<ReadonlyMap<string, string>> {
  const { plans } = await discover();
  return new Map(plans.map(({ manifest }) => [`${manifest.name}.md`, pageOf(manifest)]));
}

/** Pages by file name, as they are. */
export const writtenPages = (): ReadonlyMap<string, string> =>
  new Map(readdirSync(FOLDER).map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')]));

if (process.argv[1] === import.meta.filename) {
  mkdirSync(FOLDER, { recursive: true });
  const wanted = await wantedPages();
  for (const file of readdirSync(FOLDER)) if (!wanted.has(file)) rmSync(join(FOLDER, file));
  for (const [file, page] of wanted) writeFileSync(join(FOLDER, file), page);
}
