/**
 * Signs of life: a message to a queue that nobody reads. SQS counts what is sent in a metric that costs nothing ("Monitoring Amazon SQS queues using
 * CloudWatch": one-minute intervals, no charge), where a metric of one's own would cost 0.30 USD a month, and an alarm watches the count.
 */
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { SilenceAlarmProps } from './alarm-action.ts';

/** In the standby region: the reconciler says that it ran. */
export const heartbeatQueueName = (deployment: string): string => `nightshift-${deployment}-heartbeat`;
/** In the protected region: the publisher says that a canary came all the way. */
export const canaryQueueName = (deployment: string): string => `nightshift-${deployment}-canary-seen`;

/** A queue whose messages vanish after a minute, the shortest that SQS knows; encrypted, TLS only. */
export function signOfLifeQueue(scope: Construct, id: string, queueName: string): Queue {
  const queue = new Queue(scope, id, {
    queueName,
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.minutes(1),
  });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'Nobody reads it: its messages are counted when they are sent, and dropped.',
  });
  return queue;
}

type Watch = Omit<SilenceAlarmProps, 'pageTopic' | 'alarmName' | 'alarmDescription'>;

/**
 * The metric and times of a `silenceAlarm` on a queue to which nothing was sent within `seconds`. A queue counts as active for up to six hours after the
 * last activity and reports zeros so long; then it reports nothing.
 */
export const sentWithin = (queueName: string, periodSeconds: number, seconds: number): Watch => ({
  namespace: 'AWS/SQS',
  metricName: 'NumberOfMessagesSent',
  dimensions: [{ name: 'QueueName', value: queueName }],
  statistic: 'Sum',
  period: periodSeconds,
  evaluationPeriods: Math.ceil(seconds / periodSeconds),
});
