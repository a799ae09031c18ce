/** The AWS side of `add-read-replica`. */
import { CreateDBInstanceReadReplicaCommand, DeleteDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { readInstance } from '../../databases/instance.ts';
import { asItsSource } from '../../databases/replica-settings.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import { changingClientDefaults } from '../../engine/clients.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import {
  alreadyApplied,
  beforeOf,
  costPerHourUsd,
  decide,
  type Named,
  namesFor,
  type Observation,
  verify,
  wanted,
  whyNotDelete,
} from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

const rds = new RDSClient(changingClientDefaults());

async function named(name: string): Promise<Named | undefined> {
  const found = await readInstance({ name });
  if (found.kind === 'missing') return undefined;
  const { status, settings, wasAvailable, replicaOf } = found;
  return { name, status, settings, wasAvailable, ...(replicaOf && { replicaOf }) };
}

async function observe(target: DatabaseConfig): Promise<Observation> {
  const [source, ...taken] = await Promise.all([readInstance(target), ...namesFor(target).map(named)]);
  if (source.kind === 'missing') return source;
  return { ...source, named: taken.filter((each) => each !== undefined) };
}

async function act(target: DatabaseConfig, change: Change): Promise<ActReport> {
  const { replica, deleted } = wanted(change);
  if (deleted) return remove(target, deleted);
  if (!replica) throw new Error('add-read-replica: the change names no replica');
  return add(target, replica, beforeOf(change).replicas);
}

async function add({ name }: DatabaseConfig, replica: string, before: readonly string[]): Promise<ActReport> {
  const live = await readInstance({ name });
  const replicas = live.kind === 'missing' ? [] : [...live.replicas].sort();
  if (live.kind === 'missing' || live.status !== 'available' || replicas.join() !== before.join())
    throw new ChangedBySomeoneElseError(
      `DB instance ${name}`,
      `available, replicas: ${before.join() || 'none'}`,
      live.kind === 'missing' ? live.why : `${live.status}, replicas: ${replicas.join() || 'none'}`,
    );
  const report = { summary: `told RDS to make ${replica}, a read replica of ${name}`, data: { replica } };
  try {
    await rds.send(
      new CreateDBInstanceReadReplicaCommand({
        DBInstanceIdentifier: replica,
        SourceDBInstanceIdentifier: name,
        ...asItsSource(live.settings),
        Tags: [{ Key: 'nightshift:made-by', Value: manifest.name }],
      }),
    );
    return report;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'DBInstanceAlreadyExistsFault') {
      // Our own request, whose answer was lost, or somebody who took the name since the look.
      const found = await named(replica);
      if (found?.replicaOf === name) return report;
      throw new ChangedBySomeoneElseError(
        `DB instance ${replica}`,
        'none of that name',
        'one that is no replica of it',
      );
    }
    if (error.name === 'InvalidDBInstanceStateFault')
      throw new ChangedBySomeoneElseError(`DB instance ${name}`, 'status available', error.message);
    throw classifyAwsError(`make ${replica}, a read replica of ${name}`, error);
  }
}

/** Deletes a replica of our own making that RDS could not make: one that could be used is never deleted. */
async function remove({ name }: DatabaseConfig, replica: string): Promise<ActReport> {
  const inTheWay = whyNotDelete(name, await named(replica));
  if (inTheWay)
    throw new ChangedBySomeoneElseError(`DB instance ${replica}`, 'a replica that was never made', inTheWay);
  try {
    await rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: replica, SkipFinalSnapshot: true }));
  } catch (error) {
    throw classifyAwsError(`delete ${replica}`, error);
  }
  return { summary: `told RDS to delete ${replica}, which it could not make`, data: { deleted: replica } };
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe,
  decide,
  act,
  alreadyApplied,
  costPerHourUsd,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
