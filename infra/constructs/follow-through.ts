/** The follow-through: one state machine for every incident, and the function that decides (design section 3, Follow-through). */
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { ArnFormat, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { followKey } from '../../functions/engine/following.ts';
import { entryKey } from '../../functions/engine/items.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { pagingAlarm } from './alarm-action.ts';
import { followThroughDefinition } from './follow-through-definition.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Remediation } from './remediation.ts';

export interface FollowThroughProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  /** By name: what it gives orders to. */
  readonly remediations: ReadonlyMap<string, Remediation>;
}

/** The state machine's ARN, known beforehand: it starts itself anew, and its function starts it. */
export const followMachineArn = (scope: Construct, deployment: string): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: functionNameOf(deployment, 'follow-through'),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

export class FollowThrough extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, remediations }: FollowThroughProps) {
    const { name } = deployment.config;
    const machineArn = followMachineArn(scope, name);
    const functions = Object.fromEntries([...remediations.keys()].map((each) => [each, functionNameOf(name, each)]));
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions), NIGHTSHIFT_FOLLOW_MACHINE_ARN: machineArn },
      journal: {
        actions: ['GetItem', 'PutItem', 'Query', 'UpdateItem'],
        writes: [followKey('*').pk, entryKey('*', '').pk],
      },
    });
    if (remediations.size > 0)
      this.allow(
        ['lambda:InvokeFunction'],
        [...remediations.values()].map((remediation) => remediation.function.functionArn),
      );
    this.allow(['states:SendTaskSuccess', 'states:StartExecution'], [machineArn]);
    this.#machine(deployment, machineArn);
    this.#watch(deployment, machineArn);
  }

  #machine({ config, pageTopic }: Deployment, machineArn: string): void {
    const { account } = Stack.of(this);
    // "Cross-service confused deputy prevention", AWS Step Functions Developer Guide.
    const role = new Role(this, 'MachineRole', {
      assumedBy: new ServicePrincipal('states.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': machineArn } },
      }),
    });
    const allow = (actions: string[], resource: string) =>
      role.addToPolicy(new PolicyStatement({ actions, resources: [resource] }));
    allow(['lambda:InvokeFunction'], this.function.functionArn);
    allow(['states:StartExecution'], machineArn);
    allow(['sns:Publish'], pageTopic.topicArn);
    // SNS encrypts on behalf of whoever publishes ("Key management", Amazon SNS Developer Guide).
    if (config.pageTopicKeyArn) allow(['kms:Decrypt', 'kms:GenerateDataKey'], config.pageTopicKeyArn);
    const machine = new CfnStateMachine(this, 'Machine', {
      stateMachineName: functionNameOf(config.name, 'follow-through'),
      stateMachineType: 'STANDARD',
      roleArn: role.roleArn,
      definitionString: Stack.of(this).toJsonString(
        followThroughDefinition({
          functionArn: this.function.functionArn,
          pageTopicArn: pageTopic.topicArn,
          deployment: config.name,
        }),
      ),
    });
    // Its policy is there before it runs.
    machine.node.addDependency(role);
    const reason =
      'Step Functions keeps the history of each execution for 90 days, the journal what it meant for ever.';
    Validations.of(machine).acknowledge(
      { id: 'AwsSolutions-SF1', reason },
      { id: 'AwsSolutions-SF2', reason: `It spends its time waiting: there is nothing to trace. ${reason}` },
    );
  }

  /** The second way to a person: when the state machine's own page couldn't leave either. */
  #watch({ config, pageTopic }: Deployment, machineArn: string): void {
    pagingAlarm(this, 'FailedAlarm', {
      alarmName: functionNameOf(config.name, 'follow-through-failed'),
      alarmDescription: `P1. A follow-through of Nightshift ${config.name} failed: its incident calls nobody until the reconciler starts it anew.`,
      namespace: 'AWS/States',
      metricName: 'ExecutionsFailed',
      dimensions: [{ name: 'StateMachineArn', value: machineArn }],
      statistic: 'Sum',
      period: 60,
      evaluationPeriods: 1,
      threshold: 0,
      comparisonOperator: 'GreaterThanThreshold',
      treatMissingData: 'notBreaching',
      pageTopic,
    });
  }
}
