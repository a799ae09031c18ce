import { describe, expect, it } from '@jest/globals';
import type { Role } from '../../../local/iam/roles.ts';
import { compare, type Use } from '../../iam/compare.ts';
import { type Deployed, readDeployed } from '../../iam/invisible-actions.ts';

const journal = 'arn:aws:dynamodb:eu-west-1:1:table/journal';
const service = 'arn:aws:ecs:eu-west-1:1:service/orders/backend';
const queue = 'arn:aws:sqs:eu-west-1:1:failures';
const nothing: Deployed = { functions: [], destinations: [], logging: [], streams: [], schedules: [] };

const role = (grants: readonly (readonly [action: string, resource: string])[], changes: Partial<Role> = {}): Role => ({
  logicalId: 'Role',
  functions: ['f'],
  assumedBy: ['lambda.amazonaws.com'],
  statements: grants.map(([action, resource]) => ({
    effect: 'Allow',
    actions: [action],
    resources: [resource],
    conditions: {},
  })),
  ...changes,
});
const use = (action: string, resource: string, caller = 'f'): Use => ({ caller, needs: [{ action, resource }] });
const grants = [
  ['dynamodb:PutItem', journal],
  ['ecs:UpdateService', service],
] as const;
const uses = [use('dynamodb:PutItem', journal), use('ecs:UpdateService', service)];

describe('comparing roles with what was asked', () => {
  it('finds nothing when they are exactly the same', () => {
    expect(compare([role(grants)], uses, nothing)).toEqual({ roles: 1, missing: [], unused: [] });
  });

  it('names the permission that was taken away', () => {
    expect(compare([role(grants.slice(1))], uses, nothing).missing).toEqual([
      { role: 'f', action: 'dynamodb:PutItem', resource: journal },
    ]);
  });

  it('names the permission that is one too many', () => {
    const more = role([...grants, ['ecs:DeleteService', service]]);
    expect(compare([more], uses, nothing).unused).toEqual([
      { role: 'f', action: 'ecs:DeleteService', resource: service },
    ]);
  });

  it('tells resources of one action apart, both ways', () => {
    const other = service.replace('backend', 'other');
    const comparison = compare([role([grants[0], ['ecs:UpdateService', other]])], uses, nothing);
    expect(comparison.missing).toEqual([{ role: 'f', action: 'ecs:UpdateService', resource: service }]);
    expect(comparison.unused).toEqual([{ role: 'f', action: 'ecs:UpdateService', resource: other }]);
  });

  it('does not count what another function did', () => {
    const others = uses.map((each) => ({ ...each, caller: 'g' }));
    expect(compare([role(grants)], others, nothing).unused).toHaveLength(2);
  });

  it('takes a Deny for no permission', () => {
    const denied = role(grants);
    const deny = { effect: 'Deny' as const, actions: ['ec2:*'], resources: ['*'], conditions: {} };
    expect(compare([{ ...denied, statements: [...denied.statements, deny] }], uses, nothing).unused).toEqual([]);
  });

  it('finds missing what a Deny takes back', () => {
    const deny = { effect: 'Deny' as const, actions: ['ecs:*'], resources: ['*'], conditions: {} };
    const { statements, ...rest } = role(grants);
    expect(compare([{ ...rest, statements: [...statements, deny] }], uses, nothing).missing).toHaveLength(1);
  });

  it('tells of a wildcard only when nothing behind it was used', () => {
    expect(compare([role([['ecs:*', '*']])], [use('ecs:UpdateService', service)], nothing).unused).toEqual([]);
    expect(compare([role([['ecs:*', '*']])], [], nothing).unused).toEqual([
      { role: 'f', action: 'ecs:*', resource: '*' },
    ]);
  });
});

describe('what AWS does in a role’s name', () => {
  const template = {
    Resources: {
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: { FunctionName: 'f', LoggingConfig: { LogGroup: '/aws/lambda/f' }, VpcConfig: {} },
      },
      Async: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: 'f', DestinationConfig: { OnFailure: { Destination: queue } } },
      },
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: { FunctionName: 'f', EventSourceArn: `${journal}/stream/now` },
      },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          Target: {
            Arn: 'arn:aws:lambda:eu-west-1:1:function:f',
            RoleArn: { 'Fn::GetAtt': ['ScheduleRole', 'Arn'] },
            DeadLetterConfig: { Arn: queue },
          },
        },
      },
    },
  };
  const deployed = readDeployed(template, { account: '1', region: 'eu-west-1', stackName: 's' });
  const unusedOf = (action: string, resource: string, changes: Partial<Role> = {}) =>
    compare([role([[action, resource]], changes)], [], deployed).unused;

  it.each([
    ['logs:PutLogEvents', 'arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/f:*'],
    ['sqs:SendMessage', queue],
    ['ec2:CreateNetworkInterface', '*'],
    ['dynamodb:GetRecords', `${journal}/stream/now`],
    ['dynamodb:ListStreams', `${journal}/stream/*`],
  ])('%s on %s is needed by its function', (action, resource) => {
    expect(unusedOf(action, resource)).toEqual([]);
  });

  it.each([
    ['logs:PutLogEvents', 'arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/other:*'],
    ['sqs:SendMessage', `${queue}-of-another`],
    ['dynamodb:GetRecords', `${journal}/stream/then`],
    ['lambda:InvokeFunction', 'arn:aws:lambda:eu-west-1:1:function:f'],
    ['sqs:DeleteMessage', queue],
  ])('%s on %s is needed by nothing in the template', (action, resource) => {
    expect(unusedOf(action, resource)).toHaveLength(1);
  });

  it('is excused only for the role that needs it', () => {
    expect(unusedOf('sqs:SendMessage', queue, { functions: ['g'] })).toHaveLength(1);
    expect(unusedOf('ec2:CreateNetworkInterface', '*', { functions: ['g'] })).toHaveLength(1);
  });

  it('covers a schedule’s role for its target and its dead-letter queue, and no other', () => {
    const schedule = { functions: [], logicalId: 'ScheduleRole' };
    const f = 'arn:aws:lambda:eu-west-1:1:function:f';
    expect(unusedOf('lambda:InvokeFunction', f, schedule)).toEqual([]);
    expect(unusedOf('sqs:SendMessage', queue, schedule)).toEqual([]);
    expect(unusedOf('lambda:InvokeFunction', `${f}2`, schedule)).toHaveLength(1);
  });
});
