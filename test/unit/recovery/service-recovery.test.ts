import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PastDeployment, RunningService } from '../../../functions/ecs/types.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { remediationStep } from '../../../functions/recovery/remediation-step.ts';
import { healthOf, healthSince, type ServiceSeen } from '../../../functions/recovery/service-health.ts';
import {
  type BackedUp,
  type Candidate,
  decideRestore,
  decideRestoreBack,
  decideRollForward,
  judgeBackedUp,
  prove,
  proveRestore,
  restoreApplied,
  restoredBack,
  rolledForward,
} from '../../../functions/recovery/service-recovery/decide.ts';
import { code, targetsOf } from '../../../functions/recovery/service-recovery/handler.ts';
import type { StepContext } from '../../../functions/recovery/step.ts';
import { config, NOW, service as target } from '../../support/fixtures.ts';

const arn = (revision: number) => `arn:aws:ecs:us-east-1:000000000000:task-definition/backend:${revision}`;
const deployment = (more: Partial<RunningService['deployments'][number]> = {}) => ({
  ...{ id: 'ecs-svc/1', primary: true, taskDefinition: arn(7), rolloutState: 'COMPLETED' as const, reason: '' },
  ...{ failedTasks: 0, running: 2, createdAtMs: 1_000, ...more },
});
const running = (more: Partial<RunningService> = {}): RunningService => ({
  ...{ kind: 'service', arn: '', desired: 2, running: 2, pending: 0, controller: 'ECS' },
  ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
  deployments: [deployment()],
  ...more,
});
const MISSING = { kind: 'missing', why: 'ECS service orders/backend is MISSING' } as const;
const seen = (more: Partial<ServiceSeen> = {}): ServiceSeen => ({
  ...{ service: running(), unhealthyTasks: 0, guards: {} },
  ...more,
});

describe('a service is well', () => {
  it('when all its tasks run one complete deployment, and its requests succeed', () => {
    expect(healthOf(seen({ guards: { errorRate: 0, healthyHosts: 2 } }))).toEqual({
      healthy: true,
      detail: '2 tasks of backend:7 run, its requests succeed',
    });
  });

  it.each<[string, Partial<ServiceSeen>, RegExp]>([
    ['it is gone', { service: MISSING }, /is MISSING/],
    ['it has no tasks', { service: running({ desired: 0, running: 0 }) }, /scaled to zero/],
    ['a task is missing', { service: running({ running: 1 }) }, /1 of 2 tasks are running/],
    ['a task is unhealthy', { unhealthyTasks: 1 }, /1 of 2 tasks are unhealthy/],
    [
      'its deployment is under way',
      { service: running({ deployments: [deployment({ rolloutState: 'IN_PROGRESS' })] }) },
      /IN_PROGRESS/,
    ],
    ['two deployments are there', { service: running({ deployments: [deployment(), deployment()] }) }, /deployment/],
    ['its requests fail', { guards: { errorRate: 0.5 } }, /50 % of its requests fail/],
    ['its load balancer misses a host', { guards: { healthyHosts: 1 } }, /1 healthy of 2/],
  ])('but not when %s', (_what, change, why) => {
    expect(healthOf(seen(change))).toEqual({ healthy: false, detail: expect.stringMatching(why) });
  });
});

describe('restoring the configuration', () => {
  const NONE = { kind: 'none', why: 'there are no backups of the configuration' } as const;
  const decide = (service: ServiceSeen['service'], limits = target) =>
    decideRestore(seen({ service }), limits, healthOf(seen({ service })), NONE);

  it('brings the number of tasks up to its least, and never takes any from a sick service', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: 1, max: 10 }), fc.nat(10), (desired, minTasks, more) => {
        const limits = { ...target, minTasks, maxTasks: minTasks + more };
        const decision = decide(running({ desired, running: -1 }), limits);
        expect(decision.kind).toBe(desired < minTasks ? 'act' : 'done');
        if (decision.kind === 'act') expect(decision.change.after).toEqual({ desired: minTasks });
      }),
    );
    expect(decide(running({ desired: 30, running: 28 }), { ...target, maxTasks: 10 })).toMatchObject({
      detail: expect.stringMatching(/more than maxTasks/),
    });
  });

  it.each<[string, Partial<RunningService>]>([
    ['CodeDeploy controls its deployments', { controller: 'CODE_DEPLOY' }],
    ['an external controller does', { controller: 'EXTERNAL' }],
    ['its deployment is under way', { deployments: [deployment({ rolloutState: 'IN_PROGRESS' })] }],
    ['an older deployment is still there', { deployments: [deployment(), deployment({ primary: false })] }],
  ])('leaves the number alone while %s', (_what, more) => {
    expect(decide(running({ desired: 0, running: 0, ...more }))).toMatchObject({
      kind: 'done',
      detail: expect.stringMatching(/left out/),
    });
    expect(decide(running({ desired: 0, running: 0 })).kind).toBe('act');
  });

  it('leaves a healthy service alone, whatever its number of tasks', () => {
    expect(decide(running({ desired: 1, running: 1 })).kind).toBe('done');
  });

  it('waits, forward and for its proof, until requests are told of', () => {
    const untold = { healthy: true, isUntold: true, detail: 'no requests yet' };
    expect(decideRestore(seen(), target, untold, NONE).kind).toBe('wait');
    expect(proveRestore(untold).kind).toBe('not-yet');
    expect(proveRestore({ ...untold, isUntold: false }).kind).toBe('good');
  });

  const made = { summary: '', undo: '', before: { desired: 0 }, after: { desired: 2 } } satisfies Change;
  it('tells by the number alone whether it was done', () => {
    const at = (desired: number) => restoreApplied(made, seen({ service: running({ desired }) }));
    expect([at(2), at(0), at(5), restoreApplied(made, seen({ service: MISSING }))]).toEqual([
      ...['yes', 'no', 'unclear', 'unclear'],
    ]);
  });

  it('is taken back only from what it set itself', () => {
    const at = (desired: number) => decideRestoreBack(seen({ service: running({ desired }) }), made);
    expect(at(2)).toMatchObject({ kind: 'act', change: { after: { desired: 0 } } });
    expect(at(0)).toMatchObject({ kind: 'done' });
    expect(at(5)).toMatchObject({ kind: 'fail' });
    expect(decideRestoreBack(seen(), undefined).kind).toBe('done');
    const back = { ...made, before: made.after, after: made.before };
    expect(restoredBack(back, seen({ service: running({ desired: 0 }) })).kind).toBe('good');
    expect(restoredBack(back, seen()).kind).toBe('not-yet');
  });
});

describe('what a backup of the configuration has', () => {
  const FOLDER = 'configuration/2026/11/20261122T030000000Z';
  const past = (revision: number, more: Partial<PastDeployment> = {}): PastDeployment => ({
    ...{ status: 'SUCCESSFUL', createdAtMs: revision, taskDefinition: arn(revision) },
    ...{ images: [`backend@sha256:${'a'.repeat(64)}`], digests: [`sha256:${'a'.repeat(64)}`], ...more },
  });
  const candidate = (more: Partial<Candidate> = {}): Candidate => ({
    ...{ folder: FOLDER, taskDefinition: arn(5), history: [past(7), past(5)] },
    definitions: { [arn(7)]: { active: true, schema: '1' }, [arn(5)]: { active: true, schema: '1' } },
    ...more,
  });
  const judge = (more: Partial<Candidate> = {}, service = running()) => judgeBackedUp(service, target, candidate(more));
  const sick = seen({ service: running({ running: 1 }) });
  const restore = (backedUp: BackedUp, found = sick) => decideRestore(found, target, healthOf(found), backedUp);
  const FIT = { kind: 'fit', taskDefinition: arn(5), folder: FOLDER } as const;

  it('may be gone back to when the service was steady with it', () => expect(judge()).toEqual(FIT));

  it.each<[string, Partial<Candidate>, RegExp, Partial<RunningService>?]>([
    ['ECS knows nothing of it', { history: [past(7)] }, /was ever steady/],
    ['it was never steady', { history: [past(5, { status: 'STOPPED' })] }, /was ever steady/],
    ['its definition can’t be read', { definitions: {} }, /could not be read/],
    [
      'it was deregistered',
      { definitions: { [arn(7)]: { active: true, schema: '1' }, [arn(5)]: { active: false, schema: '1' } } },
      /deregistered/,
    ],
    [
      'it is for another schema',
      { definitions: { [arn(7)]: { active: true, schema: '2' }, [arn(5)]: { active: true, schema: '1' } } },
      /nightshift:schema/,
    ],
    ['its image has only a tag', { history: [past(5, { images: ['backend:latest'] })] }, /isn't named by its digest/],
    [
      ...(['its image was rolled back', {}, /was rolled back before/] as const),
      { tags: { 'nightshift:quarantined': `sha256:${'a'.repeat(64)}` } },
    ],
  ])('but not when %s', (_what, more, why, service = {}) => {
    const backedUp = judge(more, running(service));
    expect(backedUp).toMatchObject({ kind: 'unfit', why: expect.stringMatching(why) });
    expect(restore(backedUp)).toMatchObject({ kind: 'done', detail: expect.stringMatching(why) });
  });

  it('is put back, with the number of tasks where that is below its least, and told beforehand', () => {
    const few = seen({ service: running({ desired: 0, running: 0 }) });
    const decision = restore(FIT, few);
    expect(decision).toMatchObject({
      kind: 'act',
      change: {
        summary: `set the number of tasks of backend from 0 to 2, and the task definition of backend from backend:7 to backend:5, as in ${FOLDER}`,
        before: { desired: 0, taskDefinition: arn(7) },
        after: { desired: 2, taskDefinition: arn(5) },
      },
    });
    expect(restore(FIT)).toMatchObject({
      change: { before: { taskDefinition: arn(7) }, after: { taskDefinition: arn(5) } },
    });
  });

  it('is left alone where it is what runs', () => {
    expect(restore({ ...FIT, taskDefinition: arn(7) })).toMatchObject({
      kind: 'done',
      detail: expect.stringMatching(/as in configuration/),
    });
  });

  it.each<[string, Partial<RunningService>, string]>([
    ['is left alone while another deployment may still get complete', { failedTasks: 1 } as never, 'done'],
    ['takes the place of one that can’t', { failedTasks: 3 } as never, 'act'],
    ['leaves it to a circuit breaker that rolls back', { failedTasks: 3, rollsBackByItself: true } as never, 'done'],
    ['is never put over another controller', { controller: 'CODE_DEPLOY', failedTasks: 3 } as never, 'done'],
    [
      'sets no number of tasks over one that can’t, where it has the same',
      { failedTasks: 3, desired: 0, same: true } as never,
      'done',
    ],
  ])(
    '%s',
    (_what, { failedTasks, same, ...more }: Partial<RunningService> & { failedTasks?: number; same?: true }, kind) => {
      const under = deployment({ rolloutState: 'IN_PROGRESS', failedTasks: failedTasks ?? 0 });
      const backedUp = same ? { ...FIT, taskDefinition: arn(7) } : FIT;
      expect(restore(backedUp, seen({ service: running({ deployments: [under], ...more }) })).kind).toBe(kind);
    },
  );

  it('is taken back to exactly what was, and from nothing else', () => {
    const decision = restore(FIT);
    if (decision.kind !== 'act') throw new Error(decision.kind);
    const now = (revision: number, desired = 2) =>
      seen({ service: running({ desired, deployments: [deployment({ taskDefinition: arn(revision) })] }) });
    const { change } = decision;
    expect([7, 5, 9].map((revision) => restoreApplied(change, now(revision)))).toEqual(['no', 'yes', 'unclear']);
    const back = decideRestoreBack(now(5), change);
    expect(back).toMatchObject({ kind: 'act', change: { after: { taskDefinition: arn(7) } } });
    expect(decideRestoreBack(now(7), change).kind).toBe('done');
    expect(decideRestoreBack(now(9), change)).toMatchObject({
      kind: 'fail',
      reason: expect.stringMatching(/backend:9/),
    });
  });

  it('has nothing to do with a number of tasks that auto scaling moves meanwhile', () => {
    const decision = restore(FIT);
    if (decision.kind !== 'act') throw new Error(decision.kind);
    const now = (revision: number, desired: number) =>
      seen({ service: running({ desired, deployments: [deployment({ taskDefinition: arn(revision) })] }) });
    const { change } = decision;
    expect([restoreApplied(change, now(7, 4)), restoreApplied(change, now(5, 4))]).toEqual(['no', 'yes']);
    const back = { taskDefinition: arn(7) };
    expect(decideRestoreBack(now(5, 4), change)).toMatchObject({ kind: 'act', change: { after: back } });
    // A number that the run set and that moved since stays, too.
    const both = restore(FIT, seen({ service: running({ desired: 0, running: 0 }) }));
    if (both.kind !== 'act') throw new Error(both.kind);
    const moved = decideRestoreBack(now(5, 6), both.change);
    expect(moved).toMatchObject({ kind: 'act', change: { before: { taskDefinition: arn(5) } } });
    expect(moved.kind === 'act' && moved.change.after).toEqual(back);
    expect(decideRestoreBack(now(5, 2), both.change)).toMatchObject({ change: { after: { desired: 0, ...back } } });
    expect(decideRestoreBack(now(7, 0), both.change).kind).toBe('done');
    expect(decideRestoreBack(now(9, 2), both.change).kind).toBe('fail');
  });
});

describe('the roll-back is taken back', () => {
  const made: Change = { summary: '', undo: '', before: { taskDefinition: arn(8) }, after: { taskDefinition: arn(7) } };
  it('from the revision that it set, to the one that ran', () => {
    const decision = decideRollForward(running(), made);
    expect(decision).toMatchObject({
      kind: 'act',
      change: { before: { taskDefinition: arn(7), deploymentId: 'ecs-svc/1' }, after: { taskDefinition: arn(8) } },
    });
    if (decision.kind !== 'act') return;
    expect(rolledForward(decision.change, running()).kind).toBe('not-yet');
    const back = running({ deployments: [deployment({ taskDefinition: arn(8), rolloutState: 'IN_PROGRESS' })] });
    expect(rolledForward(decision.change, back).kind).toBe('good');
    expect(decideRollForward(back, made).kind).toBe('done');
  });

  it('but not from what somebody else deployed since', () => {
    const other = running({ deployments: [deployment({ taskDefinition: arn(9) })] });
    expect(decideRollForward(other, made)).toMatchObject({ kind: 'fail', reason: expect.stringMatching(/backend:9/) });
  });
});

describe('the proof', () => {
  const balanced = { balancedBy: { loadBalancer: 'app/x/1', targetGroup: 'targetgroup/x/1' } };
  const at = (guards: ServiceSeen['guards'], afterMs: number, lastChangeAt = NOW) =>
    prove(healthSince(seen({ guards }), balanced, { lastChangeAt, now: NOW + afterMs, periodSeconds: 60 })).kind;
  it('waits for requests that came after the last change, for three periods', () => {
    expect([at({}, 1), at({}, 179_999), at({}, 180_000), at({ errorRate: 0 }, 1)]).toEqual([
      ...['wait', 'wait', 'done', 'done'],
    ]);
  });
  it('waits for none where nothing was changed, or no load balancer is known', () => {
    expect(at({}, 1, 0)).toBe('done');
    const unbalanced = healthSince(seen(), {}, { lastChangeAt: NOW, now: NOW + 1, periodSeconds: 60 });
    expect(prove(unbalanced).kind).toBe('done');
  });
  it('waits for a service that isn’t well', () => {
    expect(at({ errorRate: 1 }, 1e9)).toBe('wait');
  });
});

describe('the input', () => {
  it('is one service of the configuration, by its name or as ECS names it', () => {
    for (const service of ['backend', 'orders/backend'])
      expect(targetsOf({ service }, { services: { backend: target } })).toEqual({
        kind: 'targets',
        targets: ['ecs-service/orders/backend'],
      });
    expect(targetsOf({ service: 'other' }, { services: { backend: target } })).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/there are backend/),
    });
  });

  it.each([{}, { service: '' }, { service: 1 }, { service: 'x', more: 1 }, null, 'x'])('%j is refused', (given) => {
    expect(code.readInput(given).ok).toBe(false);
  });
});

describe('a remediation as a step', () => {
  type Decide = Parameters<typeof remediationStep>[0]['remediation']['decide'];
  const stepWith = (decide: Decide, healthy: boolean, whenUnderWay: 'wait' | 'leave', isUntold = false) => {
    const change: Change = { summary: 'do it', before: 0, after: 1, undo: 'undo it' };
    const step = remediationStep<object, typeof target, number>({
      remediation: {
        observe: async () => 0,
        decide: decide as never,
        act: async () => ({ summary: '', data: {} }),
        alreadyApplied: () => 'no',
        verify: () => ({ kind: 'good', detail: 'rolled out' }),
      },
      targetOf: () => ({ key: 'ecs-service/orders/backend', target }),
      healthOf: async () => ({ healthy, detail: 'as it is' }),
      whenUnderWay,
    });
    const context = { config, startedAt: NOW, run: 'r' } as StepContext<object>;
    const observed = { observation: 0, health: { healthy, isUntold, detail: 'as it is' } };
    return { decide: step.decide(observed, context, undefined), proof: step.verify(change, observed, context) };
  };
  const hold = (reason: 'change-under-way' | 'hands-off') => () =>
    ({ kind: 'hold', reason, detail: 'because', recheckAfterSeconds: 60 }) as const;

  it('does nothing to what is well, and isn’t even asked', () => {
    const asked = () => {
      throw new Error('asked');
    };
    expect(stepWith(asked, true, 'wait').decide).toMatchObject({ kind: 'done' });
  });

  it('leaves out what can’t help, and waits only for what is under way, where the step says so', () => {
    const escalate = () => ({ kind: 'escalate', reason: 'no older revision' }) as const;
    expect(stepWith(escalate, false, 'wait').decide).toEqual({ kind: 'done', detail: 'left out: no older revision' });
    expect(stepWith(hold('change-under-way'), false, 'wait').decide).toMatchObject({ kind: 'wait' });
    expect(stepWith(hold('change-under-way'), false, 'leave').decide).toMatchObject({ kind: 'done' });
    expect(stepWith(hold('hands-off'), false, 'wait').decide).toMatchObject({ kind: 'done' });
  });

  it('neither leaves the next one out, nor is proved, before requests are told of', () => {
    const escalate = () => ({ kind: 'escalate', reason: 'no older revision' }) as const;
    expect(stepWith(escalate, true, 'wait', true)).toMatchObject({
      decide: { kind: 'wait' },
      proof: { kind: 'not-yet' },
    });
  });

  it('is proved by its target being well, not only by having been rolled out', () => {
    expect(stepWith(hold('hands-off'), false, 'wait').proof).toMatchObject({ kind: 'not-yet', detail: 'as it is' });
    expect(stepWith(hold('hands-off'), true, 'wait').proof).toMatchObject({ kind: 'good' });
  });
});
