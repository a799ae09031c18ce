/** The part of the configuration that says what is backed up of how things are configured. Without it nothing is. */
import { z } from 'zod';
import type { ConfigurationBackup } from '../../functions/engine/config.ts';
import type { DeploymentConfig } from './schema.ts';

/** Written into a policy before a `*`: no wildcard of its own. */
const beginning = (pattern: RegExp, what: string) => z.string().min(1).max(200).regex(pattern, what);

export const configurationBackupSchema = z.strictObject({
  /** Ids of hosted zones, besides those of `endpoints` and `certificates`. */
  zones: z
    .array(z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'the id of a hosted zone, such as Z0123456789ABCDEFGHIJ'))
    .default([]),
  /** Beginnings of names of parameters (Systems Manager): names and versions are kept, never values. */
  parameters: z
    .array(beginning(/^\/[A-Za-z0-9_./-]*[A-Za-z0-9_/]$/, 'the beginning of a path, such as /orders/'))
    .default([]),
  /** Beginnings of names of alarms, besides those on what is protected. */
  alarms: z.array(z.string().min(1).max(255)).default([]),
  /** Beginnings of names of rules of the default event bus. */
  rules: z.array(beginning(/^[A-Za-z0-9_.-]+$/, 'letters, digits, dot, hyphen and underscore')).default([]),
  /** Beginnings of names of state machines. */
  stateMachines: z.array(beginning(/^[A-Za-z0-9_-]+$/, 'letters, digits, hyphen and underscore')).default([]),
  /** So long nobody deletes a backup without `s3:BypassGovernanceRetention` (S3 Object Lock, governance). */
  lockDays: z.int().min(1).max(3650).default(35),
});

/** What functions are given, with the zones that other parts of the configuration name. */
export function configurationBackupOf({
  configurationBackup,
  endpoints,
  certificates,
}: Pick<DeploymentConfig, 'configurationBackup' | 'endpoints' | 'certificates'>): ConfigurationBackup | undefined {
  if (!configurationBackup) return undefined;
  const zones = [
    ...configurationBackup.zones,
    ...Object.values(endpoints).map(({ zoneId }) => zoneId),
    ...Object.values(certificates).flatMap((certificate) => Object.values(certificate.zones)),
  ];
  return { ...configurationBackup, zones: [...new Set(zones)].sort() };
}
