/** Alarms of the fleet, the events they send, and what was counted of them: by the gateway, in the emulators' state, in the journal. */
import { DeleteAlarmsCommand, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { BatchGetItemCommand, type BatchGetItemCommandOutput } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { EventItem } from '../../../functions/engine/items.ts';
import { FLEET } from '../../services/fleet.ts';
import type { EventEnvelope } from '../../stand-ins/eventbridge/index.ts';
import type { Invocation } from '../../stand-ins/lambda/types.ts';
import type { RecordedCall } from '../../world/types.ts';
import type { World } from '../../world/world.ts';

export const RUNBOOK = 'scale-out-service';
const METRICS = { cpu: 'CPUUtilization', memory: 'MemoryUtilization' } as const;
type Metric = keyof typeof METRICS;
const ALARMS_A_CALL = 100;

const alarmName = (service: string, metric: Metric) => `storm-${service}-${metric}`;

/** Two tagged alarms on each service. They have no data and keep the state they are set to. */
export async function makeAlarms(world: World, services: readonly string[]): Promise<void> {
  const { cloudwatch } = world.clients();
  for (const service of services)
    for (const metric of ['cpu', 'memory'] as const)
      await cloudwatch.send(
        new PutMetricAlarmCommand({
          AlarmName: alarmName(service, metric),
          Namespace: 'AWS/ECS',
          MetricName: METRICS[metric],
          Dimensions: [
            { Name: 'ClusterName', Value: FLEET.cluster },
            { Name: 'ServiceName', Value: service },
          ],
          Statistic: 'Average',
          Period: 60,
          EvaluationPeriods: 1,
          Threshold: 80,
          ComparisonOperator: 'GreaterThanThreshold',
          TreatMissingData: 'ignore',
          // As the alarms that Nightshift makes: the tag travels in the event.
          ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
          Tags: [{ Key: 'nightshift:runbook', Value: RUNBOOK }],
        }),
      );
}

/** Sets the alarms of services, one after the other; CloudWatch sends an event for each that changes. */
export async function setAlarms(
  world: World,
  services: readonly string[],
  metrics: readonly Metric[],
  StateValue: 'ALARM' | 'OK',
): Promise<void> {
  for (const service of services)
    for (const metric of metrics)
      await world.clients().cloudwatch.send(
        new SetAlarmStateCommand({
          AlarmName: alarmName(service, metric),
          StateValue,
          StateReason: 'set by the storm scenario',
        }),
      );
}

export async function deleteAlarms(world: World, services: readonly string[]): Promise<void> {
  const names = services.flatMap((service) => [alarmName(service, 'cpu'), alarmName(service, 'memory')]);
  for (let start = 0; start < names.length; start += ALARMS_A_CALL)
    await world
      .clients()
      .cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: names.slice(start, start + ALARMS_A_CALL) }));
}

/** Events of the fleet's alarms as they pass the bus, with the time at which they did. */
export interface Sent {
  readonly id: string;
  /** Epoch milliseconds of its first delivery. */
  readonly at: number;
  readonly event: EventEnvelope;
}

/** Collects `ALARM` events of the fleet until `stop`. The first delivery of an id counts. */
export function collectEvents(world: World): {
  readonly sent: Map<string, Sent>;
  deliveries: () => number;
  stop: () => void;
} {
  const sent = new Map<string, Sent>();
  let deliveries = 0;
  const stop = world.eventbridge.onEvent((event) => {
    const detail = event.detail as { alarmName?: string; state?: { value?: string } } | undefined;
    if (!detail?.alarmName?.startsWith('storm-') || detail.state?.value !== 'ALARM') return;
    deliveries++;
    if (!sent.has(event.id)) sent.set(event.id, { id: event.id, at: Date.now(), event });
  });
  return { sent, deliveries: () => deliveries, stop };
}

/** Sends an event of an alarm once more: the same one, or as if the alarm had fired again (`newId`). */
export async function sendAgain(world: World, { event }: Sent, newId?: string): Promise<void> {
  const detail = event.detail as { state: object };
  const at = new Date();
  await world.eventbridge.publish({
    source: event.source,
    detailType: event['detail-type'],
    resources: event.resources,
    detail: newId
      ? { ...detail, state: { ...detail.state, timestamp: at.toISOString().replace('Z', '+0000') } }
      : detail,
    region: event.region,
    time: newId ? at : new Date(event.time),
    id: newId ?? event.id,
  });
}

/** What the journal holds of events, by id; an event that isn't there has no outcome. */
export async function journalOf(world: World, ids: readonly string[]): Promise<Map<string, EventItem>> {
  const table = world.deployed.outputs.JournalTable ?? '';
  const found = new Map<string, EventItem>();
  for (let start = 0; start < ids.length; start += 100) {
    let Keys: Record<string, unknown>[] | undefined = ids
      .slice(start, start + 100)
      .map((id) => ({ pk: `EVENT#${RUNBOOK}#${id}`, sk: 'EVENT' }));
    while (Keys?.length) {
      const reply: BatchGetItemCommandOutput = await world.clients().dynamodb.send(
        new BatchGetItemCommand({
          RequestItems: { [table]: { Keys: Keys.map((key) => marshall(key)), ConsistentRead: true } },
        }),
      );
      for (const raw of reply.Responses?.[table] ?? []) {
        const item = unmarshall(raw) as EventItem;
        found.set(item.pk.slice(`EVENT#${RUNBOOK}#`.length), item);
      }
      Keys = reply.UnprocessedKeys?.[table]?.Keys?.map((key) => unmarshall(key));
    }
  }
  return found;
}

/** When each request of the remediation ended well, and how often one was throttled or failed. */
export function watchInvocations(world: World) {
  const endedAt = new Map<string, number>();
  const counts = { ok: 0, throttled: 0, failed: 0 };
  const stop = world.lambda.onInvocation(({ functionName, requestId, outcome }: Invocation) => {
    if (!functionName.endsWith(RUNBOOK)) return;
    if (outcome === 'ok') {
      counts.ok++;
      endedAt.set(requestId, Date.now());
    } else if (outcome === 'throttled') counts.throttled++;
    else counts.failed++;
  });
  return { endedAt, counts, stop };
}

const OURS = /^nightshift-/;

/** Calls that Nightshift made, as the gateway recorded them from `position` on. */
export const callsOfOurs = (world: World, position: number): RecordedCall[] =>
  world.gateway.callsSince(position).calls.filter(({ caller }) => OURS.test(caller));

/** Changes of the fleet that took effect, by service. */
export function changesOf(calls: readonly RecordedCall[], services: readonly string[]): Map<string, number> {
  const changes = new Map<string, number>();
  for (const { operation, resource, status } of calls) {
    if (operation !== 'UpdateService' || status !== 200) continue;
    const service = services.find((name) => resource.includes(name));
    if (service) changes.set(service, (changes.get(service) ?? 0) + 1);
  }
  return changes;
}

/** Reads of the customer's own APIs: everything that isn't our journal, our queues or our functions. */
const CUSTOMERS = new Set(['ecs', 'application-autoscaling', 'monitoring', 'rds']);

/** Those of the one second in which they were most. */
export function busiestSecond(calls: readonly RecordedCall[]): readonly RecordedCall[] {
  const reads = calls
    .filter(({ service, changing }) => CUSTOMERS.has(service) && !changing)
    .map((call) => ({ call, at: Date.parse(call.at) }))
    .sort((a, b) => a.at - b.at);
  let most: readonly RecordedCall[] = [];
  let from = 0;
  for (const [index, { at }] of reads.entries()) {
    while ((reads[from]?.at ?? at) <= at - 1000) from++;
    if (index - from + 1 > most.length) most = reads.slice(from, index + 1).map(({ call }) => call);
  }
  return most;
}

/** How many they are. */
export const describesPerSecond = (calls: readonly RecordedCall[]): number => busiestSecond(calls).length;
