import { describe, expect, it } from '@jest/globals';
import type { ServiceConfig } from '../../../functions/engine/config.ts';
import {
  alreadyApplied,
  costPerHourUsd,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/raise-task-resources/decide.ts';
import { greaterRevision, raisedFromOf } from '../../../functions/remediations/raise-task-resources/revision.ts';
import { signal as alarm, config, service } from '../../support/fixtures.ts';

type Seen = Exclude<Observation, { kind: 'missing' }>;
const arn = (revision: number) => `arn:aws:ecs:us-east-1:000000000000:task-definition/backend:${revision}`;
const AT = Date.parse(alarm.at);
const deployment = (more: Partial<Seen['deployments'][number]> = {}) => ({
  ...{ id: 'ecs-svc/1', primary: true, taskDefinition: arn(7), rolloutState: 'COMPLETED' as const, reason: '' },
  ...{ failedTasks: 0, running: 2, createdAtMs: AT - 3_600_000, ...more },
});
const definition = (more: Partial<Seen['definition']> = {}): Seen['definition'] => ({
  ...{ cpuUnits: 256, memoryMib: 512, fargate: true, system: 'LINUX', architecture: 'X86_64', roles: [], ...more },
});
const past = (revision: number, secondsBefore: number, status = 'SUCCESSFUL'): Seen['history'][number] => ({
  ...{ status, taskDefinition: arn(revision), images: [], digests: [] },
  ...{ createdAtMs: AT - secondsBefore * 1000, finishedAtMs: AT - secondsBefore * 1000 },
});
const seen = (more: Partial<Seen> = {}): Seen => ({
  ...{ kind: 'service', arn: '', desired: 2, running: 2, pending: 0, controller: 'ECS' },
  ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
  deployments: [deployment()],
  definition: definition(),
  outOfMemory: [],
  history: [past(7, 3_600)],
  ...more,
});
const { metricName: _metric, ...withoutMetric } = alarm.evidence;
const killed = { ...alarm, source: 'ecs-task' as const, name: 'OutOfMemoryError', evidence: withoutMetric };
const memory = { ...alarm, evidence: { ...alarm.evidence, metricName: 'MemoryUtilization' } };
const cpu = { ...alarm, evidence: { ...alarm.evidence, metricName: 'CPUUtilization' } };
const on = (observation: Observation, signal: typeof alarm = memory, target: Partial<ServiceConfig> = {}) =>
  decide({ signal, target: { ...service, ...target }, observation, hold: undefined, config });

describe('raise-task-resources decides', () => {
  it('to give tasks that are short of memory the next size, and says what it costs', () => {
    expect(on(seen())).toMatchObject({
      kind: 'act',
      change: {
        summary:
          'give the 2 tasks of backend 256 CPU units and 1024 MiB each instead of 256 CPU units and 512 MiB; about 0.0044 USD an hour more',
        before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/1', cpuUnits: 256, memoryMib: 512 },
        after: { cpuUnits: 256, memoryMib: 1024, raisedFrom: arn(7), tasks: 2 },
        undo: 'set the task definition of orders/backend back to backend:7',
        undoChange: { before: { raisedFrom: arn(7) }, after: { taskDefinition: arn(7), memoryMib: 512 } },
      },
    });
  });

  it('to give tasks that are short of CPU the next step of it', () => {
    expect(on(seen(), cpu)).toMatchObject({ kind: 'act', change: { after: { cpuUnits: 512, memoryMib: 1024 } } });
  });

  it('to call a person when a release just before is to blame, and says what to go back to', () => {
    const released = seen({ history: [past(7, 120), past(6, 90_000)], outOfMemory: [arn(7)] });
    const reason =
      "backend isn't given greater tasks: backend:7 had run for 120 s when the trouble began, so within rollBackWithinSeconds 1800 its release is to blame; going back to backend:6, which was steady, is the better step";
    expect(on(released)).toEqual({ kind: 'escalate', reason });
    expect(on(released, killed)).toEqual({ kind: 'escalate', reason });
    // A restart of it since then doesn't make it older or younger.
    expect(on(seen({ history: [past(7, 10), past(7, 120), past(6, 90_000)] }))).toEqual({ kind: 'escalate', reason });
  });

  it.each<[string, Partial<Seen>]>([
    ['it is the first one', { history: [past(7, 120)] }],
    ['ECS has no record', { history: [] }],
    ['it was longer ago', { history: [past(7, 1801), past(6, 90_000)] }],
    ['it came after the trouble', { history: [past(7, -1), past(6, 90_000)] }],
    ['it was a way back', { history: [past(7, 120), past(8, 600), past(7, 90_000)] }],
    ['it was a way back, restarted since', { history: [past(7, 60), past(7, 120), past(8, 600), past(7, 90_000)] }],
    ['it had lasted before', { history: [past(7, 120), past(8, 600), past(7, 700), past(7, 2_401), past(6, 90_000)] }],
    ['it was a restart', { history: [past(7, 120), past(7, 90_000)] }],
    ['nothing before was steady', { history: [past(7, 120), past(6, 90_000, 'STOPPED')] }],
    [
      'it was ours',
      { history: [past(7, 120), past(6, 90_000)], definition: definition({ memoryMib: 1024, raisedFrom: arn(6) }) },
    ],
  ])('not to blame a release when %s', (_, more) => {
    expect(on(seen(more))).toMatchObject({ kind: 'act' });
  });

  it.each<[string, Seen['history']]>([
    ['was taken back soon', [past(7, 120), past(6, 600), past(7, 900), past(6, 90_000)]],
    ['lasted just as long as a release is blamed', [past(7, 120), past(6, 600), past(7, 2_400), past(6, 90_000)]],
    ['never was steady', [past(7, 120), past(6, 600), past(7, 50_000, 'STOPPED'), past(6, 90_000)]],
    [
      'was restarted until it was taken back',
      [past(7, 120), past(6, 600), past(7, 700), past(7, 900), past(6, 90_000)],
    ],
    ['came just before one that failed', [past(7, 120), past(8, 600, 'STOPPED'), past(7, 900), past(6, 90_000)]],
  ])('to blame a release that had run before, when that %s', (_, history) => {
    const reason = expect.stringContaining('going back to backend:6, which was steady, is the better step');
    expect(on(seen({ history }))).toEqual({ kind: 'escalate', reason });
  });

  it('to blame a release up to the last second of its time', () => {
    expect(on(seen({ history: [past(7, 1800), past(6, 90_000)] }))).toMatchObject({ kind: 'escalate' });
  });

  it('by the tasks that were killed, not by the event: those of the revision that runs', () => {
    const starting = { running: 1, outOfMemory: [arn(7)] };
    expect(on(seen(starting), killed)).toMatchObject({ kind: 'act', change: { after: { memoryMib: 1024 } } });
    expect(on(seen({ outOfMemory: [arn(6)] }), killed)).toMatchObject({ kind: 'fine' });
    expect(on(seen(), killed)).toMatchObject({ kind: 'fine' });
  });

  it('that nothing is to be done when it has more since the trouble began', () => {
    const raised = definition({ memoryMib: 1024, raisedFrom: arn(6) });
    const after = seen({ definition: raised, deployments: [deployment({ createdAtMs: AT + 1 })] });
    expect(on(after)).toMatchObject({ kind: 'fine', reason: 'backend:7 has more than when the trouble began' });
    const before = seen({ definition: raised });
    expect(on(before)).toMatchObject({ kind: 'act', change: { after: { memoryMib: 2048 } } });
  });

  it.each<[string, Partial<Seen>, string]>([
    ['a deployment is under way', { deployments: [deployment({ rolloutState: 'IN_PROGRESS' })] }, 'change-under-way'],
    ['tasks are starting', { running: 1 }, 'change-under-way'],
    ['CodeDeploy deploys it', { controller: 'CODE_DEPLOY' }, 'hands-off'],
    ['it is scaled to zero', { desired: 0, running: 0 }, 'hands-off'],
  ])('to wait when %s', (_, more, reason) => {
    expect(on(seen(more))).toMatchObject({ kind: 'hold', reason });
  });

  it.each<[string, Partial<Seen>, Partial<ServiceConfig>, string]>([
    ['there is no limit to go up to', {}, { maxTaskMemoryMib: 0 }, 'may not have more than'],
    ['the limit is reached', {}, { maxTaskMemoryMib: 512 }, 'maxTaskMemoryMib 512'],
    ['its service runs elsewhere', { fargate: false }, {}, 'not run on Fargate'],
    ['its revision is made for instances', { definition: definition({ fargate: false }) }, {}, 'FARGATE'],
    ['it runs Windows', { definition: definition({ system: 'WINDOWS_SERVER_2022_CORE' }) }, {}, 'WINDOWS'],
    ['its size is unknown', { definition: definition({ cpuUnits: 300 }) }, {}, 'no size that Fargate'],
    ['its role may not be passed', { definition: definition({ roles: ['arn:role'] }) }, {}, 'does not list arn:role'],
    ['all tasks could be gone at once', { minimumHealthyPercent: 0 }, {}, 'minimumHealthyPercent 0'],
  ])('that a person must look when %s', (_, more, target, reason) => {
    expect(on(seen(more), memory, target)).toMatchObject({ kind: 'escalate', reason: expect.stringContaining(reason) });
  });

  it('to pass a role that is listed, and nothing about a service that isn’t there', () => {
    const roles = ['arn:role'];
    expect(on(seen({ definition: definition({ roles }) }), memory, { taskRoles: roles })).toMatchObject({
      kind: 'act',
    });
    expect(on({ kind: 'missing', why: 'gone' })).toEqual({ kind: 'escalate', reason: 'gone' });
  });

  it('to name the stack whose template must be told', () => {
    const tags = { 'aws:cloudformation:stack-name': 'shop' };
    expect(on(seen({ tags }))).toMatchObject({
      change: { summary: expect.stringContaining('CloudFormation stack shop still says backend:7') },
    });
  });
});

describe('raise-task-resources', () => {
  const decision = on(seen());
  if (decision.kind !== 'act' || !decision.change.undoChange) throw new Error('it acts, and can be undone');
  const { change } = decision;
  const { undoChange } = decision.change;
  const raised = (more: Partial<Seen['deployments'][number]> = {}, size: Partial<Seen['definition']> = {}) =>
    seen({
      deployments: [deployment({ id: 'ecs-svc/2', taskDefinition: arn(8), createdAtMs: AT + 1, ...more })],
      definition: definition({ memoryMib: 1024, raisedFrom: arn(7), ...size }),
    });

  it('knows its own revision from somebody else’s', () => {
    expect(alreadyApplied(change, seen())).toBe('no');
    expect(alreadyApplied(change, raised())).toBe('yes');
    expect(alreadyApplied(change, raised({}, { memoryMib: 2048 }))).toBe('unclear');
    expect(alreadyApplied(change, seen({ deployments: [deployment({ id: 'ecs-svc/3' })] }))).toBe('unclear');
    expect(alreadyApplied(change, { kind: 'missing', why: '' })).toBe('unclear');
  });

  it('knows whether it was undone', () => {
    expect(alreadyApplied(undoChange, raised())).toBe('no');
    expect(alreadyApplied(undoChange, seen())).toBe('yes');
    expect(alreadyApplied(undoChange, seen({ deployments: [deployment({ taskDefinition: arn(9) })] }))).toBe('unclear');
  });

  it('is verified when the greater revision is rolled out, alone and alive', () => {
    expect(verify({ change, observation: raised() })).toMatchObject({ kind: 'good' });
    expect(verify({ change, observation: { ...raised(), running: 1 } })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: raised({ rolloutState: 'IN_PROGRESS' }) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: raised({}, { memoryMib: 512 }) })).toMatchObject({
      kind: 'not-yet',
      detail: expect.stringContaining('somebody else'),
    });
    expect(verify({ change, observation: { kind: 'missing', why: 'gone' } })).toMatchObject({ kind: 'not-yet' });
  });

  it('did no good when the earlier revision is back, or tasks are killed all the same', () => {
    expect(verify({ change, observation: seen() })).toMatchObject({ kind: 'bad' });
    expect(verify({ change, observation: { ...raised(), outOfMemory: [arn(8)] } })).toMatchObject({ kind: 'bad' });
  });

  it('is undone when its roll-out failed', () => {
    expect(verify({ change, observation: raised({ rolloutState: 'FAILED' }) })).toMatchObject({ kind: 'worse' });
  });

  it('costs what its size costs more, where the price is known', () => {
    const of = (region: string, architecture: string) =>
      costPerHourUsd({ ...change, after: { cpuUnits: 1280, memoryMib: 2560, tasks: 3, architecture } }, { region });
    expect(of('us-east-1', 'X86_64')).toBeCloseTo(3 * (0.04048 + 2 * 0.004445), 6);
    expect(of('us-east-1', 'ARM64')).toBeCloseTo(3 * (0.03238 + 2 * 0.00356), 6);
    expect(of('eu-west-1', 'X86_64')).toBeUndefined();
  });
});

describe('a greater revision', () => {
  it('keeps everything but what ECS says of the old one, and lets containers have their share', () => {
    const size = { cpuUnits: 512, memoryMib: 1536 };
    const container = { name: 'web', image: 'web@sha256:1', mountPoints: [{ sourceVolume: 'v' }] };
    const old = {
      ...{ family: 'web', cpu: '256', memory: '512', taskRoleArn: 'arn:role', networkMode: 'awsvpc' as const },
      containerDefinitions: [{ ...container, memory: 333, memoryReservation: 100, cpu: 10 }, container],
      volumes: [{ name: 'v' }],
    };
    const described = { taskDefinitionArn: 'a:7', revision: 7, status: 'ACTIVE' as const, registeredBy: 'me' };
    const tags = { 'nightshift:schema': '3', 'aws:cloudformation:stack-name': 'shop' };
    expect(JSON.parse(JSON.stringify(greaterRevision({ ...old, ...described }, tags, size)))).toEqual({
      ...old,
      cpu: '512',
      memory: '1536',
      containerDefinitions: [{ ...container, memory: 999, memoryReservation: 300, cpu: 20 }, container],
      tags: [
        { key: 'nightshift:schema', value: '3' },
        { key: 'nightshift:raised-from', value: '7' },
      ],
    });
  });

  it('says which one it was made from', () => {
    expect(raisedFromOf(arn(8), { 'nightshift:raised-from': '7' })).toBe(arn(7));
    expect(raisedFromOf(arn(8), {})).toBeUndefined();
  });
});
