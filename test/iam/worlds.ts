/** The worlds in which Nightshift takes its paths, and what its functions asked of IAM there. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOGINS } from '../../functions/recovery/secret-rotation/manifest.ts';
import type { Role } from '../../local/iam/roles.ts';
import { allScenarios, choose } from '../../local/scenarios/discover.ts';
import { type Audience, playAll } from '../../local/scenarios/runner.ts';
import type { Scenario } from '../../local/scenarios/types.ts';
import { ACCOUNTS_PLANS } from '../../local/services/accounts.ts';
import { startWorld, type World, type WorldOptions } from '../../local/world/world.ts';
import { type SecretsWatch, secretsOf, watchForSecrets } from '../support/secrets-scan.ts';
import { ABROAD_CASES } from './cases/abroad.ts';
import { BUDGET_CASES } from './cases/budgets.ts';
import { CERTIFICATE_CASES } from './cases/certificates.ts';
import { COPY_CASE } from './cases/copies.ts';
import { DATABASE_CASES } from './cases/databases.ts';
import { DEPLOYMENT_CASES } from './cases/deployments.ts';
import { DIAGNOSE_CASES } from './cases/diagnose.ts';
import { FOLLOW_CASES } from './cases/follow-through.ts';
import { JOB_CASES } from './cases/jobs.ts';
import { LINK_CASES } from './cases/links.ts';
import { NOTIFY_CASES } from './cases/notify.ts';
import { OBSERVE_CASES } from './cases/observe.ts';
import { PLAN_CASES } from './cases/plans.ts';
import { RECONCILER_CASES } from './cases/reconciler.ts';
import { SERVICE_CASES } from './cases/service.ts';
import { type Comparison, compare, type Use } from './compare.ts';
import { type Deployed, readDeployed } from './invisible-actions.ts';
import type { WorldName } from './world-names.ts';

export interface Played {
  readonly roles: readonly Role[];
  readonly deployed: Deployed;
  /** What the world's functions asked for. */
  readonly uses: readonly Use[];
  /** A path that wasn't taken proves nothing: one sentence for each. */
  readonly failures: readonly string[];
}

export interface Surroundings {
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  /** Given each world once it is up. */
  readonly onWorld?: (world: World) => void;
}

/** The demo, a recovery plan, and every path that they don't take. */
export async function playActing(around: Surroundings): Promise<Played> {
  const all = await allScenarios<World>();
  const demo = choose(all, ['demo', 'site-down']);
  return play(
    [
      ...demo,
      ...RECONCILER_CASES,
      ...SERVICE_CASES,
      ...DATABASE_CASES,
      ...DEPLOYMENT_CASES,
      ...BUDGET_CASES,
      ...NOTIFY_CASES,
      ...LINK_CASES,
      ...FOLLOW_CASES,
      ...DIAGNOSE_CASES,
      // Last: what remediations held meanwhile is looked at again a little later.
      ...choose(all, ['service-recovery']),
    ],
    around,
    { configPath: join(import.meta.dirname, 'acting.config.ts') },
  );
}

/** Scheduled jobs are in the smaller of the two worlds, because no mode stops them, and so are certificates and AWS Health, which it alone has. */
export async function playObserving(around: Surroundings): Promise<Played> {
  const health = choose(await allScenarios<World>(), ['aws-health']);
  return play([...OBSERVE_CASES, ...health, ...CERTIFICATE_CASES, ...JOB_CASES], around, {
    configPath: join(import.meta.dirname, 'observe.config.ts'),
    name: 'iam-observe',
    waitScale: JOBS_WAIT,
  });
}

/**
 * The plans that need a database of their own, in a world of their own, which only `npm run iam-check` plays: beside everything else they would be too much for a small machine. Of the
 * roles, theirs.
 */
export async function playRecovering(around: Surroundings): Promise<Played> {
  const plans = choose(await allScenarios<World>(), ACCOUNTS_PLANS);
  const played = await play([...PLAN_CASES, ...plans], around, { name: 'iam-plans' });
  const isOfPlan = (role: Role): boolean =>
    [...ACCOUNTS_PLANS, LOGINS].some((name) => role.functions.some((each) => each.endsWith(`-${name}`)));
  return { ...played, roles: played.roles.filter(isOfPlan) };
}

/**
 * The plan for the loss of a region and what fences it, in a world with a deployment in each of its two regions, which only `npm run iam-check` plays, too.
 * @returns of both deployments, those roles of which every path is taken there.
 */
export async function playFailingOver(around: Surroundings): Promise<Played[]> {
  const plans = choose(await allScenarios<World>(), ['region-failover']);
  const primary = await play(plans, around, { name: 'iam-failover' });
  const only = (played: Played, units: readonly string[]): Played => ({
    ...played,
    roles: played.roles.filter(({ functions }) =>
      units.some((unit) => functions.some((each) => each.endsWith(`-${unit}`))),
    ),
  });
  const standby = only({ ...primary, ...primary.standby, failures: [] }, [
    'region-failover',
    'keep-authority',
    'set-authority',
  ]);
  return [only(primary, ['set-authority']), standby];
}

/** Jobs that reach beyond their region, and heartbeats, in a world of their own that only `npm run iam-check` plays, too. Of the roles, those of which every path is taken there. */
export async function playAbroad(around: Surroundings): Promise<Played> {
  const played = await play([...ABROAD_CASES, COPY_CASE], around, {
    configPath: join(import.meta.dirname, 'abroad.config.ts'),
    ...{ name: 'iam-abroad', waitScale: JOBS_WAIT },
    // A beat lasts for most of its minute: with schedules compressed, so many of them run at once that nothing else gets its turn.
    timeScale: 1,
  });
  const jobs = ['back-up-database', 'prune-backups', 'export-backup', 'check-standby'];
  const units = [...jobs, 'copy-snapshot', 'write-heartbeat'];
  const isPlayed = ({ functions }: Role) => units.some((unit) => functions.some((each) => each.endsWith(`-${unit}`)));
  return { ...played, roles: played.roles.filter(isPlayed) };
}

/** Jobs look again after half a minute or more. */
const JOBS_WAIT = 0.2;

/** The first world has none of them. Jobs' by the logical id of the construct that they are made in. */
const isOwn = ({ logicalId, functions }: Role): boolean =>
  logicalId.startsWith('Jobs') || functions.some((name) => /-(renew-certificate|call-person)$/.test(name));

/** Of the observing world, the roles whose every path is taken there. */
const ownOf = (observing: Played): Played => ({ ...observing, roles: observing.roles.filter(isOwn) });

/** The roles whose every path is taken in that world, with what was asked for there. */
export const fullyPlayed = (acting: Played, observing: Played): readonly Played[] => [acting, ownOf(observing)];

/**
 * What is missing in any of the worlds; unused is what the world in which every path of a role is taken never needed: ids of databases differ from world
 * to world, so what one world used can't speak for another's grants.
 * @param fully of each world, the roles whose every path is taken there.
 */
function comparePlayed(worlds: readonly Played[], fully: readonly Played[]): Comparison {
  const compared = ({ roles, uses, deployed }: Played) => compare(roles, uses, deployed);
  const played = fully.map(compared);
  return {
    roles: played.reduce((total, { roles }) => total + roles, 0),
    missing: worlds.flatMap((each) => compared(each).missing),
    unused: played.flatMap(({ unused }) => unused),
  };
}

export const compareWorlds = (acting: Played, observing: Played): Comparison =>
  comparePlayed([acting, observing], fullyPlayed(acting, observing));

type Play = (around: Surroundings) => Promise<readonly Played[]>;
const one =
  (play: (around: Surroundings) => Promise<Played>): Play =>
  async (around) => [await play(around)];

export const WORLDS: Readonly<Record<WorldName, Play>> = {
  acting: one(playActing),
  observing: one(playObserving),
  plans: one(playRecovering),
  failover: playFailingOver,
  abroad: one(playAbroad),
};

/** Of worlds that weren't played nothing is said. */
export function compareAll(played: Partial<Record<WorldName, readonly Played[]>>): Comparison {
  const { observing = [], ...others } = played;
  const rest = Object.values(others).flat();
  return comparePlayed([...observing, ...rest], [...observing.map(ownOf), ...rest]);
}

const QUIET_WITHIN_MS = 20_000;

/** A case ends when its effect is seen; what the function still does afterwards, such as writing it down, belongs to its path. */
async function quiet(world: World): Promise<void> {
  const until = performance.now() + QUIET_WITHIN_MS;
  while (world.lambda.pending() > 0 && performance.now() < until) await sleep(20);
}

const audienceOf = (tell: Surroundings['tell']): Audience<World> => ({
  started: ({ name, summary }) => tell(`${name}: ${summary}`),
  step: ({ name }, text) => tell(`${name}: ${text}`),
  ended: ({ name }, { status, error }) => tell(`${name}: ${status}${error ? ` (${error})` : ''}`),
});

/** One sentence for each secret of the world that stands where it must not (invariant I11). */
async function secretsLeftBy(world: World, watch: SecretsWatch): Promise<string[]> {
  const { leaks, looked } = await watch.scan(await secretsOf(world));
  watch.stop();
  // Nothing found in nothing proves nothing.
  const unseen = ['log', 'journal', 'environment', 'template', 'state machine'].filter((kind) => !looked[kind]);
  return [
    ...leaks.map(({ secret, where }) => `${secret} stands in: ${where}`),
    ...unseen.map((kind) => `no ${kind} was there to look for secrets in`),
  ];
}

/**
 * Plays in a world of its own. Policies aren't enforced meanwhile: one permission that is missing would keep the calls behind it from being
 * made, and hide what else is wrong.
 */
async function play(
  scenarios: readonly Scenario<World>[],
  { tell, signal, onWorld }: Surroundings,
  differing: Pick<WorldOptions, 'configPath' | 'timeScale' | 'waitScale'> & { readonly name?: string } = {},
): Promise<Played & { readonly standby?: Pick<Played, 'roles' | 'deployed'> }> {
  const environment = Object.assign({}, ...scenarios.map((scenario) => scenario.environment));
  const options = { name: 'iam-check', enforcePolicies: false, environment, report: tell, signal };
  const world = await startWorld({ ...options, ...differing });
  onWorld?.(world);
  try {
    // Every path is taken here: the widest place to look for secrets, too.
    const watch = await watchForSecrets(world);
    const results = await playAll(world, scenarios, audienceOf(tell), signal);
    const failures = results.filter(({ status }) => status !== 'passed').map(({ name, error }) => `${name}: ${error}`);
    await quiet(world);
    failures.push(...(await secretsLeftBy(world, watch)));
    const { accountId: account, region } = world.context;
    const madeBy = ({ roles, template, stackName }: World['deployed'], region: string) => ({
      roles,
      deployed: readDeployed(template, { account, region, stackName }),
    });
    const uses = [...world.gateway.calls(), ...world.gateway.iam.asked()];
    const standby = world.twoRegions?.standby;
    return {
      ...{ ...madeBy(world.deployed, region), uses, failures },
      ...(standby && { standby: madeBy(standby, standby.region) }),
    };
  } finally {
    await world.stop();
  }
}
