import { describe, expect, it } from '@jest/globals';
import { backupEveryHours } from '../../../functions/jobs/schedule.ts';
import { jobFaults, jobSubjects, overdueAfterOf, quotaWarning, scheduleOf } from '../../../infra/config/jobs.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import example from '../../../nightshift.config.ts';

const HOUR = 3600;
const manifest = {
  name: 'back-up-database',
  runsFor: 'database' as const,
  schedule: { cron: '0 2 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
};
const parsed = (backup: object | undefined, jobs: object = {}) =>
  parseConfig(
    {
      ...example,
      jobs,
      databases: { 'orders-db': { ...example.databases?.['orders-db'], ...(backup && { backup }) } },
    },
    [],
    'test',
    ['back-up-database'],
  ).config;

describe('the times of backups', () => {
  it.each([
    [24 * HOUR, undefined],
    [24 * HOUR - 1, 12],
    [12 * HOUR, 12],
    [12 * HOUR - 1, 8],
    [5 * HOUR, 4],
    [HOUR, 1],
  ])('follow from the objective where there are no transaction logs: %d s', (recoveryPointSeconds, hours) => {
    expect(backupEveryHours({ pointInTimeRecovery: false, recoveryPointSeconds })).toBe(hours);
    expect(backupEveryHours({ pointInTimeRecovery: true, recoveryPointSeconds })).toBeUndefined();
  });

  it('never come further apart than the objective, unless transaction logs fill the gap', () => {
    for (let recoveryPointSeconds = HOUR; recoveryPointSeconds < 24 * HOUR; recoveryPointSeconds += 601) {
      const hours = backupEveryHours({ pointInTimeRecovery: false, recoveryPointSeconds }) ?? 24;
      expect(hours * HOUR).toBeLessThanOrEqual(recoveryPointSeconds);
      expect(24 % hours).toBe(0);
    }
    // Less than hourly can't be kept by snapshots: such a configuration is refused.
    expect(() => parsed({ pointInTimeRecovery: false, recoveryPointSeconds: HOUR - 1 })).toThrow(/at least 3600/);
  });

  it('are the job’s own otherwise, or those of the configuration', () => {
    expect(scheduleOf(manifest, parsed({}), 'orders-db')).toEqual({
      cron: '0 2 * * ? *',
      timeZone: 'UTC',
      flexibleMinutes: 15,
    });
    const own = parsed(
      {},
      { 'back-up-database': { cron: '30 4 * * ? *', timeZone: 'Europe/Paris', overdueAfterSeconds: 30 * HOUR } },
    );
    expect(scheduleOf(manifest, own, 'orders-db')).toMatchObject({ cron: '30 4 * * ? *', timeZone: 'Europe/Paris' });
    const hourly = parsed({ pointInTimeRecovery: false, recoveryPointSeconds: 2 * HOUR });
    expect(scheduleOf(manifest, hourly, 'orders-db')).toMatchObject({ cron: '0 0/2 * * ? *' });
  });
});

describe('when a job is overdue', () => {
  const timed = { ...manifest, overdueAfterSeconds: 30 * HOUR, deadlineSeconds: 2 * HOUR };
  it('follows from the objective, from the configuration, or is the job’s own', () => {
    const hourly = parsed({ pointInTimeRecovery: false, recoveryPointSeconds: HOUR });
    expect(overdueAfterOf(timed, hourly, 'orders-db')).toBe(3 * HOUR);
    expect(overdueAfterOf(timed, parsed({}), 'orders-db')).toBe(30 * HOUR);
    const own = parsed({}, { 'back-up-database': { cron: '0 2 ? * MON-FRI *', overdueAfterSeconds: 75 * HOUR } });
    expect(overdueAfterOf(timed, own, 'orders-db')).toBe(75 * HOUR);
  });

  it('has to be said with times of one’s own', () => {
    expect(
      jobFaults({ jobs: { 'back-up-database': { cron: '0 2 ? * MON-FRI *' } }, databases: {} }, ['back-up-database']),
    ).toMatchObject([{ path: 'jobs.back-up-database.overdueAfterSeconds' }]);
  });
});

describe('the quota of snapshots', () => {
  const verify = { subnetGroup: 'a', securityGroupId: 'sg-0123abcd', tables: [{ name: 'a.b' }] };
  it('is warned of where more are kept, or none are ever removed', () => {
    expect(quotaWarning(parsed({ verify }))).toBeUndefined();
    expect(quotaWarning(parsed({ verify, pointInTimeRecovery: false, recoveryPointSeconds: HOUR }))).toContain('740');
    expect(quotaWarning(parsed({}))).toContain('never removed');
    expect(quotaWarning(parsed(undefined))).toBeUndefined();
  });
});

describe('the sweeper', () => {
  const sweeper = { ...manifest, name: 'sweep-scratch', runsFor: 'backups' as const };
  it('stays wherever there are backups, and can not be switched off', () => {
    expect([jobSubjects(sweeper, parsed({})), jobSubjects(sweeper, parsed(undefined))]).toEqual([['all'], []]);
    expect(
      jobFaults({ jobs: { 'sweep-scratch': { enabled: false } }, databases: {} }, ['sweep-scratch']),
    ).toMatchObject([{ path: 'jobs.sweep-scratch.enabled', given: 'false' }]);
  });
});

describe('what jobs run for', () => {
  it('is each database with backups, nothing when switched off, and `all` for a job of the deployment', () => {
    expect(jobSubjects(manifest, parsed({}))).toEqual(['orders-db']);
    expect(jobSubjects(manifest, parsed(undefined))).toEqual([]);
    expect(jobSubjects(manifest, parsed({}, { 'back-up-database': { enabled: false } }))).toEqual([]);
    expect(jobSubjects({ ...manifest, runsFor: 'deployment' }, parsed(undefined))).toEqual(['all']);
  });
});

describe('copies to the standby region', () => {
  const kmsKeyArn = (region: string) => `arn:aws:kms:${region}:123456789012:key/1234abcd`;
  it('are encrypted with a key of that region', () => {
    const there = example.standbyRegion;
    expect(() => parsed({ copy: { kmsKeyArn: kmsKeyArn(there) } })).not.toThrow();
    expect(() => parsed({ copy: { kmsKeyArn: kmsKeyArn('eu-south-9') } })).toThrow(
      /databases\.orders-db\.backup\.copy\.kmsKeyArn.*key of standbyRegion/s,
    );
    expect(() => parsed({ copy: { kmsKeyArn: 'alias/mine' } })).toThrow(/ARN of a KMS key/);
  });
});

describe('exports to S3', () => {
  const verify = { subnetGroup: 'restored', securityGroupId: 'sg-0000abcd', tables: [{ name: 'public.orders' }] };
  const to = (region: string) => ({
    roleArn: 'arn:aws:iam::123456789012:role/exports',
    kmsKeyArn: `arn:aws:kms:${region}:123456789012:key/1234abcd`,
  });

  it('are of proved backups alone, with a key of the own region, for thirty days', () => {
    const config = parsed({ verify, export: to(example.region) });
    expect(config.databases['orders-db']?.backup?.export?.keepDays).toBe(30);
    expect(() => parsed({ export: to(example.region) })).toThrow(/backup\.export.*needs backup\.verify/s);
    expect(() => parsed({ verify, export: to('eu-south-9') })).toThrow(/backup\.export\.kmsKeyArn.*key of region/s);
    expect(() => parsed({ verify, export: { ...to(example.region), roleArn: '*' } })).toThrow(/ARN of a role/);
  });
});

describe('what stands ready in the standby region', () => {
  it('is named by what is protected', () => {
    const standby = { services: { 'orders-apy': { cluster: 'west' } }, databases: { none: { replica: 'x' } } };
    expect(() => parseConfig({ ...example, checks: { standby } }, [])).toThrow(
      /checks\.standby\.services\.orders-apy.*checks\.standby\.databases\.none/s,
    );
  });
});

describe('faults', () => {
  const known = ['back-up-database'];
  const database = (backup: { pointInTimeRecovery: boolean; recoveryPointSeconds: number }) => ({ db: { backup } });

  it('names a job that there is not', () => {
    expect(jobFaults({ jobs: { 'back-up-databse': {} }, databases: {} }, known)).toMatchObject([
      { path: 'jobs.back-up-databse', expected: expect.stringContaining('back-up-database') },
    ]);
  });

  it('refuses an objective that snapshots alone can not meet', () => {
    const short = database({ pointInTimeRecovery: false, recoveryPointSeconds: 3599 });
    expect(jobFaults({ databases: short }, known)).toMatchObject([
      { path: 'databases.db.backup.recoveryPointSeconds' },
    ]);
    expect(jobFaults({ databases: database({ pointInTimeRecovery: true, recoveryPointSeconds: 300 }) }, known)).toEqual(
      [],
    );
  });

  it('refuses times of one’s own where the objective sets them', () => {
    const jobs = { 'back-up-database': { cron: '0 2 * * ? *', overdueAfterSeconds: 30 * HOUR } };
    const often = database({ pointInTimeRecovery: false, recoveryPointSeconds: 7200 });
    expect(jobFaults({ jobs, databases: often }, known)).toMatchObject([{ path: 'jobs.back-up-database.cron' }]);
  });
});

describe('regular checks', () => {
  const check = { ...manifest, name: 'check-health', runsFor: 'checks' as const };
  const configured = (more: object) => parseConfig({ ...example, ...more }, [], 'test', ['check-health']).config;

  it('run only where they are configured, and not when they are switched off', () => {
    expect(jobSubjects(check, configured({}))).toEqual([]);
    expect(jobSubjects(check, configured({ checks: {} }))).toEqual(['all']);
    expect(jobSubjects(check, configured({ checks: {}, jobs: { 'check-health': { enabled: false } } }))).toEqual([]);
  });

  it('of databases run for each of them, backed up or not', () => {
    const each = { ...check, name: 'check-database', runsFor: 'checked-database' as const };
    expect(jobSubjects(each, configured({}))).toEqual([]);
    expect(jobSubjects(each, configured({ checks: {} }))).toEqual(Object.keys(example.databases ?? {}).sort());
  });

  it('have the limits of the runbooks unless others are given', () => {
    expect(configured({ checks: { health: { errorsAbovePercent: 2 } } }).checks).toEqual({
      secrets: { olderThanDays: 90, expiringWithinDays: 7, ignore: [] },
      health: { storageAbovePercent: 80, errorsAbovePercent: 2, firingForHours: 4 },
      capacity: { withinDays: 30, storagePercent: 90, cpuPercent: 80, memoryFreeMib: 256 },
      database: {
        ...{
          statementsLongerThanSeconds: 300,
          statementsSlowerThanSeconds: 0.1,
          transactionIdsAbove: 500_000_000,
          replicaLagAboveSeconds: 60,
        },
        ...{ retainedLogsAboveMib: 1024, unusedIndexesAboveMib: 1024 },
      },
    });
  });
});
