/** The matrix of the functions behind the journal, of jobs, and of recovery plans: learns the seams of each delivery, interrupts each, and judges. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { MatrixReport } from '../crash-matrix.ts';
import { arm, kindsAt } from '../faults.ts';
import { JOB_BUGS } from '../jobs/bugs.ts';
import { Lanes } from '../lanes.ts';
import { openPlace } from '../place.ts';
import { PLAN_BUGS } from '../plans/bugs.ts';
import { common, numbered } from '../record.ts';
import type { Seam } from '../types.ts';
import { INCIDENT_BUGS } from './bugs.ts';
import { openSites, type Sites, surround } from './site.ts';
import { incidentOf } from './story.ts';
import { type IncidentPoint, MODES, nameOfPoint, type Prepared, type Site, type UnitCase } from './types.ts';

export interface IncidentMatrixOptions {
  readonly select?: (point: IncidentPoint) => boolean;
  /** Of which functions; all by default. */
  readonly units?: readonly string[];
  /** Whether points are run besides the known bugs. */
  readonly points: boolean;
  readonly bugs: boolean;
  readonly report: (line: string) => void;
}

const LANES = 4;
/** A fault that isn't met is tried again on another incident. */
const TRIES = 3;
/** A fault may be met by what goes on after the delivery. */
const MET_WITHIN_MS = 15_000;
/** What is due to be taken up must be as old as the reconciler waits for others to do it. */
const OPENED_MINUTES_AGO = 3;

interface Verdict {
  readonly point: IncidentPoint;
  readonly delivered: boolean;
  readonly violations: readonly string[];
}

const CASES = join(import.meta.dirname, 'cases');
const JOB_CASES = join(import.meta.dirname, '..', 'jobs', 'cases');
const PLAN_CASES = join(import.meta.dirname, '..', 'plans', 'cases');
const namesIn = (folder: string): string[] => readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
/** Functions behind the journal. */
export const unitNames = (): string[] => namesIn(CASES);
export const jobNames = (): string[] => namesIn(JOB_CASES);
export const planNames = (): string[] => namesIn(PLAN_CASES);
const BUGS = [...INCIDENT_BUGS, ...JOB_BUGS, ...PLAN_BUGS];

async function readCase(name: string): Promise<UnitCase> {
  const file = [CASES, JOB_CASES, PLAN_CASES].map((folder) => join(folder, `${name}.ts`)).find(existsSync);
  if (!file) throw new Error(`test/matrix/{incidents,jobs,plans}/cases/${name}.ts is missing`);
  return ((await import(pathToFileURL(file).href)) as { unitCase: UnitCase }).unitCase;
}

/** Runs it in one place. Nothing of it is left behind afterwards. */
export async function incidentMatrix(options: IncidentMatrixOptions): Promise<MatrixReport> {
  const startedAt = performance.now();
  const names = [...unitNames(), ...jobNames(), ...planNames()].filter((name) => options.units?.includes(name) ?? true);
  const cases: UnitCase[] = [];
  // One after the other: Jest's loader can't link two modules at once that share one which isn't loaded yet.
  for (const name of names) cases.push(await readCase(name));
  const place = await openPlace();
  try {
    const around = await surround(place);
    const verdicts: Verdict[] = [];
    if (options.points) {
      const sites = await openSites(around, { name: 'incidents', lanes: LANES, cases });
      for (const unitCase of cases) verdicts.push(...(await runUnit(sites, unitCase, options)));
    }
    const bugs = options.bugs ? BUGS.filter(({ points }) => points.every(({ unit }) => names.includes(unit))) : [];
    const notFound: string[] = [];
    for (const [at, bug] of bugs.entries()) {
      const mine = cases.filter(({ unit }) => bug.points.some((point) => point.unit === unit));
      const sites = await openSites(around, { name: `bug${at + 1}`, lanes: 1, cases: mine, bug });
      const red = await firstRed(sites, mine, bug.points);
      options.report(red ? `found: ${bug.name} (${red})` : `NOT FOUND: ${bug.name}`);
      if (!red) notFound.push(`seeded bug not found: ${bug.name}`);
    }
    return {
      points: verdicts.filter(({ delivered }) => delivered).length,
      held: verdicts.filter(({ delivered, violations }) => delivered && violations.length === 0).length,
      failures: [...verdicts.flatMap(sentences), ...notFound],
      seededBugsFound: bugs.length - notFound.length,
      seededBugs: bugs.length,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await place.close();
  }
}

const sentences = ({ point, delivered, violations }: Verdict): string[] => [
  ...(delivered ? [] : [`${nameOfPoint(point)}: the fault was never delivered`]),
  ...violations.map((violation) => `${nameOfPoint(point)}: ${violation}`),
];

async function runUnit(sites: Sites, unitCase: UnitCase, options: IncidentMatrixOptions): Promise<Verdict[]> {
  const { unit, deliveries } = unitCase;
  const lanes = new Lanes(LANES);
  const learned = await Promise.all(
    Object.keys(deliveries).map((delivery) =>
      lanes.use(async (lane) => {
        const site = sites.of(unit, lane);
        const seams = common(await record(site, unitCase, delivery), await record(site, unitCase, delivery));
        options.report(`${unit} ${delivery}: ${seams.map(({ operation, nth }) => `${operation} #${nth}`).join(', ')}`);
        return MODES.flatMap((mode) =>
          seams.flatMap((seam) => kindsAt(seam).map((kind): IncidentPoint => ({ unit, delivery, seam, kind, mode }))),
        );
      }),
    ),
  );
  const points = learned.flat();
  const chosen = points.filter(options.select ?? (() => true));
  let done = 0;
  return Promise.all(
    chosen.map((point) =>
      lanes.use(async (lane) => {
        const verdict = await tryPoint(sites.of(unit, lane), unitCase, point);
        for (const sentence of sentences(verdict)) options.report(`FAILED ${sentence}`);
        done += 1;
        if (done % 25 === 0) options.report(`${unit}: ${done} of ${chosen.length}`);
        return verdict;
      }),
    ),
  );
}

/** One undisturbed delivery, which must hold, and the calls that it made. */
async function record(site: Site, unitCase: UnitCase, delivery: string): Promise<Seam[]> {
  const prepared = await ready(site, unitCase, delivery, true);
  const seen: Omit<Seam, 'nth'>[] = [];
  const stopListening = site.place.gateway.onCall(({ caller, service, operation }) => {
    if (caller === site.functionName) seen.push({ service, operation });
  });
  const undisturbed = {
    seam: { service: 'none', operation: 'none', nth: 1 },
    kind: 'throttled',
    mode: 'retry',
  } as const;
  try {
    const givenUp = await prepared.deliver(1);
    if (prepared.lingers) await sleep(LINGERS_MS);
    stopListening();
    const violations = [...givenUp, ...(await prepared.check(undisturbed))];
    if (violations.length > 0) throw new Error(`${unitCase.unit} ${delivery}, undisturbed: ${violations.join('; ')}`);
    return numbered(seen);
  } finally {
    stopListening();
    await prepared.dispose?.();
  }
}
const LINGERS_MS = 1_000;

/** @param fresh whether the function begins without the secrets that it read before. */
async function ready(
  site: Site,
  { deliveries, readsSecrets }: UnitCase,
  delivery: string,
  fresh: boolean,
): Promise<Prepared> {
  const prepare = deliveries[delivery];
  if (!prepare) throw new Error(`no delivery ${delivery}`);
  if (readsSecrets && fresh) site.place.lambda.killWorker({ functionName: site.functionName });
  return prepare(site, incidentOf(OPENED_MINUTES_AGO));
}

async function tryPoint(site: Site, unitCase: UnitCase, point: IncidentPoint): Promise<Verdict> {
  for (let tries = 1; ; tries++) {
    const verdict = await runPoint(site, unitCase, point, tries).catch((error: unknown): Verdict => {
      const what = error instanceof Error ? error.message : String(error);
      return { point, delivered: true, violations: [`could not be run: ${what}`] };
    });
    if (verdict.delivered || verdict.violations.length > 0 || tries === TRIES) return verdict;
  }
}

async function runPoint(site: Site, unitCase: UnitCase, point: IncidentPoint, tries: number): Promise<Verdict> {
  const { seam, kind, mode } = point;
  const prepared = await ready(site, unitCase, point.delivery, seam.service === 'ssm');
  const armed = arm(site.place, {}, { name: `${nameOfPoint(point)} ${tries}`, seam, kind }, site.functionName);
  try {
    const givenUp = await prepared.deliver(mode === 'concurrent' ? 2 : 1);
    for (const until = Date.now() + MET_WITHIN_MS; prepared.lingers && !armed.delivered() && Date.now() < until; )
      await sleep(20);
    const delivered = armed.delivered();
    // What lasts is over when the run that met it has ended; what was never met must not meet the check.
    if (!delivered) armed.disarm();
    const violations = [...givenUp, ...(await prepared.check(point))];
    return { point, delivered, violations };
  } finally {
    armed.disarm();
    await prepared.dispose?.();
  }
}

async function firstRed(sites: Sites, cases: readonly UnitCase[], points: readonly IncidentPoint[]) {
  for (const point of points) {
    const unitCase = cases.find(({ unit }) => unit === point.unit);
    if (!unitCase) continue;
    const { delivered, violations } = await tryPoint(sites.of(point.unit, 0), unitCase, point);
    if (delivered && violations[0]) return `${nameOfPoint(point)}: ${violations[0]}`;
  }
  return undefined;
}
