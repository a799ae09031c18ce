import { describe, expect, it } from '@jest/globals';
import type { PlanInput } from '../../../local/stand-ins/ecs/plan.ts';
import { planService } from '../../../local/stand-ins/ecs/plan.ts';

/** `new:running` ... in order of creation; ids are positions. */
const plan = (desiredCount: number, tasks: string, more: Partial<PlanInput> = {}) =>
  planService({
    desiredCount,
    minimumHealthyPercent: 100,
    maximumPercent: 200,
    primaryId: 'new',
    mayStart: true,
    tasks: tasks
      .split(' ')
      .filter(Boolean)
      .map((text, order) => {
        const [deploymentId = '', phase] = text.split(':');
        return { id: String(order), deploymentId, phase: phase === 'running' ? 'running' : 'starting', order };
      }),
    ...more,
  });

describe('scaling', () => {
  it.each([
    ['starts what is missing', 3, 'new:running', 2, []],
    ['does nothing at the desired count', 2, 'new:running new:starting', 0, []],
    ['stops the newest of too many', 1, 'new:running new:running new:running', 0, ['2', '1']],
    ['gives up a starting task before a running one', 1, 'new:starting new:running', 0, ['0']],
    ['stops all at zero', 0, 'new:running new:starting', 0, ['1', '0']],
  ])('%s', (_, desired, tasks, start, stop) => {
    expect(plan(desired, tasks)).toEqual({ start, stop });
  });
});

describe('rolling deployments', () => {
  const tight = { minimumHealthyPercent: 50, maximumPercent: 100 };
  it.each([
    ['starts all new ones first at 100/200', 2, 'old:running old:running', {}, 2, []],
    ['keeps the old while the new start', 2, 'old:running old:running new:starting new:starting', {}, 0, []],
    [
      'stops an old one for each new one that runs',
      2,
      'old:running old:running new:running new:starting',
      {},
      0,
      ['0'],
    ],
    ['stops the last old ones at the end', 2, 'old:running old:running new:running new:running', {}, 0, ['0', '1']],
    ['makes room first at 50/100', 2, 'old:running old:running', tight, 1, ['0']],
    ['waits at 50/100 while the first new one starts', 2, 'old:running new:starting', tight, 0, []],
    ['goes on at 50/100 when it runs', 2, 'old:running new:running', tight, 1, ['0']],
    [
      'starts in batches at 100/150',
      4,
      'old:running old:running old:running old:running',
      { maximumPercent: 150 },
      2,
      [],
    ],
    [
      'rounds the lower limit up and the upper down',
      3,
      'old:running old:running old:running',
      { minimumHealthyPercent: 50, maximumPercent: 150 },
      2,
      ['0'],
    ],
    [
      'gives up nothing old for a deployment that may not start',
      2,
      'old:running old:running',
      { ...tight, mayStart: false },
      0,
      [],
    ],
    ['stops old tasks that don’t run yet', 2, 'old:starting old:running', {}, 2, ['0']],
  ])('%s', (_, desired, tasks, more, start, stop) => {
    expect(plan(desired, tasks, more)).toEqual({ start, stop });
  });
});
