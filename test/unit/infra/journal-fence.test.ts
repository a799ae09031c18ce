/** What each function may write in the journal, by the policies of the synthesized template as IAM would judge them. */
import { describe, expect, it } from '@jest/globals';
import { approvalKey } from '../../../functions/engine/approval.ts';
import { REMOVALS } from '../../../functions/engine/budget.ts';
import { followKey, turnsKey } from '../../../functions/engine/following.ts';
import * as items from '../../../functions/engine/items.ts';
import { planPartition } from '../../../functions/engine/plan-items.ts';
import { judge } from '../../../local/iam/evaluate.ts';
import type { PolicyTemplate } from '../../../local/iam/resolve.ts';
import { rolesOf } from '../../../local/iam/roles.ts';
import { buildStack } from './stack-fixture.ts';

const place = { account: '111122223333', region: 'us-east-1', stackName: 'nightshift-main' };
const roles = rolesOf(buildStack().template.toJSON() as PolicyTemplate, place);
const resource = 'arn:aws:dynamodb:us-east-1:111122223333:table/nightshift-main-journal';

function mayWrite(name: string, ...keys: readonly items.Key[]): boolean {
  const role = roles.find(({ functions }) => functions.includes(`nightshift-main-${name}`));
  const context = { 'dynamodb:LeadingKeys': keys.map(({ pk }) => pk) };
  const verdicts = ['PutItem', 'UpdateItem', 'DeleteItem'].map((action) =>
    judge(role?.statements ?? [], { action: `dynamodb:${action}`, resource, context }),
  );
  expect(new Set(verdicts).size).toBe(1);
  return verdicts[0] === 'allowed';
}

const OURS = 'scale-out-service';
const THEIRS = 'release-idle-connections';
const TARGET = 'ecs-service/orders/backend';

describe('a remediation', () => {
  it.each<[string, items.Key]>([
    ['its events', items.eventKey(OURS, 'e1')],
    ['the slots of its budget', items.slotKey(OURS, 3)],
    ['those of the fleet', items.slotKey('fleet', 3)],
    ['those of removals', items.slotKey(REMOVALS, 0)],
    ['targets of its kind', items.targetKey(TARGET)],
    ['alarms', items.alarmKey('arn:aws:cloudwatch:us-east-1:1:alarm:x')],
    ['actions', items.actionKey('act-1')],
    ['work', items.workKey('verify', TARGET)],
    ['incidents', items.entryKey('inc-1', 'e')],
    ['that a storm was told', items.stormKey],
  ])('may write %s', (_, key) => {
    expect(mayWrite(OURS, key)).toBe(true);
  });

  it.each<[string, items.Key]>([
    ['the switch: it can’t end a pause', items.switchKey(0)],
    ['events of another remediation', items.eventKey(THEIRS, 'e1')],
    ['events of one whose name only begins like its own', items.eventKey(`${OURS}-2`, 'e1')],
    ['the budget of another remediation', items.slotKey(THEIRS, 0)],
    ['the budget of one whose name only begins like its own', items.slotKey(`${OURS}-2`, 0)],
    ['targets of another kind', items.targetKey('rds-instance/orders-db')],
    ['the lease of the reconciler', items.runLeaseKey('reconciler')],
    ['roll-outs', items.rollOutKey(OURS)],
    ['what nobody knows yet', { pk: 'NEW#1', sk: 'NEW' }],
  ])('may not write %s', (_, key) => {
    expect(mayWrite(OURS, key)).toBe(false);
    // Nor among others that it may.
    expect(mayWrite(OURS, items.eventKey(OURS, 'e1'), key)).toBe(false);
  });

  it('may check the switch, and read everything', () => {
    const role = roles.find(({ functions }) => functions.includes(`nightshift-main-${OURS}`));
    for (const action of ['ConditionCheckItem', 'GetItem', 'BatchGetItem', 'Query'])
      expect(judge(role?.statements ?? [], { action: `dynamodb:${action}`, resource })).toBe('allowed');
  });
});

describe('the reconciler', () => {
  it.each<[string, items.Key, boolean]>([
    ['its lease', items.runLeaseKey('reconciler'), true],
    ['roll-outs', items.rollOutKey(OURS), true],
    ['work', items.workKey('recheck', 'x'), true],
    ['the switch', items.switchKey(0), false],
    ['events', items.eventKey(OURS, 'e1'), false],
    ['budgets', items.slotKey('fleet', 0), false],
    ['intents', items.actionKey('act-1'), false],
  ])('writes %s: %s', (_, key, expected) => {
    const role = roles.find(({ functions }) => functions.includes('nightshift-main-reconciler'));
    const context = { 'dynamodb:LeadingKeys': [key.pk] };
    const verdict = judge(role?.statements ?? [], { action: 'dynamodb:PutItem', resource, context });
    expect(verdict === 'allowed').toBe(expected);
  });
});

describe('who tells and who follows', () => {
  it.each<[string, string, boolean, items.Key]>([
    ['publisher', 'lines of timelines', true, items.entryKey('inc-1', 'e')],
    ['publisher', 'the follow-through of what begins anew', true, followKey('inc-1')],
    ['publisher', 'intents', false, items.actionKey('act-1')],
    ['publisher', 'the switch', false, items.switchKey(0)],
    ['follow-through', 'what it follows', true, followKey('inc-1')],
    ['follow-through', 'turns to look', true, turnsKey],
    ['follow-through', 'intents', false, items.actionKey('act-1')],
    ['follow-through', 'the switch', false, items.switchKey(0)],
  ])('the %s writes %s: %s', (name, _, expected, key) => {
    const role = roles.find(({ functions }) => functions.includes(`nightshift-main-${name}`));
    const context = { 'dynamodb:LeadingKeys': [key.pk] };
    const verdict = judge(role?.statements ?? [], { action: 'dynamodb:PutItem', resource, context });
    expect(verdict === 'allowed').toBe(expected);
  });
});

describe('a recovery plan', () => {
  const planRoles = rolesOf(
    buildStack(({ databases = {}, ...config }) => ({
      ...{ ...config, plans: ['data-corruption', 'service-recovery'] },
      databases: Object.fromEntries(
        Object.entries(databases).map(([name, database]) => [
          name,
          {
            ...database,
            backup: {
              verify: { subnetGroup: 'isolated', securityGroupId: 'sg-0b', tables: [{ name: 'public.orders' }] },
            },
            restore: { connectionSecretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf' },
          },
        ]),
      ),
    })).template.toJSON() as PolicyTemplate,
    place,
  );

  it.each<[string, string, boolean, items.Key]>([
    ['data-corruption', 'the question that it asks people', true, approvalKey('apr-run-1')],
    ['service-recovery', 'questions, because it asks none', false, approvalKey('apr-run-1')],
    ['data-corruption', 'its runs', true, { pk: planPartition('data-corruption'), sk: 'RUN#1' }],
    ['data-corruption', 'runs of another plan', false, { pk: planPartition('service-recovery'), sk: 'RUN#1' }],
    ['data-corruption', 'the switch', false, items.switchKey(0)],
  ])('%s writes %s: %s', (name, _, expected, key) => {
    const role = planRoles.find(({ functions }) => functions.includes(`nightshift-main-${name}`));
    const context = { 'dynamodb:LeadingKeys': [key.pk] };
    const verdict = judge(role?.statements ?? [], { action: 'dynamodb:PutItem', resource, context });
    expect(verdict === 'allowed').toBe(expected);
  });
});
