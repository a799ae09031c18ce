/** A change that made things worse: undone at once, also by somebody else when the function dies, and a person is called. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { MASTER_SWITCH } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { Change, Decision } from '../../../functions/engine/remediation.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import {
  type EngineWorld,
  LADDER,
  numberAlarm,
  openEngineWorld,
  RAISE,
  RAISE_MORE,
} from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(async () => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
  await setSwitch(world.store, 'run', 'person:test', 'over');
});

const keyOf = (name: string) => `ecs-service/orders/${name}`;
let ids = 0;
const fire = (name: string, runbook = LADDER) =>
  world.deliver(numberAlarm(name, 'ALARM', { id: `worse-${++ids}`, at: Date.now() - 1000, runbook }), {
    to: runbook === LADDER ? RAISE : runbook,
  });
const settle = (name: string, at = Date.now() + MINUTE) =>
  world.deliver({ nightshift: 1, command: 'settle', target: keyOf(name), alarms: {} }, { now: () => at });
const incidentOf = async (outcome: Outcome) => {
  const incident = 'incidentId' in outcome ? await readIncident(world.store, outcome.incidentId) : undefined;
  if (!incident) throw new Error(`${outcome.kind} leads to no incident`);
  return incident;
};
const worse = () => {
  world.hooks.verify = () => ({ kind: 'worse', detail: 'half of the hosts are gone', stopForSeconds: 3600 });
};
/** What the reconciler orders for the target at that time. */
const ordersOf = async (name: string, at: number, kind: string) =>
  (await world.due(at))
    .filter((work) => work.target === keyOf(name) && work.kind === kind)
    .map((work) => orderFor(work, new Map()));

describe('a change that made things worse', () => {
  it('is undone at once although its alarm still fires, a person is called once, and its remediation keeps away', async () => {
    const outcome = await fire('worse');
    worse();
    await settle('worse');
    expect(world.target('worse')).toMatchObject({ value: 2, changes: 2 });
    const { timeline, state, actions } = await incidentOf(outcome);
    expect(timeline.map(({ kind }) => kind).slice(4)).toEqual(['not-verified', 'escalated', 'intent', 'handed-back']);
    expect(state).toBe('escalated');
    expect(actions.map(({ status }) => status)).toEqual(['failed', 'handed-back']);
    expect(await readTarget(world.store, keyOf('worse'))).toMatchObject({ holds: [], verifying: {} });
    expect(await fire('worse')).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(await ordersOf('worse', Date.now() + 60 * MINUTE, 'undo')).toEqual([]);
  });

  it('is undone to what another remediation holds, not below it', async () => {
    await fire('shared', RAISE_MORE);
    const outcome = await fire('shared');
    expect(world.target('shared').value).toBe(6);
    worse();
    await settle('shared');
    expect(world.target('shared').value).toBe(5);
    expect((await incidentOf(outcome)).state).toBe('escalated');
  });

  it('is not undone while a pause stands that was cut short after its master', async () => {
    await fire('cut-short');
    worse();
    const pause = { state: 'pause', by: 'person:test', reason: 'stop', at: new Date().toISOString() };
    await world.store.transact([
      { label: 'master', item: { Put: { TableName: 'journal', Item: marshall({ ...MASTER_SWITCH, ...pause }) } } },
    ]);
    await settle('cut-short');
    expect(world.target('cut-short').changes).toBe(1);
    await setSwitch(world.store, 'run', 'person:test', 'over');
    const later = Date.now() + 60 * MINUTE;
    for (const order of await ordersOf('cut-short', later, 'undo'))
      if (order) await world.deliver(order, { now: () => later });
    expect(world.target('cut-short')).toMatchObject({ value: 2, changes: 2 });
  });

  it('is undone by the reverse that it carries', async () => {
    const undoChange: Change = { summary: 'set to 9', before: 7, after: 9, undo: 'set to 7' };
    const change: Change = { summary: 'set to 7', before: 9, after: 7, undo: 'set to 9', undoChange };
    world.hooks.decide = (): Decision => ({ kind: 'act', change });
    world.target('reverse').value = 9;
    await fire('reverse');
    expect(world.target('reverse').value).toBe(7);
    worse();
    await settle('reverse');
    expect(world.target('reverse').value).toBe(9);
  });

  it('leaves what another remediation of ours has changed since, and keeps no hands off it', async () => {
    const undoChange: Change = { summary: 'set to 9', before: 7, after: 9, undo: 'set to 7' };
    const change: Change = { summary: 'set to 7', before: 9, after: 7, undo: 'set to 9', undoChange };
    world.hooks.decide = (): Decision => ({ kind: 'act', change });
    world.target('later').value = 9;
    const outcome = await fire('later');
    delete world.hooks.decide;
    await fire('later', RAISE_MORE);
    expect(world.target('later').value).toBe(10);
    worse();
    await settle('later');
    expect(world.target('later').value).toBe(10);
    const { timeline } = await incidentOf(outcome);
    expect(timeline.map(({ summary }) => summary)).toContainEqual(
      expect.stringContaining(`${RAISE_MORE} has changed number since`),
    );
    expect((await readTarget(world.store, keyOf('later'))).handsOffUntil).toBeUndefined();
  });

  it('is undone to what its remediation held before it, which is handed back later', async () => {
    await fire('twice');
    const first = (await readTarget(world.store, keyOf('twice'))).holds;
    expect(first).toMatchObject([{ baseline: 2, value: 3 }]);
    const undoChange: Change = { summary: 'set to 3', before: 8, after: 3, undo: 'set to 8' };
    const hold = { field: 'number', baseline: 2, value: 8, stabiliseForSeconds: 60 };
    const change: Change = { summary: 'set to 8', before: 3, after: 8, undo: 'set to 3', hold, undoChange };
    world.hooks.decide = (): Decision => ({ kind: 'act', change });
    const later = Date.now() + 10 * MINUTE;
    await world.deliver(numberAlarm('twice', 'ALARM', { id: `worse-${++ids}`, at: later - 1000, runbook: LADDER }), {
      to: RAISE,
      now: () => later,
    });
    expect(world.target('twice').value).toBe(8);
    worse();
    await settle('twice', later + MINUTE);
    expect(world.target('twice').value).toBe(3);
    const after = await readTarget(world.store, keyOf('twice'));
    expect(after.holds).toEqual(first);
    expect(await ordersOf('twice', later + 60 * MINUTE, 'hand-back')).toHaveLength(1);
  });

  it('that carries no reverse is left to the person who is called, with how to undo it', async () => {
    const change: Change = { summary: 'restart it', before: 0, after: 1, undo: 'nothing to put back' };
    world.hooks.decide = (): Decision => ({ kind: 'act', change });
    const outcome = await fire('no-reverse');
    worse();
    await settle('no-reverse');
    const { timeline } = await incidentOf(outcome);
    expect(timeline.slice(-2).map(({ kind }) => kind)).toEqual(['escalated', 'left-as-is']);
    expect(timeline.at(-2)?.data.undo).toBe('nothing to put back');
    expect(await ordersOf('no-reverse', Date.now() + 60 * MINUTE, 'undo')).toEqual([]);
  });

  it('is undone once by whoever comes after a function that died before it or in the middle of it', async () => {
    const outcome = await fire('died');
    worse();
    world.hooks.beforeChange = () => {
      throw new RetryableError('died here');
    };
    await expect(settle('died')).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.beforeChange;
    // Its intent is written, so nothing else is ordered but to finish it.
    expect(await ordersOf('died', Date.now() + 60 * MINUTE, 'undo')).toEqual([]);
    const later = Date.now() + 5 * MINUTE;
    const [order] = await ordersOf('died', later, 'unfinished');
    await world.deliver(order, { now: () => later });
    expect(world.target('died')).toMatchObject({ value: 2, changes: 2 });
    expect((await incidentOf(outcome)).state).toBe('escalated');
  });

  it('waits with its undo while Nightshift is paused, and is undone afterwards', async () => {
    await fire('paused');
    worse();
    await setSwitch(world.store, 'pause', 'person:test', 'a test');
    await settle('paused');
    expect(world.target('paused').value).toBe(3);
    await setSwitch(world.store, 'run', 'person:test', 'over');
    const later = Date.now() + 5 * MINUTE;
    const [order, ...more] = await ordersOf('paused', later, 'undo');
    expect(more).toEqual([]);
    await world.deliver(order, { now: () => later });
    await world.deliver(order, { now: () => later });
    expect(world.target('paused')).toMatchObject({ value: 2, changes: 2 });
  });
});

describe('guard metrics', () => {
  it('make a change that helped its alarm a change that made things worse', async () => {
    world.hooks.guards = () => ({ errorRate: 0, healthyHosts: 2 });
    const outcome = await fire('guarded');
    world.hooks.guards = () => ({ errorRate: 0.2, healthyHosts: 2 });
    await world.deliver(numberAlarm('guarded', 'OK', { id: `worse-${++ids}`, runbook: LADDER }));
    expect(world.target('guarded').value).toBe(2);
    const told = (await incidentOf(outcome)).timeline.find(({ kind }) => kind === 'not-verified');
    expect(told?.summary).toBe('errorRate went from 0 to 0.2 (share)');
  });

  it('are looked at soon, not only at the deadline', async () => {
    world.hooks.guards = () => ({ healthyHosts: 2 });
    await fire('soon');
    const due = (await world.due(Date.now() + MINUTE)).filter(({ target }) => target === keyOf('soon'));
    expect(due.map(({ kind }) => kind)).toEqual(['verify']);
  });

  it('that can not be read keep neither the deadline nor the next step from coming', async () => {
    world.hooks.readGuards = () => ({ healthyHosts: 2 });
    const outcome = await fire('unreadable');
    world.hooks.readGuards = () => {
      throw new RetryableError('read the metrics: throttled');
    };
    await world.deliver(numberAlarm('unreadable', 'OK', { id: `worse-${++ids}`, runbook: LADDER }));
    expect((await incidentOf(outcome)).state).toBe('verifying');
    await settle('unreadable', Date.now() + 60 * MINUTE);
    expect((await incidentOf(outcome)).timeline.map(({ kind }) => kind)).toContain('not-verified');
  });

  it('that can not be told any more put the verification off', async () => {
    world.hooks.guards = () => ({ healthyHosts: 2 });
    const outcome = await fire('untold');
    world.hooks.guards = () => ({});
    await world.deliver(numberAlarm('untold', 'OK', { id: `worse-${++ids}`, runbook: LADDER }));
    expect((await incidentOf(outcome)).state).toBe('verifying');
    world.hooks.guards = () => ({ healthyHosts: 2 });
    await settle('untold');
    expect((await incidentOf(outcome)).state).toBe('resolved');
  });
});
