/** `database-restore`: its steps, put together of what they look at (AWS), what they decide (pure) and what they change. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import * as z from 'zod/mini';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { clientDefaults, onceClientDefaults } from '../../engine/clients.ts';
import type { DatabaseConfig, RestoreConfig, RuntimeConfig, ServiceConfig, VerifyConfig } from '../../engine/config.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError, EngineError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { readRuns } from '../../jobs/items.ts';
import { byFunction, type Reader } from '../../jobs/verify-backup/by-function.ts';
import { lastProofs, takenTimes, verifiedBackups } from '../../jobs/verify-backup/history.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { readHealth } from '../service-health.ts';
import type { StepCode, StepContext, Targets } from '../step.ts';
import { type Checked, type CheckProgress, judge, lossOf, NOTHING_READ, type Reading } from './check.ts';
import { makeCurrent, mentions, names, pointSecretAt, readVersions, versionOfRun } from './connection.ts';
import {
  admissionApplied,
  type ChooseSeen,
  type Chosen,
  choose,
  decideAdmission,
  decideRemoval,
  decideRestore,
  type Input,
  idOf,
  protection,
  proveAdmission,
  proveRemoval,
  proveRestore,
  type RestoreSeen,
  removalApplied,
  restoreApplied,
  tagsOf,
  unfit,
  useOf,
} from './decide.ts';
import { admit, protect, readNew, readOld, remove, restore } from './instance.ts';
import { manifest } from './manifest.ts';
import type { Address } from './point-at.ts';
import { readAll, type Subject } from './reading.ts';
import {
  decideRoll,
  decideSwitch,
  decideSwitchBack,
  nameOf,
  proveRoll,
  proveServices,
  proveSwitch,
  proveSwitchBack,
  rollApplied,
  rolledFrom,
  type SeenService,
  type SwitchSeen,
  switchApplied,
  switchBackApplied,
  toReplace,
  unrollable,
  unrolled,
  versionsOf,
} from './services.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
/** A second forced deployment isn't the first one again: an answer that was lost is never asked for by another call. */
const changes = new ECSClient(onceClientDefaults());

/** Runs that tell which backups were proved. */
const RUNS = 100;

const input = z.strictObject({
  database: z.string().check(z.minLength(1), z.maxLength(63)),
  snapshot: z.optional(z.string().check(z.minLength(1), z.maxLength(255))),
  reason: z.optional(z.string().check(z.maxLength(500))),
});

type Context = StepContext<Input>;

interface Settings {
  readonly database: DatabaseConfig;
  readonly restore: RestoreConfig;
  readonly verify: VerifyConfig;
  readonly services: readonly ServiceConfig[];
}

function settingsIn(
  { database: name }: Input,
  config: Pick<RuntimeConfig, 'databases' | 'services'>,
): Settings | undefined {
  const database = config.databases[name];
  const verify = database?.backup?.verify;
  if (!database?.restore || !verify) return undefined;
  const services = Object.values(config.services).filter(({ dependsOn }) => dependsOn.includes(name));
  return { database, restore: database.restore, verify, services };
}

/** @throws ActionFailedError when the configuration that is deployed by now doesn't have it any more. */
function settingsOf({ input: given, config }: Context): Settings {
  const found = settingsIn(given, config);
  if (!found) throw new ActionFailedError(`databases.${given.database}.restore: not in the configuration any more`);
  return found;
}

/** A rehearsal changes nothing that anybody uses, so it takes nobody's target in hand for the hours that it may last. */
export function targetsOf(given: Input, config: RuntimeConfig, rehearse: boolean): Targets {
  const found = settingsIn(given, config);
  if (!found) {
    const names = Object.keys(config.databases).filter((name) => settingsIn({ database: name }, config));
    return {
      kind: 'refused',
      why: `database: "${given.database}" has no "restore" in the configuration; ${names.length > 0 ? `these have: ${names.join(', ')}` : 'no database has one (docs/recovery.md)'}`,
    };
  }
  if (found.services.length === 0)
    return {
      kind: 'refused',
      why: `no service depends on ${given.database} (services.<name>.dependsOn): nobody would be pointed at the new instance`,
    };
  if (rehearse) return { kind: 'targets', targets: [] };
  return {
    kind: 'targets',
    targets: [`rds-instance/${given.database}`, ...found.services.map((each) => `ecs-service/${nameOf(each)}`)],
  };
}

/** Waits grow with what they wait for: a twentieth of it, so that looking adds no more than that. */
const pollSeconds = ({ now, lastChangeAt }: Pick<Context, 'now' | 'lastChangeAt'>): number =>
  Math.min(60, Math.max(5, Math.round((now() - lastChangeAt) / 20_000)));

const newIdOf = ({ run, input: given, rehearse, config }: Context): string =>
  idOf(run, given, { rehearse, deployment: config.name });
const ownTags = ({ run, config }: Context) => tagsOf(config.name, run);

/** Left by `choose`, which every later step comes after. @throws ActionFailedError */
function chosenOf({ results }: Context): Chosen {
  const found = results.choose;
  if (found === undefined) throw new ActionFailedError('choose left no result');
  return found as unknown as Chosen;
}

function addressOf({ results }: Context): Address & { readonly resourceId: string } {
  const found = results.restore;
  if (found === undefined) throw new ActionFailedError('restore left no result');
  return found as unknown as Address & { readonly resourceId: string };
}

const checkedOf = ({ results }: Context): Checked =>
  (results.check as unknown as Checked | undefined) ?? { recoveryPointAt: null, checks: 0 };

function subjectOf(context: Context): Subject {
  const { host, port } = addressOf(context);
  return { database: context.input.database, deployment: context.config.name, address: { host, port } };
}

const readServices = (context: Context): Promise<SeenService[]> =>
  Promise.all(
    settingsOf(context).services.map(async (target) => ({
      target,
      seen: await readHealth({ ecs, cloudwatch }, target, context.config, context.lastChangeAt),
    })),
  );

async function observeNew(context: Context): Promise<RestoreSeen> {
  const { restore, verify, database } = settingsOf(context);
  const [instance, { current, isMade }] = await Promise.all([
    readNew(newIdOf(context)),
    readVersions(restore.connectionSecretArn, versionOfRun(context.run)),
  ]);
  const address = instance?.address;
  const isNamed =
    address !== undefined && !isMade && (await mentions(restore.connectionSecretArn, current, address, database));
  return { instance, use: useOf(instance, { isMade, isNamed, checkedBy: verify.securityGroupId }) };
}

async function observeSwitch(context: Context): Promise<SwitchSeen> {
  const { connectionSecretArn } = settingsOf(context).restore;
  const [versions, services, wrong] = await Promise.all([
    readVersions(connectionSecretArn, versionOfRun(context.run)),
    readServices(context),
    // The way back looks by this, too, and doesn't depend on RDS.
    unfitNow(context).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error;
      return { passing: true, why: error.message };
    }),
  ]);
  return { versions, services, unfit: wrong };
}

async function unfitNow(context: Context) {
  const { verify } = settingsOf(context);
  const { resourceId, ...address } = addressOf(context);
  return unfit(await readNew(newIdOf(context)), {
    ...{ newId: newIdOf(context), owner: ownTags(context), address, resourceId },
    // Nobody was admitted to that of a rehearsal.
    securityGroups: context.rehearse ? [verify.securityGroupId] : chosenOf(context).old.securityGroups,
  });
}

/** @param which names of those whose tasks are to be replaced. */
async function replaceTasks(
  context: Context,
  which: (services: readonly SeenService[]) => string[],
): Promise<string[]> {
  const services = await readServices(context);
  const old = which(services);
  for (const { target } of services.filter((each) => old.includes(nameOf(each.target)))) {
    const { cluster, service } = target;
    try {
      await sendOnce(() => changes.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true })));
    } catch (error) {
      throw classifyAwsError(`force a new deployment of ${nameOf(target)}`, error);
    }
  }
  return old;
}

const looksOnly = (name: string) => ({
  act: () => Promise.reject(new ActionFailedError(`${name} changes nothing`)),
  alreadyApplied: () => 'unclear' as const,
  verify: () => ({ kind: 'bad' as const, detail: `${name} changes nothing` }),
});

const removal = {
  decide: (seen: RestoreSeen, context: Context) =>
    decideRemoval(seen, newIdOf(context), ownTags(context), pollSeconds(context)),
  act: (context: Context) => removeUnlessUsed(context),
  alreadyApplied: (_change: Change, seen: RestoreSeen) => removalApplied(seen),
  verify: (_change: Change, seen: RestoreSeen, context: Context) =>
    proveRemoval(seen, newIdOf(context), pollSeconds(context)),
};

/** Whether services were pointed at it is asked again directly before. */
async function removeUnlessUsed(context: Context): Promise<ActReport> {
  const { use } = await observeNew(context);
  if (use !== undefined) throw new ActionFailedError(`${newIdOf(context)}: ${use}, so it isn't removed`);
  return remove(newIdOf(context), ownTags(context));
}

/** @param read asks the function in the network of restored backups. */
export function databaseRestore(read: Reader): PlanCode<Input> {
  const steps: Record<string, StepCode<Input, never>> = {};
  const step = <Seen>(name: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[name] = code as unknown as StepCode<Input, never>;
  };

  step<ChooseSeen>('choose', {
    ...looksOnly('choose'),
    observe: (context) => observeBefore(context),
    decide: (seen, context) =>
      choose(seen, context.input, {
        ...{ deployment: context.config.name, newId: newIdOf(context), now: context.now() },
        dataLossSeconds: manifest.targets.dataLossSeconds,
      }),
  });
  step<RestoreSeen>('restore', {
    observe: observeNew,
    decide: (seen, context) => decideRestore(seen, chosenOf(context)),
    act: (context, change) => {
      const { verify } = settingsOf(context);
      return restore({ chosen: chosenOf(context), verify, tags: ownTags(context), rehearse: context.rehearse }, change);
    },
    alreadyApplied: (_change, seen, context) => restoreApplied(seen, ownTags(context)),
    verify: (_change, seen, context) => proveRestore(seen, chosenOf(context), pollSeconds(context)),
    rehearsal: 'act',
    compensation: removal,
  });
  step<Reading>('check', {
    ...looksOnly('check'),
    observe: (context) =>
      readAll(
        read,
        subjectOf(context),
        settingsOf(context).verify,
        chosenOf(context),
        (context.results.check as unknown as CheckProgress | undefined) ?? NOTHING_READ,
      ),
    decide: (seen, context) => judge(seen, pollSeconds(context)),
  });
  step<RestoreSeen>('admit', {
    observe: observeNew,
    decide: (seen, context) => decideAdmission(seen, chosenOf(context), settingsOf(context).verify.securityGroupId),
    act: (context, change) => admit(newIdOf(context), change),
    alreadyApplied: admissionApplied,
    verify: (change, seen, context) => proveAdmission(change, seen, pollSeconds(context)),
  });
  step<SwitchSeen>('switch', {
    observe: observeSwitch,
    decide: (seen, context) => decideSwitch(seen, versionOfRun(context.run), newIdOf(context)),
    async act(context, change) {
      const secret = settingsOf(context).restore.connectionSecretArn;
      const wrong = await unfitNow(context);
      if (wrong) throw new ChangedBySomeoneElseError('the new instance', 'as it was checked', wrong.why);
      const { host, port } = addressOf(context);
      const addresses = { old: chosenOf(context).old.address, new: { host, port }, instance: newIdOf(context) };
      await pointSecretAt({ secret, ...versionsOf(change) }, addresses);
      return { summary: `pointed the secret at ${newIdOf(context)}`, data: versionsOf(change) };
    },
    alreadyApplied: switchApplied,
    verify: proveSwitch,
    compensation: {
      decide: (seen, _context, made) => decideSwitchBack(seen, made),
      async act(context, change) {
        const secret = settingsOf(context).restore.connectionSecretArn;
        await makeCurrent({ secret, ...versionsOf(change) });
        const versions = await readVersions(secret, versionOfRun(context.run));
        const rolled = await replaceTasks(context, (services) => toReplace(change, { versions, services }));
        return {
          summary: `pointed the secret at the old instance, replaces the tasks of ${rolled.join(', ') || 'none'}`,
          data: {},
        };
      },
      alreadyApplied: switchBackApplied,
      verify: proveSwitchBack,
    },
  });
  step<readonly SeenService[]>('roll', {
    observe: readServices,
    decide: decideRoll,
    async act(context, change) {
      const rolled = await replaceTasks(context, (services) => unrolled(rolledFrom(change), services));
      return { summary: `told ECS to replace the tasks of ${rolled.join(', ') || 'none'}`, data: {} };
    },
    alreadyApplied: rollApplied,
    verify: (change, seen, { now }) => {
      const proof = proveRoll(change, seen);
      // From here on no task writes to the old instance.
      return proof.kind === 'good' ? { ...proof, result: { writtenUntil: now() } } : proof;
    },
  });
  step<readonly SeenService[]>('prove', {
    ...looksOnly('prove'),
    observe: readServices,
    decide: (seen, { lastChangeAt, now, config: { metricPeriodSeconds: periodSeconds }, rehearse }) =>
      rehearse
        ? { kind: 'done', detail: 'a rehearsal: nobody was pointed at it' }
        : proveServices(seen, { lastChangeAt, now: now(), periodSeconds }),
  });
  step<RestoreSeen>('finish', {
    rehearsal: 'act',
    // A recovery that is proved isn't backed out because RDS can't be asked just now, or refuses the protection: a person is told to see to it.
    observe: (context) => (context.rehearse ? observeNew(context) : seenAtTheEnd(context)),
    decide: (seen, context) => {
      if (context.rehearse) {
        const next = removal.decide(seen, context);
        return next.kind === 'done' ? { ...next, detail: `${next.detail}; ${lossIn(context)}` } : next;
      }
      const change = protection(seen, chosenOf(context));
      return change ? { kind: 'act', change } : { kind: 'done', detail: endOf(seen, context) };
    },
    act: (context) => (context.rehearse ? removeUnlessUsed(context) : protectIfPossible(context)),
    alreadyApplied: (_change, seen, context) =>
      context.rehearse ? removalApplied(seen) : seen.instance?.isProtected ? 'yes' : 'no',
    verify: (change, seen, context) => {
      if (!context.rehearse) return { kind: 'good', detail: endOf(seen, context) };
      const proof = removal.verify(change, seen, context);
      return proof.kind === 'good' ? { ...proof, detail: `${proof.detail}; ${lossIn(context)}` } : proof;
    },
  });

  return {
    manifest,
    readInput: (given) => {
      const { success, data, error } = input.safeParse(given);
      return success ? { ok: true, input: data } : { ok: false, faults: z.prettifyError(error) };
    },
    targetsOf,
    steps,
  };
}

const lossIn = (context: Context): string => {
  const { writtenUntil = context.now() } = (context.results.roll ?? {}) as { readonly writtenUntil?: number };
  return lossOf(chosenOf(context), checkedOf(context), writtenUntil, context.rehearse);
};

async function seenAtTheEnd(context: Context): Promise<RestoreSeen> {
  try {
    return { instance: await readNew(newIdOf(context)), use: undefined };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { instance: undefined, use: undefined };
  }
}

async function protectIfPossible(context: Context): Promise<ActReport> {
  try {
    return await protect(newIdOf(context));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { summary: `could not protect ${newIdOf(context)} from deletion: ${error.message}`, data: {} };
  }
}

/** What came of it, and what the plan leaves to a person. */
function endOf({ instance }: RestoreSeen, context: Context): string {
  const { old } = chosenOf(context);
  const { database } = context.input;
  const protectIt =
    old.deletionProtection && !instance?.isProtected ? ', and protect it from deletion as the old one is' : '';
  return `${database} is now ${newIdOf(context)}; ${lossIn(context)}; the old instance is kept until you delete it; name ${newIdOf(context)} in the configuration instead of ${database}${protectIt}`;
}

async function observeBefore(context: Context): Promise<ChooseSeen> {
  const { database, restore: settings } = settingsOf(context);
  const { host, port, name } = database;
  const [old, snapshots, runs, backups, versions, services] = await Promise.all([
    readOld(name, { host, port }),
    readSnapshotsOf(name),
    readRuns(context.store, { job: 'verify-backup', subject: name }, RUNS),
    readRuns(context.store, { job: 'back-up-database', subject: name }, RUNS),
    readVersions(settings.connectionSecretArn, versionOfRun(context.run)),
    readServices(context),
  ]);
  const isConnected = old !== undefined && (await names(settings.connectionSecretArn, versions.current, old.address));
  return {
    ...{ old, snapshots, isConnected },
    proofs: lastProofs(runs),
    noted: takenTimes(backups),
    before: verifiedBackups(runs)[0],
    unrollable: unrollable(services),
  };
}

export const code = databaseRestore(byFunction);
export const handler = planHandler(code);
