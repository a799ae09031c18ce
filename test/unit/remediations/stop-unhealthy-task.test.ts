import { describe, expect, it } from '@jest/globals';
import {
  alreadyApplied,
  decide,
  type Observation,
  type TaskSeen,
  verify,
} from '../../../functions/remediations/stop-unhealthy-task/decide.ts';
import { config, signal, service as target } from '../../support/fixtures.ts';

type Seen = Exclude<Observation, { kind: 'missing' }>;
const task = (id: string, more: Partial<TaskSeen> = {}): TaskSeen => ({
  arn: `arn:aws:ecs:us-east-1:000000000000:task/orders/${id}`,
  ...{ status: 'RUNNING', health: 'HEALTHY', inStatusForSeconds: 900, ...more },
});
const sick = { health: 'UNHEALTHY' as const };
const deployment = {
  ...{ id: 'ecs-svc/1', primary: true, taskDefinition: 'backend:1', rolloutState: 'COMPLETED' as const },
  ...{ reason: '', failedTasks: 0, running: 2, createdAtMs: 0 },
};
const seen = (tasks: readonly TaskSeen[], more: Partial<Seen> = {}): Seen => ({
  ...{ kind: 'service', arn: '', desired: 3, running: 3, pending: 0, controller: 'ECS' },
  ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
  ...{ deployments: [deployment], tasks, ...more },
});
const on = (observation: Observation) => decide({ signal, target, observation, hold: undefined, config });
const [a, b, c] = [task('a'), task('b'), task('c')];

describe('stop-unhealthy-task decides', () => {
  it('to stop the one task that is unhealthy beside healthy ones', () => {
    expect(on(seen([a, task('b', sick), c]))).toMatchObject({
      kind: 'act',
      change: {
        summary: 'stop task b of backend, which is unhealthy',
        before: { task: b.arn, status: 'RUNNING', health: 'UNHEALTHY' },
        after: { task: b.arn, desiredStatus: 'STOPPED' },
      },
    });
  });

  it('to stop only one at a time, the one that has been there longest', () => {
    const tasks = [
      a,
      c,
      task('d'),
      task('x', { ...sick, inStatusForSeconds: 200 }),
      task('y', { ...sick, inStatusForSeconds: 300 }),
    ];
    expect(on(seen(tasks))).toMatchObject({ kind: 'act', change: { after: { task: expect.stringContaining('/y') } } });
  });

  it('to stop a task that hangs while it starts, but not one that takes its time', () => {
    const starting = (seconds: number) =>
      task('b', { status: 'PENDING', health: 'UNKNOWN', inStatusForSeconds: seconds });
    expect(on(seen([a, starting(600), c]))).toMatchObject({
      kind: 'act',
      change: { summary: expect.stringContaining('PENDING for 600 s') },
    });
    expect(on(seen([a, starting(599), c]))).toMatchObject({ kind: 'fine' });
  });

  it('that nothing is to do while ECS may still replace it, or when none is sick', () => {
    expect(on(seen([a, task('b', { ...sick, inStatusForSeconds: 119 }), c]))).toMatchObject({ kind: 'fine' });
    expect(on(seen([a, b, c]))).toMatchObject({ kind: 'fine' });
    expect(on(seen([]))).toMatchObject({ kind: 'fine' });
  });

  it('that a person must look when more than half are sick, or none is well', () => {
    expect(on(seen([a, task('b', sick), task('c', sick)]))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('2 of 3'),
    });
    expect(on(seen([task('b', sick)]))).toMatchObject({ kind: 'escalate', reason: expect.stringContaining('no task') });
    const starting = task('c', { status: 'PENDING', health: 'UNKNOWN', inStatusForSeconds: 1 });
    expect(on(seen([starting, task('b', sick)]))).toMatchObject({ kind: 'escalate' });
  });

  it('to say that the sick ones share a zone in which no other runs, and nothing where that is not so', () => {
    const at = (zone: string, id: string, more: Partial<TaskSeen> = {}) =>
      task(id, { zone: `us-east-1${zone}`, ...more });
    const told = (tasks: readonly TaskSeen[]) => {
      const decision = on(seen(tasks));
      if (decision.kind === 'act') return decision.change.summary;
      return decision.kind === 'escalate' ? decision.reason : decision.kind;
    };
    const rest = [at('b', 'c'), at('c', 'd')];
    const both = [at('a', 'x', sick), at('a', 'y', sick)];
    const words = 'all 2 sick ones are in us-east-1a';
    // Half of them, then more than half.
    expect(told([...both, ...rest])).toMatch(new RegExp(`^stop task x.*${words}`));
    expect(told([...both, at('b', 'c')])).toMatch(new RegExp(`^2 of 3.*${words}`));
    // A well one beside them, a sick one elsewhere, a single one, and zones that nobody knows.
    expect(told([...both, ...rest, at('a', 'e')])).not.toContain('zone');
    expect(told([at('a', 'x', sick), at('b', 'y', sick), ...rest])).not.toContain('zone');
    expect(told([at('a', 'x', sick), ...rest])).not.toContain('zone');
    expect(told([task('x', sick), task('y', sick), ...rest])).not.toContain('zone');
  });

  it('to wait for a deployment and to keep its hands off what is switched off', () => {
    const rolling = { deployments: [{ ...deployment, rolloutState: 'IN_PROGRESS' as const }] };
    expect(on(seen([a, task('b', sick), c], rolling))).toMatchObject({ kind: 'hold', reason: 'change-under-way' });
    expect(on(seen([a, task('b', sick), c], { desired: 0 }))).toMatchObject({ kind: 'hold', reason: 'hands-off' });
  });

  it('nothing about a service that isn’t there', () => {
    expect(on({ kind: 'missing', why: 'gone' })).toEqual({ kind: 'escalate', reason: 'gone' });
  });
});

const change = { summary: '', undo: '', before: { task: b.arn }, after: {} };

describe('stop-unhealthy-task', () => {
  it('knows a stopped task by its absence among those that are to run', () => {
    expect(alreadyApplied(change, seen([a, b, c]))).toBe('no');
    expect(alreadyApplied(change, seen([a, c]))).toBe('yes');
    expect(alreadyApplied(change, { kind: 'missing', why: '' })).toBe('unclear');
  });

  it('is verified when all tasks run and none is unhealthy', () => {
    expect(verify({ change, observation: seen([a, c, task('d')]) })).toMatchObject({ kind: 'good' });
    expect(verify({ change, observation: seen([a, b, c]) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: seen([a, c], { running: 2 }) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: seen([a, c, task('d', sick)]) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: { kind: 'missing', why: 'gone' } })).toEqual({
      kind: 'not-yet',
      detail: 'gone',
    });
  });
});
