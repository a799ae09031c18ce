/** What is measured by running a command of this repository: synth, simulate, start, storm. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { BugsDocument, SimulationDocument } from '../../events/published/simulation.ts';
import type { StartDocument } from '../../events/published/start.ts';
import { REPOSITORY } from '../../infra/discover.ts';
import type { Runs } from './figures.ts';

const LIMIT_MS = 900_000;

interface Ran {
  readonly ms: number;
  readonly status: number;
  /** Last line of stdout. */
  readonly last: string;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: LIMIT_MS,
  });
  const closed = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const stdout = await text(child.stdout);
  const status = await closed;
  return { ms: performance.now() - begun, status, last: stdout.trim().split('\n').at(-1) ?? '' };
}

const failed = (what: string, { status, last }: Ran): Error =>
  new Error(`${what} ended with ${status}: ${last.slice(0, 300)}`);

export async function measureSynth(): Promise<Runs[]> {
  const values: number[] = [];
  for (let count = 0; count < 3; count++) {
    const ran = await run(['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet']);
    if (ran.status !== 0) throw failed('cdk synth', ran);
    values.push(ran.ms / 1000);
  }
  return [{ name: 'synth', unit: 's', values, goal: { text: '<= 6 s', atMost: 6 } }];
}

const isSimulation = (document: SimulationDocument | BugsDocument): document is SimulationDocument =>
  'perMinute' in document;

export async function measureSimulation(): Promise<Runs[]> {
  const ran = await run(['test/simulation/main.ts', '--incidents', '12000', '--seed', '2026']);
  const document = JSON.parse(ran.last) as SimulationDocument | BugsDocument;
  if (ran.status !== 0 || !isSimulation(document)) throw failed('the simulation', ran);
  const entries = document.entriesPerIncident.toFixed(1);
  return [
    {
      name: 'simulate',
      unit: 'incidents a minute of one core',
      values: [document.perMinute],
      goal: { text: '>= 100,000', atLeast: 100_000 },
      note: `${document.incidents} incidents of seed 2026, ${entries} entries each, ${document.violations} violations`,
    },
  ];
}

export async function measureStart(): Promise<Runs[]> {
  const ran = await run(['local/start.ts', '--once', '--scenarios', 'scale-out', '--json']);
  if (ran.status !== 0) throw failed('npm start', ran);
  const { world, scenarios } = JSON.parse(ran.last) as StartDocument;
  const remediatedMs = Number(scenarios[0]?.alarmToResolvedMs ?? Number.NaN);
  return [
    {
      name: 'start',
      unit: 's',
      values: [ran.ms / 1000],
      goal: { text: '<= 30 s from start to the first alarm remediated, compressed time', atMost: 30 },
      note: `the whole command with one scenario, ended: ready after ${(world.readyMs / 1000).toFixed(1)} s, alarm to the end of its incident ${(remediatedMs / 1000).toFixed(1)} s`,
    },
  ];
}

export async function measureStorm(): Promise<Runs[]> {
  const ran = await run(['local/start.ts', '--once', '--scenarios', 'storm', '--json']);
  const [storm] = (JSON.parse(ran.last) as StartDocument).scenarios;
  const p99 = Number(storm?.dispositionP99Ms ?? Number.NaN);
  if (!storm || Number.isNaN(p99))
    throw new Error(`the storm told no figures: ${storm?.error ?? ran.last.slice(0, 300)}`);
  const isWhole = storm.status === 'passed' && storm.lost === 0 && storm.doubleActions === 0;
  const text = '0 lost, 0 double, disposition p99 <= 60 s, <= 10 describes/s, <= 3 pages';
  return [
    {
      name: 'storm',
      unit: 's to disposition, p99',
      values: [p99 / 1000],
      goal: isWhole ? { text, atMost: 60 } : { text, atMost: 0 },
      note: `lost ${storm.lost}, double ${storm.doubleActions}, describes a second ${storm.describesPerSecond}, pages ${storm.pages}; the scenario ${storm.status}${storm.error ? `: ${storm.error}` : ''}`,
    },
  ];
}

const ADDED_MS = 10_000;
const ADDED_SHARE = 0.05;

/** What the plans add to the time that AWS itself needs: the one that is worst against its goal. */
export async function measurePlans(): Promise<Runs[]> {
  const ran = await run(['local/start.ts', '--once', '--scenarios', 'plans', '--json']);
  const plans = (JSON.parse(ran.last) as StartDocument).scenarios.map((entry) => {
    const { name, status, error = '' } = entry;
    const [addedMs, tookMs, waitScale] = [entry.addedMs, entry.recoveryTimeMs, entry.waitScale].map(Number);
    if (status !== 'passed' || !(Number(addedMs) >= 0) || !(Number(tookMs) > 0))
      throw new Error(`the scenario ${name} told no figures: ${error || ran.last.slice(0, 300)}`);
    return { name, addedMs: Number(addedMs), tookMs: Number(tookMs), waitScale };
  });
  const [worst] = plans
    .map((plan) => ({ ...plan, mostMs: Math.max(ADDED_MS, ADDED_SHARE * plan.tookMs) }))
    .sort((a, b) => b.addedMs / b.mostMs - a.addedMs / a.mostMs);
  if (!worst) throw failed('the plans', ran);
  const each = plans.map(
    ({ name, addedMs, tookMs, waitScale }) =>
      `${name} ${(addedMs / 1000).toFixed(1)} s of ${(tookMs / 1000).toFixed(1)} s, waits x ${waitScale}`,
  );
  return [
    {
      name: 'plan-added',
      unit: 's',
      values: [worst.addedMs / 1000],
      goal: { text: '<= 10 s or 5 %', atMost: worst.mostMs / 1000 },
      note: `the worst against its goal, ${worst.name}; ${each.join('; ')}`,
    },
  ];
}
