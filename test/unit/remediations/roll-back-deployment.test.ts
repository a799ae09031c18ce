import { describe, expect, it } from '@jest/globals';
import type { Signal } from '../../../events/signal.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/roll-back-deployment/decide.ts';
import { quarantined, quarantineOf } from '../../../functions/remediations/roll-back-deployment/quarantine.ts';
import { signal as alarm, config, NOW, service as target } from '../../support/fixtures.ts';

type Seen = Exclude<Observation, { kind: 'missing' }>;
const arn = (revision: number) => `arn:aws:ecs:us-east-1:000000000000:task-definition/backend:${revision}`;
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const past = (revision: number, letter: string, status = 'SUCCESSFUL', minutesAgo = revision === 7 ? 5 : 600) => ({
  status,
  createdAtMs: NOW - minutesAgo * 60_000,
  ...(status === 'SUCCESSFUL' && { finishedAtMs: NOW - minutesAgo * 60_000 + 1_000 }),
  taskDefinition: arn(revision),
  images: [`backend@${digest(letter)}`],
  digests: [digest(letter)],
});
const primary = (more: Partial<Seen['deployments'][number]> = {}) => ({
  ...{ id: 'ecs-svc/7', primary: true, taskDefinition: arn(7), rolloutState: 'COMPLETED' as const, reason: '' },
  ...{ failedTasks: 0, running: 2, createdAtMs: NOW - 300_000, ...more },
});
const seen = (more: Partial<Seen> = {}): Seen => ({
  kind: 'service',
  arn: 'arn:aws:ecs:us-east-1:000000000000:service/orders/backend',
  ...{ desired: 2, running: 2, pending: 0, controller: 'ECS', minimumHealthyPercent: 100, maximumPercent: 200 },
  rollsBackByItself: false,
  fargate: true,
  deployments: [primary()],
  tags: {},
  history: [past(7, 'b'), past(6, 'a')],
  definitions: { [arn(7)]: { active: true, schema: '3' }, [arn(6)]: { active: true, schema: '3' } },
  ended: [],
  ...more,
});
const event = (source: Signal['source'], name: string): Signal => ({ ...alarm, source, name });
const impaired = event('ecs-service', 'SERVICE_TASK_START_IMPAIRED');
const began = event('ecs-deployment', 'SERVICE_DEPLOYMENT_IN_PROGRESS');
const crashed = event('ecs-task', 'EssentialContainerExited');
const on = (observation: Observation, signal: Signal = impaired, more = {}) =>
  decide({ signal, target: { ...target, ...more }, observation, hold: undefined, config });
const stuck = { rolloutState: 'IN_PROGRESS' as const, failedTasks: 3 };
const crashes = (count: number, deploymentId = 'ecs-svc/7', minutesAgo = 1) =>
  Array.from({ length: count }, () => ({ deploymentId, stoppedAtMs: NOW - minutesAgo * 60_000 }));

describe('roll-back-deployment decides', () => {
  it('to go back to the revision that was steady before, and to quarantine the image that goes', () => {
    expect(on(seen())).toMatchObject({
      kind: 'act',
      change: {
        summary: 'roll backend back from backend:7 to backend:6',
        before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/7' },
        after: { taskDefinition: arn(6), quarantine: digest('b') },
        undo: expect.stringContaining('backend:7'),
      },
    });
  });

  it('the same of a deployment that is stuck without a circuit breaker, and of one that its breaker only failed', () => {
    const history = [past(7, 'b', 'IN_PROGRESS'), past(6, 'a')];
    expect(on(seen({ deployments: [primary(stuck)], history }))).toMatchObject({ kind: 'act' });
    const failed = [past(7, 'b', 'STOPPED'), past(6, 'a')];
    expect(on(seen({ deployments: [primary({ rolloutState: 'FAILED' })], history: failed }))).toMatchObject({
      kind: 'act',
    });
  });

  it('not to quarantine an image that stays: then only the configuration was bad', () => {
    const decision = on(seen({ history: [past(7, 'a'), past(6, 'a')] }));
    expect(decision).toMatchObject({ kind: 'act', change: { after: { taskDefinition: arn(6) } } });
    expect(decision).not.toHaveProperty('change.after.quarantine');
  });

  it('to name the CloudFormation stack that doesn’t know of it', () => {
    const decision = on(seen({ tags: { 'aws:cloudformation:stack-name': 'orders-prod' } }));
    expect(decision).toMatchObject({
      change: { summary: expect.stringContaining('stack orders-prod still says backend:7') },
    });
  });

  it('to pass over revisions that failed or are in quarantine', () => {
    const history = [
      past(7, 'd'),
      past(6, 'c', 'ROLLBACK_SUCCESSFUL', 700),
      past(5, 'b', 'SUCCESSFUL', 800),
      past(4, 'a', 'SUCCESSFUL', 900),
    ];
    const definitions = { [arn(7)]: { active: true, schema: '3' }, [arn(4)]: { active: true, schema: '3' } };
    expect(on(seen({ history, definitions, tags: { 'nightshift:quarantined': digest('b') } }))).toMatchObject({
      kind: 'act',
      change: { after: { taskDefinition: arn(4), quarantine: `${digest('d')} ${digest('b')}` } },
    });
  });

  it.each<[string, Partial<Seen>, string]>([
    [
      'a deployment that has only begun',
      { deployments: [primary({ rolloutState: 'IN_PROGRESS', failedTasks: 2 })] },
      'under way',
    ],
    [
      'a deployment whose breaker decides',
      { deployments: [primary(stuck)], rollsBackByItself: true },
      'circuit breaker',
    ],
    ['a rollback of ECS’s own', { history: [past(7, 'b', 'ROLLBACK_IN_PROGRESS'), past(6, 'a')] }, 'by itself'],
    ['a deployment that waits', { history: [past(8, 'c', 'PENDING'), past(7, 'b'), past(6, 'a')] }, 'about to begin'],
  ])('to wait for %s', (_, more, detail) => {
    expect(on(seen(more))).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
      detail: expect.stringContaining(detail),
    });
  });

  it.each<[string, Partial<Seen>]>([
    ['deployments that belong to CodeDeploy', { controller: 'CODE_DEPLOY' }],
    ['a service that is scaled to zero', { desired: 0, running: 0 }],
  ])('to keep its hands off %s', (_, more) => {
    expect(on(seen(more))).toMatchObject({ kind: 'hold', reason: 'hands-off' });
  });

  it('that all is well when ECS has rolled it back itself, but not when an alarm still fires then', () => {
    const history = [past(7, 'b', 'ROLLBACK_SUCCESSFUL'), past(6, 'a')];
    const back = seen({ history, deployments: [primary({ taskDefinition: arn(6) })] });
    expect(on(back)).toMatchObject({ kind: 'fine', reason: expect.stringContaining('backend:6 by itself') });
    expect(on(back, alarm)).toMatchObject({ kind: 'escalate' });
  });

  it.each<[string, Partial<Seen>, string]>([
    ['nothing else was ever steady', { history: [past(7, 'b')] }, 'never steady'],
    [
      'its image may have moved',
      { history: [past(7, 'b'), { ...past(6, 'a'), images: ['backend:latest'] }] },
      'backend:latest',
    ],
    ['its images aren’t known', { history: [past(7, 'b'), { ...past(6, 'a'), images: [] }] }, 'unknown'],
    [
      'the schema is another',
      { definitions: { [arn(7)]: { active: true, schema: '4' }, [arn(6)]: { active: true, schema: '3' } } },
      'is 3, now it is 4',
    ],
    [
      'only one names its schema',
      { definitions: { [arn(7)]: { active: true, schema: '4' }, [arn(6)]: { active: true } } },
      'is missing',
    ],
    [
      'nobody names a schema and it has a database',
      { definitions: { [arn(7)]: { active: true }, [arn(6)]: { active: true } } },
      'orders-db',
    ],
    [
      'the revision was deregistered',
      { definitions: { [arn(7)]: { active: true }, [arn(6)]: { active: false } } },
      'deregistered',
    ],
    ['its definition wasn’t read', { definitions: {} }, 'could not be read'],
    [
      'the deployment was long ago',
      { history: [past(7, 'b', 'SUCCESSFUL', 31), past(6, 'a')] },
      'rollBackWithinSeconds',
    ],
    ['it went back already', { history: [past(7, 'b'), past(8, 'c'), past(7, 'b', 'SUCCESSFUL', 600)] }, 'already'],
    ['ECS knows no deployment of it', { history: [] }, 'no record'],
    ['the trouble is older', { history: [past(7, 'b', 'SUCCESSFUL', 0), past(6, 'a')] }, 'before backend:7'],
  ])('that a person must look when %s', (_, more, reason) => {
    expect(on(seen(more))).toMatchObject({ kind: 'escalate', reason: expect.stringContaining(reason) });
  });

  it('without a schema’s name where no database is involved', () => {
    const definitions = { [arn(7)]: { active: true }, [arn(6)]: { active: true } };
    expect(on(seen({ definitions }), impaired, { dependsOn: [] })).toMatchObject({ kind: 'act' });
  });

  it('for the first of several deployments of one revision in a row: the others were restarts', () => {
    const history = [past(7, 'b', 'SUCCESSFUL', 5), past(7, 'b', 'SUCCESSFUL', 600), past(6, 'a')];
    expect(on(seen({ history }))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('rollBackWithinSeconds'),
    });
  });

  it('on tasks that end only when that is a crash loop of the present deployment', () => {
    expect(on(seen({ ended: crashes(2) }), crashed)).toMatchObject({ kind: 'fine' });
    expect(on(seen({ ended: crashes(9, 'ecs-svc/6') }), crashed)).toMatchObject({ kind: 'fine' });
    expect(on(seen({ ended: crashes(9, 'ecs-svc/7', 16) }), crashed)).toMatchObject({ kind: 'fine' });
    expect(on(seen({ ended: crashes(3) }), crashed)).toMatchObject({ kind: 'act' });
  });

  it('on a deployment that never ends because its tasks run for a moment only', () => {
    const never = [primary({ rolloutState: 'IN_PROGRESS' })];
    const history = [past(7, 'b', 'IN_PROGRESS'), past(6, 'a')];
    expect(on(seen({ deployments: never, history, ended: crashes(2) }), crashed)).toMatchObject({ kind: 'hold' });
    expect(on(seen({ deployments: never, history, ended: crashes(3) }), crashed)).toMatchObject({ kind: 'act' });
  });

  it('that a person must know when a quarantined image comes back, before anything is wrong', () => {
    const tags = { 'nightshift:quarantined': digest('b') };
    expect(on(seen({ tags }), began)).toMatchObject({ kind: 'escalate', reason: expect.stringContaining(digest('b')) });
    expect(on(seen({ tags: {} }), began)).toMatchObject({ kind: 'fine' });
  });

  it('nothing about what an event told before the present deployment, which an alarm may still be about', () => {
    const later = [primary({ taskDefinition: arn(6), createdAtMs: NOW + 60_000 })];
    const history = [past(6, 'a', 'SUCCESSFUL', -1), past(7, 'b'), past(6, 'a')];
    const reason = expect.stringContaining('was deployed after that');
    for (const signal of [impaired, crashed])
      expect(on(seen({ deployments: later, history }), signal)).toMatchObject({ kind: 'fine', reason });
    expect(on(seen({ deployments: later, history }), alarm)).toMatchObject({ kind: 'escalate' });
  });

  it('nothing about a service that isn’t there', () => {
    expect(on({ kind: 'missing', why: 'gone' })).toEqual({ kind: 'escalate', reason: 'gone' });
    expect(on(seen({ deployments: [] }))).toMatchObject({ kind: 'escalate' });
  });
});

const change = {
  summary: '',
  undo: '',
  before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/7' },
  after: { taskDefinition: arn(6) },
};
const running = (revision: number, more = {}) =>
  seen({ deployments: [primary({ taskDefinition: arn(revision), ...more })] });

describe('roll-back-deployment', () => {
  it('knows by the live revision whether it was made', () => {
    expect(alreadyApplied(change, running(6))).toBe('yes');
    expect(alreadyApplied(change, running(7))).toBe('no');
    expect(alreadyApplied(change, running(8))).toBe('unclear');
    expect(alreadyApplied(change, { kind: 'missing', why: '' })).toBe('unclear');
  });

  it('is verified when the earlier revision is complete with all tasks, and bad when that failed too', () => {
    expect(verify({ change, observation: running(6) })).toMatchObject({ kind: 'good' });
    expect(verify({ change, observation: { ...running(6), running: 1 } })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: running(6, { rolloutState: 'IN_PROGRESS' }) })).toMatchObject({
      kind: 'not-yet',
    });
    expect(verify({ change, observation: running(6, { rolloutState: 'FAILED' }) })).toMatchObject({ kind: 'bad' });
    expect(verify({ change, observation: running(8) })).toMatchObject({ kind: 'not-yet' });
    expect(verify({ change, observation: running(7) })).toMatchObject({
      kind: 'bad',
      detail: 'backend:7 is back, which was rolled back',
    });
    expect(verify({ change, observation: { kind: 'missing', why: 'gone' } })).toEqual({
      kind: 'not-yet',
      detail: 'gone',
    });
  });

  it('keeps the three newest digests in quarantine, in no more than a tag can hold', () => {
    const tags = { 'nightshift:quarantined': ['b', 'c', 'd'].map(digest).join(' ') };
    expect(quarantined({ 'nightshift:quarantined': quarantineOf(tags, [digest('a')]) })).toEqual(
      ['a', 'b', 'c'].map(digest),
    );
    expect(quarantineOf(tags, [digest('a')]).length).toBeLessThanOrEqual(256);
    expect(quarantineOf(tags, [digest('c')])).toBe(['c', 'b', 'd'].map(digest).join(' '));
  });
});
