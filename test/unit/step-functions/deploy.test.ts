/** State machines of a template: what refers to them, and what they are made with. */
import { describe, expect, it } from '@jest/globals';
import { toCreateInput } from '../../../local/deploy/state-machine.ts';
import { type Template, transformTemplate } from '../../../local/deploy/transform.ts';
import { rolesOf } from '../../../local/iam/roles.ts';

const placeholder = (name: string) => `$\{${name}}`;
const arn = (name: string) =>
  `arn:${placeholder('AWS::Partition')}:states:${placeholder('AWS::Region')}:${placeholder('AWS::AccountId')}:stateMachine:${name}`;
const machine = (properties: object = {}) => ({
  Type: 'AWS::StepFunctions::StateMachine',
  Properties: { DefinitionString: '{}', RoleArn: 'arn:aws:iam::0:role/r', ...properties },
});
const transform = (Resources: object, Outputs: object = {}) =>
  transformTemplate({ Resources, Outputs } as unknown as Template);

describe('references to a state machine', () => {
  it.each<[string, object, unknown]>([
    ['Ref', { Ref: 'Plan' }, { 'Fn::Sub': arn('plan') }],
    ['Fn::GetAtt Arn', { 'Fn::GetAtt': ['Plan', 'Arn'] }, { 'Fn::Sub': arn('plan') }],
    ['Fn::GetAtt in one text', { 'Fn::GetAtt': 'Plan.Arn' }, { 'Fn::Sub': arn('plan') }],
    ['Fn::GetAtt Name', { 'Fn::GetAtt': ['Plan', 'Name'] }, 'plan'],
    ['Fn::Sub', { 'Fn::Sub': `${placeholder('Plan')}:x` }, { 'Fn::Sub': `${arn('plan')}:x` }],
    ['Fn::Sub of its name', { 'Fn::Sub': `x-${placeholder('Plan.Name')}` }, { 'Fn::Sub': 'x-plan' }],
    [
      'inside Fn::Join',
      { 'Fn::Join': ['', [{ Ref: 'Plan' }, ':*']] },
      { 'Fn::Join': ['', [{ 'Fn::Sub': arn('plan') }, ':*']] },
    ],
  ])('by %s become what it will be', (_, reference, expected) => {
    const Topic = { Type: 'AWS::SNS::Topic', Properties: { DisplayName: reference } };
    const { template, created } = transform(
      { Plan: machine({ StateMachineName: 'plan' }), Topic },
      { Plan: { Value: reference } },
    );
    expect(template.Resources.Topic?.Properties).toEqual({ DisplayName: expected });
    expect(template.Outputs?.Plan).toEqual({ Value: expected });
    expect(created.map(({ logicalId, properties }) => [logicalId, properties.StateMachineName])).toEqual([
      ['Plan', 'plan'],
    ]);
  });

  it('name one without a name by its logical id', () => {
    const Topic = { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { Ref: 'Plan' } } };
    const { template, created } = transform({ Plan: machine(), Topic });
    expect(template.Resources.Topic?.Properties).toEqual({ DisplayName: { 'Fn::Sub': arn('Plan') } });
    expect(created[0]?.properties.StateMachineName).toBe('Plan');
  });

  it('are refused for what isn’t known before, and for a name that is a reference itself', () => {
    const revision = { 'Fn::GetAtt': ['Plan', 'StateMachineRevisionId'] };
    const Topic = { Type: 'AWS::SNS::Topic', Properties: { DisplayName: revision } };
    expect(() => transform({ Plan: machine(), Topic })).toThrow(/Topic refers to Plan/);
    expect(() => transform({ Plan: machine({ StateMachineName: { Ref: 'Stage' } }) })).toThrow(
      /its name has to be plain text/,
    );
  });
});

describe('toCreateInput', () => {
  it('fills substitutions into the definition and takes over type, role and tags', () => {
    expect(
      toCreateInput({
        StateMachineName: 'plan',
        StateMachineType: 'EXPRESS',
        RoleArn: 'arn:aws:iam::0:role/r',
        DefinitionString: `{"a":"${placeholder('A')}","b":"${placeholder('B')}"}`,
        DefinitionSubstitutions: { A: 'one', B: 2 },
        Tags: [{ Key: 'k', Value: 'v' }],
      }),
    ).toEqual({
      name: 'plan',
      type: 'EXPRESS',
      roleArn: 'arn:aws:iam::0:role/r',
      definition: '{"a":"one","b":"2"}',
      tags: [{ key: 'k', value: 'v' }],
    });
  });

  it('takes a definition given as an object, and refuses one that isn’t in the template', () => {
    const base = { StateMachineName: 'plan', RoleArn: 'arn:aws:iam::0:role/r' };
    expect(toCreateInput({ ...base, Definition: { StartAt: 'A' } }).definition).toBe('{"StartAt":"A"}');
    expect(() => toCreateInput(base)).toThrow(/its definition has to be in the template/);
  });
});

describe('the role of a state machine', () => {
  it('is known by the machine’s name, as it is made here', () => {
    const Role = {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'states.amazonaws.com' } }] },
        Policies: [
          { PolicyDocument: { Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: '*' }] } },
        ],
      },
    };
    const RoleArn = { 'Fn::GetAtt': ['Role', 'Arn'] };
    const Resources = { Role, Named: machine({ RoleArn, StateMachineName: 'plan' }), Unnamed: machine({ RoleArn }) };
    const [role] = rolesOf({ Resources }, { account: '000000000000', region: 'us-east-1', stackName: 's' });
    expect(role?.functions).toEqual(['stateMachine:plan', 'stateMachine:Unnamed']);
  });
});
