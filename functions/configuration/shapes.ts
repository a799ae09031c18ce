/**
 * From AWS's answers to what a backup keeps. Pure. Fields are named one by one: what isn't named isn't kept, so that nothing that may hold a secret (values of environment variables, commands,
 * options of log drivers, labels, inputs of rules, definitions of state machines, values of parameters) gets into a backup.
 */
import type { CertificateDetail, GetCertificateResponse } from '@aws-sdk/client-acm';
import type { ScalableTarget, ScalingPolicy } from '@aws-sdk/client-application-auto-scaling';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { ContainerDefinition, Service, TaskDefinition } from '@aws-sdk/client-ecs';
import type { Rule, Target } from '@aws-sdk/client-eventbridge';
import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import type { DescribeStateMachineOutput } from '@aws-sdk/client-sfn';
import type { ParameterMetadata } from '@aws-sdk/client-ssm';
import type { Json } from '../engine/remediation.ts';
import { type ConfigItem, digestOf, type Settings } from './item.ts';

/** Plain data of what the SDK gave: nothing undefined, no class. */
export const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;

/** Those fields that are there and not empty. */
function only<T extends object>(from: T, fields: readonly (keyof T & string)[]): Settings {
  const kept = fields.flatMap((field): [string, Json][] => {
    const value = plain(from[field]);
    return value === null || (Array.isArray(value) && value.length === 0) ? [] : [[field, value]];
  });
  return Object.fromEntries(kept);
}

const SERVICE_FIELDS = [
  ...(['desiredCount', 'taskDefinition', 'launchType', 'capacityProviderStrategy', 'platformVersion'] as const),
  ...(['deploymentConfiguration', 'deploymentController', 'networkConfiguration', 'loadBalancers'] as const),
  ...(['serviceRegistries', 'healthCheckGracePeriodSeconds', 'schedulingStrategy', 'enableExecuteCommand'] as const),
  ...(['placementConstraints', 'placementStrategy', 'propagateTags', 'enableECSManagedTags'] as const),
  ...(['availabilityZoneRebalancing'] as const),
];

/** @param definition of its tasks; undefined: it couldn't be read. */
export const serviceItem = (id: string, service: Service, definition: TaskDefinition | undefined): ConfigItem => ({
  ...{ kind: 'service', id },
  settings: { ...only(service, SERVICE_FIELDS), ...(definition && { definition: definitionSettings(definition) }) },
});

/** A revision never changes (API page "TaskDefinition"); what differs between two of them is told by this. */
export const definitionSettings = (definition: TaskDefinition): Settings => ({
  ...only(definition, [
    ...(['family', 'revision', 'cpu', 'memory', 'networkMode', 'executionRoleArn', 'taskRoleArn'] as const),
    ...(['requiresCompatibilities', 'runtimePlatform', 'ephemeralStorage', 'pidMode', 'ipcMode'] as const),
  ]),
  containers: Object.fromEntries(
    (definition.containerDefinitions ?? []).map((container) => [container.name ?? '', containerSettings(container)]),
  ),
  volumes: (definition.volumes ?? []).map(({ name = '' }) => name).sort(),
});

const containerSettings = (container: ContainerDefinition): Settings => ({
  ...only(container, [
    ...(['image', 'cpu', 'memory', 'memoryReservation', 'essential', 'portMappings', 'mountPoints'] as const),
    ...(['readonlyRootFilesystem', 'user', 'dependsOn', 'startTimeout', 'stopTimeout', 'ulimits'] as const),
  ]),
  environment: (container.environment ?? []).map(({ name = '' }) => name).sort(),
  secrets: Object.fromEntries((container.secrets ?? []).map(({ name = '', valueFrom = '' }) => [name, valueFrom])),
  ...(container.logConfiguration?.logDriver && { logDriver: container.logConfiguration.logDriver }),
});

/** Its limits, and its policies by name; their alarms have names that AWS makes anew. */
export const scalingItem = (id: string, target: ScalableTarget, policies: readonly ScalingPolicy[]): ConfigItem => ({
  ...{ kind: 'scaling', id },
  settings: {
    ...only(target, ['MinCapacity', 'MaxCapacity', 'SuspendedState']),
    policies: Object.fromEntries(
      policies.map((policy) => [
        policy.PolicyName ?? '',
        only(policy, [
          ...(['PolicyType', 'StepScalingPolicyConfiguration'] as const),
          ...(['TargetTrackingScalingPolicyConfiguration', 'PredictiveScalingPolicyConfiguration'] as const),
        ]),
      ]),
    ),
  },
});

/** "ResourceRecordSet", Amazon Route 53 API Reference: one for each name, type and identifier. */
export const recordId = (zone: string, { Name = '', Type, SetIdentifier }: ResourceRecordSet): string =>
  [
    zone,
    Name.toLowerCase().replace(/\.$/, ''),
    Type ?? '',
    ...(SetIdentifier === undefined ? [] : [SetIdentifier]),
  ].join('/');

export const recordItem = (zone: string, record: ResourceRecordSet): ConfigItem => ({
  ...{ kind: 'record', id: recordId(zone, record) },
  settings: plain({
    ...record,
    ResourceRecords: [...(record.ResourceRecords ?? [])].sort((a, b) => ((a.Value ?? '') < (b.Value ?? '') ? -1 : 1)),
  }) as Settings,
});

/** The fields of PutMetricAlarm, Amazon CloudWatch API Reference: an alarm can be made again from them. Tags stay where they are. */
export const ALARM_FIELDS = [
  ...(['AlarmDescription', 'ActionsEnabled', 'OKActions', 'AlarmActions', 'InsufficientDataActions'] as const),
  ...(['MetricName', 'Namespace', 'Statistic', 'ExtendedStatistic', 'Dimensions', 'Period', 'Unit'] as const),
  ...(['EvaluationPeriods', 'DatapointsToAlarm', 'Threshold', 'ComparisonOperator', 'TreatMissingData'] as const),
  ...(['EvaluateLowSampleCountPercentile', 'Metrics', 'ThresholdMetricId'] as const),
];

export const alarmItem = (alarm: MetricAlarm): ConfigItem => ({
  ...{ kind: 'alarm', id: alarm.AlarmName ?? '' },
  settings: only(alarm, ALARM_FIELDS),
});

/** What ACM says of a certificate ("CertificateDetail", AWS Certificate Manager API Reference) that doesn't move while it is being renewed. @param kept its public part, where that is kept. */
export const certificateItem = (
  arn: string,
  detail: CertificateDetail,
  kept?: Pick<GetCertificateResponse, 'Certificate' | 'CertificateChain'>,
): ConfigItem => ({
  ...{ kind: 'certificate', id: arn },
  settings: {
    ...only(detail, [
      ...(['DomainName', 'Type', 'Status', 'Serial', 'Issuer', 'KeyAlgorithm', 'SignatureAlgorithm'] as const),
      ...(['NotBefore', 'NotAfter', 'CertificateAuthorityArn', 'Options'] as const),
    ]),
    names: [...(detail.SubjectAlternativeNames ?? [])].sort(),
    usedBy: [...(detail.InUseBy ?? [])].sort(),
    validations: Object.fromEntries(
      (detail.DomainValidationOptions ?? []).map((option) => [
        option.DomainName ?? '',
        only(option, ['ValidationMethod', 'ResourceRecord', 'ValidationDomain']),
      ]),
    ),
    ...(kept?.Certificate && { certificate: kept.Certificate }),
    ...(kept?.CertificateChain && { chain: kept.CertificateChain }),
  },
});

export const parameterItem = (parameter: ParameterMetadata): ConfigItem => ({
  ...{ kind: 'parameter', id: parameter.Name ?? '' },
  settings: only(parameter, ['Type', 'Version', 'KeyId', 'Tier', 'DataType']),
});

/** What a target is given (`Input`) may be anything, so it isn't kept. */
export const ruleItem = (rule: Rule, targets: readonly Target[]): ConfigItem => ({
  ...{ kind: 'rule', id: `${rule.EventBusName ?? 'default'}/${rule.Name ?? ''}` },
  settings: {
    ...only(rule, ['State', 'EventPattern', 'ScheduleExpression', 'RoleArn', 'ManagedBy']),
    targets: Object.fromEntries(targets.map((target) => [target.Id ?? '', only(target, ['Arn', 'RoleArn'])])),
  },
});

/** Of its definition only the digest, which is enough to see that it changed. */
export const stateMachineItem = (machine: DescribeStateMachineOutput): ConfigItem => ({
  ...{ kind: 'state-machine', id: machine.name ?? '' },
  settings: {
    ...only(machine, ['type', 'roleArn', 'status']),
    definitionSha256: digestOf(machine.definition ?? ''),
    ...(machine.loggingConfiguration?.level && { logLevel: machine.loggingConfiguration.level }),
    tracing: machine.tracingConfiguration?.enabled === true,
  },
});
