/** Commits that meet: many deliveries at once, and what became of each as the journal, the targets and the gateway tell it. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { JournalEntry } from '../../events/journal.ts';
import { readTarget } from '../../functions/engine/context.ts';
import { SOON_MS } from '../../functions/engine/guard.ts';
import { type EventItem, eventKey } from '../../functions/engine/items.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { type Labelled, Store, type TransactResult } from '../../functions/engine/store.ts';
import { orderFor } from '../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm } from './engine-world.ts';

/** The thousand rounds are in the `world` project; here as many as are quick. */
export const CONTENTION_ROUNDS = 50;
const PAIRS_AT_ONCE = 10;
const RUNBOOK = 'raise-number';
/** Lambda tries an event three times in all; waits between are left out. */
const DELIVERIES = 3;

export interface Round {
  readonly name: string;
  /** Writes that the target received. */
  readonly changes: number;
  /** Intents in the journal. */
  readonly intents: number;
  /** Deliveries that said they changed it. */
  readonly remediated: number;
  /** Events of which the journal holds an outcome. */
  readonly accounted: number;
  readonly outcomes: readonly string[];
}

const targetNamed = (name: string) => `ecs-service/orders/${name}`;

/** Budgets out of the way: what is asked is whether commits hinder each other. */
const roomy = (world: EngineWorld, changesPerHour: number) => ({
  ...world.config,
  runbooks: {
    [RUNBOOK]: { mode: 'auto' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: changesPerHour },
  },
  fleet: { ...world.config.fleet, changesPerHour },
});

/** As Lambda does: an event whose delivery failed is delivered again. @throws the last error, when none succeeded. */
async function delivered(
  world: EngineWorld,
  event: unknown,
  requestId: string,
  changesPerHour: number,
  store = world.store,
) {
  for (let delivery = 1; ; delivery++) {
    try {
      return await world.deliver(event, { requestId, store, config: roomy(world, changesPerHour) });
    } catch (error) {
      if (delivery === DELIVERIES) throw error;
    }
  }
}

const conflictsOf = (world: EngineWorld, since: number): number =>
  world.gateway
    .callsSince(since)
    .calls.filter(({ operation, status }) => operation === 'TransactWriteItems' && status === 400).length;

/** Two alarms of one target fire at once, `rounds` times on a target of its own. */
export async function commitTwice(world: EngineWorld, rounds: number): Promise<{ rounds: Round[]; conflicts: number }> {
  const since = world.gateway.callsSince(0).next;
  const done: Round[] = [];
  let next = 0;
  const lane = async () => {
    while (next < rounds) done.push(await oneRound(world, `pair-${next++}`, rounds * 4));
  };
  await Promise.all(Array.from({ length: PAIRS_AT_ONCE }, lane));
  return { rounds: done, conflicts: conflictsOf(world, since) };
}

async function oneRound(world: EngineWorld, name: string, changesPerHour: number): Promise<Round> {
  const ids = [`${name}-cpu`, `${name}-memory`];
  const outcomes = await Promise.all(
    ids.map((id) => delivered(world, numberAlarm(name, 'ALARM', { id, alarm: id }), id, changesPerHour)),
  );
  const { openIncidentId = '' } = await readTarget(world.store, targetNamed(name));
  const timeline: readonly JournalEntry[] = (await readIncident(world.store, openIncidentId))?.timeline ?? [];
  const events = await world.store.readAll(ids.map((id) => eventKey(RUNBOOK, id)));
  return {
    name,
    changes: world.target(name).changes,
    intents: timeline.filter(({ kind }) => kind === 'intent').length,
    remediated: outcomes.filter(({ kind }) => kind === 'remediated').length,
    accounted: [...events.values()].filter((event) => (event as unknown as EventItem).outcome !== undefined).length,
    outcomes: outcomes.map(({ kind }) => kind),
  };
}

/** Counts the items at which its transactions met others, by label. */
class WatchedStore extends Store {
  readonly #met: Map<string, number>;

  constructor(table: string, client: DynamoDBClient, met: Map<string, number>) {
    super(table, client);
    this.#met = met;
  }

  override async transactOnce(items: readonly Labelled[]): Promise<TransactResult> {
    const result = await super.transactOnce(items);
    if (!result.ok) for (const label of result.met) this.#met.set(label, (this.#met.get(label) ?? 0) + 1);
    return result;
  }
}

/** A journal whose calls don't wait for each other's sockets, because on AWS each function has its own; and where its transactions met others. */
function storeFor(world: EngineWorld, maxSockets: number) {
  const client = new DynamoDBClient({
    endpoint: world.gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { httpAgent: { maxSockets } },
  });
  const met = new Map<string, number>();
  const store = new WatchedStore(world.store.table, client, met);
  return { store, met, close: () => client.destroy() };
}

export interface Everywhere {
  /** How many deliveries ended in each outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Writes that each target received, once the reconciler has brought up what was put aside. */
  readonly changes: readonly number[];
  /** Items at which the transactions met, by kind, with how often. */
  readonly met: Readonly<Record<string, number>>;
  readonly conflicts: number;
  readonly p99Ms: number;
}

/** How often what was put aside is looked at again; all before the cooldown of what was done is over. */
const LOOKS = 3;

/** One alarm on each of `count` targets, all at once. */
export async function commitEverywhere(world: EngineWorld, count: number): Promise<Everywhere> {
  const since = world.gateway.callsSince(0).next;
  const names = Array.from({ length: count }, (_, index) => `each-${index}`);
  const took: number[] = [];
  const { store, met, close } = storeFor(world, count);
  const kinds = await Promise.all(
    names.map(async (name) => {
      const begun = performance.now();
      const { kind } = await delivered(world, numberAlarm(name, 'ALARM', { id: name }), name, count * 2, store);
      took.push(performance.now() - begun);
      return kind;
    }),
  );
  close();
  await bringUp(world, names, count * 2);
  const outcomes: Record<string, number> = {};
  for (const kind of kinds) outcomes[kind] = (outcomes[kind] ?? 0) + 1;
  took.sort((a, b) => a - b);
  return {
    outcomes,
    changes: names.map((name) => world.target(name).changes),
    met: Object.fromEntries(met),
    conflicts: conflictsOf(world, since),
    p99Ms: Math.round(took[Math.ceil(took.length * 0.99) - 1] ?? 0),
  };
}

/** What the reconciler does with those that were put aside as contended, while their alarms fire. */
async function bringUp(world: EngineWorld, names: readonly string[], changesPerHour: number): Promise<void> {
  const begun = Date.now();
  for (let run = 1; run <= LOOKS; run++) {
    const at = begun + run * (SOON_MS + 1000);
    const left = new Set(names.filter((name) => world.target(name).changes === 0).map(targetNamed));
    if (left.size === 0) return;
    for (const work of (await world.due(at)).filter(({ target }) => left.has(target))) {
      const { subject: arn = '', name = '' } = work.signal ?? {};
      const alarm = { arn, name, state: 'ALARM' as const, stateAt: begun, actionsEnabled: true };
      const order = orderFor(work, new Map([[arn, alarm]]));
      if (order && order !== 'wait')
        await world.deliver(order, { now: () => at, config: roomy(world, changesPerHour) });
    }
  }
}
