import { describe, expect, it } from '@jest/globals';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/restart-service/decide.ts';
import { config, signal, service as target } from '../../support/fixtures.ts';

type Seen = Exclude<Observation, { kind: 'missing' }>;
const arn = (revision: number) => `arn:aws:ecs:us-east-1:000000000000:task-definition/backend:${revision}`;
const deployment = (more: Partial<Seen['deployments'][number]> = {}) => ({
  ...{ id: 'ecs-svc/1', primary: true, taskDefinition: arn(7), rolloutState: 'COMPLETED' as const, reason: '' },
  ...{ failedTasks: 0, running: 2, createdAtMs: 1_000, ...more },
});
const seen = (more: Partial<Seen> = {}): Seen => ({
  ...{ kind: 'service', arn: '', desired: 2, running: 2, pending: 0, controller: 'ECS' },
  ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
  deployments: [deployment()],
  ...more,
});
const on = (observation: Observation) => decide({ signal, target, observation, hold: undefined, config });
const change = {
  ...{ summary: '', undo: '', after: {} },
  before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/1', createdAtMs: 1_000 },
};
const newer = (more: Partial<Seen['deployments'][number]> = {}) =>
  seen({ deployments: [deployment({ id: 'ecs-svc/2', createdAtMs: 2_000, ...more })] });

describe('restart-service decides', () => {
  it('to replace the tasks of the deployment that it saw', () => {
    expect(on(seen())).toMatchObject({
      kind: 'act',
      change: {
        summary: 'replace the 2 tasks of backend by new ones of backend:7',
        before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/1', createdAtMs: 1_000 },
      },
    });
  });

  it('that nothing is to be done once all tasks were replaced since the trouble began', () => {
    const began = Date.parse(signal.at);
    expect(on(seen({ deployments: [deployment({ createdAtMs: began + 1 })] }))).toEqual({
      kind: 'fine',
      reason: 'all tasks of backend were replaced since the trouble began',
    });
    expect(on(seen({ deployments: [deployment({ createdAtMs: began })] }))).toMatchObject({ kind: 'act' });
  });

  it.each<[string, Partial<Seen>]>([
    ['a deployment is under way', { deployments: [deployment({ rolloutState: 'IN_PROGRESS' })] }],
    ['an old one is still drained', { deployments: [deployment(), deployment({ id: 'ecs-svc/0', primary: false })] }],
    ['tasks are starting', { running: 1 }],
  ])('to wait while %s', (_, more) => {
    expect(on(seen(more))).toMatchObject({ kind: 'hold', reason: 'change-under-way' });
  });

  it.each<[string, Partial<Seen>]>([
    ['CodeDeploy deploys it', { controller: 'CODE_DEPLOY' }],
    ['it is scaled to zero', { desired: 0, running: 0 }],
  ])('to keep its hands off when %s', (_, more) => {
    expect(on(seen(more))).toMatchObject({ kind: 'hold', reason: 'hands-off' });
  });

  it.each<[string, Partial<Seen>, string]>([
    ['all tasks could go at once', { minimumHealthyPercent: 0 }, 'minimumHealthyPercent 0'],
    ['there is no room for a new one', { maximumPercent: 100 }, 'no room'],
    ['rounding leaves no room', { desired: 1, running: 1, maximumPercent: 150 }, 'no room'],
  ])('that a person must look when %s', (_, more, reason) => {
    expect(on(seen(more))).toMatchObject({ kind: 'escalate', reason: expect.stringContaining(reason) });
  });

  it('to restart where one task may go before its successor comes', () => {
    expect(on(seen({ minimumHealthyPercent: 50, maximumPercent: 100 }))).toMatchObject({ kind: 'act' });
  });

  it('nothing about a service that isn’t there', () => {
    expect(on({ kind: 'missing', why: 'gone' })).toEqual({ kind: 'escalate', reason: 'gone' });
    expect(on(seen({ deployments: [] }))).toMatchObject({ kind: 'escalate' });
  });
});

describe('restart-service', () => {
  it('takes a newer deployment of the same revision for its own, and any other for somebody else’s', () => {
    expect(alreadyApplied(change, newer())).toBe('yes');
    expect(alreadyApplied(change, seen())).toBe('no');
    expect(alreadyApplied(change, newer({ taskDefinition: arn(8) }))).toBe('unclear');
    expect(alreadyApplied(change, newer({ createdAtMs: 500 }))).toBe('unclear');
    expect(alreadyApplied(change, { kind: 'missing', why: '' })).toBe('unclear');
  });

  it('is verified when the new deployment is complete and alone', () => {
    expect(verify({ change, observation: newer() })).toMatchObject({ kind: 'good' });
    expect(verify({ change, observation: seen() })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: { ...newer(), running: 1 } })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: newer({ rolloutState: 'IN_PROGRESS' }) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: newer({ rolloutState: 'FAILED' }) })).toMatchObject({ kind: 'bad' });
    const draining = { ...newer(), deployments: [...newer().deployments, deployment({ primary: false })] };
    expect(verify({ change, observation: draining })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: { kind: 'missing', why: 'gone' } })).toEqual({
      kind: 'not-yet',
      detail: 'gone',
    });
  });
});
