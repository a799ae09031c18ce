import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { discover, REPOSITORY } from '../../../infra/discover.ts';
import { SEEDED_BUGS } from '../../matrix/bugs.ts';
import { apply } from '../../matrix/build.ts';
import { remediationNames } from '../../matrix/crash-matrix.ts';
import { kindsAt, labelOf } from '../../matrix/faults.ts';
import { INCIDENT_BUGS } from '../../matrix/incidents/bugs.ts';
import { jobNames, planNames, unitNames } from '../../matrix/incidents/run.ts';
import { JOB_BUGS } from '../../matrix/jobs/bugs.ts';
import { Lanes } from '../../matrix/lanes.ts';
import { PLAN_BUGS } from '../../matrix/plans/bugs.ts';
import { common } from '../../matrix/record.ts';

describe('a case', () => {
  it('is there for every remediation, and for nothing else', async () => {
    const cases = readdirSync(join(REPOSITORY, 'test', 'matrix', 'cases'));
    expect(cases.sort()).toEqual((await remediationNames()).map((name) => `${name}.ts`));
  });

  it('is there for every function behind the journal but the canary, whose silence is what tells', async () => {
    const { incidentFunctions } = await discover();
    const names = incidentFunctions.map(({ manifest }) => manifest.name);
    expect(unitNames().sort()).toEqual(names.filter((name) => name !== 'canary').sort());
  });

  it('is there for every job that makes or removes something', async () => {
    const { jobs } = await discover();
    const changing = jobs.filter(({ manifest }) => manifest.effect !== 'reads');
    expect(jobNames().sort()).toEqual(changing.map(({ manifest }) => manifest.name).sort());
  });

  it('is there for a plan that shows the runner of plans, and only for plans', async () => {
    const { plans } = await discover();
    const names = plans.map(({ manifest }) => manifest.name);
    expect(planNames()).toContain('service-recovery');
    expect(planNames().filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe('a seeded bug', () => {
  it.each(
    [...SEEDED_BUGS, ...INCIDENT_BUGS, ...JOB_BUGS, ...PLAN_BUGS].flatMap(({ name, patches }) =>
      patches.map((patch) => [name, patch] as const),
    ),
  )('“%s” still fits the sources', (_name, patch) => {
    const source = readFileSync(join(REPOSITORY, patch.file), 'utf8');
    expect(apply(source, patch)).not.toBe(source);
  });

  it('whose snippet is gone, or there twice, is refused instead of built without it', () => {
    const patch = { file: 'a.ts', find: 'x', replace: 'y' };
    expect(() => apply('', patch)).toThrow('there 0 times');
    expect(() => apply('x x', patch)).toThrow('there 2 times');
  });
});

describe('the plan', () => {
  it('keeps only what both recorded runs had', () => {
    const seam = (operation: string, nth: number) => ({ service: 'ecs', operation, nth });
    const [a1, a2, b1] = [seam('A', 1), seam('A', 2), seam('B', 1)];
    expect(common([a1, b1, a2], [b1, a1])).toEqual([a1, b1]);
  });

  it('names statements by what they do', () => {
    expect(labelOf({})).toBe('login');
    expect(labelOf({ sql: '\nSELECT\n  one FROM two' })).toBe('SELECT one');
  });

  it('lacks only the kinds that a seam can’t have', () => {
    expect(kindsAt({ service: 'ecs', operation: 'UpdateService', nth: 1 })).toHaveLength(6);
    expect(kindsAt({ service: 'postgres', operation: 'login', nth: 1 })).toContain('throttled');
    expect(kindsAt({ service: 'postgres', operation: 'SELECT 1', nth: 1 })).not.toContain('throttled');
  });
});

describe('lanes', () => {
  it('are used by one at a time, in the order of asking, and given back after a failure', async () => {
    const lanes = new Lanes(1);
    const order: string[] = [];
    const use = (name: string, fails = false) =>
      lanes.use(async (lane) => {
        order.push(`${name} in ${lane}`);
        await Promise.resolve();
        order.push(`${name} out`);
        if (fails) throw new Error(name);
      });
    const results = await Promise.allSettled([use('first', true), use('second'), use('third')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(order).toEqual(['first in 0', 'first out', 'second in 0', 'second out', 'third in 0', 'third out']);
  });
});
