/**
 * What watches Nightshift from the region that is to take over: when no sign of life has come from the protected region for a while, a person is
 * called from here, by an alarm and a topic that need nothing of that region and none of our code (invariant I13).
 */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { ROUTE53_METRICS_REGION } from '../config/endpoints.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { silenceAlarm } from '../constructs/alarm-action.ts';
import { EndpointAlarms, hasEndpointsElsewhere } from '../constructs/endpoint-alarms.ts';
import { pageTopic } from '../constructs/page-topic.ts';
import { heartbeatQueueName, sentWithin, signOfLifeQueue } from '../constructs/sign-of-life.ts';

export interface StandbyStackProps extends StackProps {
  readonly config: DeploymentConfig;
}

/**
 * Runs without a sign of life until a person is called: after one that failed, the next still comes in time. CloudWatch looks a few periods further back
 * than it judges ("Configuring how CloudWatch alarms treat missing data"), which leaves late runs their margin and makes the call a few minutes later.
 */
const MISSED = 2;

/** "Monitoring Amazon SQS queues using CloudWatch": pushed at one-minute intervals. */
const SQS_COUNTS_EVERY_SECONDS = 60;

/** For how long no sign of life must have come until a person is called. */
export const silentForSeconds = ({ reconcileEverySeconds }: Pick<DeploymentConfig, 'reconcileEverySeconds'>): number =>
  MISSED * reconcileEverySeconds;

export class StandbyStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: StandbyStackProps) {
    super(scope, id, { ...props, description: `Nightshift ${config.name}: watches ${config.region} from here.` });
    // A key of the protected region can't be used here, and must not be needed.
    const { pageTopicKeyArn: _, ...rest } = config;
    const topic = pageTopic(this, rest);
    const queue = signOfLifeQueue(this, 'Heartbeat', heartbeatQueueName(config.name));
    const seconds = silentForSeconds(config);
    silenceAlarm(this, 'SilenceAlarm', {
      alarmName: `nightshift-${config.name}-silent`,
      alarmDescription: `P1. Nightshift ${config.name} in ${config.region} has given no sign of life for ${seconds} s: its reconciler, or the region, is down. Alarms there may go unanswered; their backstops still page if CloudWatch there works.`,
      ...sentWithin(queue.queueName, Math.min(SQS_COUNTS_EVERY_SECONDS, config.alarmPeriodSeconds), seconds),
      pageTopic: topic,
    });
    if (config.standbyRegion === ROUTE53_METRICS_REGION && hasEndpointsElsewhere(config))
      new EndpointAlarms(this, 'Endpoints', { config, pageTopic: topic });
    new CfnOutput(this, 'PageTopic', { value: topic.topicArn });
  }
}
