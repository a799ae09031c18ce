import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Observation, rolloutOf } from '../../../functions/remediations/roll-back-deployment/decide.ts';
import { quarantined } from '../../../functions/remediations/roll-back-deployment/quarantine.ts';
import { signal as alarm, config, NOW, service } from '../../support/fixtures.ts';

const STATUSES = ['SUCCESSFUL', 'SUCCESSFUL', 'SUCCESSFUL', 'ROLLBACK_SUCCESSFUL', 'STOPPED', 'IN_PROGRESS'];
const revision = fc.integer({ min: 1, max: 5 });
const arn = (number: number) => `arn:aws:ecs:us-east-1:000000000000:task-definition/backend:${number}`;
const digest = (number: number) => `sha256:${String(number).repeat(64)}`;
const past = fc
  .record({ revision, status: fc.constantFrom(...STATUSES), loose: fc.boolean(), known: fc.boolean() })
  .map(({ revision: number, status, loose, known }) => ({
    status,
    createdAtMs: NOW - 60_000,
    ...((known || status === 'SUCCESSFUL') && { taskDefinition: arn(number) }),
    images: [loose && !known ? `backend:${number}` : `backend@${digest(number)}`],
    digests: [digest(number)],
  }));
const observation: fc.Arbitrary<Exclude<Observation, { kind: 'missing' }>> = fc
  .record({
    current: revision,
    rolloutState: fc.constantFrom('COMPLETED' as const, 'IN_PROGRESS' as const, 'FAILED' as const),
    failedTasks: fc.integer({ min: 0, max: 5 }),
    controller: fc.constantFrom('ECS' as const, 'ECS' as const, 'CODE_DEPLOY' as const, 'EXTERNAL' as const),
    rollsBackByItself: fc.boolean(),
    fargate: fc.boolean(),
    history: fc.array(past, { maxLength: 6 }),
    quarantine: fc.array(revision, { maxLength: 2 }),
    schemas: fc.array(fc.option(fc.constantFrom('1', '2')), { minLength: 5, maxLength: 5 }),
    active: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    desired: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ current, rolloutState, failedTasks, quarantine, schemas, active, history, ...rest }) => ({
    ...rest,
    kind: 'service' as const,
    arn: '',
    ...{ running: rest.desired, pending: 0, minimumHealthyPercent: 100, maximumPercent: 200, ended: [] },
    // The newest deployment is the present one, as on AWS.
    history: [{ ...past0(current), status: rolloutState === 'COMPLETED' ? 'SUCCESSFUL' : 'IN_PROGRESS' }, ...history],
    deployments: [
      {
        ...{ id: 'ecs-svc/1', primary: true, taskDefinition: arn(current), rolloutState, reason: '', failedTasks },
        ...{ running: 0, createdAtMs: NOW },
      },
    ],
    tags: { 'nightshift:quarantined': quarantine.map(digest).join(' ') },
    definitions: Object.fromEntries(
      schemas.map((schema, index) => [
        arn(index + 1),
        { active: active[index] ?? false, ...(schema !== null && { schema }) },
      ]),
    ),
  }));
const past0 = (number: number) => ({
  ...{ createdAtMs: NOW - 60_000, taskDefinition: arn(number), digests: [digest(number)] },
  images: [`backend@${digest(number)}`],
});

describe('roll-back-deployment, whatever it sees', () => {
  it('goes back only to another, active, steady revision of the same schema, by digest, that isn’t in quarantine', () => {
    let acted = 0;
    fc.assert(
      fc.property(observation, fc.boolean(), (seen, dependent) => {
        const target = { ...service, dependsOn: dependent ? ['orders-db'] : [] };
        const decision = decide({ signal: alarm, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return true;
        acted++;
        const [before, after] = [rolloutOf(decision.change, 'before'), rolloutOf(decision.change, 'after')];
        const steady = seen.history.find(
          ({ status, taskDefinition }) => status === 'SUCCESSFUL' && taskDefinition === after.taskDefinition,
        );
        const [now, then] = [seen.definitions[before.taskDefinition], seen.definitions[after.taskDefinition]];
        const out = quarantined(seen.tags);
        return (
          seen.controller === 'ECS' &&
          seen.desired > 0 &&
          after.taskDefinition !== before.taskDefinition &&
          steady?.images.every((image) => image.includes('@sha256:')) &&
          steady.digests.every((each) => !out.includes(each) && !(after.quarantine ?? '').includes(each)) &&
          then?.active === true &&
          then.schema === now?.schema &&
          (!dependent || then.schema !== undefined)
        );
      }),
      { numRuns: 8000 },
    );
    expect(acted).toBeGreaterThan(50);
  });

  it('never acts on a deployment that its own circuit breaker looks after, or that has only begun', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const { kind } = decide({ signal: alarm, target: service, observation: seen, hold: undefined, config });
        const [primary] = seen.deployments;
        const underWay = primary?.rolloutState === 'IN_PROGRESS' && (seen.rollsBackByItself || primary.failedTasks < 3);
        return !(underWay && kind === 'act');
      }),
    );
  });

  it('decides the same of the same', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const once = () => decide({ signal: alarm, target: service, observation: seen, hold: undefined, config });
        expect(once()).toEqual(once());
      }),
      { numRuns: 200 },
    );
  });
});
