/**
 * What SQS tells CloudWatch ("Available CloudWatch metrics for Amazon SQS", Amazon SQS Developer Guide), as far as alarms here use it: messages that
 * were sent, by queue. Left out: everything else, and the zeros of an active queue that gets nothing. The queues themselves are the emulator's.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import type { MetricSink, RecordedCall } from '../../world/types.ts';

/** Measures each message that the gateway sees sent. @returns the function that ends it. */
export function measureQueues(gateway: Pick<Gateway, 'onCall'>, sink: MetricSink, now: () => Date): () => void {
  return gateway.onCall((call) => {
    if (!isSent(call)) return;
    const { region, resource } = call;
    const dimensions = { QueueName: resource };
    const metric = { namespace: 'AWS/SQS', name: 'NumberOfMessagesSent', unit: 'Count' };
    sink.put({ ...metric, region, dimensions, value: 1, at: now() });
  });
}

const isSent = ({ service, operation, status }: RecordedCall): boolean =>
  service === 'sqs' && operation === 'SendMessage' && status === 200;
