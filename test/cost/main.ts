/**
 * `npm run cost -- --alarms N [--config file]`: what Nightshift costs on AWS, from what was measured (measured.json, written by `--measure`) and the prices in
 * prices.ts. A table on stderr, one line of JSON on stdout (events/published/cost.ts). Exit codes: 0 both goals are met, 1 not, 2 wrong usage. Docs: docs/cost.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CostDocument } from '../../events/published/cost.ts';
import type { ParsedConfig } from '../../infra/config/parse.ts';
import { commandLine, wholeNumber } from '../support/command-line.ts';
import { costOf, type Measured, minutesOf, standingOf, type Template } from './model.ts';

const MEASURED = join(import.meta.dirname, 'measured.json');
const say = (line: string) => process.stderr.write(`${line}\n`);

const USAGE = `npm run cost -- [options]
  --alarms <n>             what that many alarms cost (1000)
  --config <file>          of the deployment (nightshift.config.ts)
  --measure                measures what the costs are made of anew, into test/cost/measured.json
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values } = commandLine(
  USAGE,
  {
    alarms: { type: 'string', default: '1000' },
    config: { type: 'string', default: join(import.meta.dirname, '../../nightshift.config.ts') },
    measure: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  false,
);
const alarms = wholeNumber('alarms', values.alarms);

/** As it is deployed by that configuration; functions' code isn't built. */
async function deployed(file: string): Promise<{ readonly template: Template; readonly parsed: ParsedConfig }> {
  // Only now: what is said of a wrong option needn't wait for the CDK.
  const [{ App }, { buildApp }, { parseConfig }, { discover }] = await Promise.all([
    import('aws-cdk-lib/core'),
    import('../../infra/build-app.ts'),
    import('../../infra/config/parse.ts'),
    import('../../infra/discover.ts'),
  ]);
  const units = await discover();
  const { default: config } = (await import(pathToFileURL(resolve(file)).href)) as { default: unknown };
  const parsed = parseConfig(
    config,
    units.remediations.map(({ manifest }) => manifest),
    basename(file),
    units.jobs.map(({ manifest }) => manifest.name),
  );
  const outdir = await mkdtemp(join(tmpdir(), 'nightshift-cost-'));
  try {
    const context = { '@aws-cdk/core:enablePartitionLiterals': true };
    const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false, outdir, context });
    const { stackName } = buildApp(app, { ...parsed, units });
    app.synth();
    return { template: JSON.parse(await readFile(join(outdir, `${stackName}.template.json`), 'utf8')), parsed };
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** How often the template's schedules start what was measured. */
function everyMinutesOf(template: Template): Record<string, number> {
  const expressions = Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === 'AWS::Scheduler::Schedule')
    .map(([id, { Properties }]) => [id.toLowerCase(), String(Properties?.ScheduleExpression)] as const);
  const of = (name: string) => expressions.find(([id]) => id.startsWith(name))?.[1];
  return Object.fromEntries(
    ['reconciler', 'canary'].flatMap((name) => {
      const expression = of(name);
      return expression === undefined ? [] : [[name, minutesOf(expression)]];
    }),
  );
}

function show(document: CostDocument): void {
  const usd = (amount: number) => `${amount.toPrecision(3)} USD`;
  for (const [owner, { usdPerMonth, byService }] of Object.entries(document.standing))
    say(
      `${owner}: ${usd(usdPerMonth)} a month (${Object.entries(byService)
        .map(([service, amount]) => `${service} ${amount.toPrecision(3)}`)
        .join(', ')})`,
    );
  say(`core after what CloudWatch gives for nothing: ${usd(document.coreAfterFreeAllowancesUsdPerMonth)} a month`);
  for (const [name, amount] of Object.entries(document.perAlarmUsd)) say(`one alarm, ${name}: ${usd(amount)}`);
  say(
    `${document.alarms} alarms: ${usd(document.alarmsUsd)}; 1,000: ${usd(document.perThousandAlarmsUsd)}; 1,000,000: ${usd(document.perMillionAlarmsUsd)}`,
  );
  for (const { what, value, goal, met } of document.goals)
    say(`${met ? 'met   ' : 'MISSED'} ${what}: ${value} (goal ${goal})`);
}

if (values.measure) {
  const { measure } = await import('./measure.ts');
  writeFileSync(MEASURED, `${JSON.stringify(await measure(say), null, 2)}\n`);
}
const measured = JSON.parse(readFileSync(MEASURED, 'utf8')) as Measured;
const { template, parsed } = await deployed(values.config);
const { config } = parsed;
const protectedThings = [config.services, config.databases, config.endpoints].flatMap((things) =>
  Object.keys(things ?? {}),
);
const standing = standingOf(template, measured, {
  deployment: config.name,
  protectedThings,
  everyMinutes: everyMinutesOf(template),
});
const document = costOf(alarms, measured, standing);
show(document);
process.stdout.write(`${JSON.stringify(document)}\n`);
process.exit(document.goals.every(({ met }) => met) ? 0 : 1);
