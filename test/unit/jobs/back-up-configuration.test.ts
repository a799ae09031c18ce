import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { DBInstance } from '@aws-sdk/client-rds';
import { describe, expect, it } from '@jest/globals';
import { isBackedUpAlarm, partsOf } from '../../../functions/configuration/parts.ts';
import { backupsIn } from '../../../functions/configuration/runs.ts';
import { folderOf } from '../../../functions/configuration/stored.ts';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import { verdictOf } from '../../../functions/jobs/back-up-configuration/decide.ts';
import {
  uncoveredCertificates,
  uncoveredDatabases,
  uncoveredServices,
  uncoveredZones,
} from '../../../functions/jobs/back-up-configuration/uncovered.ts';
import { scratchPrefix } from '../../../functions/jobs/scratch-id.ts';
import { certificate, config, database, endpoint, service } from '../../support/fixtures.ts';

const backup = {
  zones: ['Z1'],
  parameters: ['/orders/'],
  alarms: ['mine-'],
  rules: ['r-'],
  stateMachines: ['s-'],
  lockDays: 35,
};
const all = {
  ...config,
  endpoints: { shop: endpoint },
  certificates: { shop: certificate },
  configurationBackup: backup,
};

describe('what is backed up', () => {
  it('are the protected services ten at a time, and what the configuration names', () => {
    const services = Object.fromEntries(
      Array.from({ length: 11 }, (_, index) => [`s${index}`, { ...service, name: `s${index}`, service: `s${index}` }]),
    );
    expect(partsOf({ ...all, services }).map(({ name }) => name)).toEqual([
      ...['services-1', 'services-2', 'alarms', 'certificates', 'zone-Z1', 'parameters', 'rules', 'state-machines'],
    ]);
  });

  it('is nothing without being configured, and no more than is named', () => {
    expect(partsOf(config)).toEqual([]);
    const none = { ...backup, zones: [], parameters: [], rules: [], stateMachines: [] };
    expect(partsOf({ ...all, certificates: {}, configurationBackup: none }).map(({ name }) => name)).toEqual([
      'services-1',
      'alarms',
    ]);
  });

  it.each<[string, MetricAlarm, boolean]>([
    ['a protected service', { Dimensions: dimensions({ ClusterName: 'orders', ServiceName: 'backend' }) }, true],
    ['another service', { Dimensions: dimensions({ ClusterName: 'orders', ServiceName: 'other' }) }, false],
    ['a protected database', { Dimensions: dimensions({ DBInstanceIdentifier: 'orders-db' }) }, true],
    ['an object’s own property', { Dimensions: dimensions({ DBInstanceIdentifier: 'constructor' }) }, false],
    ['an endpoint', { Dimensions: dimensions({ HealthCheckId: endpoint.healthCheckId }) }, true],
    ['a certificate', { Dimensions: dimensions({ CertificateArn: certificate.arn }) }, true],
    ['nothing at all', {}, false],
    ['a metric inside an expression', { Metrics: [expression('orders-db')] }, true],
    ['something else, by its name', { AlarmName: 'mine-1' }, true],
    [
      'auto scaling’s',
      {
        AlarmName: 'TargetTracking-service/orders/backend',
        Dimensions: dimensions({ DBInstanceIdentifier: 'orders-db' }),
      },
      false,
    ],
  ])('alarms: one on %s', (_what, alarm, expected) => {
    expect(isBackedUpAlarm({ AlarmName: 'a', ...alarm }, all)).toBe(expected);
  });
});

function dimensions(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([Name, Value]) => ({ Name, Value }));
}
function expression(database: string) {
  const Metric = { Dimensions: dimensions({ DBInstanceIdentifier: database }) };
  return { Id: 'm1', MetricStat: { Metric, Period: 60, Stat: 'Sum' } };
}

describe('what no backup covers', () => {
  const databases = {
    'orders-db': { ...database, backup: undefined },
    'kept-db': { ...database, backup: {} as BackupConfig },
  };

  it.each<[string, DBInstance, string[]]>([
    [
      'one that the configuration does not know',
      { DBInstanceIdentifier: 'other', BackupRetentionPeriod: 7 },
      ['other'],
    ],
    ['one whose backup is not configured', { DBInstanceIdentifier: 'orders-db' }, ['orders-db']],
    ['one that is backed up', { DBInstanceIdentifier: 'kept-db' }, []],
    ['an object’s own property', { DBInstanceIdentifier: 'constructor' }, ['constructor']],
    ['a read replica', { DBInstanceIdentifier: 'r', ReadReplicaSourceDBInstanceIdentifier: 'other' }, []],
    ['a copy of a job’s own', { DBInstanceIdentifier: `${scratchPrefix('demo')}00` }, []],
    ['a copy of another deployment', { DBInstanceIdentifier: `${scratchPrefix('x')}00` }, [`${scratchPrefix('x')}00`]],
  ])('of databases: %s', (_what, instance, expected) => {
    const found = uncoveredDatabases([instance], { name: 'demo', databases });
    expect(found.map(({ id }) => id)).toEqual(expected.map((id) => `database/${id}`));
  });

  it('are services, certificates and zones that the configuration does not name', () => {
    expect(uncoveredServices(['orders/backend', 'orders/other', 'x/backend'], config).map(({ id }) => id)).toEqual([
      ...['service/orders/other', 'service/x/backend'],
    ]);
    expect(uncoveredCertificates([certificate.arn, 'arn:x'], all).map(({ id }) => id)).toEqual(['certificate/arn:x']);
    const zones = [
      { id: 'Z1', name: 'a.' },
      { id: 'Z2', name: 'b.' },
    ];
    expect(uncoveredZones(zones, all).map(({ id }) => id)).toEqual(['zone/Z2']);
  });
});

describe('backups that there are', () => {
  const run = (scheduledAt: string, folder?: string) => ({
    ...{ scheduledAt, endedAt: 1 },
    verdict: { report: folder === undefined ? {} : { folder } },
  });
  const runs = [run('2026-11-20T03:00:00Z', 'a'), run('2026-11-22T03:00:00Z', 'c'), run('2026-11-21T03:00:00Z')];

  it('are the runs that left a whole one, newest first', () => {
    expect(backupsIn(runs).map(({ folder }) => folder)).toEqual(['c', 'a']);
    expect(backupsIn([{ ...run('2026-11-23T03:00:00Z', 'd'), endedAt: undefined }])).toEqual([]);
  });

  it('before a time are those that were over before: the one that was still reading has what was changed then', () => {
    expect(backupsIn(runs, '2026-11-22T03:00:00Z').map(({ folder }) => folder)).toEqual(['a']);
    const reading = { ...run('2026-11-22T03:00:00Z', 'c'), endedAt: Date.parse('2026-11-22T03:04:00Z') };
    const foundBefore = (at: string) => backupsIn([...runs.slice(0, 1), reading], at).map(({ folder }) => folder);
    expect([foundBefore('2026-11-22T03:02:00Z'), foundBefore('2026-11-22T03:05:00Z')]).toEqual([['a'], ['c', 'a']]);
  });

  it('lie in a folder named by the time of the run', () => {
    expect(folderOf('2026-11-22T03:00:00Z')).toBe('configuration/2026/11/20261122T030000000Z');
  });
});

describe('what comes of it', () => {
  const item = { kind: 'service', id: 'orders/backend', settings: {} } as const;
  const change = { kind: 'service', id: 'orders/backend', what: 'removed', fields: [] } as const;

  it('is told with what changed', () => {
    expect(verdictOf({ items: [item], unread: [] }, [change], 'f', 'e')).toMatchObject({
      kind: 'passed',
      summary: '1 things are backed up; 1 changed since the one before: service/orders/backend: removed',
      report: { folder: 'f', comparedWith: 'e', changes: 1, changed: ['service/orders/backend: removed'] },
    });
    expect(verdictOf({ items: [item], unread: [] }, [], 'f', null).summary).toContain('none before it');
    expect(verdictOf({ items: [item], unread: [] }, [], 'f', 'e').summary).toContain('nothing changed');
  });

  it('is told with what is in no backup, which is no failure and no thing that is backed up', () => {
    const forgotten = Array.from({ length: 7 }, (_, index) => ({
      ...{ kind: 'uncovered' as const, id: `database/db-${index}`, settings: { why: 'not in databases' } },
    }));
    expect(verdictOf({ items: [item, ...forgotten], unread: [] }, [], 'f', 'e')).toMatchObject({
      ...{ kind: 'passed', report: { things: 1, uncovered: 7 } },
      summary: expect.stringMatching(/^1 things .*; 7 of the account are in no backup: database\/db-0, .* and 2 more$/),
    });
  });

  it('has failed, and is kept, when the one before can’t be read any more: the next one is compared with this', () => {
    expect(verdictOf({ items: [item], unread: [] }, [], 'f', null, 'configuration/e: gone')).toMatchObject({
      ...{ kind: 'failed', check: 'damaged', report: { folder: 'f', comparedWith: null } },
      summary: expect.stringMatching(
        /before can't be read any more \(configuration\/e: gone\); 1 things are backed up/,
      ),
    });
  });

  it('has failed when something couldn’t be read, and the backup of the rest is kept', () => {
    const unread = [{ kind: 'record', scope: 'Z1/', why: 'refused' } as const];
    expect(verdictOf({ items: [item], unread }, [], 'f', 'e')).toMatchObject({
      ...{ kind: 'failed', check: 'unread', report: { folder: 'f' } },
      summary: expect.stringContaining('record/Z1/*: refused'),
    });
  });

  it('stays small, however much changed', () => {
    const many = Array.from({ length: 10_000 }, () => change);
    const { summary, report } = verdictOf({ items: [], unread: [] }, many, 'f', 'e');
    expect(summary).toContain('9995 more');
    expect(JSON.stringify(report).length).toBeLessThan(100_000);
  });
});
