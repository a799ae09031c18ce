import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { conditionsOf, dryStore } from '../../../cli/dry-run.ts';
import { explain } from '../../../cli/explain.ts';
import { FLEET, REMOVALS } from '../../../functions/engine/budget.ts';
import type { RunbookLimits, RuntimeConfig } from '../../../functions/engine/config.ts';
import { PermissionError } from '../../../functions/engine/errors.ts';
import { GUARDS } from '../../../functions/engine/guard.ts';
import { slotKey } from '../../../functions/engine/items.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import type { RemediationManifest } from '../../../functions/engine/manifest.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { remediationFor } from '../../../functions/engine/sources/index.ts';
import { claimSlot } from '../../../functions/engine/writes.ts';
import { remediation } from '../../../functions/remediations/scale-out-service/handler.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { alarmEvent, config, service } from '../../support/fixtures.ts';

let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const place = () => ({
  table: world.store.table,
  clientSettings: { endpoint: world.gateway.url, region: 'us-east-1', credentials },
});
const changingSince = (from: number) => world.gateway.callsSince(from).calls.filter(({ changing }) => changing);

describe('a dry journal', () => {
  it('lets the engine go its whole way, writes nothing, and keeps what would have been written', async () => {
    const from = world.gateway.callsSince(0).next;
    const dry = dryStore(place());
    const outcome = await world.deliver(numberAlarm('dry', 'ALARM', { id: 'dry-1' }), { store: dry.store });
    expect(outcome.kind).toBe('remediated');
    expect(changingSince(from)).toEqual([]);
    expect(await listIncidents(world.store)).toEqual([]);
    const conditions = conditionsOf(dry.transactions[0] ?? []);
    expect(conditions).toContainEqual({
      item: 'EVENT#raise-number#dry-1 EVENT',
      condition: 'attribute_not_exists(pk)',
    });
    const lever = conditions.find(({ item }) => item.startsWith('SWITCH#'));
    expect(lever?.condition).toBe('attribute_not_exists(pk) OR state = "run"');
  });
});

const at = new Date().toISOString();
const event = alarmEvent({ id: 'explained', time: at });
(event.detail as { state: { timestamp: string } }).state.timestamp = at;
const seen: Awaited<ReturnType<typeof remediation.observe>> = {
  ...{ kind: 'service', desired: 2, running: 2, deploying: false, cpuPercent: 90 },
  connections: { 'orders-db': 10 },
};
interface Changed {
  readonly config?: Partial<RuntimeConfig>;
  readonly manifest?: Partial<RemediationManifest>;
  readonly upstreams?: readonly string[];
}
const explainWith = (observe: typeof remediation.observe, change: Changed = {}) => {
  const dry = dryStore(place());
  const acted: Change[] = [];
  const context = {
    remediation: {
      ...remediation,
      manifest: { ...remediation.manifest, ...change.manifest },
      ...(change.upstreams && { upstreamsOf: () => change.upstreams }),
      observe,
      act: async (_target: unknown, change: Change) => {
        acted.push(change);
        return { summary: '', data: {} };
      },
    },
    store: dry.store,
    config: { ...config, ...change.config },
    now: Date.now,
    requestId: 'explain',
    remaining: () => 30_000,
    random: Math.random,
  } as unknown as Parameters<typeof explain>[1];
  return explain(event, context, dry).then((explanation) => ({ explanation, acted }));
};

describe('explain', () => {
  it('tells every guard, the decision and what would come of it, without acting', async () => {
    const from = world.gateway.callsSince(0).next;
    const { explanation, acted } = await explainWith(async () => seen);
    expect(explanation.guards.map(({ guard }) => guard)).toEqual([
      ...Object.keys(GUARDS),
      'runbook-budget',
      'fleet-budget',
    ]);
    expect(explanation.decision).toEqual({ kind: 'act', detail: 'raise desired count of backend from 2 to 3' });
    expect(explanation.outcome.kind).toBe('remediated');
    expect(acted).toEqual([]);
    expect(changingSince(from)).toEqual([]);
  });

  const twoAnHour = { ...config.runbooks['scale-out-service'], perRunbookPerHour: 2 } as RunbookLimits;
  it.each<[string, string, Changed]>([
    ['runbook-budget', 'scale-out-service', { config: { runbooks: { 'scale-out-service': twoAnHour } } }],
    ['fleet-budget', FLEET, { config: { fleet: { ...config.fleet, changesPerHour: 2 } } }],
    [
      'removal-budget',
      REMOVALS,
      { manifest: { removesCapacity: true }, config: { fleet: { ...config.fleet, removalsPerHour: 2 } } },
    ],
  ])('says that it would be refused when the %s is spent, and not before', async (guard, scope, change) => {
    const of = async () => (await explainWith(async () => seen, change)).explanation;
    const now = Date.now();
    const spend = (slot: number) => world.store.transact([claimSlot(world.store.table, 'slot', scope, slot, 'a', now)]);
    await spend(0);
    const oneLeft = await of();
    expect(oneLeft.guards).toContainEqual({ guard, passes: true, detail: '1 of 2 left this hour' });
    expect(oneLeft.outcome.kind).toBe('remediated');
    await spend(1);
    const from = world.gateway.callsSince(0).next;
    const { guards, outcome } = await of();
    expect(guards.filter(({ passes }) => !passes)).toEqual([
      { guard, passes: false, detail: expect.stringMatching(/PerHour 2: 2 changes within the last hour$/) },
    ]);
    expect(outcome).toEqual({ kind: 'refused', detail: expect.stringContaining(`guardrail ${guard}`) });
    expect(changingSince(from)).toEqual([]);
    const [first] = await world.store.query({
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: slotKey(scope, 0).pk } },
    });
    expect(first).toMatchObject({ actionId: 'a' });
  });

  it('tells a join to the incident of what the target depends on from one to its own', async () => {
    const upstream = 'ecs-service/orders/dry-upstream';
    const opened = await world.deliver(numberAlarm('dry-upstream', 'ALARM', { id: 'dry-upstream-1' }));
    const incidentId = 'incidentId' in opened ? opened.incidentId : '';
    // Only an incident that is as urgent takes in what depends on its target.
    const services = { backend: { ...service, severity: 'P4' as const } };
    const { explanation } = await explainWith(async () => seen, { upstreams: [upstream], config: { services } });
    expect(explanation.outcome).toMatchObject({ kind: 'joined' });
    expect(explanation.guards.filter(({ passes }) => !passes)).toEqual([
      {
        guard: 'upstream',
        passes: false,
        detail: `${upstream}, on which it depends, is in trouble: it belongs to incident ${incidentId}`,
      },
    ]);
  });

  it('tells what the engine makes of a target that it may not see', async () => {
    const { explanation } = await explainWith(async () => {
      throw new PermissionError('describe ECS service: AccessDeniedException');
    });
    expect(explanation.decision).toEqual({ kind: 'escalate', detail: 'describe ECS service: AccessDeniedException' });
    expect(explanation.outcome.kind).toBe('escalated');
  });

  it.each([[undefined], [null], [{}], [{ detail: { alarmTags: { 'nightshift:runbook': 7 } } }], ['text']])(
    'finds no remediation in %j',
    (other) => {
      expect(remediationFor(other, world.config)).toBeUndefined();
    },
  );
});
