/**
 * CloudWatch's metrics and alarms, evaluated by AWS's rules (AWS pages "Using Amazon CloudWatch alarms", "Alarm evaluation",
 * "Configuring how CloudWatch alarms treat missing data", "Alarm events and EventBridge"). What it leaves out is in docs/local-world.md.
 */
import type { AwsEvent, EventSink, LambdaInvoker, MetricSink, StandIn, WorldContext } from '../../world/types.ts';
import type { Alarm, AlarmState } from './alarms.ts';
import { lambdaPayload, snsMessage } from './events.ts';
import { createOperations } from './operations.ts';
import type { Region } from './region.ts';
import { createRegion, evaluationIntervalSeconds } from './region.ts';
import { answer } from './wire.ts';

export interface CloudWatchDeps {
  readonly events: EventSink;
  /** Publishes to an SNS topic; without it, SNS actions are only written to the log. */
  readonly publishToSns?: (topicArn: string, subject: string, message: string) => Promise<void>;
  /** Invokes Lambda actions; without it, they are only written to the log. */
  readonly lambda?: LambdaInvoker;
  /** The clock; tests give their own. */
  readonly now?: () => Date;
}

export interface CloudWatch extends StandIn, MetricSink {
  /** Judges every metric alarm of every region as if it were this moment; resolves when what followed was handed on. */
  evaluateNow(at: Date): Promise<void>;
  /** Judges alarms by the clock until `stop`. */
  start(): void;
  stop(): void;
}

/** Samples of a period that has just ended may still be on their way: alarms are judged this long after it. */
const INGESTION_DELAY_MS = 700;
const TICK_MS = 10_000;
/** A composite's waits end on the second. */
const SUPPRESSION_TICK_MS = 1_000;
const ATTEMPTS = 4;
const RETRY_MS = 250;

/** CloudWatch for one world. Not started: nothing is judged by the clock before `start()`. */
export function createCloudWatch(world: WorldContext, deps: CloudWatchDeps): CloudWatch {
  const regions = new Map<string, Region>();
  const now = deps.now ?? (() => new Date());
  const { accountId } = world;
  // Events and actions don't wait for each other.
  const queues = { event: Promise.resolve(), action: Promise.resolve() };
  const timers = new Set<NodeJS.Timeout>();

  /** Hands on in order. CloudWatch retries what isn't accepted; what still fails is in the world's log. */
  function hand(queue: keyof typeof queues, what: string, on: () => Promise<unknown>): void {
    queues[queue] = queues[queue].then(async () => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        try {
          await on();
          return;
        } catch (error) {
          world.log('cloudwatch', `${queue} ${what}: attempt ${attempt} of ${ATTEMPTS} failed: ${String(error)}`);
          if (attempt < ATTEMPTS) await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** attempt));
        }
      }
    });
  }

  const publish = (event: AwsEvent): void =>
    hand('event', `"${event.detailType}" of ${event.resources.join()}`, () => deps.events.publish(event));

  function act(region: Region, action: string, alarm: Alarm, previous: AlarmState): void {
    const place = { region: region.name, accountId };
    const [, , service] = action.split(':');
    const tags = region.tagsOf(alarm);
    const carryOut = (on: () => Promise<unknown>): void =>
      hand('action', `${action} of alarm ${alarm.name}`, async () => {
        await on();
        recordAction(region, action, alarm);
      });
    const { publishToSns, lambda } = deps;
    if (service === 'sns' && publishToSns) {
      const { subject, message } = snsMessage(alarm, previous, place, tags);
      carryOut(() => publishToSns(action, subject, message));
    } else if (service === 'lambda' && lambda)
      carryOut(() => lambda.invokeAsync(action, lambdaPayload(alarm, previous, place, tags)));
    else
      world.log('cloudwatch', `action ${action} of alarm ${alarm.name}: the local world doesn't carry out this kind`);
  }

  function recordAction(region: Region, action: string, alarm: Alarm): void {
    const data = { actionState: 'Succeeded', notificationResource: action };
    region.record({
      alarm: alarm.name,
      at: now(),
      type: 'Action',
      summary: `Successfully executed action ${action}`,
      data: JSON.stringify(data),
    });
  }

  function regionOf(name: string): Region {
    const known = regions.get(name);
    if (known) return known;
    const region: Region = createRegion(name, {
      publish,
      act: (arn, alarm, previous) => act(region, arn, alarm, previous),
    });
    regions.set(name, region);
    return region;
  }

  /** Judges the alarms that are due at a boundary. `all`: whatever their interval. */
  function evaluateAlarms(at: Date, all: boolean): void {
    const boundary = Math.floor(at.getTime() / TICK_MS) * TICK_MS;
    for (const region of regions.values()) {
      for (const alarm of [...region.alarms.values()])
        if (alarm.kind === 'metric' && (all || boundary % (evaluationIntervalSeconds(alarm) * 1000) === 0))
          region.evaluateMetricAlarm(alarm.name, at);
      region.checkSuppressions(at);
    }
  }

  function schedule(): void {
    const nowMs = Date.now();
    const nextMs = Math.floor((nowMs - INGESTION_DELAY_MS) / TICK_MS + 1) * TICK_MS + INGESTION_DELAY_MS;
    const timer = setTimeout(() => {
      timers.delete(timer);
      evaluateAlarms(now(), false);
      schedule();
    }, nextMs - nowMs);
    timers.add(timer);
  }

  const operations = createOperations({ accountId, region: regionOf, publish, now });
  return {
    services: ['monitoring'],
    handle: (call) => answer(call, operations),
    put({ region, namespace, name, dimensions, value, unit, at }) {
      const sample = { atMs: at.getTime(), sampleCount: 1, sum: value, minimum: value, maximum: value };
      regionOf(region).metrics.put({ namespace, name, dimensions }, { ...sample, unit: unit ?? 'None' });
    },
    async evaluateNow(at) {
      evaluateAlarms(at, true);
      await Promise.all(Object.values(queues));
    },
    start() {
      if (timers.size > 0) return;
      schedule();
      timers.add(
        setInterval(() => {
          for (const region of regions.values()) region.checkSuppressions(now());
        }, SUPPRESSION_TICK_MS),
      );
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
