/** What the steps of `region-fail-back` change, each after a look directly before it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ECSClient } from '@aws-sdk/client-ecs';
import { CreateDBInstanceReadReplicaCommand, PromoteReadReplicaCommand } from '@aws-sdk/client-rds';
import { readAuthority, writeAuthority } from '../../authority/items.ts';
import { handedOver } from '../../authority/rules.ts';
import { readInstance } from '../../databases/instance.ts';
import { modifyNow } from '../../databases/modify.ts';
import { onceRds } from '../../databases/rds-clients.ts';
import { asItsSource } from '../../databases/replica-settings.ts';
import { changingClientDefaults } from '../../engine/clients.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { deleteObject } from '../../records/s3.ts';
import { promotionApplied } from '../region-failover/decide.ts';
import type { Resolve } from '../region-failover/look.ts';
import { setTasks } from '../set-tasks.ts';
import { asideApplied, type Like, whyNotDrained } from './databases.ts';
import { whoWrites, whyInUse, whyUnready } from './decide.ts';
import {
  type AskReplication,
  type Context,
  otherOf,
  readAside,
  readCaughtUp,
  readingIn,
  readLeaving,
  readWriters,
  type Side,
  sidesOf,
} from './look.ts';

const changing = new Map<string, ECSClient>();
function ecsIn(region: string): ECSClient {
  const known = changing.get(region) ?? new ECSClient({ ...changingClientDefaults(), region });
  changing.set(region, known);
  return known;
}

type Counts = Readonly<Record<string, number>>;

/** @param how `leaves-others`: those that somebody gave another number since are left alone, and keep no other waiting. */
export const scaleTo = (
  { region, services }: Side,
  summary: string,
  counts: { readonly before: Counts; readonly after: Counts },
  how: 'compares' | 'leaves-others' = 'compares',
): Promise<ActReport> =>
  setTasks(
    services.map(({ target }) => target),
    { summary, ...counts },
    { reading: readingIn(region).ecs, changing: ecsIn(region), how },
  );

/** @throws ChangedBySomeoneElseError when users are sent to that side by now, or the other one doesn't take writes. */
async function mustBeLeft(side: Side, context: Context, resolve: Resolve, withWriters: boolean): Promise<void> {
  const used = whyInUse(await readLeaving(side, context, resolve, withWriters));
  if (used !== undefined)
    throw new ChangedBySomeoneElseError(`the region ${side.region}`, 'out of use', used, 'it may be in use');
}

/** The first region's, while users are at the standby. */
export async function fence(
  context: Context,
  change: Change,
  counts: { readonly before: Counts; readonly after: Counts },
  resolve: Resolve,
): Promise<ActReport> {
  const { first } = sidesOf(context);
  await mustBeLeft(first, context, resolve, false);
  return scaleTo(first, change.summary, counts);
}

/** The standby's, once the first region's can serve: that they ran may have been seen long ago. */
export async function stop(
  context: Context,
  change: Change,
  counts: { readonly before: Counts; readonly after: Counts },
): Promise<ActReport> {
  const { first, standby } = sidesOf(context);
  const [services, replica] = await Promise.all([
    readWriters(first, context),
    readInstance({ name: first.database }, first.region),
  ]);
  const isReplica = promotionApplied(replica) === 'no';
  const unready = whyUnready(services) ?? (isReplica ? undefined : `${first.database} is no available read replica`);
  if (unready !== undefined) throw new ChangedBySomeoneElseError('the first region', 'ready to take over', unready);
  return scaleTo(standby, change.summary, counts);
}

/** "Renaming a DB instance", Amazon RDS User Guide: it restarts, and is there again by its new name in about ten minutes. */
export async function setAside(side: Side, context: Context, change: Change, resolve: Resolve): Promise<ActReport> {
  await mustBeLeft(side, context, resolve, true);
  const seen = await readAside(side, context);
  if (asideApplied(seen) !== 'no')
    throw new ChangedBySomeoneElseError(`DB instance ${side.database}`, 'available under its name', 'not so any more');
  const { name } = change.after as { readonly name: string };
  return modifyNow(
    { name: side.database },
    {
      ...{ what: change.summary, before: 'a database of its own', after: name, region: side.region },
      present: ({ replicaOf }) =>
        replicaOf === undefined ? 'a database of its own' : `a read replica of ${replicaOf}`,
      set: { NewDBInstanceIdentifier: name },
    },
  );
}

/** "CreateDBInstanceReadReplica": the source by its ARN, and a key of the replica's own region where it is encrypted. */
export async function rebuild(side: Side, context: Context, change: Change, like: Like): Promise<ActReport> {
  const source = otherOf(sidesOf(context), side);
  const live = await readInstance({ name: source.database }, source.region);
  const { replicaOf } = change.after as { readonly replicaOf: string };
  if (live.kind === 'missing' || live.arn !== replicaOf || live.status !== 'available')
    throw new ChangedBySomeoneElseError(
      ...([`DB instance ${source.database}`, 'available', live.kind === 'missing' ? live.why : live.status] as const),
    );
  try {
    // A repeated request is refused by the name: a lost answer is looked for, not asked for.
    await sendOnce(() =>
      onceRds(side.region).send(
        new CreateDBInstanceReadReplicaCommand({
          ...asItsSource(like.settings),
          ...{ DBInstanceIdentifier: side.database, SourceDBInstanceIdentifier: live.arn, SourceRegion: source.region },
          ...{ DBInstanceClass: like.instanceClass, MultiAZ: like.multiAz },
          ...(like.subnetGroup !== undefined && { DBSubnetGroupName: like.subnetGroup }),
          ...(like.parameterGroup !== undefined && { DBParameterGroupName: like.parameterGroup }),
          ...(like.isProtected === true && { DeletionProtection: true }),
          ...(live.kmsKeyId !== undefined && { KmsKeyId: side.kmsKeyArn }),
          Tags: [{ Key: 'nightshift:made-by', Value: context.run }],
        }),
      ),
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'DBInstanceAlreadyExistsFault')
      throw new RetryableError(`${change.summary}: there is one of that name by now, which the next look tells of`);
    throw classifyAwsError(change.summary, error);
  }
  return { summary: `told RDS to ${change.summary}`, data: { replica: side.database } };
}

const LOOKS = 4;
const BETWEEN_LOOKS_MS = 500;

/** Looked at a few times: a server adds to its log by itself now and then, which is there for a moment before the replica has it. Undefined: nothing is. */
async function stillMissing(context: Context, askReplication: AskReplication): Promise<string | undefined> {
  for (let looks = 1; ; looks++) {
    const missing = whyNotDrained(await readCaughtUp(context, askReplication));
    if (missing === undefined || looks === LOOKS) return missing;
    await sleep(BETWEEN_LOOKS_MS);
  }
}

/** What was drained may have been long ago (frozen, taken up again): that nobody writes and nothing is missing is looked at once more directly before. */
export async function promote(
  context: Context,
  change: Change,
  askReplication: AskReplication,
  backupDays: number,
): Promise<ActReport> {
  const { first, standby } = sidesOf(context);
  const DBInstanceIdentifier = first.database;
  const missing = await stillMissing(context, askReplication);
  const [live, writers] = await Promise.all([
    readInstance({ name: DBInstanceIdentifier }, first.region),
    readWriters(standby, context),
  ]);
  const writes = whoWrites(writers) ?? missing;
  if (writes !== undefined)
    throw new ChangedBySomeoneElseError('the standby', 'nobody writes, and all of it came over', writes);
  if (promotionApplied(live) !== 'no')
    throw new ChangedBySomeoneElseError(DBInstanceIdentifier, 'an available read replica', live.kind);
  try {
    await sendOnce(() =>
      onceRds(first.region).send(
        new PromoteReadReplicaCommand({ DBInstanceIdentifier, BackupRetentionPeriod: Math.max(1, backupDays) }),
      ),
    );
  } catch (error) {
    throw classifyAwsError(`promote ${DBInstanceIdentifier}`, error);
  }
  return { summary: change.summary, data: {} };
}

/**
 * Deleting what isn't there is no error ("DeleteObject"). @throws ChangedBySomeoneElseError when the standby was started again: what it wrote since the promotion is nowhere else, so a person
 * decides where users go.
 */
export async function switchBack(context: Context): Promise<ActReport> {
  const { pair, standby } = sidesOf(context);
  const { bucket, key } = pair.switch;
  const writes = whoWrites(await readWriters(standby, context));
  if (writes !== undefined)
    throw new ChangedBySomeoneElseError('the standby', 'nobody writes since the promotion', writes);
  await deleteObject(bucket, key, { region: context.config.region });
  return { summary: `deleted s3://${bucket}/${key}`, data: { bucket, key } };
}

const TRIES = 5;

/** @throws RetryableError when others were always faster. */
export async function grant(context: Context, change: Change): Promise<ActReport> {
  const { name } = sidesOf(context).pair;
  for (let tries = 1; tries <= TRIES; tries++) {
    const present = await readAuthority(context.store, name);
    if (!present) throw new ActionFailedError(`pairs.${name}: its authority isn't in the journal any more`);
    const next = handedOver(present);
    if (!next || (await writeAuthority(context.store, next))) return { summary: change.summary, data: {} };
  }
  throw new RetryableError(`pairs.${name}: others wrote its authority each of ${TRIES} times`);
}
