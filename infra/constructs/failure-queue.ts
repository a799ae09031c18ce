/** What a function couldn't handle after every retry, kept for a person. The reconciler counts what is there (docs/decisions/0075). */
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

export interface FailureQueueProps {
  readonly queueName: string;
}

/** An encrypted, TLS-only queue kept for 14 days, SQS's longest. */
export function failureQueue(scope: Construct, { queueName }: FailureQueueProps): Queue {
  const queue = new Queue(scope, 'Failures', {
    queueName,
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'It is itself the dead-letter queue.' });
  return queue;
}
