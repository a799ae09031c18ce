/** The lever has to work above all when much is going on. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MASTER_SWITCH, SWITCH_COPIES, switchKey } from '../../../functions/engine/items.ts';
import { getSwitch, readSwitch, setSwitch } from '../../../functions/engine/switch.ts';
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
    const keys = [MASTER_SWITCH, ...Array.from({ length: SWITCH_COPIES }, (_, copy) => switchKey(copy))];
    const copies = [...(await world.store.readAll(keys)).values()];
    expect(copies).toHaveLength(keys.length);
    expect(copies.filter(({ state }) => state !== 'pause')).toEqual([]);
  });

  it('stops what begins also when it was cut short after the master was written', async () => {
    await setSwitch(world.store, 'run', 'person:test', 'over');
    const item = { state: 'pause', by: 'person:other', reason: 'stop', at: new Date().toISOString() };
    const master = { Put: { TableName: 'journal', Item: marshall({ ...MASTER_SWITCH, ...item }) } };
    await world.store.transact([{ label: 'master', item: master }]);
    expect(await world.deliver(numberAlarm('halfway', 'ALARM', { id: 'halfway' }))).toMatchObject({ reason: 'paused' });
    expect(await getSwitch(world.store)).toMatchObject(item);
  });

  it('stays when a later release has more copies than were written', async () => {
    await setSwitch(world.store, 'pause', 'person:test', 'before the deployment');
    const added = Array.from({ length: SWITCH_COPIES / 2 }, (_, copy) => switchKey(SWITCH_COPIES / 2 + copy));
    for (let start = 0; start < added.length; start += 100)
      await world.store.transact(
        added.slice(start, start + 100).map((key) => ({
          label: key.pk,
          item: { Delete: { TableName: 'journal', Key: marshall(key) } },
        })),
      );
    for (const name of ['enlarged-1', 'enlarged-2', 'enlarged-3'])
      expect(await world.deliver(numberAlarm(name, 'ALARM', { id: name }))).toMatchObject({ reason: 'paused' });
  });

  it('stays frozen when a resume that began earlier ends later', async () => {
    await setSwitch(world.store, 'pause', 'person:test', 'first');
    const { table } = world.store;
    const slow = {
      table,
      read: world.store.read.bind(world.store),
      readAll: world.store.readAll.bind(world.store),
      transactOnce: world.store.transactOnce.bind(world.store),
      // The master is what a resume writes last.
      transact: async (items: Parameters<typeof world.store.transact>[0]) => {
        await setSwitch(world.store, 'freeze', 'person:other', 'stop');
        return world.store.transact(items);
      },
    } as unknown as typeof world.store;
    await expect(setSwitch(slow, 'run', 'person:test', 'over')).rejects.toThrow('set it again');
    expect(await readSwitch(world.store)).toBe('freeze');
  });

  it('stops a commit that had read the switch before it was set', async () => {
    await setSwitch(world.store, 'run', 'person:test', 'over');
    world.hooks.observe = () => setSwitch(world.store, 'pause', 'person:test', 'meanwhile');
    const outcome = await world.deliver(numberAlarm('overtaken', 'ALARM', { id: 'overtaken' }));
    delete world.hooks.observe;
    expect(outcome).toMatchObject({ kind: 'held', reason: 'paused' });
    expect(world.target('overtaken').changes).toBe(0);
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
