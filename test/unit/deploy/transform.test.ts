import { describe, expect, it } from '@jest/globals';
import { DEFERRED_TYPES } from '../../../local/deploy/deferred-types.ts';
import { describe as describeTransformed } from '../../../local/deploy/describe.ts';
import { OUTPUT, resolveOutputs, type Template, transformTemplate } from '../../../local/deploy/transform.ts';

/** As Fn::Sub writes it. */
const placeholder = (name: string) => `$\{${name}}`;
const topic = { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'pages' } };
const alarm = (properties: object, more: object = {}) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: { AlarmName: 'cpu', ...properties },
  ...more,
});
const template = (Resources: object, more: object = {}): Template => ({ Resources, ...more }) as Template;

describe('transformTemplate', () => {
  it('takes a listed type out and leaves every other resource as it is', () => {
    const { template: left, created } = transformTemplate(template({ Pages: topic, Cpu: alarm({ Threshold: 80 }) }));
    expect(left.Resources).toEqual({ Pages: topic });
    expect(created).toEqual([
      { logicalId: 'Cpu', type: 'AWS::CloudWatch::Alarm', properties: { AlarmName: 'cpu', Threshold: 80 } },
    ]);
  });

  it('turns each reference into one output, however often it is used', () => {
    const arn = { 'Fn::GetAtt': ['Pages', 'TopicArn'] };
    const { template: left, created } = transformTemplate(
      template({
        Pages: topic,
        Cpu: alarm({ AlarmActions: [{ Ref: 'Pages' }, arn] }),
        Memory: alarm({ AlarmActions: [{ Ref: 'Pages' }] }),
      }),
    );
    expect(left.Outputs).toEqual({
      NightshiftDeferred0: { Value: { Ref: 'Pages' } },
      NightshiftDeferred1: { Value: arn },
    });
    expect(created.map((each) => each.properties.AlarmActions)).toEqual([
      [{ [OUTPUT]: 'NightshiftDeferred0' }, { [OUTPUT]: 'NightshiftDeferred1' }],
      [{ [OUTPUT]: 'NightshiftDeferred0' }],
    ]);
  });

  it('keeps the outputs that were there', () => {
    const { template: left } = transformTemplate(
      template(
        { Pages: topic, Cpu: alarm({ AlarmActions: [{ Ref: 'Pages' }] }) },
        { Outputs: { PageTopic: { Value: { Ref: 'Pages' } } } },
      ),
    );
    expect(Object.keys(left.Outputs ?? {})).toEqual(['PageTopic', 'NightshiftDeferred0']);
  });

  it('gives a whole Fn::Join to CloudFormation, which knows what is in it', () => {
    const join = { 'Fn::Join': ['', ['arn:aws:sns:', { Ref: 'AWS::Region' }, ':x']] };
    const { template: left } = transformTemplate(template({ Cpu: alarm({ AlarmActions: [join] }) }));
    expect(left.Outputs).toEqual({ NightshiftDeferred0: { Value: join } });
  });

  it('drops a dependency on what it took out, and keeps the others', () => {
    const { template: left } = transformTemplate(
      template({
        Pages: topic,
        Cpu: alarm({}),
        Other: { ...topic, DependsOn: ['Cpu', 'Pages'] },
        Lone: { ...topic, DependsOn: 'Cpu' },
      }),
    );
    expect(left.Resources.Other?.DependsOn).toEqual(['Pages']);
    expect(left.Resources.Lone).not.toHaveProperty('DependsOn');
  });

  it('makes nothing of a type that is left out, and tells it apart', () => {
    const rule = { Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId: { Ref: 'Nowhere' } } };
    const { template: left, created, leftOut } = transformTemplate(template({ Rule: rule }));
    expect(left).toEqual({ Resources: {}, Outputs: {} });
    expect(created).toEqual([]);
    expect(leftOut.map((each) => each.logicalId)).toEqual(['Rule']);
  });

  it('does not change the template it was given', () => {
    const given = template({ Pages: topic, Cpu: alarm({ AlarmActions: [{ Ref: 'Pages' }] }) });
    const before = structuredClone(given);
    transformTemplate(given);
    expect(given).toEqual(before);
  });

  it('leaves a type that is not listed in place, so that the emulator refuses it aloud', () => {
    const composite = { Type: 'AWS::CloudWatch::CompositeAlarm', Properties: { AlarmRule: 'TRUE' } };
    expect(transformTemplate(template({ All: composite })).template.Resources).toEqual({ All: composite });
  });

  const refused: readonly [string, object, object, RegExp][] = [
    [
      'a resource that stays refers to one taken out by Ref',
      { Other: { Type: 'X', Properties: { A: [{ Ref: 'Cpu' }] } } },
      {},
      /resource Other refers to Cpu/,
    ],
    [
      'by Fn::GetAtt',
      { Other: { Type: 'X', Properties: { A: { 'Fn::GetAtt': ['Cpu', 'Arn'] } } } },
      {},
      /resource Other refers to Cpu/,
    ],
    [
      'by a dotted Fn::GetAtt',
      { Other: { Type: 'X', Properties: { A: { 'Fn::GetAtt': 'Cpu.Arn' } } } },
      {},
      /resource Other refers to Cpu/,
    ],
    [
      'by Fn::Sub',
      { Other: { Type: 'X', Properties: { A: { 'Fn::Sub': `a-${placeholder('Cpu.Arn')}` } } } },
      {},
      /resource Other refers to Cpu/,
    ],
    [
      'inside Fn::Join',
      { Other: { Type: 'X', Properties: { A: { 'Fn::Join': ['', ['a', { Ref: 'Cpu' }]] } } } },
      {},
      /resource Other refers to Cpu/,
    ],
    ['in an output', {}, { Outputs: { A: { Value: { Ref: 'Cpu' } } } }, /output A refers to Cpu/],
    [
      'from another that was taken out',
      { Other: alarm({ AlarmActions: [{ Ref: 'Cpu' }] }) },
      {},
      /resource Other refers to Cpu/,
    ],
    [
      'under a condition',
      { Other: alarm({}, { Condition: 'IsProduction' }) },
      {},
      /depends on the condition IsProduction/,
    ],
  ];
  it.each(refused)('refuses when %s', (_how, resources, more, message) => {
    expect(() => transformTemplate(template({ Cpu: alarm({}), ...resources }, more))).toThrow(message);
  });

  it('takes an escaped placeholder in Fn::Sub for the text that it is', () => {
    const other = { Type: 'X', Properties: { A: { 'Fn::Sub': placeholder('!Cpu') } } };
    expect(() => transformTemplate(template({ Cpu: alarm({}), Other: other }))).not.toThrow();
  });
});

describe('resolveOutputs', () => {
  it('fills in what the stack put out, at any depth', () => {
    expect(
      resolveOutputs({ A: [{ [OUTPUT]: 'One' }], B: { C: { [OUTPUT]: 'Two' } }, D: 1 }, { One: 'x', Two: 'y' }),
    ).toEqual({
      A: ['x'],
      B: { C: 'y' },
      D: 1,
    });
  });

  it('stops when an output is missing', () => {
    expect(() => resolveOutputs({ [OUTPUT]: 'One' }, {})).toThrow('the stack put out no One');
  });
});

describe('what is printed', () => {
  it('names each type once, with how many, what became of them and why', () => {
    const done = transformTemplate(
      template({ A: alarm({}), B: alarm({}), C: { Type: 'AWS::EC2::SecurityGroupEgress' } }),
    );
    expect(describeTransformed(done)).toEqual([
      `AWS::CloudWatch::Alarm (2): made by its API after the deployment. ${DEFERRED_TYPES['AWS::CloudWatch::Alarm']?.reason}`,
      `AWS::EC2::SecurityGroupEgress (1): left out. ${DEFERRED_TYPES['AWS::EC2::SecurityGroupEgress']?.reason}`,
    ]);
  });
});
