/**
 * Signs of life: a message to a queue that nobody reads. SQS counts what is sent in a metric that costs nothing ("Monitoring Amazon SQS queues using
 * CloudWatch": one-minute intervals, no charge), where a metric of one's own would cost 0.30 USD a month, and an alarm watches the count.
 */
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { PagingAlarmProps } from './alarm-action.ts';

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

type Watch = Omit<PagingAlarmProps, 'pageTopic' | 'alarmName' | 'alarmDescription'>;

/**
 * An alarm's metric and rule: fires when nothing was sent to the queue within `seconds`. Missing data is what is looked for: an inactive queue
 * reports nothing.
 */
export const sentWithin = (queueName: string, periodSeconds: number, seconds: number): Watch => ({
  namespace: 'AWS/SQS',
  metricName: 'NumberOfMessagesSent',
  dimensions: [{ name: 'QueueName', value: queueName }],
  statistic: 'Sum',
  period: periodSeconds,
  evaluationPeriods: Math.ceil(seconds / periodSeconds),
  threshold: 1,
  comparisonOperator: 'LessThanThreshold',
  treatMissingData: 'breaching',
});
