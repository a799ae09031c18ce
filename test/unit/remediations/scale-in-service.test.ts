import { describe, expect, it } from '@jest/globals';
import { isAbout, saysTooLittle } from '../../../functions/ecs/firing.ts';
import { peakLoad } from '../../../functions/ecs/usage.ts';
import type { Change, DecideInput } from '../../../functions/engine/remediation.ts';
import {
  afterOf,
  alreadyApplied,
  decide,
  type Observation,
  verify,
  whyNotNow,
} from '../../../functions/remediations/scale-in-service/decide.ts';
import { config, service, signal } from '../../support/fixtures.ts';

const target = { ...service, minTasks: 2, cpuBelowPercent: 40, cpuAbovePercent: 80, memoryAbovePercent: 90 };
type Seen = Exclude<Observation, { kind: 'missing' }>;
const seen: Seen = {
  kind: 'service',
  arn: 'arn:aws:ecs:us-east-1:111122223333:service/orders/backend',
  ...{ desired: 6, running: 6, pending: 0, controller: 'ECS', minimumHealthyPercent: 100, maximumPercent: 200 },
  ...{
    rollsBackByItself: false,
    fargate: true,
    tags: {},
    autoScaled: false,
    cpuPercent: 20,
    memoryPercent: 30,
    peakLoad: { cpu: 0, memory: 0 },
    firing: [],
  },
  deployments: [
    {
      ...{ id: 'ecs-svc/1', primary: true, taskDefinition: 'backend:7', rolloutState: 'COMPLETED', reason: '' },
      ...{ failedTasks: 0, running: 6, createdAtMs: 0 },
    },
  ],
};
const alarm = signal.subject;
const given = (change: Partial<Seen>, more: Partial<DecideInput<typeof target, Observation>> = {}) =>
  decide({ signal, target, observation: { ...seen, ...change }, hold: undefined, config, ...more });
const changeOf = (change: Partial<Seen> = {}): Change => {
  const decision = given(change);
  if (decision.kind !== 'act') throw new Error(`expected a change, but it was ${decision.kind}`);
  return decision.change;
};

describe('scale-in-service decides', () => {
  it.each([
    ['as many as bear the load below cpuBelowPercent', {}, 3],
    ['no fewer than the minimum', { desired: 4, running: 4, cpuPercent: 1, memoryPercent: 5 }, 2],
    ['no fewer than half of them at once', { desired: 41, running: 41, cpuPercent: 1, memoryPercent: 2 }, 21],
    ['as many as the busiest period lately needed', { peakLoad: { cpu: 161, memory: 0 } }, 5],
    ['as much memory as it needed lately', { peakLoad: { cpu: 0, memory: 400 } }, 5],
    ['as many as memory needs', { memoryPercent: 60 }, 5],
    ['one less where that is all', { cpuPercent: 33 }, 5],
  ])('for %s', (_, change, tasks) => {
    expect(afterOf(changeOf(change))).toEqual({ desired: tasks });
  });

  it('to change nothing when its load needs them all, or it has the fewest', () => {
    expect(given({ cpuPercent: 34 })).toMatchObject({ kind: 'fine', reason: expect.stringContaining('needs') });
    expect(given({ desired: 2, running: 2 })).toMatchObject({
      kind: 'fine',
      reason: expect.stringContaining('fewest'),
    });
  });

  it('to look again later when only a period that is over needed them all', () => {
    const busier = { peakLoad: { cpu: 6 * 36, memory: 0 } };
    expect(given(busier)).toMatchObject({ kind: 'hold', detail: expect.stringContaining('busiest') });
  });

  it('never for no task at all, whatever the configured minimum', () => {
    const none = { ...target, minTasks: 0 };
    expect(given({ desired: 2, running: 2, cpuPercent: 0, memoryPercent: 0 }, { target: none })).toMatchObject({
      kind: 'act',
      change: { after: { desired: 1 } },
    });
  });

  it('by half of the alarm’s CPU where cpuBelowPercent isn’t set', () => {
    const unset = { ...target, cpuBelowPercent: 0 };
    expect(given({}, { target: unset })).toMatchObject({ change: { after: { desired: 3 } } });
  });

  it.each([
    [
      'another alarm fires',
      { firing: [{ arn: 'arn:other', name: 'errors', isOfDatabase: false }] },
      /errors is firing/,
    ],
    ['a deployment is under way', { deployments: [...seen.deployments, ...seen.deployments] }, /deployment/],
    ['tasks are starting', { running: 5 }, /5 tasks are running/],
    ['tasks are stopping', { running: 7 }, /7 tasks are running/],
    ['tasks are pending', { pending: 1 }, /wanted/],
    ['CPU is unknown', { cpuPercent: undefined }, /no recent CPU/],
    ['memory is unknown', { memoryPercent: undefined }, /no recent memory/],
    ['it was switched off', { desired: 0, running: 0 }, /switched it off/],
  ] as [string, Partial<Seen>, RegExp][])('to wait while %s', (_, change, detail) => {
    expect(given(change)).toMatchObject({ kind: 'hold', detail: expect.stringMatching(detail) });
  });

  it('by the alarm that says so itself, which may fire', () => {
    expect(given({ firing: [{ arn: alarm, name: 'idle', isOfDatabase: false }] })).toMatchObject({ kind: 'act' });
  });

  it('to leave to others what is theirs: auto scaling, a hold of ours, a service that isn’t there', () => {
    expect(given({ autoScaled: true })).toMatchObject({ kind: 'fine' });
    const hold = {
      ...{ remediation: 'scale-out-service', field: 'desiredCount', baseline: 4, value: 6, stabiliseForSeconds: 60 },
      ...{ incidentId: 'inc-1', since: '2026-11-20T03:00:00.000Z' },
    };
    expect(given({}, { hold })).toMatchObject({ kind: 'hold', detail: expect.stringContaining('scale-out-service') });
    expect(given({}, { observation: { kind: 'missing', why: 'gone' } })).toEqual({ kind: 'escalate', reason: 'gone' });
  });
});

describe('scale-in-service afterwards', () => {
  const change = changeOf();
  const left = { ...seen, desired: 3, running: 3, cpuPercent: 40 };
  const judged = (observation: Observation) => verify({ target, change, observation }).kind;

  it('is proved by as many tasks as wanted and nothing that fires because of it', () => {
    expect(judged(left)).toBe('good');
    expect(judged({ ...left, firing: [{ arn: alarm, name: 'idle', isOfDatabase: false }] })).toBe('good');
    expect(judged({ ...left, running: 4 })).toBe('not-yet');
    expect(judged({ ...left, desired: 4 })).toBe('not-yet');
    expect(judged({ kind: 'missing', why: 'gone' })).toBe('not-yet');
  });

  it('is worse when an alarm fires, or CPU or memory is above its own', () => {
    expect(judged({ ...left, firing: [{ arn: 'arn:other', name: 'latency', isOfDatabase: false }] })).toBe('worse');
    expect(judged({ ...left, cpuPercent: 80.1 })).toBe('worse');
    expect(judged({ ...left, cpuPercent: 80 })).toBe('good');
    expect(judged({ ...left, memoryPercent: 90.1 })).toBe('worse');
  });

  it('is not undone for a database that is sick: more tasks would open more connections on it', () => {
    const firing = [{ arn: 'arn:db', name: 'orders-db-connections', isOfDatabase: true }];
    expect(judged({ ...left, firing })).toBe('not-yet');
    const own = { arn: 'arn:other', name: 'latency', isOfDatabase: false };
    expect(judged({ ...left, firing: [...firing, own] })).toBe('worse');
  });

  it('is not carried out any more once it would not be decided again', () => {
    expect(whyNotNow(target, change, seen)).toBeUndefined();
    expect(whyNotNow(target, change, { ...seen, cpuPercent: 25 })).toMatch(/needs 4 tasks/);
    expect(whyNotNow(target, change, { ...seen, peakLoad: { cpu: 130, memory: 0 } })).toMatch(/needs 4 tasks/);
    const firing = [{ arn: 'arn:other', name: 'latency', isOfDatabase: false }];
    expect(whyNotNow(target, change, { ...seen, firing })).toMatch(/latency is firing/);
    expect(whyNotNow(target, change, { ...seen, autoScaled: true })).toMatch(/Auto Scaling/);
    expect(whyNotNow(target, change, { ...seen, cpuPercent: undefined } as unknown as Seen)).toMatch(/no recent CPU/);
  });

  it('knows by the number whether it happened, and its undo is the reverse', () => {
    expect(alreadyApplied(change, left)).toBe('yes');
    expect(alreadyApplied(change, seen)).toBe('no');
    expect(alreadyApplied(change, { ...seen, desired: 5 })).toBe('unclear');
    expect(alreadyApplied(change, { kind: 'missing', why: 'gone' })).toBe('unclear');
    expect(change.undoChange).toMatchObject({ before: { desired: 3 }, after: { desired: 6 } });
  });
});

describe('the busiest period', () => {
  it('counts the tasks that ran in it for CPU, and those that run now for memory', () => {
    const periods = [
      { cpuPercent: 5, memoryPercent: 20, tasks: 20 },
      { cpuPercent: 4, memoryPercent: 15, tasks: 40 },
      { cpuPercent: 7 },
    ];
    expect(peakLoad(periods, 20)).toEqual({ cpu: 160, memory: 400 });
    expect(peakLoad([], 20)).toEqual({ cpu: 0, memory: 0 });
  });
});

describe('alarms about a service', () => {
  it.each([
    ['AWS/ECS', 'CPUUtilization', 'LessThanThreshold', true],
    ['AWS/ECS', 'MemoryUtilization', 'LessThanOrEqualToThreshold', true],
    ['AWS/ECS', 'CPUUtilization', 'GreaterThanThreshold', false],
    ['AWS/ECS', 'CPUUtilization', 'LessThanLowerOrGreaterThanUpperThreshold', false],
    ['ECS/ContainerInsights', 'RunningTaskCount', 'LessThanThreshold', false],
  ] as const)('on %s %s with %s say that it has too much: %s', (Namespace, MetricName, ComparisonOperator, too) => {
    expect(saysTooLittle({ Namespace, MetricName, ComparisonOperator })).toBe(too);
    const Metrics = [{ Id: 'm', MetricStat: { Metric: { Namespace, MetricName }, Period: 60, Stat: 'Average' } }];
    expect(saysTooLittle({ Metrics, ComparisonOperator })).toBe(too);
  });

  const balanced = { ...target, balancedBy: { loadBalancer: 'app/x/0', targetGroup: 'targetgroup/x/0' } };
  const of = (dimensions: Record<string, string>) =>
    Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

  it.each([
    ['its own metrics', { ClusterName: 'orders', ServiceName: 'backend' }, true],
    ['its target group', { LoadBalancer: 'app/y/0', TargetGroup: 'targetgroup/x/0' }, true],
    ['its database', { DBInstanceIdentifier: 'orders-db' }, true],
    ['another service of its cluster', { ClusterName: 'orders', ServiceName: 'cart' }, false],
    ['its cluster', { ClusterName: 'orders' }, false],
    ['another database', { DBInstanceIdentifier: 'reports-db' }, false],
  ])('are those on %s: %j is %s', (_, dimensions, about) => {
    expect(isAbout({ Dimensions: of(dimensions) }, balanced)).toBe(about);
    const Metrics = [
      { Id: 'e' },
      { Id: 'm', MetricStat: { Metric: { Dimensions: of(dimensions) }, Period: 60, Stat: 'Sum' } },
    ];
    expect(isAbout({ Metrics }, balanced)).toBe(about);
  });
});
