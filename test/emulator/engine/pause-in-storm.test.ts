/** The lever has to work above all when much is going on. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SWITCH_COPIES, switchKey } from '../../../functions/engine/items.ts';
import { getSwitch, setSwitch } from '../../../functions/engine/switch.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

describe('pausing in a storm of alarms', () => {
  it('takes effect although commits keep touching the copies of the switch, and nothing is changed afterwards', async () => {
    let next = 0;
    let stop = false;
    const outcomes: string[] = [];
    const storm = async () => {
      while (!stop) {
        const name = `storm-${next++}`;
        outcomes.push((await world.deliver(numberAlarm(name, 'ALARM', { id: name }))).kind);
      }
    };
    const storms = Array.from({ length: 24 }, storm);
    for (const state of ['pause', 'run', 'pause', 'run', 'pause'] as const)
      await setSwitch(world.store, state, 'person:test', 'storm');
    const paused = next;
    const later = next + 40;
    while (next < later) await new Promise((resolve) => setTimeout(resolve, 5));
    stop = true;
    await Promise.all(storms);
    expect(outcomes).toContain('remediated');
    const changed = Array.from(
      { length: next - paused },
      (_, index) => world.target(`storm-${paused + index}`).changes,
    );
    expect(changed.every((changes) => changes === 0)).toBe(true);
    for (let copy = 0; copy < SWITCH_COPIES; copy++)
      expect(await world.store.read(switchKey(copy))).toMatchObject({ state: 'pause' });
  });

  it('is told as the strictest where setting it failed halfway', async () => {
    await setSwitch(world.store, 'run', 'person:test', 'over');
    const item = { state: 'freeze', by: 'person:other', reason: 'stop', at: new Date().toISOString() };
    await world.store.transact([
      { label: 'copy', item: { Put: { TableName: 'journal', Item: marshall({ ...switchKey(9), ...item }) } } },
    ]);
    expect(await getSwitch(world.store)).toMatchObject(item);
  });
});
