/** A function that is started again and again by EventBridge Scheduler. */
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Stack } from 'aws-cdk-lib/core';
import type { NightshiftFunction } from './nightshift-function.ts';

export interface ScheduleProps {
  readonly groupName: string;
  readonly scheduleName: string;
  readonly everyMinutes: number;
  /** What the function is given. */
  readonly input?: Readonly<Record<string, unknown>>;
  readonly maximumEventAgeInSeconds: number;
}

/** Starts the function every so many minutes; what can't be delivered goes to its failure queue. */
export function scheduleFunction(unit: NightshiftFunction, props: ScheduleProps): void {
  const { groupName, scheduleName, everyMinutes, input, maximumEventAgeInSeconds } = props;
  const group = new CfnScheduleGroup(unit, 'ScheduleGroup', { name: groupName });
  const { account } = Stack.of(unit);
  // "Confused deputy prevention in EventBridge Scheduler": only schedules of this group may assume the role.
  const role = new Role(unit, 'ScheduleRole', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.attrArn } },
    }),
  });
  const allow = (action: string, resource: string) =>
    role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions: [action], resources: [resource] }));
  allow('lambda:InvokeFunction', unit.function.functionArn);
  allow('sqs:SendMessage', unit.failures.queueArn);
  const schedule = new CfnSchedule(unit, 'Schedule', {
    name: scheduleName,
    groupName,
    scheduleExpression: `rate(${everyMinutes} ${everyMinutes === 1 ? 'minute' : 'minutes'})`,
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      arn: unit.function.functionArn,
      roleArn: role.roleArn,
      ...(input && { input: JSON.stringify(input) }),
      // The next one comes soon enough; what couldn't be delivered is kept for a person.
      retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds },
      deadLetterConfig: { arn: unit.failures.queueArn },
    },
  });
  schedule.addResourceDependency(group);
  schedule.node.addDependency(role);
}
