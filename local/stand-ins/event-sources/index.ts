/**
 * Event source mappings: kept and run here, because the emulator neither retries a stream's batch nor tells of its failure. What it leaves out
 * is in docs/local-world.md: several shards, tumbling windows, Kinesis and Kafka, batching windows.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import { type AwsCall, AwsFault, type AwsReply, type StandIn, type WorldContext } from '../../world/types.ts';
import type { LocalLambda } from '../lambda/types.ts';
import { describeMapping, type Mapping, toMapping } from './mapping.ts';
import { QueuePoller } from './queue.ts';
import { StreamFollower } from './stream.ts';

export interface LocalEventSources extends StandIn {
  stop(): Promise<void>;
}

/** Makes the event source mappings of `world` and registers them with the gateway; the world's stop ends them. */
export function createEventSources(world: WorldContext, gateway: Gateway, lambda: LocalLambda): LocalEventSources {
  const sources = new EventSources(world, gateway, lambda);
  gateway.register(sources);
  world.onStop('event source mappings', () => sources.stop());
  return sources;
}

interface Running {
  readonly mapping: Mapping;
  readonly source: StreamFollower | QueuePoller | undefined;
}

class EventSources implements LocalEventSources {
  readonly services = ['lambda'];
  readonly #given: { world: WorldContext; gateway: Gateway; lambda: LocalLambda };
  readonly #running = new Map<string, Running>();
  readonly #stopListening: () => void;

  constructor(world: WorldContext, gateway: Gateway, lambda: LocalLambda) {
    this.#given = { world, gateway, lambda };
    this.#stopListening = gateway.onCall((call) => {
      if (call.service === 'dynamodb' && call.changing) this.#poke(call.region);
    });
  }

  async handle(call: AwsCall): Promise<AwsReply | undefined> {
    switch (call.operation) {
      case 'CreateEventSourceMapping':
        return this.#create(call);
      case 'ListEventSourceMappings':
        return this.#list(call);
      case 'GetEventSourceMapping':
        return jsonReply(call, this.#describe(this.#find(call)));
      case 'UpdateEventSourceMapping':
        return this.#update(call);
      case 'DeleteEventSourceMapping':
        return this.#delete(call);
      default:
        return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await Promise.all([...this.#running.values()].map(({ source }) => source?.stop()));
  }

  #poke(region: string): void {
    for (const { mapping, source } of this.#running.values()) if (mapping.region === region) source?.poke();
  }

  #where(call: AwsCall): { region: string; account: string } {
    return { region: call.region, account: this.#given.world.accountId };
  }

  #start(mapping: Mapping): Running {
    const source = mapping.kind === 'stream' ? StreamFollower : QueuePoller;
    const running = { mapping, source: mapping.input.Enabled ? new source({ ...this.#given, mapping }) : undefined };
    this.#running.set(mapping.uuid, running);
    return running;
  }

  #create(call: AwsCall): AwsReply {
    const mapping = toMapping(call.params, this.#where(call));
    const twin = [...this.#running.values()].find(
      (one) =>
        one.mapping.functionArn === mapping.functionArn &&
        one.mapping.input.EventSourceArn === mapping.input.EventSourceArn,
    );
    if (twin)
      throw new AwsFault(
        'ResourceConflictException',
        `An event source mapping with ${mapping.input.EventSourceArn} and function ${mapping.functionArn} already exists. Please update or delete the existing mapping with UUID ${twin.mapping.uuid}`,
        409,
      );
    return jsonReply(call, this.#describe(this.#start(mapping)), 202);
  }

  async #update(call: AwsCall): Promise<AwsReply> {
    const { mapping, source } = this.#find(call);
    const { UUID: _, ...changes } = call.params;
    const updated = toMapping(changes, this.#where(call), mapping);
    await source?.stop();
    return jsonReply(call, this.#describe(this.#start(updated)), 202);
  }

  async #delete(call: AwsCall): Promise<AwsReply> {
    const { mapping, source } = this.#find(call);
    this.#running.delete(mapping.uuid);
    await source?.stop();
    return jsonReply(call, describeMapping(mapping, 'Deleting', source?.lastResult ?? ''), 202);
  }

  #list(call: AwsCall): AwsReply {
    const { EventSourceArn, FunctionName } = call.params;
    const found = [...this.#running.values()].filter(
      ({ mapping }) =>
        mapping.region === call.region &&
        (!EventSourceArn || mapping.input.EventSourceArn === EventSourceArn) &&
        (!FunctionName || mapping.functionArn.endsWith(`:${String(FunctionName).split(':').at(-1)}`)),
    );
    return jsonReply(call, { EventSourceMappings: found.map((one) => this.#describe(one)) });
  }

  #find(call: AwsCall): Running {
    const found = this.#running.get(String(call.params.UUID));
    if (!found) throw new AwsFault('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
    return found;
  }

  #describe({ mapping, source }: Running): Record<string, unknown> {
    return describeMapping(
      mapping,
      mapping.input.Enabled ? 'Enabled' : 'Disabled',
      source?.lastResult ?? 'No records processed',
    );
  }
}
