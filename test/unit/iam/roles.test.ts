import { describe, expect, it } from '@jest/globals';
import { Iam } from '../../../local/iam/iam.ts';
import { rolesOf } from '../../../local/iam/roles.ts';

const place = { account: '1', region: 'eu-west-1', stackName: 'stack' };
const trust = { Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } }] };

/** A function `f` with one role and the policy given. */
const template = (statement: object, role: object = {}) => ({
  Resources: {
    Journal: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'journal' } },
    Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: trust, ...role } },
    Policy: {
      Type: 'AWS::IAM::Policy',
      Properties: { Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement: [statement] } },
    },
    Function: {
      Type: 'AWS::Lambda::Function',
      Properties: { FunctionName: 'f', Role: { 'Fn::GetAtt': ['Role', 'Arn'] } },
    },
  },
});
const allow = (Action: unknown, Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
const tableArn = { 'Fn::GetAtt': ['Journal', 'Arn'] };

describe('rolesOf', () => {
  it('reads a role with the functions that have it, its references resolved', () => {
    const join = { 'Fn::Join': ['', ['arn:aws:ecs:', { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, ':x']] };
    const sub = { 'Fn::Sub': `\${Journal.Arn}/index/due` };
    expect(rolesOf(template(allow(['a:B', 'a:C'], [tableArn, join, sub])), place)).toEqual([
      {
        logicalId: 'Role',
        functions: ['f'],
        assumedBy: ['lambda.amazonaws.com'],
        statements: [
          {
            effect: 'Allow',
            actions: ['a:B', 'a:C'],
            resources: [
              'arn:aws:dynamodb:eu-west-1:1:table/journal',
              'arn:aws:ecs:eu-west-1:1:x',
              'arn:aws:dynamodb:eu-west-1:1:table/journal/index/due',
            ],
            conditions: {},
          },
        ],
      },
    ]);
  });

  it('reads inline policies, too', () => {
    const Policies = [{ PolicyName: 'p', PolicyDocument: { Statement: allow('a:Inline', '*') } }];
    const [role] = rolesOf(template(allow('a:B', '*'), { Policies }), place);
    expect(role?.statements.map(({ actions }) => actions)).toEqual([['a:Inline'], ['a:B']]);
  });

  it.each([
    ['a policy managed by AWS', allow('a:B', '*'), { ManagedPolicyArns: ['arn:aws:iam::aws:policy/X'] }, /aren't read/],
    ['NotAction', { Effect: 'Allow', NotAction: 'a:B', Resource: '*' }, {}, /NotAction isn't evaluated/],
    ['an effect of another kind', { Effect: 'Maybe', Action: 'a:B', Resource: '*' }, {}, /expected Allow or Deny/],
    ['an attribute that is not known', allow('a:B', { 'Fn::GetAtt': ['Journal', 'Nope'] }), {}, /Nope of Journal/],
    ['a function that is not known', allow('a:B', { 'Fn::ImportValue': 'x' }), {}, /Fn::ImportValue/],
  ])('stops at %s instead of leaving it out', (_what, statement, role, message) => {
    expect(() => rolesOf(template(statement, role), place)).toThrow(message);
  });
});

describe('Iam', () => {
  const put = {
    service: 'dynamodb',
    region: 'eu-west-1',
    operation: 'PutItem',
    params: { TableName: 'journal' },
    caller: 'f',
  };
  const loaded = (statement: object): Iam => {
    const iam = new Iam('1');
    iam.load(rolesOf(template(statement), place));
    return iam;
  };

  it('lets a function do what its role allows', () => {
    expect(loaded(allow('dynamodb:PutItem', tableArn)).refusalOf(put)).toBeUndefined();
  });

  it('refuses the rest with the error and the sentence of AWS', () => {
    expect(loaded(allow('dynamodb:GetItem', tableArn)).refusalOf(put)).toEqual({
      code: 'AccessDeniedException',
      status: 400,
      message:
        'User: arn:aws:sts::1:assumed-role/f/local is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:1:table/journal because no identity-based policy allows the dynamodb:PutItem action',
    });
  });

  it('says so when a Deny is the reason', () => {
    const denied = loaded({ Effect: 'Deny', Action: '*', Resource: '*' }).refusalOf(put);
    expect(denied?.message).toContain('with an explicit deny in an identity-based policy');
  });

  it('refuses an operation whose resource it does not know, and says where to add it', () => {
    const call = { ...put, service: 's3', operation: 'HeadObject' };
    expect(loaded(allow('s3:HeadObject', 'arn:aws:s3:::b/*')).refusalOf(call)?.message).toContain('local/iam/needs.ts');
  });

  it('leaves callers without a role alone, and everybody when it does not enforce', () => {
    const iam = loaded(allow('dynamodb:GetItem', tableArn));
    expect(iam.refusalOf({ ...put, caller: 'operator' })).toBeUndefined();
    expect(iam.needsOf({ ...put, caller: 'operator' })).toBeUndefined();
    iam.enforce = false;
    expect(iam.refusalOf(put)).toBeUndefined();
    expect(iam.needsOf(put)).toHaveLength(1);
  });
});
