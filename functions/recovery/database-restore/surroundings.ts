/** What the steps of `database-restore` find in the configuration, in their run so far, and at AWS. */
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import type { DatabaseConfig, RestoreConfig, RuntimeConfig, ServiceConfig, VerifyConfig } from '../../engine/config.ts';
import { ActionFailedError, EngineError } from '../../engine/errors.ts';
import { readRuns } from '../../jobs/items.ts';
import { lastProofs, takenTimes, verifiedBackups } from '../../jobs/verify-backup/history.ts';
import { readAll } from '../roll-services.ts';
import { nameOf, type SeenService, type SwitchSeen, unrollable } from '../rolling.ts';
import { readVersion, readVersions, versionOfRun } from '../secret-versions.ts';
import type { StepContext, Targets } from '../step.ts';
import type { Checked } from './check.ts';
import { mentions } from './connection.ts';
import { type ChooseSeen, type Chosen, type Input, idOf, type RestoreSeen, tagsOf, unfit, useOf } from './decide.ts';
import { readNew, readOld, readWindow } from './instance.ts';
import { type Address, isAt } from './point-at.ts';
import type { Subject } from './reading.ts';

/** Runs that tell which backups were proved. */
const RUNS = 100;

export type Context = StepContext<Input>;

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
export function settingsOf({ input: given, config }: Context): Settings {
  const found = settingsIn(given, config);
  if (!found) throw new ActionFailedError(`databases.${given.database}.restore: not in the configuration any more`);
  return found;
}

export function targetsOf(given: Input, config: RuntimeConfig): Targets {
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
  return {
    kind: 'targets',
    targets: [`rds-instance/${given.database}`, ...found.services.map((each) => `ecs-service/${nameOf(each)}`)],
  };
}

export const newIdOf = ({ run, input: given, rehearse, config }: Context): string =>
  idOf(run, given, { rehearse, deployment: config.name });
export const ownTags = ({ run, config }: Context) => tagsOf(config.name, run);

/** Left by `choose`, which every later step comes after. @throws ActionFailedError */
export function chosenOf({ results }: Context): Chosen {
  const found = results.choose;
  if (found === undefined) throw new ActionFailedError('choose left no result');
  return found as unknown as Chosen;
}

export function addressOf({ results }: Context): Address & { readonly resourceId: string } {
  const found = results.restore;
  if (found === undefined) throw new ActionFailedError('restore left no result');
  return found as unknown as Address & { readonly resourceId: string };
}

export const checkedOf = ({ results }: Context): Checked =>
  (results.check as unknown as Checked | undefined) ?? { recoveryPointAt: null, checks: 0 };

export function subjectOf(context: Context): Subject {
  const { host, port } = addressOf(context);
  return { database: context.input.database, deployment: context.config.name, address: { host, port } };
}

export const readServices = (context: Context): Promise<SeenService[]> =>
  readAll(settingsOf(context).services, context);

export async function observeNew(context: Context): Promise<RestoreSeen> {
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

export async function observeSwitch(context: Context): Promise<SwitchSeen> {
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

export async function unfitNow(context: Context) {
  const { verify } = settingsOf(context);
  const { resourceId, ...address } = addressOf(context);
  return unfit(await readNew(newIdOf(context)), {
    ...{ newId: newIdOf(context), owner: ownTags(context), address, resourceId },
    // Nobody was admitted to that of a rehearsal.
    securityGroups: context.rehearse ? [verify.securityGroupId] : chosenOf(context).old.securityGroups,
  });
}

export async function observeBefore(context: Context): Promise<ChooseSeen> {
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
  const window = context.input.at !== undefined && old ? await readWindow(name, old.resourceId) : undefined;
  const { current } = versions;
  const connection = current === undefined ? undefined : await readVersion(settings.connectionSecretArn, current);
  return {
    ...{ old, snapshots, connectionMadeAt: connection?.madeAt },
    isConnected: old !== undefined && connection !== undefined && isAt(connection.text, old.address),
    proofs: lastProofs(runs),
    noted: takenTimes(backups),
    before: verifiedBackups(runs)[0],
    window,
    unrollable: unrollable(services),
  };
}

export async function seenAtTheEnd(context: Context): Promise<RestoreSeen> {
  try {
    return { instance: await readNew(newIdOf(context)), use: undefined };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { instance: undefined, use: undefined };
  }
}
