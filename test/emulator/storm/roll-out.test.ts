/** After a storm: one target first, then a tenth, then the rest, on a real journal; a failed verification stops it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { rollOutKey } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { reconcileOnce } from '../../support/reconciling.ts';

const MINUTE = 60_000;
const LIMIT = 2;
const WITHIN_SECONDS = 300;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(async () => {
  delete world.hooks.verify;
  // Each test has a journal without due work and roll-outs of the others.
  for (const { pk, sk } of [rollOutKey('raise-number'), ...(await world.due(Number.MAX_SAFE_INTEGER))])
    await world.store.transact([
      { label: 'work', item: { Delete: { TableName: 'journal', Key: { pk: { S: pk }, sk: { S: sk } } } } },
    ]);
});

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const alarmOf = (name: string) => `${name}-cpu`;
const namesOf = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const withMode = (mode: 'auto' | 'observe'): RuntimeConfig => ({
  ...world.config,
  storm: { targets: LIMIT, withinSeconds: WITHIN_SECONDS },
  runbooks: Object.fromEntries(Object.entries(world.config.runbooks).map(([name, each]) => [name, { ...each, mode }])),
});
const changed = (names: readonly string[]) => names.filter((name) => world.target(name).changes > 0);

async function fire(names: readonly string[], at: number, config: RuntimeConfig): Promise<string[]> {
  const kinds: string[] = [];
  for (const [index, name] of names.entries()) {
    const event = numberAlarm(name, 'ALARM', { id: `${name}-${at}`, at: at + index - 1000 });
    kinds.push((await world.deliver(event, { config, now: () => at + index })).kind);
  }
  return kinds;
}

/** The alarms of these go back to OK, so that their changes are verified. */
async function calm(names: readonly string[], at: number, config: RuntimeConfig): Promise<void> {
  for (const name of names)
    await world.deliver(numberAlarm(name, 'OK', { id: `${name}-ok-${at}`, at }), { config, now: () => at });
}

describe('the targets of a storm', () => {
  it('come up again one first, then a tenth of them, then the rest', async () => {
    const config = withMode('auto');
    const start = Date.now() + 60 * MINUTE;
    const names = namesOf('calm', LIMIT + 20);
    const held = names.slice(LIMIT);
    const firing = new Set(held.map(alarmOf));
    expect((await fire(names, start, config)).slice(LIMIT)).toEqual(held.map(() => 'held'));
    await calm(names.slice(0, LIMIT), start + MINUTE, config);

    let at = start + WITHIN_SECONDS * 1000 + MINUTE;
    const { report } = await reconcileOnce(world, at, firing, config);
    expect(report.heldBack).toBe(held.length - 1);
    expect(changed(held)).toHaveLength(1);

    // Not before it is known what came of the first.
    at += 6 * MINUTE;
    await reconcileOnce(world, at, firing, config);
    expect(changed(held)).toHaveLength(1);

    for (const stage of [3, 20]) {
      const over = changed(held).filter((name) => firing.delete(alarmOf(name)));
      await calm(over, at, config);
      at += 6 * MINUTE;
      await reconcileOnce(world, at, firing, config);
      expect(changed(held)).toHaveLength(stage);
    }
  });

  it('wait when the first one was not helped: a person is called, and later one is tried again', async () => {
    const config = withMode('auto');
    const start = Date.now() + 24 * 60 * MINUTE;
    const names = namesOf('sick', LIMIT + 10);
    const held = names.slice(LIMIT);
    const firing = new Set(held.map(alarmOf));
    await fire(names, start, config);
    await calm(names.slice(0, LIMIT), start + MINUTE, config);

    let at = start + WITHIN_SECONDS * 1000 + MINUTE;
    await reconcileOnce(world, at, firing, config);
    const [first = ''] = changed(held);
    at += config.verifyWithinSeconds * 1000 + MINUTE;
    world.hooks.verify = () => ({ kind: 'bad', detail: 'worse than before', stopForSeconds: 7200 });
    await reconcileOnce(world, at, firing, config);
    at += 6 * MINUTE;
    await reconcileOnce(world, at, firing, config);
    expect(changed(held)).toEqual([first]);
    const { openIncidentId = '' } = await readTarget(world.store, keyOf(first));
    const stories = (await readIncident(world.store, openIncidentId))?.timeline
      .filter(({ kind, by }) => kind === 'escalated' && by === 'reconciler')
      .map(({ data }) => data.headline);
    expect(stories).toEqual([`roll-out of raise-number stopped: it did not help ${keyOf(first)}`]);

    delete world.hooks.verify;
    await reconcileOnce(world, at + config.handsOffSeconds * 1000 - 1, firing, config);
    expect(changed(held)).toEqual([first]);
    await reconcileOnce(world, at + config.handsOffSeconds * 1000 + 6 * MINUTE, firing, config);
    expect(changed(held)).toHaveLength(2);
  });
});

describe('a runbook that was promoted', () => {
  it('acts on what still fires, one target first, and on nothing before', async () => {
    const start = Date.now() + 48 * 60 * MINUTE;
    const watching = { ...withMode('observe'), storm: { targets: 100, withinSeconds: WITHIN_SECONDS } };
    const names = namesOf('watched', LIMIT + 3);
    const firing = new Set(names.map(alarmOf));
    expect(new Set(await fire(names, start, watching))).toEqual(new Set(['would-act']));
    let at = start + 20 * MINUTE;
    const { outcomes } = await reconcileOnce(world, at, firing, watching);
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'would-act')).toEqual([]);

    at += 6 * MINUTE;
    await reconcileOnce(world, at, firing, withMode('auto'));
    expect(changed(names)).toHaveLength(1);
  });
});
