/** The whole matrix: opens the place, learns the seams, runs every point, then the known bugs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { discover } from '../../infra/discover.ts';
import { config as baseConfig } from '../support/fixtures.ts';
import { SEEDED_BUGS, type SeededBug } from './bugs.ts';
import { type Deployment, deploy } from './deployment.ts';
import { kindsAt } from './faults.ts';
import { watchChanges } from './guard.ts';
import { Lanes } from './lanes.ts';
import type { Matrix } from './matrix.ts';
import { openPlace, type Place, REGION } from './place.ts';
import { Reconciling } from './reconciling.ts';
import { common, record } from './record.ts';
import { runPoint, type Verdict } from './run.ts';
import {
  APPROVE_STAGES,
  type MatrixCase,
  MODES,
  type Mode,
  nameOf,
  type OpenCase,
  type Point,
  type Stage,
  tokenOf,
} from './types.ts';

export interface MatrixOptions {
  /** Which of the points to run; all by default. */
  /** How many targets are configured (default 2,000): each point uses one, and the functions read them all when they start. */
  readonly targets?: number;
  readonly select?: (point: Point) => boolean;
  /** Of which remediations, and which deliveries to them; all by default. */
  readonly remediations?: readonly string[];
  readonly stages?: readonly Stage[];
  /** `auto` by default; in `approve` the stages are others. */
  readonly mode?: 'auto' | 'approve';
  /** Of the whole matrix: one remediation in mode `approve`, too. */
  readonly withApprove?: true;
  readonly bugs: boolean;
  readonly report: (line: string) => void;
}

export interface MatrixReport {
  /** Points whose fault was delivered. */
  readonly points: number;
  readonly held: number;
  readonly failures: readonly string[];
  readonly seededBugsFound: number;
  readonly seededBugs: number;
  readonly seconds: number;
}

const LANES = 6;
/** The remediation that is tried in mode `approve`, too. */
const APPROVED = 'scale-out-service';
/** A fault that isn't met (a statement that wasn't needed this time) is tried again on another target. */
const TRIES = 3;

/**
 * The matrix of every remediation (or of those named), one after the other in a place of its own: together they would need more targets than a
 * function can read when it starts.
 */
export async function wholeMatrix(options: MatrixOptions): Promise<MatrixReport> {
  const names = options.remediations ?? (await remediationNames());
  const reports: MatrixReport[] = [];
  for (const name of names) reports.push(await crashMatrix({ ...options, remediations: [name] }));
  // Asking is the engine's: one remediation shows it.
  const asking = names.filter((name) => options.withApprove && name === APPROVED);
  for (const name of asking)
    reports.push(await crashMatrix({ ...options, remediations: [name], mode: 'approve', bugs: false }));
  return added(reports);
}

/** Several matrices as one. */
export function added(reports: readonly MatrixReport[]): MatrixReport {
  const sum = (of: (report: MatrixReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  return {
    points: sum(({ points }) => points),
    held: sum(({ held }) => held),
    failures: reports.flatMap(({ failures }) => failures),
    seededBugsFound: sum(({ seededBugsFound }) => seededBugsFound),
    seededBugs: sum(({ seededBugs }) => seededBugs),
    seconds: sum(({ seconds }) => seconds),
  };
}

/** Of so many points, one: the same ones every time, spread over all seams, kinds and modes. */
export const oneIn = (count: number) => (point: Point) => isOneIn(count, nameOf(point));
export const isOneIn = (count: number, name: string): boolean =>
  [...name].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521, 7) % count === 0;

/** Runs the matrix in one place. Nothing of it is left behind afterwards. */
export async function crashMatrix(options: MatrixOptions): Promise<MatrixReport> {
  const startedAt = performance.now();
  const place = await openPlace();
  try {
    const matrixCases = await findCases(options.remediations);
    const run = new Run(place, matrixCases, options, await openCases(place, matrixCases));
    const verdicts = await run.points();
    const bugs = options.bugs ? await run.bugs() : { tried: 0, found: 0, failures: [] };
    const held = verdicts.filter(({ delivered, violations }) => delivered && violations.length === 0).length;
    return {
      points: verdicts.filter(({ delivered }) => delivered).length,
      held,
      failures: [...verdicts.flatMap(sentences), ...bugs.failures],
      seededBugsFound: bugs.found,
      seededBugs: bugs.tried,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await place.close();
  }
}

const sentences = ({ point, delivered, violations }: Verdict): string[] => [
  ...(delivered ? [] : [`${nameOf(point)}: the fault was never delivered`]),
  ...violations.map((violation) => `${nameOf(point)}: ${violation}`),
];

export async function remediationNames(): Promise<string[]> {
  const { remediations } = await discover();
  return remediations.map(({ manifest }) => manifest.name);
}

/** A case for every remediation. @throws Error naming the file that is missing. */
async function findCases(only?: readonly string[]): Promise<MatrixCase[]> {
  const names = (await remediationNames()).filter((name) => !only || only.includes(name));
  return Promise.all(
    names.map(async (name) => {
      const file = join(import.meta.dirname, 'cases', `${name}.ts`);
      if (!existsSync(file))
        throw new Error(`test/matrix/cases/${name}.ts is missing: the matrix needs to know how to set up its target`);
      return ((await import(pathToFileURL(file).href)) as { matrixCase: MatrixCase }).matrixCase;
    }),
  );
}

async function openCases(place: Place, cases: readonly MatrixCase[]): Promise<Map<string, OpenCase>> {
  const opened = await Promise.all(cases.map(async (each) => [each.remediation, await each.open(place)] as const));
  return new Map(opened);
}

/** Short times of our own; nothing else differs from a deployment. The cooldown outlasts a run, so one incident is one action. */
function configOf(
  cases: ReadonlyMap<string, OpenCase>,
  targets: number,
  rivals: readonly string[],
  mode: 'auto' | 'approve' = 'auto',
): RuntimeConfig {
  const configured = Array.from({ length: targets }, (_, index) =>
    [...cases.values()].map((each) => each.configure(tokenOf(index), index)),
  ).flat();
  const named = <Item extends { name: string }>(items: (Item | undefined)[]) =>
    Object.fromEntries(items.flatMap((item) => (item ? [[item.name, item]] : [])));
  const limits = { mode, cooldownSeconds: 3_600, perTargetPerHour: 3, perRunbookPerHour: 20_000 };
  return {
    ...baseConfig,
    name: 'matrix',
    region: REGION,
    services: named(configured.map(({ service }) => service)),
    databases: named(configured.map(({ database }) => database)),
    endpoints: named(configured.map(({ endpoint }) => endpoint)),
    certificates: named(configured.map(({ certificate }) => certificate)),
    runbooks: Object.fromEntries([...cases.keys(), ...rivals].map((name) => [name, limits])),
    fleet: { changesPerHour: 50_000, removalsPerHour: 50_000, describesPerSecond: 1000 },
    reconcileEverySeconds: 5,
    // An intent is stale after it: longer than three of the rounds in run.ts, and over before the last of them.
    verifyWithinSeconds: 180,
  };
}

class Run {
  readonly #place: Place;
  readonly #matrixCases: readonly MatrixCase[];
  readonly #options: MatrixOptions;
  readonly #cases: Map<string, OpenCase>;
  readonly #config: RuntimeConfig;
  readonly #targets: number;
  readonly #rivals: readonly string[];
  #nextTarget = 0;

  constructor(place: Place, matrixCases: readonly MatrixCase[], options: MatrixOptions, cases: Map<string, OpenCase>) {
    this.#place = place;
    this.#matrixCases = matrixCases;
    this.#options = options;
    this.#cases = cases;
    this.#targets = options.targets ?? 2_000;
    this.#rivals = matrixCases.flatMap(({ rival }) => rival ?? []);
    this.#config = configOf(cases, this.#targets, this.#rivals, options.mode);
  }

  async points(): Promise<Verdict[]> {
    const deployment = await this.#deploy('matrix', LANES, [...new Set([...this.#cases.keys(), ...this.#rivals])]);
    const reconciling = new Reconciling(this.#place, deployment, this.#options.report);
    const matrix = this.#matrix(deployment, reconciling);
    const stopWatching = watchChanges(matrix, (caller) => caller.startsWith('matrix-'));
    const points = await this.#plan(matrix);
    this.#options.report(`${points.length} points`);
    reconciling.start();
    try {
      return await this.#runAll(matrix, points);
    } finally {
      await reconciling.stop();
      stopWatching();
    }
  }

  /** Each known bug must be found at one of its points, without the reconciler's help unless the bug asks for it. */
  async bugs(): Promise<{ tried: number; found: number; failures: string[] }> {
    const failures: string[] = [];
    const bugs = SEEDED_BUGS.filter(({ points }) => points.every(({ remediation }) => this.#cases.has(remediation)));
    for (const [at, bug] of bugs.entries()) {
      const name = `bug${at + 1}`;
      const deployment = await this.#deploy(
        name,
        1,
        bug.points.map(({ remediation }) => remediation),
        bug,
      );
      const reconciling = bug.reconciled && new Reconciling(this.#place, deployment, this.#options.report);
      const matrix = this.#matrix(deployment, reconciling);
      const stopWatching = watchChanges(matrix, (caller) => caller.startsWith(`${name}-`));
      reconciling?.start();
      const red = await this.#firstRed(matrix, bug.points);
      await reconciling?.stop();
      stopWatching();
      this.#options.report(red ? `found: ${bug.name} (${red})` : `NOT FOUND: ${bug.name}`);
      if (!red) failures.push(`seeded bug not found: ${bug.name}`);
    }
    return { tried: bugs.length, found: bugs.length - failures.length, failures };
  }

  #deploy(name: string, lanes: number, remediations: string[], bug?: SeededBug): Promise<Deployment> {
    return deploy(this.#place, { name, config: this.#config, lanes, remediations, ...(bug && { bug }) });
  }

  async #firstRed(matrix: Matrix, points: readonly Point[]): Promise<string | undefined> {
    for (const point of points) {
      const { delivered, violations } = await this.#try(matrix, point);
      // Where no reconciler runs, that something is left for it says nothing.
      const [first] = violations.filter((violation) => !violation.includes('not settled'));
      if (delivered && first) return `${nameOf(point)}: ${first}`;
    }
    return undefined;
  }

  #matrix(deployment: Deployment, reconciling?: Reconciling): Matrix {
    const lanes = new Lanes(deployment.lanes);
    const rivals = new Map(
      this.#matrixCases.flatMap(({ remediation, rival }) => (rival ? [[remediation, rival]] : [])),
    );
    const callsOnly = new Set(
      this.#matrixCases.flatMap(({ remediation, callsOnly }) => (callsOnly ? [remediation] : [])),
    );
    const shared = { place: this.#place, cases: this.#cases, rivals, callsOnly };
    return { ...shared, deployment, lanes, found: new Map(), ...(reconciling && { reconciling }) };
  }

  #target(): { token: string; index: number } {
    const index = this.#nextTarget++;
    if (index >= this.#targets) throw new Error(`more than ${this.#targets} targets are needed: raise \`targets\``);
    return { token: tokenOf(index), index };
  }

  async #plan(matrix: Matrix): Promise<Point[]> {
    const points: Point[] = [];
    for (const { remediation, stages: own, rival, toldByEvents } of this.#matrixCases) {
      // Of an alarm whose event was lost CloudWatch still tells; a service's own event has Lambda's retries and the failure queue alone.
      const again = toldByEvents ? MODES.filter((mode) => mode !== 'reconciler') : MODES;
      const stages = this.#options.mode === 'approve' ? APPROVE_STAGES : own;
      for (const stage of stages.filter((each) => this.#options.stages?.includes(each) ?? true)) {
        const first = await record(matrix, remediation, stage, this.#target());
        const seams = common(first, await record(matrix, remediation, stage, this.#target()));
        this.#options.report(`${remediation} ${stage}: ${seams.length} calls and statements`);
        for (const mode of rival && stage === 'firing' ? ([...again, 'rival'] as const) : again)
          for (const seam of seams)
            for (const kind of kindsAt(seam)) points.push({ remediation, stage, seam, kind, mode });
      }
    }
    return points.filter(this.#options.select ?? (() => true));
  }

  async #runAll(matrix: Matrix, points: readonly Point[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    const tell = (verdict: Verdict) => {
      verdicts.push(verdict);
      for (const sentence of sentences(verdict)) this.#options.report(`FAILED ${sentence}`);
      if (verdicts.length % 25 === 0) this.#options.report(`${verdicts.length} of ${points.length}`);
    };
    await Promise.all(
      this.#matrixCases.map(({ remediation, targetsAtOnce }) => {
        // What waits for the reconciler goes first, so that its waiting is filled with the others.
        const own = points.filter((point) => point.remediation === remediation).sort(byWaiting);
        return inParallel(own, targetsAtOnce, async (point) => tell(await this.#try(matrix, point)));
      }),
    );
    return verdicts;
  }

  /** Again on another target when the fault wasn't met, or what comes before it went wrong (another alarm's order came first, say). */
  async #try(matrix: Matrix, point: Point): Promise<Verdict> {
    for (let tries = 1; ; tries++) {
      const { token, index } = this.#target();
      try {
        const verdict = await runPoint(matrix, point, token, index);
        if (verdict.delivered || verdict.violations.length > 0 || tries === TRIES) return verdict;
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        if (tries === TRIES) return { point, delivered: false, violations: [`could not be run: ${what}`] };
        this.#options.report(`once more: ${nameOf(point)}: ${what}`);
      }
    }
  }
}

const ORDER: readonly Mode[] = [...MODES, 'rival'];
const byWaiting = (a: Point, b: Point): number => ORDER.indexOf(b.mode) - ORDER.indexOf(a.mode);

async function inParallel<Item>(items: readonly Item[], count: number, run: (item: Item) => Promise<void>) {
  const waiting = [...items];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await run(next);
  };
  await Promise.all(Array.from({ length: count }, work));
}
