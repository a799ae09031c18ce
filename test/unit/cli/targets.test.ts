import { describe, expect, it } from '@jest/globals';
import { describeTarget } from '../../../cli/commands/targets.ts';
import { chooseTarget, deploymentOf, protectedTargets } from '../../../cli/deployment.ts';
import { parseDuration } from '../../../cli/duration.ts';
import { nameIn } from '../../../cli/person.ts';
import { targetSchema } from '../../../events/published/targets.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { UsageError } from '../../../local/world/errors.ts';
import { config, NOW } from '../../support/fixtures.ts';

const targets = protectedTargets(config);
const backend = chooseTarget('backend', targets);
const deployment = { config, manifests: [manifest] };
const MINUTE = 60_000;

describe('naming a target', () => {
  it.each(['backend', 'ecs-service/orders/backend'])('works by %s', (word) => {
    expect(chooseTarget(word, targets).key).toBe('ecs-service/orders/backend');
  });

  it('lists what there is when nothing has that name', () => {
    expect(() => chooseTarget('frontend', targets)).toThrow(
      /"frontend" is not protected .* ecs-service\/orders\/backend, rds-instance\/orders-db/,
    );
  });

  it('asks which one when a service and a database have that name', () => {
    const both = [...targets, { key: 'rds-instance/backend', kind: 'rds-instance' as const, name: 'backend' }];
    expect(() => chooseTarget('backend', both)).toThrow(/names 2 targets/);
  });

  it('needs a table that names a deployment', () => {
    expect(deploymentOf({ table: 'nightshift-main-eu-journal' })).toBe('main-eu');
    expect(() => deploymentOf({ table: 'customers' })).toThrow(UsageError);
  });
});

describe('a duration', () => {
  it.each([
    ['90s', 90],
    ['30m', 1800],
    ['2h', 7200],
    ['7d', 604_800],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration('--for', text, 60, 604_800)).toBe(seconds);
  });

  it.each(['2', 'h', '-2h', '1.5h', '59s', '8d', '0m', ''])('"%s" is refused', (text) => {
    expect(() => parseDuration('--for', text, 60, 604_800)).toThrow(UsageError);
  });
});

describe('the name of an IAM identity', () => {
  it.each([
    ['arn:aws:iam::123456789012:user/division/jane', 'jane'],
    ['arn:aws:sts::123456789012:assumed-role/Operator/jane@example.com', 'Operator/jane@example.com'],
    ['arn:aws:iam::123456789012:root', 'root'],
  ])('%s', (arn, name) => {
    expect(nameIn(arn)).toBe(name);
  });
});

describe('a target as it is published', () => {
  it('that was never touched has its whole budget', () => {
    const described = describeTarget(backend, NEW_TARGET, deployment, NOW);
    expect(described).toEqual({
      target: 'ecs-service/orders/backend',
      runbooks: [{ name: 'scale-out-service', mode: 'auto', changesWithinHour: 0, changesLeft: 3 }],
    });
  });

  it('tells take-over, lease, hold, cooldown and budget', () => {
    const described = describeTarget(
      backend,
      {
        ...NEW_TARGET,
        takenOver: { by: 'person:jane', since: '2026-11-20T02:00:00.000Z', until: NOW + MINUTE, reason: 'migration' },
        leaseHolder: 'act-1',
        leaseUntil: NOW + MINUTE,
        handsOffUntil: NOW + MINUTE,
        openIncidentId: 'inc-1',
        cooldownUntil: { [manifest.name]: NOW + MINUTE },
        recent: { [manifest.name]: [NOW - 90 * MINUTE, NOW - 50 * MINUTE, NOW - MINUTE] },
        holds: [
          {
            remediation: manifest.name,
            field: 'desiredCount',
            baseline: 2,
            value: 3,
            stabiliseForSeconds: 300,
            incidentId: 'inc-1',
            since: '2026-11-20T02:00:00.000Z',
          },
        ],
      },
      deployment,
      NOW,
    );
    const soon = '2026-11-20T03:01:00.000Z';
    expect(targetSchema.parse(described)).toEqual(described);
    expect(described).toMatchObject({
      takenOver: { by: 'person:jane', until: soon, reason: 'migration' },
      lease: { actionId: 'act-1', until: soon },
      handsOffUntil: soon,
      hold: { value: 3, baseline: 2 },
      holds: [{ value: 3, baseline: 2 }],
      openIncidentId: 'inc-1',
      runbooks: [{ cooldownUntil: soon, changesWithinHour: 2, changesLeft: 1 }],
    });
  });

  it('leaves out what is over', () => {
    const over = { handsOffUntil: NOW, cooldownUntil: { [manifest.name]: NOW } };
    const takenOver = { by: 'person:jane', since: '2026-11-20T02:00:00.000Z', until: NOW, reason: '' };
    const described = describeTarget(backend, { ...NEW_TARGET, ...over, takenOver }, deployment, NOW);
    expect(Object.keys(described)).toEqual(['target', 'runbooks']);
    expect(described.runbooks[0]).not.toHaveProperty('cooldownUntil');
  });
});
