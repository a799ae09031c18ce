/** What a function couldn't handle after every retry, kept for a person, who is paged at once. */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { pagingAlarm } from './alarm-action.ts';

export interface FailureQueueProps {
  readonly queueName: string;
  /** What the messages are, for whoever is paged. */
  readonly holds: string;
  readonly pageTopic: ITopic;
}

/** An encrypted, TLS-only queue kept for 14 days (SQS's longest), and an alarm on any message in it. */
export function failureQueue(scope: Construct, { queueName, holds, pageTopic }: FailureQueueProps): Queue {
  const queue = new Queue(scope, 'Failures', {
    queueName,
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'It is itself the dead-letter queue.' });
  pagingAlarm(scope, 'FailuresAlarm', {
    alarmName: queueName,
    alarmDescription: `${holds} The messages wait in the queue ${queueName} for 14 days.`,
    namespace: 'AWS/SQS',
    metricName: 'ApproximateNumberOfMessagesVisible',
    dimensions: [{ name: 'QueueName', value: queue.queueName }],
    statistic: 'Maximum',
    period: 60,
    evaluationPeriods: 1,
    threshold: 0,
    comparisonOperator: 'GreaterThanThreshold',
    treatMissingData: 'notBreaching',
    pageTopic,
  });
  return queue;
}
