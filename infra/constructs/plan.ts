/** A recovery plan: its function, with exactly what its steps need, and its state machine. A person starts it, a drill, or a rung of a ladder where the configuration says so. */
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { approvalKey } from '../../functions/engine/approval.ts';
import { authorityKey, entryKey, targetKey } from '../../functions/engine/items.ts';
import { planPartition } from '../../functions/engine/plan-items.ts';
import type { PlanManifest } from '../../functions/recovery/manifest.ts';
import { selfFenced } from '../config/authority.ts';
import { pagingAlarm } from './alarm-action.ts';
import { archiveBucketName } from './archive.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { planDefinition } from './plan-definition.ts';

export interface PlanProps {
  readonly deployment: Deployment;
  readonly manifest: PlanManifest;
  /** For its second function, if it has one that speaks SQL; it is there when there are databases. */
  readonly network: DatabaseNetwork | undefined;
}

/** Ends of executions that nobody wrote down. What the plan's function says itself is told by the journal. */
const ENDS = {
  ExecutionsFailed: 'failed, or was backed out: the journal says which, and if it does not, look at its execution',
  ExecutionsAborted: 'was aborted halfway: nightshift stop <run> has it backed out',
  ExecutionsTimedOut: 'was not over after a week: nightshift stop <run> has it backed out',
} as const;

/** By which a function finds the state machines of plans that it starts: their ARNs, by the plans' names. */
export function machinesEnvironment(
  scope: Construct,
  deployment: string,
  plans: readonly string[],
): { NIGHTSHIFT_MACHINES: string } {
  const { partition, region, account } = Stack.of(scope);
  const arns = plans.map((plan) => [
    plan,
    `arn:${partition}:states:${region}:${account}:stateMachine:${functionNameOf(deployment, plan)}`,
  ]);
  return { NIGHTSHIFT_MACHINES: JSON.stringify(Object.fromEntries(arns)) };
}

export class Plan extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, network }: PlanProps) {
    const { name, configurationBackup } = deployment.config;
    const usesBackups = manifest.usesConfigurationBackups && configurationBackup !== undefined;
    super(scope, manifest.name, {
      deployment,
      manifest,
      ...((manifest.usesArchive || usesBackups) && {
        environment: { NIGHTSHIFT_ARCHIVE_BUCKET: archiveBucketName(scope, name) },
      }),
      journal: {
        actions: [
          ...(['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'] as const),
          ...(manifest.readsRuns || usesBackups ? (['Query'] as const) : []),
        ],
        writes: [
          planPartition(manifest.name),
          ...manifest.targetKinds.map((kind) => targetKey(`${kind}/*`).pk),
          entryKey('*', '').pk,
          // What remediations held meanwhile is brought forward.
          'WORK#*',
          ...(manifest.asksPeople ? [approvalKey('*').pk] : []),
          ...(manifest.keepsAuthority && selfFenced(deployment.config).length > 0 ? [authorityKey('*').pk] : []),
        ],
      },
    });
    if (manifest.helper)
      new NightshiftFunction(this, manifest.helper.name, {
        ...{ deployment, manifest: manifest.helper, network, journal: { actions: [] } },
      });
    const machine = this.#machine(deployment, manifest);
    this.#watch(deployment, manifest, machine);
  }

  #machine({ config }: Deployment, manifest: PlanManifest): CfnStateMachine {
    const { account, partition } = Stack.of(this);
    // "Cross-service confused deputy prevention", AWS Step Functions Developer Guide.
    const role = new Role(this, 'MachineRole', {
      assumedBy: new ServicePrincipal('states.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.function.functionArn] }),
    );
    const machine = new CfnStateMachine(this, 'Machine', {
      stateMachineName: functionNameOf(config.name, manifest.name),
      stateMachineType: 'STANDARD',
      roleArn: role.roleArn,
      definitionString: Stack.of(this).toJsonString(
        planDefinition(manifest, {
          partition,
          functionArn: this.function.functionArn,
          answerSeconds: manifest.timeoutSeconds + 5,
        }),
      ),
    });
    // Its policy is there before it runs.
    machine.node.addDependency(role);
    const reason = 'A run is rare; Step Functions keeps its history for 90 days, the journal what it meant for ever.';
    Validations.of(machine).acknowledge({ id: 'AwsSolutions-SF1', reason }, { id: 'AwsSolutions-SF2', reason });
    return machine;
  }

  #watch({ config, pageTopic }: Deployment, { name, severity }: PlanManifest, machine: CfnStateMachine): void {
    for (const [metricName, what] of Object.entries(ENDS))
      pagingAlarm(this, `${metricName}Alarm`, {
        alarmName: functionNameOf(config.name, `${name}-${metricName.replace('Executions', '').toLowerCase()}`),
        alarmDescription: `${severity}. A run of the recovery plan ${name} of Nightshift ${config.name} ${what}.`,
        namespace: 'AWS/States',
        metricName,
        dimensions: [{ name: 'StateMachineArn', value: machine.ref }],
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
