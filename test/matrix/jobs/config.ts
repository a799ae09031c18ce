/** What the jobs under test are configured with: a database of its own for each point, and a deployment of its own for each lane. */
import type { BackupConfig, RuntimeConfig } from '../../../functions/engine/config.ts';
import { config, database } from '../../support/fixtures.ts';
import { REGION } from '../place.ts';

/** Of a `bad` database every backup is found to have lost its rows. */
/** Of a `copied` one each backup is copied to the standby region, of an `exported` one the proved ones are written to S3. */
export type Kind = 'good' | 'bad' | 'copied' | 'exported';

/** Points of one job's deliveries, with those that are tried again. */
const DATABASES: Readonly<Record<Kind, number>> = { good: 1_600, bad: 800, copied: 800, exported: 800 };
const nameOf = (kind: Kind, index: number): string => `${kind}${String(index).padStart(4, '0')}`;

/** Nothing is kept for its age alone, so that the order of backups decides. */
const backup: BackupConfig = {
  ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false },
  ...{ keepDays: 0, keepWeeks: 0, keepMonths: 0, keepAtLeast: 1 },
  verify: {
    ...{ subnetGroup: 'isolated', securityGroupId: 'sg-00000000000000001', user: 'nightshift_verify' },
    ...{ tables: [{ name: 'public.orders', minRows: 1, shrinksAtMostShare: 0.1 }], queries: {}, fullReadMib: 0 },
  },
};

const BEYOND: Readonly<Record<Kind, Partial<BackupConfig>>> = {
  ...{ good: {}, bad: {}, copied: { copy: {} } },
  exported: {
    export: {
      roleArn: 'arn:aws:iam::000000000000:role/exports',
      kmsKeyArn: `arn:aws:kms:${REGION}:000000000000:key/1`,
    },
  },
};

export const laneName = (name: string, lane: number): string => `${name}${lane}`;

/** Scratch instances are named by their deployment: `sweep-scratch` would find those of another lane's point. */
export const laneConfig = (name: string, lane: number): RuntimeConfig => ({
  ...config,
  region: REGION,
  name: laneName(name, lane),
  configurationBackup: { zones: [], parameters: [], alarms: ['watched-'], rules: [], stateMachines: [], lockDays: 1 },
  databases: Object.fromEntries(
    (['good', 'bad', 'copied', 'exported'] as const).flatMap((kind) =>
      Array.from({ length: DATABASES[kind] }, (_, index) => {
        const own = nameOf(kind, index);
        return [own, { ...database, name: own, backup: { ...backup, ...BEYOND[kind] } }];
      }),
    ),
  ),
});

/** The function that reads restored instances, as far as `verify-backup` sees it; it only reads. */
export const READER = `
  exports.handler = async ({ subject, ask }) => ask.kind === 'count'
    ? { kind: 'count', table: ask.table, rows: subject.startsWith('bad') ? 0 : 5, newestAt: null }
    : { kind: 'overview', systemId: '1', majorVersion: 18, nextXid: '100', checksums: true, amcheck: false,
        heartbeatAt: null, invalidConstraints: [], invalidIndexes: [] };`;

const used = { good: 0, bad: 0, copied: 0, exported: 0 };

/** The name of a database that no point has had yet. @throws Error when there are no more. */
export function nextDatabase(kind: Kind): string {
  const index = used[kind]++;
  if (index >= DATABASES[kind])
    throw new Error(`more than ${DATABASES[kind]} ${kind} databases are needed: raise DATABASES`);
  return nameOf(kind, index);
}
