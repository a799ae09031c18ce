import type { ContainerDefinition } from '@aws-sdk/client-ecs';
import { describe, expect, it } from '@jest/globals';
import {
  alarmItem,
  certificateItem,
  definitionSettings,
  parameterItem,
  recordItem,
  ruleItem,
  scalingItem,
  serviceItem,
  stateMachineItem,
} from '../../../functions/configuration/shapes.ts';

const PLANTED = 'planted-value-that-nobody-may-see';
const ARN = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:orders/login-AbCdEf';

/** A container with a secret in every place where people put one. */
const container: ContainerDefinition = {
  name: 'web',
  image: 'web@sha256:00',
  environment: [
    { name: 'TOKEN', value: PLANTED },
    { name: 'COLOUR', value: PLANTED },
  ],
  secrets: [{ name: 'LOGIN', valueFrom: ARN }],
  command: ['serve', `--password=${PLANTED}`],
  entryPoint: [PLANTED],
  healthCheck: { command: ['CMD', PLANTED] },
  dockerLabels: { key: PLANTED },
  logConfiguration: { logDriver: 'splunk', options: { 'splunk-token': PLANTED } },
  repositoryCredentials: { credentialsParameter: PLANTED },
  extraHosts: [{ hostname: PLANTED, ipAddress: '192.0.2.1' }],
  firelensConfiguration: { type: 'fluentbit', options: { key: PLANTED } },
};
const definition = {
  ...{ family: 'web', revision: 7, cpu: '256', memory: '512', containerDefinitions: [container] },
  volumes: [{ name: 'data', dockerVolumeConfiguration: { driverOpts: { password: PLANTED } } }],
};

describe('what a backup keeps', () => {
  it('of a task definition: names of environment variables and where secrets are, no value, command, label or option', () => {
    const kept = definitionSettings(definition);
    expect(JSON.stringify(kept)).not.toContain(PLANTED);
    expect(kept).toMatchObject({
      ...{ family: 'web', revision: 7, volumes: ['data'] },
      containers: {
        web: {
          ...{ image: 'web@sha256:00', environment: ['COLOUR', 'TOKEN'], secrets: { LOGIN: ARN } },
          logDriver: 'splunk',
        },
      },
    });
  });

  it('of a certificate: names, dates, validation records and its public part, nothing that moves while it is renewed', () => {
    const { id, settings } = certificateItem(
      'arn:x',
      {
        ...{
          DomainName: 'b.test',
          SubjectAlternativeNames: ['b.test', 'a.test'],
          Type: 'IMPORTED',
          InUseBy: ['y', 'x'],
        },
        ...{ NotAfter: new Date(0), RenewalEligibility: 'ELIGIBLE', ImportedAt: new Date(0) },
        RenewalSummary: { RenewalStatus: 'PENDING_VALIDATION', DomainValidationOptions: [], UpdatedAt: new Date(0) },
        DomainValidationOptions: [
          { DomainName: 'a.test', ValidationStatus: 'PENDING_VALIDATION', ValidationMethod: 'DNS' },
        ],
      },
      { Certificate: 'public', CertificateChain: 'chain' },
    );
    expect({ id, settings }).toEqual({
      id: 'arn:x',
      settings: {
        ...{
          DomainName: 'b.test',
          Type: 'IMPORTED',
          NotAfter: '1970-01-01T00:00:00.000Z',
          names: ['a.test', 'b.test'],
        },
        ...{ usedBy: ['x', 'y'], validations: { 'a.test': { ValidationMethod: 'DNS' } } },
        ...{ certificate: 'public', chain: 'chain' },
      },
    });
  });

  it('of a service: what it was told, nothing that moves by itself', () => {
    const { id, settings } = serviceItem(
      'orders/backend',
      {
        ...{ desiredCount: 2, runningCount: 1, pendingCount: 1, taskDefinition: 'arn:x:7', launchType: 'FARGATE' },
        ...{ deployments: [{ id: 'ecs-svc/1' }], events: [{ message: PLANTED }], createdAt: new Date(0) },
        tags: [{ key: 'owner', value: PLANTED }],
        loadBalancers: [],
      },
      definition,
    );
    expect(id).toBe('orders/backend');
    expect(settings).toEqual({
      ...{ desiredCount: 2, taskDefinition: 'arn:x:7', launchType: 'FARGATE' },
      definition: definitionSettings(definition),
    });
  });

  it('of scaling: limits and policies by name, without what AWS makes anew', () => {
    const configuration = { TargetValue: 60, PredefinedMetricSpecification: undefined };
    const { settings } = scalingItem(
      'orders/backend',
      {
        ...{ ServiceNamespace: 'ecs', ResourceId: 'service/orders/backend', ScalableDimension: undefined },
        ...{ MinCapacity: 2, MaxCapacity: 8, RoleARN: 'arn:role', CreationTime: new Date(0) },
      },
      [
        {
          ...{
            PolicyARN: 'arn:policy',
            PolicyName: 'cpu',
            PolicyType: 'TargetTrackingScaling',
            CreationTime: new Date(0),
          },
          ...{ ServiceNamespace: 'ecs', ResourceId: 'x', ScalableDimension: undefined },
          TargetTrackingScalingPolicyConfiguration: configuration,
          Alarms: [{ AlarmName: 'TargetTracking-1', AlarmARN: 'arn:1' }],
        },
      ],
    );
    expect(settings).toEqual({
      ...{ MinCapacity: 2, MaxCapacity: 8 },
      policies: {
        cpu: { PolicyType: 'TargetTrackingScaling', TargetTrackingScalingPolicyConfiguration: { TargetValue: 60 } },
      },
    });
  });

  it('of a record: its whole answer in a steady order, known by zone, name, type and identifier', () => {
    const values = (...all: string[]) => all.map((Value) => ({ Value }));
    const record = { Name: 'Shop.example.com.', Type: 'A', TTL: 60 } as const;
    const one = recordItem('Z1', { ...record, ResourceRecords: values('192.0.2.2', '192.0.2.1') });
    expect(one).toEqual(recordItem('Z1', { ...record, ResourceRecords: values('192.0.2.1', '192.0.2.2') }));
    expect(one.id).toBe('Z1/shop.example.com/A');
    expect(recordItem('Z1', { ...record, SetIdentifier: 'east', Weight: 1 }).id).toBe('Z1/shop.example.com/A/east');
  });

  it('of an alarm: what makes it again, not its state', () => {
    const { settings } = alarmItem({
      ...{ AlarmName: 'a', Namespace: 'AWS/ECS', MetricName: 'CPUUtilization', Threshold: 80, StateValue: 'ALARM' },
      ...{ ActionsEnabled: false, StateUpdatedTimestamp: new Date(0), AlarmArn: 'arn:a' },
    });
    expect(settings).toEqual({
      Namespace: 'AWS/ECS',
      MetricName: 'CPUUtilization',
      Threshold: 80,
      ActionsEnabled: false,
    });
  });

  it('of a parameter: its version, not its value', () => {
    const parameter = { Name: '/orders/token', Type: 'SecureString', Version: 3, Value: PLANTED } as const;
    expect(parameterItem(parameter)).toEqual({
      ...{ kind: 'parameter', id: '/orders/token', settings: { Type: 'SecureString', Version: 3 } },
    });
  });

  it('of a rule: where it sends, not what; of a state machine: a digest of its definition', () => {
    const rule = ruleItem({ Name: 'nightly', State: 'ENABLED', EventPattern: '{}' }, [
      { Id: '1', Arn: 'arn:target', Input: PLANTED, HttpParameters: { HeaderParameters: { key: PLANTED } } },
    ]);
    expect(rule.settings).toEqual({ State: 'ENABLED', EventPattern: '{}', targets: { 1: { Arn: 'arn:target' } } });
    const machine = (text: string) =>
      stateMachineItem({
        ...{ stateMachineArn: 'arn:m', name: 'm', definition: text, roleArn: 'arn:r', type: 'STANDARD' },
        creationDate: new Date(0),
      });
    expect(JSON.stringify(machine(PLANTED))).not.toContain(PLANTED);
    expect(machine('a')).toEqual(machine('a'));
    expect(machine('a')).not.toEqual(machine('b'));
  });
});
