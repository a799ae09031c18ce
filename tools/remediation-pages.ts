/**
 * `npm run docs:remediations`: writes docs/remediations from the manifests and the runbooks that use them. A convention test
 * compares the pages with what this makes.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Permission, RemediationManifest, Trigger } from '../functions/engine/manifest.ts';
import type { Runbook } from '../functions/engine/runbook.ts';
import { discover, REPOSITORY } from '../infra/discover.ts';
import { RUNBOOKS } from '../runbooks/index.ts';

const FOLDER = join(REPOSITORY, 'docs/remediations');
const NOTE = '<!-- Written by `npm run docs:remediations` from the manifest: change that, not this page. -->';

const TARGETS: Record<string, string> = {
  'ecs-service': 'a service of Amazon ECS',
  'rds-instance': 'a DB instance of Amazon RDS with PostgreSQL',
  'dns-endpoint': 'an endpoint: one DNS name with several sites',
  certificate: 'a certificate of AWS Certificate Manager',
};
const REPEATED: Record<RemediationManifest['idempotency'], string> = {
  absolute: 'It sets a value: repeated, it ends in the same state.',
  conditional: 'The API or the statement compares before it changes.',
  evidence:
    'Repeating it could do harm: where it can’t be seen whether it happened, nothing is repeated and a person is called.',
};

const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');
const code = (items: readonly string[]): string => items.map((item) => `\`${item}\``).join(', ');
/** `|` would end the cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

const duration = (seconds: number): string =>
  seconds % 3600 === 0 ? `${seconds / 3600} h` : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;

const started = (trigger: Trigger): string =>
  'metricName' in trigger
    ? `alarms on \`${trigger.namespace}\` \`${trigger.metricName}\`, by ${code(trigger.dimensions)}`
    : `events of \`${trigger.source}\`: ${code(trigger.what)}`;

const granted = ({ actions, resources, onlyWhere, onlyEach, whyAnyResource }: Permission): string => {
  const where = [
    ...Object.entries(onlyWhere ?? {}).map(([key, value]) => `${key} = ${value}`),
    ...Object.entries(onlyEach ?? {}).map(([key, values]) => `each ${key} = ${values.join(' or ')}`),
  ];
  return `| ${code(actions)} | ${code(resources)}${where.length > 0 ? `, only where ${code(where)}` : ''} | ${cell(whyAnyResource ?? '')} |`;
};

function risks(manifest: RemediationManifest): string[] {
  const { risk, removesCapacity, approval, holds, handsNothingBack, defaults, network } = manifest;
  const { cooldownSeconds, perTargetPerHour, perRunbookPerHour } = defaults;
  return [
    `Risk: ${risk}.${risk === 'high' ? ' It is in mode `auto` only by a line of its own; in mode `approve` two people approve it.' : ''}`,
    REPEATED[manifest.idempotency],
    `By default at most once in ${duration(cooldownSeconds)} on one target, ${perTargetPerHour} times an hour on one target and ${perRunbookPerHour} times an hour in all.`,
    ...(removesCapacity
      ? ['It takes capacity away, so each change also claims a slot of the fleet’s budget of removals.']
      : []),
    ...(approval
      ? [`Each change is approved by ${approval.people === 1 ? 'one person' : 'two people'}, in mode \`auto\` too.`]
      : []),
    ...(holds && !handsNothingBack ? [`Its change is for a while: it holds ${code(holds)} and hands it back.`] : []),
    ...(holds && handsNothingBack
      ? [`Its change stays, and is not handed back. While another remediation holds ${code(holds)}, it waits.`]
      : []),
    ...(network === 'database-vpc'
      ? ['It speaks SQL: its function runs beside the database and reaches nothing but it and DynamoDB.']
      : []),
  ];
}

/** The page of one remediation, as Markdown. @throws Error when its manifest doesn't document it. */
export function pageOf(manifest: RemediationManifest, runbooks: readonly Runbook[]): string {
  const { name, summary, targetKind, triggers, permissions, documentation } = manifest;
  if (!documentation) throw new Error(`${name}: its manifest has no \`documentation\``);
  const ladders = runbooks.filter(({ rungs }) => rungs.includes(name));
  const told = ladders.map(
    (each) => `\`${each.name}\` (rung ${each.rungs.indexOf(name) + 1} of ${each.rungs.length}): ${each.summary}`,
  );
  return `${[
    NOTE,
    `# ${name}`,
    summary,
    `Target: ${TARGETS[targetKind] ?? targetKind}.`,
    '## When it is asked',
    'By runbooks:',
    list(told),
    'It understands:',
    list(triggers.map(started)),
    '## When it refuses',
    `It changes nothing, and waits or calls a person with the reason, when`,
    list(documentation.refusesWhen),
    'Besides, every guardrail of the engine holds: modes, windows, budgets, cooldowns, leases, storms, somebody else at work.',
    '## How to undo it',
    documentation.undo,
    '## How much it may do',
    list(risks(manifest)),
    '## What it may call',
    ['| actions | on | why any resource |', '| --- | --- | --- |', ...permissions.map(granted)].join('\n'),
  ].join('\n\n')}\n`;
}

function indexOf(manifests: readonly RemediationManifest[]): string {
  const rows = manifests.map(
    ({ name, summary, risk, documentation }) =>
      `| [${name}](${name}.md) | ${cell(summary)} | ${risk} | ${cell(documentation?.undo ?? '')} |`,
  );
  return `${[
    NOTE,
    '# Remediations',
    'What Nightshift can do by itself, one page each. How they are made: [adding-a-remediation.md](../adding-a-remediation.md).',
    ['| remediation | what it does | risk | how to undo it |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n')}\n`;
}

/** Every page by its file's name. */
export async function currentPages(): Promise<Map<string, string>> {
  const { remediations } = await discover();
  const manifests = remediations.map(({ manifest }) => manifest);
  const pages = new Map(manifests.map((each) => [`${each.name}.md`, pageOf(each, RUNBOOKS)]));
  return pages.set('README.md', indexOf(manifests));
}

export const writtenPages = (): Map<string, string> =>
  new Map(readdirSync(FOLDER).map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')]));

if (import.meta.main) {
  const pages = await currentPages();
  mkdirSync(FOLDER, { recursive: true });
  for (const file of readdirSync(FOLDER)) if (!pages.has(file)) rmSync(join(FOLDER, file));
  for (const [file, text] of pages) writeFileSync(join(FOLDER, file), text);
}
