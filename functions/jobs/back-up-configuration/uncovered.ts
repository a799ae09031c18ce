/** What of an account no part of the configuration names, so that no backup covers it. Pure. */
import type { DBInstance } from '@aws-sdk/client-rds';
import type { ConfigItem, Settings } from '../../configuration/item.ts';
import { serviceId } from '../../configuration/parts.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { scratchPrefix } from '../scratch-id.ts';

const uncovered = (what: string, name: string, settings: Settings): ConfigItem => ({
  ...{ kind: 'uncovered', id: `${what}/${name}` },
  settings,
});

/** @param ids `cluster/service`. */
export function uncoveredServices(ids: readonly string[], { services }: Pick<RuntimeConfig, 'services'>): ConfigItem[] {
  const known = new Set(Object.values(services).map(serviceId));
  return ids.filter((id) => !known.has(id)).map((id) => uncovered('service', id, { why: 'not in services' }));
}

type Seen = Pick<
  DBInstance,
  'DBInstanceIdentifier' | 'ReadReplicaSourceDBInstanceIdentifier' | 'BackupRetentionPeriod'
>;

/** Read replicas are their sources' copies, and what a job restored for itself is thrown away: neither needs a backup. */
export function uncoveredDatabases(
  instances: readonly Seen[],
  { name, databases }: Pick<RuntimeConfig, 'name' | 'databases'>,
): ConfigItem[] {
  return instances.flatMap(
    ({ DBInstanceIdentifier: id = '', ReadReplicaSourceDBInstanceIdentifier: source, ...seen }) => {
      if (source || id.startsWith(scratchPrefix(name))) return [];
      const known = Object.hasOwn(databases, id) ? databases[id] : undefined;
      if (known?.backup) return [];
      const why = known ? 'its backup is not configured' : 'not in databases';
      return [uncovered('database', id, { why, automatedBackupDays: seen.BackupRetentionPeriod ?? 0 })];
    },
  );
}

export function uncoveredCertificates(
  arns: readonly string[],
  { certificates }: Pick<RuntimeConfig, 'certificates'>,
): ConfigItem[] {
  const known = new Set(Object.values(certificates).map(({ arn }) => arn));
  return arns
    .filter((arn) => !known.has(arn))
    .map((arn) => uncovered('certificate', arn, { why: 'not in certificates' }));
}

/** @param zones ids without `/hostedzone/`, and names. */
export function uncoveredZones(
  zones: readonly { readonly id: string; readonly name: string }[],
  { configurationBackup }: Pick<RuntimeConfig, 'configurationBackup'>,
): ConfigItem[] {
  const known = configurationBackup?.zones ?? [];
  return zones
    .filter(({ id }) => !known.includes(id))
    .map(({ id, name }) => uncovered('zone', id, { why: 'not in configurationBackup.zones', name }));
}
