/** Budgets on a real journal: what the transaction refuses, and when it admits again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The last minute of a clock hour, so that an hour begins among the changes. */
const START = Math.ceil(Date.now() / HOUR) * HOUR + 48 * HOUR - MINUTE;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const alarm = (name: string, state: 'ALARM' | 'OK', at: number, config: RuntimeConfig) =>
  world.deliver(numberAlarm(name, state, { id: `${name}-${state}-${at}`, at }), { config, now: () => at });

describe('a budget of two changes an hour', () => {
  it('admits two within any hour, across the hands of the clock too, and says when the next may come', async () => {
    const config = { ...world.config, fleet: { ...world.config.fleet, changesPerHour: 2 } };
    const fire = (name: string, at: number) => alarm(name, 'ALARM', at, config);
    expect(await fire('first', START)).toMatchObject({ kind: 'remediated' });
    expect(await fire('second', START + 30 * MINUTE)).toMatchObject({ kind: 'remediated' });
    expect(await fire('third', START + HOUR - 1)).toMatchObject({
      kind: 'refused',
      guardrail: 'fleet-budget',
      recheckAt: new Date(START + HOUR).toISOString(),
    });
    expect(await fire('fourth', START + HOUR)).toMatchObject({ kind: 'remediated' });
    expect(await fire('fifth', START + HOUR)).toMatchObject({
      kind: 'refused',
      recheckAt: new Date(START + 90 * MINUTE).toISOString(),
    });
    expect(['third', 'fifth'].map((name) => world.target(name).changes)).toEqual([0, 0]);
  });
});

describe('handing back', () => {
  const one = () => ({ ...world.config, fleet: { ...world.config.fleet, changesPerHour: 100, removalsPerHour: 1 } });
  const handBack = (name: string, at: number) =>
    world.deliver({ nightshift: 1, command: 'hand-back', target: keyOf(name) }, { config: one(), now: () => at });

  it('takes no more away within an hour than the budget of removals, and the rest afterwards', async () => {
    const begin = START + 10 * HOUR;
    for (const name of ['kept-1', 'kept-2']) {
      await alarm(name, 'ALARM', begin, one());
      await alarm(name, 'OK', begin + 1000, one());
    }
    const quiet = begin + 5 * MINUTE;
    expect(await handBack('kept-1', quiet)).toMatchObject({ kind: 'remediated' });
    expect(await handBack('kept-2', quiet + MINUTE)).toMatchObject({
      kind: 'held',
      detail: expect.stringContaining('fleet.removalsPerHour 1'),
      recheckAt: new Date(quiet + HOUR).toISOString(),
    });
    expect(world.target('kept-2').value).toBe(3);
    const due = await world.due(quiet + HOUR);
    expect(due.filter(({ kind, target }) => kind === 'hand-back' && target === keyOf('kept-2'))).toHaveLength(1);
    expect(await handBack('kept-2', quiet + HOUR)).toMatchObject({ kind: 'remediated' });
    expect(world.target('kept-2').value).toBe(2);
    expect((await readTarget(world.store, keyOf('kept-2'))).holds).toEqual([]);
  });

  it('claims nothing of what may be changed: a spent removal budget refuses no remediation', async () => {
    const later = START + 20 * HOUR;
    await alarm('gone-1', 'ALARM', later, one());
    await alarm('gone-1', 'OK', later + 1000, one());
    await handBack('gone-1', later + 5 * MINUTE);
    expect(await alarm('free', 'ALARM', later + 6 * MINUTE, one())).toMatchObject({ kind: 'remediated' });
  });
});
