/** The reconciler: a schedule that looks again at everything held, firing or unfinished, and an alarm on its own absence. */
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { pagingAlarm } from './alarm-action.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Remediation } from './remediation.ts';

export interface ReconcilerProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  /** By name: what it hands work to. */
  readonly remediations: ReadonlyMap<string, Remediation>;
}

export class Reconciler extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, remediations }: ReconcilerProps) {
    const functions = Object.fromEntries(
      [...remediations.keys()].map((name) => [name, functionNameOf(deployment.config.name, name)]),
    );
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions) },
      journal: {
        actions: ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
        indexes: ['due'],
      },
    });
    if (remediations.size > 0)
      this.allow(
        ['lambda:InvokeFunction'],
        [...remediations.values()].map((remediation) => remediation.function.functionArn),
      );
    this.#schedule(deployment);
    this.#watch(deployment);
  }

  #schedule({ config }: Deployment): void {
    const group = new CfnScheduleGroup(this, 'ScheduleGroup', { name: functionNameOf(config.name, 'schedules') });
    const { account } = Stack.of(this);
    // "Confused deputy prevention in EventBridge Scheduler": only schedules of this group may assume the role.
    const role = new Role(this, 'ScheduleRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.attrArn } },
      }),
    });
    const allow = (action: string, resource: string) =>
      role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions: [action], resources: [resource] }));
    allow('lambda:InvokeFunction', this.function.functionArn);
    allow('sqs:SendMessage', this.failures.queueArn);
    const minutes = config.reconcileEverySeconds / 60;
    const schedule = new CfnSchedule(this, 'Schedule', {
      name: functionNameOf(config.name, 'reconciler'),
      groupName: functionNameOf(config.name, 'schedules'),
      scheduleExpression: `rate(${minutes} ${minutes === 1 ? 'minute' : 'minutes'})`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: this.function.functionArn,
        roleArn: role.roleArn,
        // The next one comes soon enough; what couldn't be delivered is kept for a person.
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: Math.max(60, config.reconcileEverySeconds) },
        deadLetterConfig: { arn: this.failures.queueArn },
      },
    });
    schedule.addResourceDependency(group);
    schedule.node.addDependency(role);
  }

  /** Nobody else would notice if it didn't run. Three periods, so that one late start pages nobody. */
  #watch({ config, pageTopic }: Deployment): void {
    pagingAlarm(this, 'AbsenceAlarm', {
      alarmName: functionNameOf(config.name, 'reconciler-absent'),
      alarmDescription: `P1. The reconciler of Nightshift ${config.name} has not run: nothing held is looked at again until it does.`,
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensions: [{ name: 'FunctionName', value: this.function.functionName }],
      statistic: 'Sum',
      period: config.reconcileEverySeconds,
      evaluationPeriods: 3,
      threshold: 1,
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
      pageTopic,
    });
  }
}
