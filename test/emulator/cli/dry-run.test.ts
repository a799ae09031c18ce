import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { conditionsOf, dryStore } from '../../../cli/dry-run.ts';
import { explain } from '../../../cli/explain.ts';
import { PermissionError } from '../../../functions/engine/errors.ts';
import { GUARDS } from '../../../functions/engine/guard.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { remediationFor } from '../../../functions/engine/sources/index.ts';
import { remediation } from '../../../functions/remediations/scale-out-service/handler.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { alarmEvent, config } from '../../support/fixtures.ts';

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
const explainWith = (observe: typeof remediation.observe) => {
  const dry = dryStore(place());
  const acted: Change[] = [];
  const context = {
    remediation: {
      ...remediation,
      observe,
      act: async (_target: unknown, change: Change) => {
        acted.push(change);
        return { summary: '', data: {} };
      },
    },
    store: dry.store,
    config: { ...config, runbooks: { ...config.runbooks } },
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
    const { explanation, acted } = await explainWith(async () => ({
      kind: 'service',
      desired: 2,
      running: 2,
      deploying: false,
      cpuPercent: 90,
      connections: { 'orders-db': 10 },
    }));
    expect(explanation.guards.map(({ guard }) => guard)).toEqual(Object.keys(GUARDS));
    expect(explanation.decision).toEqual({ kind: 'act', detail: 'raise desired count of backend from 2 to 3' });
    expect(explanation.outcome.kind).toBe('remediated');
    expect(acted).toEqual([]);
    expect(changingSince(from)).toEqual([]);
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
