/** `nightshift plans`, `recover`, `executions` and `stop`: recovery plans, shown before they start and followed while they run. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution, ExecutionsDocument, PlansDocument } from '../../events/published/plans.ts';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { DRILL_JOB } from '../../functions/engine/drills.ts';
import { readHeads } from '../../functions/engine/job-head.ts';
import { requestStop } from '../../functions/engine/plan-stop.ts';
import type { Store } from '../../functions/engine/store.ts';
import { MAKES_WAY, type RunItem, readRun, readRuns } from '../../functions/recovery/items.ts';
import { type Ledger, ledgerOf } from '../../functions/recovery/ledger.ts';
import type { PlanManifest } from '../../functions/recovery/manifest.ts';
import { longestSeconds, stagesOf } from '../../functions/recovery/plan.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import type { ReadDeployment } from '../deployment.ts';
import { type Io, table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { choosePlan, executionOf, findRun, type KnownPlan, knownPlans, type Machines, nameOfRun } from '../plans.ts';
import { listedOf } from './jobs.ts';

export interface PlanParts {
  readonly open: (place: Place) => Store;
  readonly machines: (place: Place) => Machines;
  readonly deployment: ReadDeployment;
  readonly person: (place: Place) => Promise<string>;
  readonly plans?: () => Promise<readonly KnownPlan[]>;
  readonly now?: () => number;
  /** Between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/** The run didn't end well: exit code 1. */
export class NotRecovered extends Error {
  override readonly name = 'NotRecovered';
}

export const planCommands = (parts: PlanParts): Command[] => [
  {
    name: 'plans',
    usage: 'plans',
    summary: 'Lists recovery plans: their steps, targets, points of no return, and last runs.',
    run: (words, options, context) => listPlans(parts, words, options, context),
  },
  {
    name: 'recover',
    usage: 'recover <plan> [--input <file> | key=value ...] [--rehearse]',
    summary: 'Starts a recovery plan: shows what it will do, asks, and follows it to its end.',
    run: (words, options, context) => recover(parts, words, options, context),
  },
  {
    name: 'executions',
    usage: 'executions [plan]',
    summary: 'Lists runs of recovery plans: what came of them, and how long they took against their target.',
    run: (words, options, context) => listExecutions(parts, words, options, context),
  },
  {
    name: 'stop',
    usage: 'stop <run> [--reason <why>]',
    summary: 'Stops a run of a recovery plan: what it did is taken back.',
    run: (words, options, context) => stop(parts, words, options, context),
  },
];

const plansOf = ({ plans = knownPlans }: PlanParts) => plans();
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function listPlans(parts: PlanParts, words: readonly string[], { json }: Options, { io, place }: CommandContext) {
  if (words.length > 0) throw new UsageError(`plans takes no words, found "${words.join(' ')}"`);
  const where = await place();
  const [store, machines] = [parts.open(where), parts.machines(where)];
  const drills = await drillsOf(store, (await parts.deployment(where)).config, (parts.now ?? Date.now)());
  const listed = await Promise.all(
    (await plansOf(parts)).map(async ({ manifest }): Promise<PlansDocument['plans'][number]> => {
      const [deployed, runs] = await Promise.all([
        machines.isDeployed(manifest.name),
        readRuns(store, manifest.name, 50),
      ]);
      const real = runs.filter(({ verdict }) => verdict !== 'refused').map((run) => executionOf(run, manifest));
      const lastRun = real.find(({ rehearse }) => !rehearse);
      const lastDrill = real.find(({ rehearse }) => rehearse);
      const [ofReal, ofRehearsals] = [ledgerOf(runs, 'real'), ledgerOf(runs, 'rehearsals')];
      return {
        ...{ ...planOf(manifest), deployed, drills: drills.get(manifest.name) ?? [] },
        ...(lastRun && { lastRun }),
        ...(lastDrill && { lastDrill }),
        ledger: { ...(ofReal && { real: ofReal }), ...(ofRehearsals && { rehearsals: ofRehearsals }) },
      };
    }),
  );
  const document: PlansDocument = { version: 1, place: placeOf(where), plans: listed };
  if (json) return io.out(JSON.stringify(document));
  for (const { name, deployed, lastRun, lastDrill, summary, drills: held = [], ledger } of listed) {
    io.out(`${io.colours.bold(name)}${deployed ? '' : io.colours.dim(' (not deployed: add it to plans)')}`);
    io.out(`  ${summary}`);
    io.out(`  last run: ${endOf(lastRun)}; last rehearsal: ${endOf(lastDrill)}`);
    for (const [kind, found] of Object.entries(ledger ?? {})) if (found) io.out(`  ${kind}: ${timesOf(found)}`);
    for (const { name: drill, state, lastPassedAt = 'never', lastSummary, openIncidentId } of held) {
      const news = `drill ${drill}: ${state}, last passed ${lastPassedAt}${lastSummary ? `; ${lastSummary}` : ''}${openIncidentId ? ` (${openIncidentId})` : ''}`;
      io.out(`  ${/failed|overdue/.test(state) ? io.colours.red(news) : news}`);
    }
  }
}

type PublishedPlan = PlansDocument['plans'][number];

function timesOf({ runs, withinTargets, lastMs, usualMs, trend }: Ledger): string {
  const usual = usualMs === undefined ? '' : `, usually ${seconds(usualMs)}: ${trend}`;
  return `${withinTargets} of ${runs} within the targets; the last took ${seconds(lastMs)}${usual}`;
}

/** By plan: its drills, as their job tells of them. */
async function drillsOf(
  store: Store,
  { drills = {} }: Pick<RuntimeConfig, 'drills'>,
  now: number,
): Promise<ReadonlyMap<string, NonNullable<PublishedPlan['drills']>>> {
  const heads = (await readHeads(store)).filter(({ job }) => job === DRILL_JOB);
  const told = Object.entries(drills).map(([name, { plan }]) => {
    const head = heads.find(({ subject }) => subject === name);
    if (!head) return { plan, drill: { name, state: 'never ran' as const } };
    const { job: _job, subject: _subject, runs: _runs, ...news } = listedOf(head, now);
    return { plan, drill: { name, ...news } };
  });
  const plans = [...new Set(told.map(({ plan }) => plan))];
  return new Map(plans.map((plan) => [plan, told.flatMap((each) => (each.plan === plan ? [each.drill] : []))]));
}

const endOf = (run: Execution | undefined): string => (run ? `${run.startedAt} ${run.verdict ?? run.phase}` : 'never');

const planOf = (manifest: PlanManifest) => ({
  name: manifest.name,
  summary: manifest.summary,
  input: { ...manifest.input },
  targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
  targetDataLossMs: manifest.targets.dataLossSeconds * 1000,
  steps: stagesOf(manifest)
    .flat()
    .map(({ name, does, after, budgetSeconds, undo }) => ({
      ...{ name, does, after: [...after], budgetMs: budgetSeconds * 1000, undo: undo.kind },
      takenBack: undo.kind === 'compensate' ? undo.does : undo.why,
    })),
});

async function recover(parts: PlanParts, words: readonly string[], options: Options, context: CommandContext) {
  const [name, ...pairs] = words;
  const plan = choosePlan(name, await plansOf(parts));
  const { manifest } = plan;
  const input = inputOf(pairs, options);
  const where = await context.place();
  const [store, machines] = [parts.open(where), parts.machines(where)];
  const { config } = await parts.deployment(where);
  const code = await plan.load();
  const checked = code.readInput(input);
  if (!checked.ok) throw new UsageError(`the input of ${manifest.name} is wrong: ${checked.faults}`);
  const taken = code.targetsOf(checked.input, config);
  if (taken.kind === 'refused') throw new UsageError(taken.why);
  if (!(await machines.isDeployed(manifest.name)))
    throw new UsageError(`${manifest.name} isn't deployed here: add it to "plans" in the configuration`);
  for (const line of shown(manifest, taken.targets, options.rehearse === true)) context.io.err(line);
  await context.confirm(
    `${options.rehearse ? 'rehearse' : 'start'} ${manifest.name}${taken.targets.length > 0 ? ` for ${taken.targets.join(', ')}` : ''}`,
  );
  const { now = Date.now } = parts;
  const run = nameOfRun(manifest.name, now(), Math.random);
  const startedBy = await parts.person(where);
  await machines.start(manifest.name, run, { ...input, rehearse: options.rehearse === true, startedBy });
  context.io.err(`${run} is asked for; "nightshift stop ${run}" has it backed out`);
  await follow(parts, { store, machines, manifest, run, execution: run }, where, options, context.io);
}

/** What a person must know before they say yes. */
function shown(manifest: PlanManifest, targets: readonly string[], rehearse: boolean): string[] {
  const final = manifest.steps.filter(({ undo }) => undo.kind === 'point-of-no-return');
  return [
    manifest.summary,
    `targets: ${targets.join(', ')}; goals: back within ${manifest.targets.recoveryTimeSeconds} s, at most ${manifest.targets.dataLossSeconds} s of data lost; ${longestSeconds(manifest)} s if every step takes all of its time`,
    ...stagesOf(manifest).flatMap((stage, index) =>
      stage.map(({ name, does, budgetSeconds, undo }) => {
        const back = undo.kind === 'compensate' ? `taken back: ${undo.does}` : undo.why;
        return `  ${index + 1}. ${name} (${budgetSeconds} s): ${does}; ${undo.kind === 'point-of-no-return' ? 'POINT OF NO RETURN: ' : ''}${back}`;
      }),
    ),
    final.length > 0
      ? `can't be taken back: ${final.map(({ name }) => name).join(', ')}`
      : 'no point of no return: a step that fails has the others before it taken back as said above; what is kept then is left to a person',
    ...(rehearse ? ['a rehearsal: nothing that anybody uses is changed'] : []),
  ];
}

/** @throws UsageError for what is no `key=value`, or a file that can't be read as an object. */
function inputOf(pairs: readonly string[], { input }: Options): Record<string, unknown> {
  if (input !== undefined && pairs.length > 0) throw new UsageError('give --input or key=value, not both');
  if (input !== undefined) return fromFile(input);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([A-Za-z][A-Za-z0-9]*)=(.*)$/s.exec(pair) ?? [];
      if (key === undefined) throw new UsageError(`"${pair}": expected key=value`);
      return [key, value];
    }),
  );
}

function fromFile(path: string): Record<string, unknown> {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as unknown;
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (error) {
    throw new UsageError(`--input ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UsageError(`--input ${path}: expected a JSON object`);
}

interface Followed {
  readonly store: Store;
  readonly machines: Machines;
  readonly manifest: PlanManifest;
  readonly run: string;
  /** The execution that is at it: another than the first when that was aborted. */
  readonly execution: string;
}

const LOOK_EVERY_MS = 1_000;

/** Tells each news of the run until it has ended. @throws NotRecovered when it didn't end well, or its execution ended without it. */
async function follow(parts: PlanParts, followed: Followed, where: Place, options: Options, io: Io): Promise<void> {
  const { store, machines, manifest, run, execution } = followed;
  const told = new Map<string, string>();
  for (;;) {
    // Asked first, so that a run that ends between the two questions isn't taken for one that was left.
    const status = await machines.statusOf(manifest.name, execution);
    const found = await readRun(store, manifest.name, run);
    if (found) tellNews(found, manifest, told, io, (parts.now ?? Date.now)());
    if (found?.phase === 'ended') return tellEnd(found, manifest, where, options, io);
    if (status !== 'RUNNING')
      throw new NotRecovered(
        `${run}: its execution is ${status ?? 'missing'}, and it is not over: "nightshift stop ${run}" has it backed out`,
      );
    await sleep(parts.everyMs ?? LOOK_EVERY_MS);
  }
}

function tellNews(run: RunItem, manifest: PlanManifest, told: Map<string, string>, io: Io, now: number): void {
  const age = seconds(now - run.startedAt);
  for (const { name, status, note = '', budgetMs, tookMs } of executionOf(run, manifest).steps) {
    const began = run.steps[name]?.forward?.beganAt;
    if (status === 'waiting' || began === undefined) continue;
    const news = `${status} ${note}`;
    if (told.get(name) === news) continue;
    told.set(name, news);
    const time = `${seconds(tookMs ?? now - began)} of ${seconds(budgetMs)}`;
    io.err(`+${age}  ${name}  ${status === 'begun' ? 'under way' : status}, ${time}${note ? `: ${note}` : ''}`);
  }
  if (run.why && told.get('') !== run.why && run.phase !== 'ended') io.err(`+${age}  backs out: ${run.why}`);
  told.set('', run.why ?? '');
}

function tellEnd(run: RunItem, manifest: PlanManifest, where: Place, { json }: Options, io: Io): void {
  const document: ExecutionsDocument = {
    version: 1,
    place: placeOf(where),
    executions: [executionOf(run, manifest)],
  };
  const { verdict, summary = '', incidentId } = run;
  if (json) io.out(JSON.stringify(document));
  else io.out(`${summary}${incidentId ? ` (nightshift report ${incidentId})` : ''}`);
  if (!isWell(run)) throw new NotRecovered(`${run.run}: ${verdict}: ${summary}`);
}

/** What was stopped on purpose is well once it was taken back; a rehearsal that made way, or what a person has to look at, isn't. Pure. */
export const isWell = ({ verdict, stop }: Pick<RunItem, 'verdict' | 'stop'>): boolean =>
  verdict === 'recovered' ||
  verdict === 'rehearsed' ||
  (verdict === 'backed-out' && stop !== undefined && stop.by !== MAKES_WAY);

async function listExecutions(
  parts: PlanParts,
  words: readonly string[],
  { json }: Options,
  { io, place }: CommandContext,
) {
  const [only, ...more] = words;
  if (more.length > 0) throw new UsageError(`executions takes one plan, found "${words.join(' ')}"`);
  const plans = await plansOf(parts);
  const wanted = only === undefined ? plans : [choosePlan(only, plans)];
  const where = await place();
  const store = parts.open(where);
  const runs = await Promise.all(
    wanted.map(async ({ manifest }) => (await readRuns(store, manifest.name)).map((run) => executionOf(run, manifest))),
  );
  const executions = runs.flat().sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  const document: ExecutionsDocument = { version: 1, place: placeOf(where), executions };
  if (json) return io.out(JSON.stringify(document));
  if (executions.length === 0) return io.out('No recovery plan was started here yet.');
  const rows = executions.map((each) => [
    each.run,
    each.rehearse ? `${each.verdict ?? each.phase} (rehearsal)` : (each.verdict ?? each.phase),
    each.recoveryTimeMs === undefined ? '-' : seconds(each.recoveryTimeMs),
    seconds(each.targetRecoveryTimeMs),
    each.summary ?? '',
  ]);
  for (const line of table([['run', 'came to', 'took', 'target', ''], ...rows])) io.out(line);
}

async function stop(parts: PlanParts, words: readonly string[], options: Options, context: CommandContext) {
  const [run, ...more] = words;
  if (run === undefined || more.length > 0) throw new UsageError('stop takes the name of one run');
  const where = await context.place();
  const [store, machines] = [parts.open(where), parts.machines(where)];
  const { manifest, found } = await findRun(store, run, await plansOf(parts));
  if (found.phase === 'ended') throw new UsageError(`${run} is over: ${found.summary ?? found.verdict ?? ''}`);
  await context.confirm(`stop ${run}, and have what it did taken back`);
  const { now = Date.now } = parts;
  const reason = options.reason?.trim() || 'no reason given';
  const asked = { by: await parts.person(where), at: now(), reason };
  const written = await store.transact([requestStop(store.table, { plan: manifest.name, run }, asked)]);
  if (!written.ok) throw new NotRecovered(`${run} ended meanwhile: see "nightshift executions ${manifest.name}"`);
  const execution = await executionFor(machines, manifest.name, run);
  await follow(parts, { store, machines, manifest, run, execution }, where, options, context.io);
}

/** Takes up a run that was left: names of executions are used once, so each one has the next number. */
const MOST_TAKEN_UP = 50;

/** The execution that backs the run out: its own, or one that is started for it because that was aborted. */
async function executionFor(machines: Machines, plan: string, run: string): Promise<string> {
  for (let count = 1; count <= MOST_TAKEN_UP; count++) {
    const name = count === 1 ? run : `${run}.${count}`;
    const status = await machines.statusOf(plan, name);
    if (status === 'RUNNING') return name;
    if (status !== undefined) continue;
    await machines.start(plan, name, {});
    return name;
  }
  throw new NotRecovered(`${run}: taken up ${MOST_TAKEN_UP} times already: look at its incident`);
}
