/** Drills in the configuration: when they run, what the functions are given, and what is refused. */
import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/jobs/drill/manifest.ts';
import { jobSubjects, overdueAfterOf, scheduleOf } from '../../../infra/config/jobs.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import example from '../../../nightshift.config.ts';

const plans = ['service-recovery'];
const backend = { plan: 'service-recovery', input: { service: 'backend' } };
const parsed = (more: Partial<ConfigInput>) => parseConfig({ ...example, plans, ...more }, [], 'test', ['drill']);

describe('drills', () => {
  it('are held only where they are configured, and not when the job is off', () => {
    expect(jobSubjects(manifest, parsed({}).config)).toEqual([]);
    expect(parsed({}).runtime.drills).toBeUndefined();
    const { config, runtime } = parsed({ drills: { two: backend, one: backend } });
    expect(jobSubjects(manifest, config)).toEqual(['one', 'two']);
    expect(runtime.drills?.one).toEqual({ ...backend, recheckAfterSeconds: 600 });
    const off = parsed({ drills: { one: backend }, jobs: { drill: { enabled: false } } });
    expect(jobSubjects(manifest, off.config)).toEqual([]);
  });

  it('have their own times, and are missed when the next would be there', () => {
    const { config } = parsed({
      drills: { often: { ...backend, timeZone: 'Asia/Kolkata' }, seldom: { ...backend, every: 'quarter' } },
    });
    expect(scheduleOf(manifest, config, 'often')).toMatchObject({ cron: '0 10 ? * 3#1 *', timeZone: 'Asia/Kolkata' });
    expect(scheduleOf(manifest, config, 'seldom')).toMatchObject({ cron: '0 10 ? 2/3 3#1 *', timeZone: 'UTC' });
    const [longestMonth, longestQuarter] = [35, 98];
    expect(overdueAfterOf(manifest, config, 'often')).toBeGreaterThan((longestMonth + 1) * 86_400);
    expect(overdueAfterOf(manifest, config, 'seldom')).toBeGreaterThan((longestQuarter + 1) * 86_400);
  });

  it('run for real only a plan that is a chore', () => {
    const rotation = { plan: 'secret-rotation', input: { database: 'orders-db' }, forReal: true as const };
    const both = ['service-recovery', 'secret-rotation'];
    const secretArn = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:orders/app-AbCdEf';
    const databases = Object.fromEntries(
      Object.entries(example.databases ?? {}).map(([name, database]) => [
        name,
        { ...database, rotation: { secretArn, users: ['app', 'app_b'] as [string, string] } },
      ]),
    );
    const { runtime } = parsed({ plans: both, databases, drills: { rotate: rotation, other: backend } });
    expect(runtime.drills?.rotate).toEqual({ ...rotation, recheckAfterSeconds: 600 });
    expect(runtime.drills?.other).not.toHaveProperty('forReal');
    const emergency = { ...rotation, input: { ...rotation.input, emergency: true } };
    expect(() => parsed({ plans: both, databases, drills: { rotate: emergency } })).toThrow(
      /drills\.rotate\.input\.emergency: true; leave it out: services fail/,
    );
    expect(() =>
      parsed({ plans: both, databases, drills: { rotate: { ...emergency, forReal: undefined } } }),
    ).not.toThrow();
    expect(() => parsed({ drills: { one: { ...backend, forReal: true } } })).toThrow(
      /drills\.one\.forReal: true; leave it out: of plans only secret-rotation may run on schedule, service-recovery/,
    );
  });

  it('are refused of a plan that isn’t deployed, and with times of the job', () => {
    expect(() => parsed({ drills: { one: { plan: 'database-restore' } } })).toThrow(/drills\.one\.plan/);
    const timed = { drill: { cron: '0 1 * * ? *', overdueAfterSeconds: 90_000 } };
    expect(() => parsed({ jobs: timed })).toThrow(/jobs\.drill\.cron[\s\S]*each drill has its own times/);
  });
});
