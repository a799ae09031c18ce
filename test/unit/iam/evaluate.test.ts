import { describe, expect, it } from '@jest/globals';
import { checkConditions, judge, type Statement } from '../../../local/iam/evaluate.ts';
import { matchesAction, matchesArn } from '../../../local/iam/match.ts';

const statement = (changes: Partial<Statement>): Statement => ({
  effect: 'Allow',
  actions: ['ecs:UpdateService'],
  resources: ['*'],
  conditions: {},
  ...changes,
});
const need = { action: 'ecs:UpdateService', resource: 'arn:aws:ecs:eu-west-1:111122223333:service/orders/backend' };

describe('matchesAction', () => {
  it.each([
    ['ecs:UpdateService', 'ecs:UpdateService', true],
    ['ECS:updateservice', 'ecs:UpdateService', true],
    ['ecs:Update*', 'ecs:UpdateService', true],
    ['ecs:Update?ervice', 'ecs:UpdateService', true],
    ['*', 'ecs:UpdateService', true],
    ['ecs:Update', 'ecs:UpdateService', false],
    ['ecs.UpdateService', 'ecs:UpdateService', false],
    ['s3:*', 'ecs:UpdateService', false],
  ])('%s for %s: %s', (pattern, action, expected) => {
    expect(matchesAction(pattern, action)).toBe(expected);
  });
});

describe('matchesArn', () => {
  const service = 'arn:aws:ecs:eu-west-1:111122223333:service/orders/backend';
  it.each([
    ['*', service, true],
    [service, service, true],
    ['arn:aws:ecs:eu-west-1:111122223333:service/orders/*', service, true],
    ['arn:aws:ecs:*:111122223333:service/*/backend', service, true],
    ['arn:aws:ecs:*', service, true],
    ['arn:aws:ecs:eu-west-1:111122223333:service/orders/back', service, false],
    ['arn:aws:ecs:us-east-1:111122223333:service/orders/backend', service, false],
    ['arn:aws:ecs:eu-west-1:111122223333:SERVICE/orders/backend', service, false],
    // A wildcard in the region doesn't reach over the account.
    ['arn:aws:ecs:*:service/orders/backend', service, false],
    ['arn:aws:logs:eu-west-1:1:log-group:/a:*', 'arn:aws:logs:eu-west-1:1:log-group:/a:log-stream:x', true],
    ['arn:aws:dynamodb:eu-west-1:1:table/j', 'arn:aws:dynamodb:eu-west-1:1:table/j/index/due', false],
    // What is on no resource is allowed only on all of them.
    ['arn:aws:cloudwatch:eu-west-1:1:alarm:*', '*', false],
    ['*', '*', true],
  ])('%s for %s: %s', (pattern, resource, expected) => {
    expect(matchesArn(pattern, resource)).toBe(expected);
  });
});

describe('judge', () => {
  it('allows what one statement allows', () => {
    expect(judge([statement({ actions: ['s3:*'] }), statement({})], need)).toBe('allowed');
  });

  it('does not allow what no statement is about', () => {
    expect(judge([], need)).toBe('not allowed');
    expect(judge([statement({ actions: ['ecs:DescribeServices'] })], need)).toBe('not allowed');
    expect(judge([statement({ resources: ['arn:aws:ecs:*:*:service/orders/other'] })], need)).toBe('not allowed');
  });

  it('lets a Deny win over every Allow', () => {
    expect(judge([statement({}), statement({ effect: 'Deny', actions: ['ecs:*'] })], need)).toBe('denied');
  });

  const conditions = { ArnEquals: { 'lambda:SourceFunctionArn': ['arn:aws:lambda:eu-west-1:1:function:a'] } };
  it.each([
    ['arn:aws:lambda:eu-west-1:1:function:a', 'denied'],
    ['arn:aws:lambda:eu-west-1:1:function:b', 'allowed'],
    [undefined, 'allowed'],
  ])('applies a conditional Deny only where the condition holds: %s is %s', (source, expected) => {
    const context: Record<string, string> = source === undefined ? {} : { 'lambda:SourceFunctionArn': source };
    const statements = [statement({}), statement({ effect: 'Deny', conditions })];
    expect(judge(statements, { ...need, context })).toBe(expected);
  });

  it('does not allow by a condition whose key has no value', () => {
    const given = { StringEquals: { 'application-autoscaling:service-namespace': ['ecs'] } };
    expect(judge([statement({ conditions: given })], need)).toBe('not allowed');
  });
});

describe('a condition on several values', () => {
  const key = 'dynamodb:LeadingKeys';
  const fenced = { 'ForAllValues:StringLike': { [key]: ['EVENT#ours#*', 'SLOT#ours'] }, Null: { [key]: ['false'] } };
  it.each<[string, readonly string[] | undefined, string]>([
    ['one that matches', ['EVENT#ours#1'], 'allowed'],
    ['all that match, each another pattern', ['EVENT#ours#1', 'SLOT#ours'], 'allowed'],
    ['one among others that does not', ['EVENT#ours#1', 'SWITCH#0'], 'not allowed'],
    ['one that only begins like a pattern without wildcard', ['SLOT#ours-too'], 'not allowed'],
    ['none, because Null asks for the key', undefined, 'not allowed'],
  ])('for %s', (_, values, expected) => {
    const asked = { ...need, ...(values && { context: { [key]: values } }) };
    expect(judge([statement({ conditions: fenced })], asked)).toBe(expected);
  });

  it('holds without the key, when nothing asks for it: as on AWS', () => {
    const { Null: _asked, ...open } = fenced;
    expect(judge([statement({ conditions: open })], need)).toBe('allowed');
  });
});

describe('checkConditions', () => {
  it.each([
    [{ 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['x'] } }, /ForAnyValue:StringLike isn't evaluated/],
    [{ DateLessThan: { 'aws:CurrentTime': ['2030-01-01'] } }, /DateLessThan isn't evaluated; known are StringEquals/],
    [{ StringEquals: { 'aws:PrincipalTag/team': ['x'] } }, /aws:PrincipalTag\/team has no value here; known are/],
  ])('refuses what it could only guess: %j', (conditions, message) => {
    expect(() => checkConditions('RolePolicy', conditions)).toThrow(message);
  });
});
