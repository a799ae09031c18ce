/** The storm guard on a real journal: what is held, who is called, and what becomes of the held ones. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import { removeWork } from '../../../functions/engine/writes.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const LIMIT = 5;
const WITHIN_SECONDS = 300;
const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  world.gateway.transactions.overlapMs = { min: 0, max: 0 };
});

const stormy = () => ({ ...world.config, storm: { targets: LIMIT, withinSeconds: WITHIN_SECONDS } });
const fire = (name: string, at: number, alarm = `${name}-cpu`) =>
  world.deliver(numberAlarm(name, 'ALARM', { id: `${alarm}-${at}`, at: at - 1000, alarm }), {
    config: stormy(),
    now: () => at,
  });
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
async function storiesOf(prefix: string): Promise<string[]> {
  const incidents = await listIncidents(world.store, { limit: 1000 });
  return incidents
    .filter(({ target }) => target.startsWith(`ecs-service/orders/${prefix}-`))
    .flatMap(({ timeline }) => timeline.filter(({ kind }) => kind === 'escalated').map(({ summary }) => summary));
}

describe('incidents on many targets within a short time', () => {
  const start = Date.now() - 60 * MINUTE;

  it('are acted on up to the limit, then held without a look at the target, and told once', async () => {
    let looks = 0;
    world.hooks.observe = () => looks++;
    const outcomes = [];
    for (const [index, name] of names('wave', LIMIT + 4).entries()) outcomes.push(await fire(name, start + index));
    expect(outcomes.slice(0, LIMIT).map(({ kind }) => kind)).toEqual(Array.from({ length: LIMIT }, () => 'remediated'));
    for (const outcome of outcomes.slice(LIMIT)) expect(outcome).toMatchObject({ kind: 'held', reason: 'storm' });
    expect(looks).toBe(LIMIT);
    const stories = await storiesOf('wave');
    expect(stories).toHaveLength(1);
    expect(stories[0]).toContain(`${LIMIT + 1} of ${LIMIT + 1} run in cluster orders`);
  });

  it('hold further alarms of the same targets too, but not those of a target that was in hand before', async () => {
    expect(await fire('wave-7', start + 1000, 'wave-7-memory')).toMatchObject({ kind: 'held', reason: 'storm' });
    expect(await fire('wave-1', start + 1000, 'wave-1-memory')).toMatchObject({
      kind: 'refused',
      guardrail: 'cooldown',
    });
  });

  it('are told again, without another look or write at the target, when an alarm that is held fires once more', async () => {
    const before = await readTarget(world.store, 'ecs-service/orders/wave-7');
    const again = numberAlarm('wave-7', 'ALARM', { id: 'wave-7-again', at: start + 1100, alarm: 'wave-7-cpu' });
    const outcome = await world.deliver(again, { config: stormy(), now: () => start + 1200 });
    expect(outcome).toMatchObject({ kind: 'held', reason: 'storm' });
    expect(await readTarget(world.store, 'ecs-service/orders/wave-7')).toEqual(before);
    const rechecks = (await world.due(start + 60 * MINUTE)).filter(({ id }) => id.endsWith('alarm:wave-7-cpu'));
    expect(rechecks).toHaveLength(1);
    await world.store.transact([removeWork('journal', 'recheck', rechecks[0]?.id ?? '')]);
    const later = numberAlarm('wave-7', 'ALARM', { id: 'wave-7-later', at: start + 1300, alarm: 'wave-7-cpu' });
    await expect(world.deliver(later, { config: stormy(), now: () => start + 1400 })).resolves.toMatchObject({
      kind: 'contended',
    });
    // Once more: it was accounted for.
    expect(await world.deliver(again, { config: stormy() })).toMatchObject({ kind: 'duplicate' });
  });

  it('are asked for once a second by one process while the storm lasts, and each time when there is none', async () => {
    const queries = async (deliver: () => Promise<unknown>) => {
      const since = world.gateway.callsSince(Number.MAX_SAFE_INTEGER).next;
      await deliver();
      return world.gateway.callsSince(since).calls.filter(({ operation }) => operation === 'Query').length;
    };
    expect(await queries(() => fire('wave-6', start + 3000, 'wave-6-memory'))).toBe(1);
    expect(await queries(() => fire('wave-7', start + 3900, 'wave-7-disk'))).toBe(0);
    expect(await queries(() => fire('wave-6', start + 4000, 'wave-6-disk'))).toBe(1);
    const calm = start + 3 * WITHIN_SECONDS * 1000;
    expect(await queries(() => fire('calm-1', calm))).toBe(1);
    expect(await queries(() => fire('calm-2', calm + 1))).toBe(1);
  });

  it('are brought up by the reconciler when the storm is over, and acted on', async () => {
    const later = start + WITHIN_SECONDS * 1000 + 5000;
    const held = (await world.due(later)).filter(
      ({ kind, target }) => kind === 'recheck' && target.endsWith('/wave-8'),
    );
    expect(held).toHaveLength(1);
    const [work] = held;
    if (!work?.signal) throw new Error('nothing is due for the target that was held');
    const alarm = {
      arn: work.signal.subject,
      name: 'wave-8-cpu',
      state: 'ALARM' as const,
      stateAt: start,
      actionsEnabled: true,
    };
    const order = orderFor(work, new Map([[alarm.arn, alarm]]));
    expect(await world.deliver(order, { config: stormy(), now: () => later })).toMatchObject({ kind: 'remediated' });
    expect(world.target('wave-8').changes).toBe(1);
  });

  it('call nobody again for what the storm was told for, when one of them is refused afterwards', async () => {
    const later = start + WITHIN_SECONDS * 1000 + 6000;
    const target = await readTarget(world.store, 'ecs-service/orders/wave-7');
    expect(target.escalatedAt).toBeDefined();
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'nothing helps' });
    const outcome = await fire('wave-7', later, 'wave-7-third');
    delete world.hooks.decide;
    expect(outcome).toMatchObject({ kind: 'escalated', reason: 'nothing helps' });
    expect(await storiesOf('wave')).toHaveLength(1);
  });
});

describe('a slow rise', () => {
  it('is no storm: incidents that began long before do not count', async () => {
    const start = Date.now() + 60 * MINUTE;
    const every = (WITHIN_SECONDS * 1000) / (LIMIT - 1);
    for (const [index, name] of names('slow', 3 * LIMIT).entries())
      expect(await fire(name, start + index * every)).toMatchObject({ kind: 'remediated' });
  });
});

describe('a storm that comes all at once, with transactions that overlap', () => {
  it('loses nothing, changes nothing twice, and is told once', async () => {
    world.gateway.transactions.overlapMs = { min: 20, max: 60 };
    const start = Date.now() + 10 * 60 * MINUTE;
    const first = names('gust', LIMIT);
    for (const name of first) await fire(name, start);
    const rest = names('gust', 40).slice(LIMIT);
    const outcomes = await Promise.all(rest.map((name) => fire(name, start + 100)));
    expect(new Set(outcomes.map((each) => (each.kind === 'held' ? each.reason : each.kind)))).toEqual(
      new Set(['storm']),
    );
    expect(await storiesOf('gust')).toHaveLength(1);
    const due = (await world.due(start + 10 * MINUTE)).filter(
      ({ kind, target }) => kind === 'recheck' && target.includes('/gust-'),
    );
    expect(new Set(due.map(({ target }) => target)).size).toBe(40);
    expect(rest.every((name) => world.target(name).changes === 0)).toBe(true);
  });
});
