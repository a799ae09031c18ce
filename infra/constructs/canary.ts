/**
 * The canary and what misses it. EventBridge Scheduler sets the state of an alarm of its own to ALARM ("SetAlarmState", Amazon CloudWatch API Reference:
 * the alarm goes back to its real state by itself); its event starts the canary; its end reaches the publisher, which tells a queue; an alarm on that
 * queue's silence calls a person, without any of our code.
 */
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { DEPLOYMENT_TAG, RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import { CANARY_LADDERS, manifest } from '../../functions/incidents/canary/manifest.ts';
import { silenceAlarm } from './alarm-action.ts';
import { type Deployment, functionNameOf } from './nightshift-function.ts';
import type { Publisher } from './publisher.ts';
import { Remediation } from './remediation.ts';
import { canaryQueueName, sentWithin, signOfLifeQueue } from './sign-of-life.ts';

/** Canaries that may be missing, and minutes that the last one may take, before a person is called. */
const MISSED = 2;
const ON_ITS_WAY_MINUTES = 5;
/** SQS counts once a minute. */
const PERIOD_SECONDS = 60;

export interface CanaryProps {
  readonly deployment: Deployment;
  readonly publisher: Publisher;
}

export class Canary extends Construct {
  readonly remediation: Remediation;

  constructor(scope: Construct, { deployment, publisher }: CanaryProps) {
    super(scope, 'Canary');
    this.remediation = new Remediation(scope, { deployment, manifest, ladders: CANARY_LADDERS });
    const alarm = this.#alarm(deployment);
    this.#schedule(deployment, alarm);
    this.#miss(deployment, publisher);
  }

  /** On a metric that nobody sends: OK, but for the moments in which the schedule says otherwise. */
  #alarm({ config }: Deployment): CfnAlarm {
    return new CfnAlarm(this, 'Alarm', {
      alarmName: functionNameOf(config.name, manifest.name),
      alarmDescription: `Nightshift ${config.name}'s canary: set to ALARM every ${config.selfWatch.canaryEveryMinutes} minutes to see that alarms are answered. Nothing is wrong.`,
      namespace: 'Nightshift',
      metricName: 'Canary',
      dimensions: [{ name: 'Deployment', value: config.name }],
      statistic: 'Sum',
      period: config.alarmPeriodSeconds,
      evaluationPeriods: 1,
      threshold: 0,
      comparisonOperator: 'GreaterThanThreshold',
      treatMissingData: 'notBreaching',
      actionConfiguration: { alarmTagsPropagation: { enabled: true } },
      tags: [
        { key: RUNBOOK_TAG, value: manifest.name },
        { key: DEPLOYMENT_TAG, value: config.name },
      ],
    });
  }

  #schedule({ config }: Deployment, alarm: CfnAlarm): void {
    const name = functionNameOf(config.name, manifest.name);
    const group = new CfnScheduleGroup(this, 'ScheduleGroup', { name });
    const { account, partition, region } = Stack.of(this);
    const role = new Role(this, 'ScheduleRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.attrArn } },
      }),
    });
    const { failures } = this.remediation;
    const alarmArn = `arn:${partition}:cloudwatch:${region}:${account}:alarm:${name}`;
    role.addToPolicy(new PolicyStatement({ actions: ['cloudwatch:SetAlarmState'], resources: [alarmArn] }));
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [failures.queueArn] }));
    const every = config.selfWatch.canaryEveryMinutes;
    const schedule = new CfnSchedule(this, 'Schedule', {
      name,
      groupName: name,
      scheduleExpression: `rate(${every} ${every === 1 ? 'minute' : 'minutes'})`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        // "Using universal targets in EventBridge Scheduler".
        arn: `arn:${partition}:scheduler:::aws-sdk:cloudwatch:setAlarmState`,
        roleArn: role.roleArn,
        input: Stack.of(this).toJsonString({
          AlarmName: name,
          StateValue: 'ALARM',
          StateReason: 'canary: nothing is wrong, Nightshift looks whether alarms are answered',
        }),
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
        deadLetterConfig: { arn: failures.queueArn },
      },
    });
    schedule.addResourceDependency(group);
    schedule.addResourceDependency(alarm);
    schedule.node.addDependency(role);
  }

  #miss({ config, pageTopic }: Deployment, publisher: Publisher): void {
    const queue = signOfLifeQueue(this, 'Seen', canaryQueueName(config.name));
    publisher.function.addEnvironment('NIGHTSHIFT_CANARY_QUEUE', queue.queueUrl);
    publisher.allow(['sqs:SendMessage'], [queue.queueArn]);
    const minutes = MISSED * config.selfWatch.canaryEveryMinutes + ON_ITS_WAY_MINUTES;
    silenceAlarm(this, 'MissedAlarm', {
      alarmName: functionNameOf(config.name, 'canary-missed'),
      alarmDescription: `P1. No canary of Nightshift ${config.name} came all the way for ${minutes} minutes: alarms may not be answered, or people not told. "nightshift doctor" says where to look.`,
      ...sentWithin(queue.queueName, PERIOD_SECONDS, minutes * 60),
      pageTopic,
    });
  }
}
