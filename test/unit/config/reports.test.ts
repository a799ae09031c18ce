import { describe, expect, it } from '@jest/globals';
import { REPORT_NAMES } from '../../../functions/reports/names.ts';
import { jobSubjects, overdueAfterOf, scheduleOf } from '../../../infra/config/jobs.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import example from '../../../nightshift.config.ts';

const job = {
  name: 'write-report',
  runsFor: 'reports' as const,
  schedule: { cron: '30 7 * * ? *', timeZone: 'UTC' },
  ...{ flexibleMinutes: 15, deadlineSeconds: 3600, overdueAfterSeconds: 1 },
};
const parsed = (more: Partial<ConfigInput>) => parseConfig({ ...example, ...more }, [], 'test', ['write-report']);

describe('reports', () => {
  it('are written only where they are configured, all or those that are named, and not when the job is off', () => {
    expect(jobSubjects(job, parsed({}).config)).toEqual([]);
    expect(jobSubjects(job, parsed({ reports: {} }).config)).toEqual(REPORT_NAMES);
    expect(jobSubjects(job, parsed({ reports: { include: ['service-levels'] } }).config)).toEqual(['service-levels']);
    const off = parsed({ reports: {}, jobs: { 'write-report': { enabled: false } } });
    expect(jobSubjects(job, off.config)).toEqual([]);
  });

  it('have their own times, and are missed when the next would be there', () => {
    const { config } = parsed({ reports: { timeZone: 'Asia/Kolkata' } });
    expect(scheduleOf(job, config, 'weekly-maintenance')).toEqual({
      ...{ cron: '0 8 ? * MON *', timeZone: 'Asia/Kolkata', flexibleMinutes: 15 },
    });
    expect(overdueAfterOf(job, config, 'weekly-maintenance')).toBe(8 * 86_400);
    expect(overdueAfterOf(job, config, 'service-levels')).toBeGreaterThan(32 * 86_400);
  });

  it('hold services to the targets of their alarms', () => {
    const [name = '', service] = Object.entries(example.services ?? {})[0] ?? [];
    if (!service) throw new Error('the example has no service');
    const balancedBy = {
      loadBalancer: 'app/shop/0123456789abcdef',
      targetGroup: 'targetgroup/orders/0123456789abcdef',
    };
    const requestAlarms = { objectivePercent: 99.5, latencyAboveSeconds: 3 };
    const { runtime } = parsed({
      services: { ...example.services, [name]: { ...service, balancedBy, requestAlarms } },
      reports: { errorsBelowPercent: 0.5 },
    });
    expect(runtime.reports?.services[name]).toEqual({ objectivePercent: 99.5, latencySeconds: 3, errorsPercent: 0.5 });
    expect(parsed({}).runtime.reports).toBeUndefined();
  });

  it.each<[string, Partial<ConfigInput>, string]>([
    ['a report that is none', { reports: { include: ['weather' as 'service-levels'] } }, 'reports.include'],
    ['a zone that is none', { reports: { timeZone: 'Mars/Olympus' } }, 'reports.timeZone'],
    ['a channel that is none', { reports: { channels: ['nobody'] } }, 'reports.channels[0]'],
    [
      'times of the job’s own',
      { reports: {}, jobs: { 'write-report': { cron: '0 1 * * ? *', overdueAfterSeconds: 100_000 } } },
      'jobs.write-report.cron',
    ],
  ])('refuse %s', (_, more, path) => {
    expect(() => parsed(more)).toThrow(path);
  });
});
