/**
 * What SQS tells CloudWatch ("Monitoring Amazon SQS queues using CloudWatch", Amazon SQS Developer Guide), as far as alarms here use it: messages that were sent, by queue, and zeros
 * each minute of a queue that is active, which it is for up to six hours after something was last done with it. Left out: everything else; only sending counts as doing something. The queues
 * themselves are the emulator's.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import type { MetricSink, RecordedCall, WorldContext } from '../../world/types.ts';

const TOLD_EVERY_MS = 60_000;
const ACTIVE_FOR_MS = 6 * 3_600_000;

/** Measures each message that the gateway sees sent. @returns the function that ends it. */
export function measureQueues(
  { timeScale }: Pick<WorldContext, 'timeScale'>,
  gateway: Pick<Gateway, 'onCall'>,
  sink: MetricSink,
  now: () => Date,
): () => void {
  const active = new Map<string, { readonly region: string; readonly queue: string; readonly since: number }>();
  const put = (region: string, queue: string, value: number) => {
    const metric = { namespace: 'AWS/SQS', name: 'NumberOfMessagesSent', unit: 'Count' };
    sink.put({ ...metric, region, dimensions: { QueueName: queue }, value, at: now() });
  };
  const end = gateway.onCall((call) => {
    if (!isSent(call)) return;
    const { region, resource: queue } = call;
    active.set(`${region} ${queue}`, { region, queue, since: now().getTime() });
    put(region, queue, 1);
  });
  const timer = setInterval(() => {
    for (const [key, { region, queue, since }] of active)
      if (now().getTime() - since < ACTIVE_FOR_MS * timeScale) put(region, queue, 0);
      else active.delete(key);
  }, TOLD_EVERY_MS * timeScale);
  return () => {
    clearInterval(timer);
    end();
  };
}

const isSent = ({ service, operation, status }: RecordedCall): boolean =>
  service === 'sqs' && operation === 'SendMessage' && status === 200;
