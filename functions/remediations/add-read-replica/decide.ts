/** Whether a database gets one more read replica, and whether it got it. Pure. */

import type { Settings } from '../../databases/instance.ts';
import { costInWords, priceOf } from '../../databases/price.ts';
import { notAvailable } from '../../databases/status.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

/** An instance that has one of the names that are ours to give. */
export interface Named {
  readonly name: string;
  readonly status: string;
  /** Whose replica it is. */
  readonly replicaOf?: string;
  readonly settings: Settings;
  readonly wasAvailable: boolean;
}
export type Observation =
  | { readonly kind: 'missing'; readonly why: string }
  | {
      readonly kind: 'instance';
      readonly status: string;
      readonly cluster?: string;
      readonly instanceClass: string;
      readonly replicaOf?: string;
      readonly backupDays: number;
      readonly settings: Settings;
      /** Names of all its read replicas, whoever made them. */
      readonly replicas: readonly string[];
      /** Those of our names that are taken. */
      readonly named: readonly Named[];
    };

const RECHECK_SECONDS = 60;
/** So long nothing is tried again when RDS couldn't make one. */
const STOP_SECONDS = 21_600;
/** "Viewing Amazon RDS DB instance status": RDS could not make it, or could not keep it up. Only one that was never available can nobody have read from. */
const BROKEN = new Set([
  'failed',
  'incompatible-network',
  'incompatible-option-group',
  'incompatible-parameters',
  'incompatible-restore',
  'insufficient-capacity',
]);

/** Names that this database's replicas may get: fixed, so that a repeated request names the same one. Instance names have 63 characters at most. */
export const namesFor = ({ name, maxReadReplicas }: Pick<DatabaseConfig, 'name' | 'maxReadReplicas'>): string[] =>
  Array.from({ length: maxReadReplicas }, (_, at) => `${name}-nightshift-${at + 1}`).filter(
    ({ length }) => length <= 63,
  );

interface Before {
  readonly replicas: readonly string[];
  readonly instanceClass: string;
}
export const beforeOf = (change: Change): Before => change.before as unknown as Before;
/** What the change makes, or for its reverse deletes. */
export const wanted = (change: Pick<Change, 'after'>): { readonly replica?: string; readonly deleted?: string } =>
  change.after as { replica?: string; deleted?: string };

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'missing') return callPerson(observation.why);
  const { name, maxReadReplicas, costApprovals } = target;
  const { status, cluster, instanceClass, replicaOf, backupDays, replicas, named } = observation;
  if (cluster) return callPerson(`${name} is a member of cluster ${cluster}: add a reader to that`);
  if (replicaOf) return callPerson(`${name} is a read replica of ${replicaOf} itself`);
  const blocked = notAvailable(name, status);
  if (blocked) return blocked;
  if (maxReadReplicas === 0) return callPerson(`maxReadReplicas of ${name} isn't set: none is ever added`);
  if (backupDays === 0)
    return callPerson(`${name} has no automated backups, without which RDS makes no read replica: set its retention`);
  const underWay = named.find((each) => each.replicaOf === name && each.status !== 'available');
  if (underWay && !BROKEN.has(underWay.status))
    return {
      kind: 'hold',
      reason: 'change-under-way',
      detail: `its read replica ${underWay.name} is ${underWay.status}`,
      recheckAfterSeconds: RECHECK_SECONDS,
    };
  if (replicas.length >= maxReadReplicas)
    return callPerson(`${name} has ${replicas.length} read replicas and may not have more than ${maxReadReplicas}`);
  const replica = namesFor(target).find((each) => !named.some((taken) => taken.name === each));
  if (!replica) return callPerson(`no name for a read replica of ${name} is free: ${namesFor(target).join(', ')}`);
  const price = priceOf(target, instanceClass);
  const change: Change = {
    summary: `add read replica ${replica} to ${name} (${instanceClass}${costInWords(price)}); it helps once clients read from it`,
    before: { replicas: [...replicas].sort(), instanceClass },
    after: { replica },
    undo: `delete ${replica} once nobody reads from it (DatabaseConnections is 0)`,
    undoChange: {
      summary: `delete ${replica}, which RDS could not make`,
      before: { replica },
      after: { deleted: replica },
      undo: 'add another one',
    },
  };
  if (costApprovals === 0) return { kind: 'act', change };
  const why = 'a read replica costs by the hour until somebody deletes it';
  return { kind: 'act', change, approval: { people: costApprovals, why } };
}

export function costPerHourUsd(change: Change, target: string, { databases }: RuntimeConfig): number | undefined {
  const configured = Object.values(databases).find(({ name }) => target === `rds-instance/${name}`);
  if (!configured || !wanted(change).replica) return undefined;
  return priceOf(configured, beforeOf(change).instanceClass);
}

/** What is in the way of deleting it: that it isn't ours, or that somebody may be using it. */
export function whyNotDelete(source: string, found: Named | undefined): string | undefined {
  if (found?.replicaOf !== source) return found ? `not a read replica of ${source}` : 'gone';
  if (found.wasAvailable) return `${found.status}, and was available before`;
  return BROKEN.has(found.status) ? undefined : found.status;
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const { replica, deleted } = wanted(change);
  const found = observation.named.find(({ name }) => name === (replica ?? deleted));
  if (deleted !== undefined) return found === undefined || found.status === 'deleting' ? 'yes' : 'no';
  if (!found) return 'no';
  return observation.replicas.includes(found.name) ? 'yes' : 'unclear';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { replica } = wanted(change);
  const found = observation.named.find(({ name }) => name === replica);
  if (!found) return { kind: 'not-yet', detail: `${replica} isn't there` };
  const detail = `${found.name} is ${found.status}`;
  if (BROKEN.has(found.status))
    return found.wasAvailable
      ? { kind: 'bad', detail: `${detail}, and was available before`, stopForSeconds: STOP_SECONDS }
      : { kind: 'worse', detail, stopForSeconds: STOP_SECONDS };
  if (found.status !== 'available') return { kind: 'not-yet', detail };
  const different = differences(observation.settings, found.settings);
  if (different.length > 0) {
    const told = `${detail}, but ${different.join(' and ')} as its source has it: correct that before clients read from it`;
    return { kind: 'bad', detail: told, stopForSeconds: STOP_SECONDS };
  }
  return { kind: 'good', detail };
}

/** What of the source's settings a replica hasn't got: it might be reachable for others than the source is, or slower. */
function differences(source: Settings, replica: Settings): string[] {
  const compared: readonly [string, unknown, unknown][] = [
    ['security groups', source.securityGroups.join(), replica.securityGroups.join()],
    ['public access', source.isPublic, replica.isPublic],
    ['IAM database authentication', source.hasIamLogins, replica.hasIamLogins],
    ['storage type', source.storageType, replica.storageType],
    ['IOPS', source.iops, replica.iops],
    ['storage throughput', source.throughputMibPerSecond, replica.throughputMibPerSecond],
  ];
  return compared.flatMap(([name, wanted, found]) => (wanted === found ? [] : [`its ${name} is not`]));
}
