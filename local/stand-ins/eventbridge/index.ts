/**
 * EventBridge: the emulator keeps rules and targets, this matches and delivers, because the emulator neither tries again nor uses dead-letter queues.
 * What it leaves out is in docs/local-world.md: archives, API destinations, resource policies of buses.
 */
import { randomUUID } from 'node:crypto';
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import { parseArn, sendToQueue } from '../../gateway/services.ts';
import type {
  AwsCall,
  AwsEvent,
  AwsReply,
  EventSink,
  LambdaInvoker,
  StandIn,
  WorldContext,
} from '../../world/types.ts';
import { Deliveries, type DeliveryFailure } from './delivery.ts';
import { targetInput } from './input.ts';
import { checkRequest, type Entry, entryError } from './put-events.ts';
import { type Rule, Rules, type Target } from './rules.ts';
import { handTo } from './targets.ts';

/** An event as targets see it (user guide, "AWS service event metadata"). */
export interface EventEnvelope extends Readonly<Record<string, unknown>> {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  /** Whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

export interface LocalEventBridge extends StandIn, EventSink {
  /** Forgets cached rules. */
  refresh(): void;
  /** Told of every event that reached a bus, before it is matched. @returns the function that ends listening. */
  onEvent(listener: (event: EventEnvelope, bus: string, region: string) => void): () => void;
  stop(): void;
}

const DEFAULT_POLICY = { maximumRetryAttempts: 185, maximumEventAgeSeconds: 86_400 };
/** Buses that forward to each other in a circle stop here. */
const MAX_HOPS = 5;

/** Makes the EventBridge of `world` and registers it with the gateway. */
export function createEventBridge(world: WorldContext, gateway: Gateway, lambda: LambdaInvoker): LocalEventBridge {
  const bridge = new EventBridge(world, gateway, lambda);
  gateway.register(bridge);
  world.onStop('EventBridge deliveries', () => bridge.stop());
  return bridge;
}

const busName = (nameOrArn: string | undefined): string => (nameOrArn ?? 'default').replace(/^arn:.*:event-bus\//, '');

class EventBridge implements LocalEventBridge {
  // Stacks make and change rules inside the emulator: a call to CloudFormation is the sign to look again.
  readonly services = ['events', 'cloudformation'];
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #lambda: LambdaInvoker;
  readonly #rules: Rules;
  readonly #deliveries: Deliveries;
  readonly #listeners = new Set<Parameters<LocalEventBridge['onEvent']>[0]>();

  constructor(world: WorldContext, gateway: Gateway, lambda: LambdaInvoker) {
    this.#world = world;
    this.#gateway = gateway;
    this.#lambda = lambda;
    this.#rules = new Rules(world, gateway);
    this.#deliveries = new Deliveries(world);
  }

  async handle(call: AwsCall): Promise<AwsReply | undefined> {
    if (call.service === 'events' && call.operation === 'PutEvents') return this.#putEvents(call);
    if (!/^(List|Test)/.test(call.operation)) this.refresh();
    return undefined;
  }

  async publish(event: AwsEvent): Promise<{ id: string }> {
    const envelope = this.#envelope(event);
    this.#receive(envelope, 'default', event.region, 0);
    return { id: envelope.id };
  }

  onEvent(listener: Parameters<LocalEventBridge['onEvent']>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refresh(): void {
    this.#rules.refresh();
  }

  stop(): void {
    this.#deliveries.stop();
  }

  #envelope(event: AwsEvent): EventEnvelope {
    return {
      version: '0',
      id: event.id ?? randomUUID(),
      'detail-type': event.detailType,
      source: event.source,
      account: this.#world.accountId,
      time: `${event.time.toISOString().slice(0, 19)}Z`,
      region: event.region,
      resources: event.resources,
      detail: event.detail,
    };
  }

  #putEvents(call: AwsCall): AwsReply {
    const results = checkRequest(call.params.Entries).map((entry) => this.#putOne(entry, call.region));
    const failed = results.filter((result) => 'ErrorCode' in result).length;
    return jsonReply(call, { FailedEntryCount: failed, Entries: results });
  }

  #putOne(entry: Entry, region: string) {
    const error = entryError(entry);
    if (error) return error;
    const { Time } = entry;
    const envelope = this.#envelope({
      source: entry.Source ?? '',
      detailType: entry.DetailType ?? '',
      resources: entry.Resources ?? [],
      detail: JSON.parse(entry.Detail ?? '{}'),
      region,
      time: Time === undefined ? new Date() : new Date(typeof Time === 'number' ? Time * 1_000 : Time),
    });
    this.#receive(envelope, busName(entry.EventBusName), region, 0);
    return { EventId: envelope.id };
  }

  /** Accepted: from here on the sender is done, and failures are EventBridge's own. */
  #receive(event: EventEnvelope, bus: string, region: string, hops: number): void {
    for (const listener of this.#listeners) listener(event, bus, region);
    this.#route(event, bus, region, hops).catch((error: unknown) => {
      this.#world.log(
        'eventbridge',
        `event ${event.id} on ${region}/${bus}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    });
  }

  async #route(event: EventEnvelope, bus: string, region: string, hops: number): Promise<void> {
    const rules = await this.#rules.of(region, bus);
    for (const rule of rules) {
      if (!rule.accepts(event)) continue;
      for (const target of rule.targets) this.#deliver(event, rule, target, hops);
    }
  }

  #deliver(event: EventEnvelope, rule: Rule, target: Target, hops: number): void {
    const policy = {
      maximumRetryAttempts: target.RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_POLICY.maximumRetryAttempts,
      maximumEventAgeSeconds: target.RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_POLICY.maximumEventAgeSeconds,
    };
    // Fixed over the retries, so that an attempt whose reply was lost doesn't start a second execution.
    const name = randomUUID();
    this.#deliveries.start(
      `event ${event.id} by rule ${rule.name} to ${target.Arn}`,
      policy,
      () => this.#attempt(event, rule, target, { hops, name }),
      (failure) => this.#toDeadLetter(event, rule, target, failure),
    );
  }

  async #attempt(
    event: EventEnvelope,
    rule: Rule,
    target: Target,
    { hops, name }: { hops: number; name: string },
  ): Promise<void> {
    const { service, region, resource } = parseArn(target.Arn);
    if (service === 'events' && resource.startsWith('event-bus/')) {
      if (hops >= MAX_HOPS) throw new Error(`${event.id} went over ${MAX_HOPS} buses: do they forward in a circle?`);
      this.#receive(event, busName(target.Arn), region, hops + 1);
      return;
    }
    await handTo(this.#gateway, this.#lambda, {
      arn: target.Arn,
      input: targetInput(target, event, rule),
      messageGroupId: target.SqsParameters?.MessageGroupId,
      name,
    });
  }

  async #toDeadLetter(event: EventEnvelope, rule: Rule, target: Target, failure: DeliveryFailure): Promise<void> {
    const queue = target.DeadLetterConfig?.Arn;
    if (!queue) {
      this.#world.log('eventbridge', `event ${event.id} dropped: ${target.Arn} has no dead-letter queue`);
      return;
    }
    await sendToQueue(this.#gateway, queue, {
      body: JSON.stringify(event),
      attributes: {
        RULE_ARN: rule.arn,
        TARGET_ARN: target.Arn,
        ERROR_CODE: failure.errorCode,
        ERROR_MESSAGE: failure.errorMessage.slice(0, 1_000) || 'none',
        RETRY_ATTEMPTS: String(failure.retryAttempts),
        ...(failure.exhausted ? { EXHAUSTED_RETRY_CONDITION: failure.exhausted } : {}),
      },
    });
  }
}
