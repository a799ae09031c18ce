import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import {
  ChangedBySomeoneElseError,
  InFlightError,
  PermissionError,
  RetryableError,
} from '../../../functions/engine/errors.ts';
import { listIncidents, readIncident } from '../../../functions/engine/journal-reader.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
});

let ids = 0;
const fire = (name: string, options: Partial<Parameters<typeof numberAlarm>[2]> = {}) =>
  numberAlarm(name, 'ALARM', { id: `event-${++ids}`, ...options });
const calm = (name: string, options: Partial<Parameters<typeof numberAlarm>[2]> = {}) =>
  numberAlarm(name, 'OK', { id: `event-${++ids}`, ...options });
const kinds = (outcomes: readonly Outcome[]) => outcomes.map((outcome) => outcome.kind).sort();
const incidentOf = async (outcome: Outcome) => {
  if (!('incidentId' in outcome)) throw new Error(`${outcome.kind} names no incident`);
  const incident = await readIncident(world.store, outcome.incidentId);
  if (!incident) throw new Error(`no incident ${outcome.incidentId}`);
  return incident;
};
/** What the reconciler would order for that target at a time, with its alarm still firing. */
async function orders(name: string, at: number, state: 'ALARM' | 'OK' = 'ALARM') {
  const work = (await world.due(at)).filter((each) => each.target === `ecs-service/orders/${name}`);
  return work.map((each) => {
    const arn = each.signal?.subject ?? `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-cpu`;
    const order = orderFor(each, new Map([[arn, { arn, name, state, stateAt: at, actionsEnabled: true }]]));
    return order === 'wait' ? undefined : order;
  });
}

describe('a firing alarm', () => {
  it('is remediated: intent written first, change made, incident waiting for verification', async () => {
    let intentBeforeChange = false;
    world.hooks.beforeChange = async () => {
      const [newest] = await listIncidents(world.store, { limit: 1 });
      intentBeforeChange = newest?.state === 'acting';
    };
    const outcome = await world.deliver(fire('plain'));
    expect(outcome).toMatchObject({ kind: 'remediated' });
    expect(world.target('plain')).toMatchObject({ value: 3, changes: 1 });
    expect(intentBeforeChange).toBe(true);
    const incident = await incidentOf(outcome);
    expect(incident.state).toBe('verifying');
    expect(incident.timeline.map((entry) => entry.kind)).toEqual(['opened', 'signal', 'intent', 'acted']);
  });

  it('delivered 10 times at once changes the target once', async () => {
    const event = fire('tenfold');
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => world.deliver(event)));
    expect(world.target('tenfold')).toMatchObject({ value: 3, changes: 1 });
    const done = results.filter((each) => each.status === 'fulfilled').map((each) => each.value);
    expect(kinds(done).filter((kind) => kind === 'remediated')).toHaveLength(1);
    for (const each of results) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(InFlightError);
    expect(await world.deliver(event)).toMatchObject({ kind: 'duplicate' });
  });

  it('and a second alarm of the same target at once: one acts, the other joins its incident and is judged again later', async () => {
    const outcomes = await Promise.all([
      world.deliver(fire('pair')),
      world.deliver(fire('pair', { alarm: 'pair-memory' })),
    ]);
    expect(world.target('pair').changes).toBe(1);
    const acted = outcomes.find((each) => each.kind === 'remediated');
    const other = outcomes.find((each) => each.kind !== 'remediated');
    expect(['joined', 'refused']).toContain(other?.kind);
    const incident = await incidentOf(acted ?? { kind: 'noted', detail: 'none' });
    expect(Object.keys(incident.alarms)).toHaveLength(2);
    const again = await orders('pair', Date.now() + 6 * MINUTE);
    expect(again.filter((order) => order?.command === 'signal')).toHaveLength(2);
  });

  it('that flaps is refused by the cooldown, and acted on when it still fires afterwards', async () => {
    await world.deliver(fire('flapping'));
    await world.deliver(calm('flapping'));
    const again = await world.deliver(fire('flapping'));
    expect(again).toMatchObject({ kind: 'refused', guardrail: 'cooldown' });
    expect(world.target('flapping').changes).toBe(1);
    const later = Date.now() + 6 * MINUTE;
    const order = (await orders('flapping', later)).find((each) => each?.command === 'signal');
    expect(await world.deliver(order, { now: () => later })).toMatchObject({ kind: 'remediated' });
    expect(world.target('flapping').changes).toBe(2);
  });

  it('is held while paused, and acted on afterwards although its event came only once', async () => {
    await setSwitch(world.store, 'pause', 'person:test', 'testing');
    const event = fire('paused');
    expect(await world.deliver(event)).toMatchObject({ kind: 'held', reason: 'paused' });
    await setSwitch(world.store, 'run', 'person:test', 'testing');
    expect(world.target('paused').changes).toBe(0);
    expect(await world.deliver(event)).toMatchObject({ kind: 'duplicate' });
    const later = Date.now() + MINUTE;
    const order = (await orders('paused', later)).find((each) => each?.command === 'signal');
    expect(await world.deliver(order, { now: () => later })).toMatchObject({ kind: 'remediated' });
  });

  it('is held on its first evaluation and acted on when it still fires', async () => {
    expect(await world.deliver(fire('first', { firstEvaluation: true }))).toMatchObject({
      kind: 'held',
      reason: 'first-evaluation',
    });
    const later = Date.now() + 3 * MINUTE;
    const [order] = await orders('first', later);
    expect(await world.deliver(order, { now: () => later })).toMatchObject({ kind: 'remediated' });
  });

  it('changes nothing in observe mode, and says what it would have done', async () => {
    const { config } = world;
    const observing = {
      ...config,
      runbooks: {
        'raise-number': { mode: 'observe' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 5 },
      },
    };
    const outcome = await world.deliver(fire('observed'), { config: observing });
    expect(outcome).toMatchObject({ kind: 'would-act', change: 'raise from 2 to 3' });
    expect(world.target('observed').changes).toBe(0);
    await world.deliver(calm('observed'), { config: observing });
    expect((await incidentOf(outcome)).state).toBe('resolved');
  });

  it('beyond the budget of its runbook is refused, never more and never fewer than the budget act', async () => {
    const tight = {
      ...world.config,
      runbooks: {
        'raise-number': { mode: 'auto' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 4 },
      },
    };
    // A window of its own, so that changes of other tests don't count.
    const inTwoDays = Date.now() + 48 * 60 * MINUTE;
    const names = Array.from({ length: 9 }, (_, index) => `budget-${index}`);
    const outcomes: Outcome[] = [];
    for (const name of names)
      outcomes.push(await world.deliver(fire(name, { at: inTwoDays }), { config: tight, now: () => inTwoDays }));
    expect(kinds(outcomes)).toEqual([...Array(5).fill('refused'), ...Array(4).fill('remediated')].sort());
    expect(outcomes.find((each) => each.kind === 'refused')).toMatchObject({ guardrail: 'runbook-budget' });
    expect(names.filter((name) => world.target(name).changes > 0)).toHaveLength(4);
  });
});

describe('a freeze window', () => {
  const frozen = (from: number, to: number) => ({
    ...world.config,
    windows: [
      { name: 'sale', kind: 'freeze' as const, begins: new Date(from).toISOString(), ends: new Date(to).toISOString() },
    ],
  });

  it('refuses, calls a person once because it lasts, and is over when it is over', async () => {
    const now = Date.now();
    const config = frozen(now - MINUTE, now + 60 * MINUTE);
    const outcome = await world.deliver(fire('frozen'), { config });
    expect(outcome).toMatchObject({ kind: 'refused', guardrail: 'window' });
    expect(world.target('frozen').changes).toBe(0);
    await world.deliver(fire('frozen'), { config });
    const [incident] = await listIncidents(world.store, { limit: 1 });
    expect(incident?.timeline.filter((entry) => entry.kind === 'escalated')).toHaveLength(1);
    const later = now + 66 * MINUTE;
    const order = (await orders('frozen', later)).find((each) => each?.command === 'signal');
    expect(await world.deliver(order, { config, now: () => later })).toMatchObject({ kind: 'remediated' });
  });

  it('keeps what is held until it is over', async () => {
    await world.deliver(fire('kept-frozen'));
    await world.deliver(calm('kept-frozen'));
    const later = Date.now() + 2 * MINUTE;
    const config = frozen(later - MINUTE, later + MINUTE);
    const back = { nightshift: 1, command: 'hand-back', target: 'ecs-service/orders/kept-frozen' };
    expect(await world.deliver(back, { config, now: () => later })).toMatchObject({ kind: 'held' });
    expect(world.target('kept-frozen').value).toBe(3);
    const after = later + 10 * MINUTE;
    await world.deliver(back, { config, now: () => after });
    expect(world.target('kept-frozen').value).toBe(2);
  });
});

describe('a function that fails', () => {
  it('after its change is resumed by the retry of the same request, without changing anything twice', async () => {
    const event = fire('timeout-after');
    world.hooks.afterChange = () => {
      throw new RetryableError('the answer was lost');
    };
    await expect(world.deliver(event, { requestId: 'same' })).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.afterChange;
    await expect(world.deliver(event, { requestId: 'another' })).rejects.toBeInstanceOf(InFlightError);
    expect(await world.deliver(event, { requestId: 'same' })).toMatchObject({ kind: 'remediated' });
    expect(world.target('timeout-after')).toMatchObject({ value: 3, changes: 1 });
  });

  it('before its change is resumed by the reconciler when the lease has run out', async () => {
    const event = fire('died');
    world.hooks.beforeChange = () => {
      throw new RetryableError('died here');
    };
    await expect(world.deliver(event)).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.beforeChange;
    const later = Date.now() + MINUTE;
    const order = (await orders('died', later)).find((each) => each?.command === 'resume');
    expect(await world.deliver(order, { now: () => later })).toMatchObject({ kind: 'remediated' });
    expect(world.target('died')).toMatchObject({ value: 3, changes: 1 });
  });

  it('three times calls a person and lets go of the target', async () => {
    const event = fire('hopeless');
    world.hooks.beforeChange = () => {
      throw new RetryableError('again');
    };
    for (let tries = 0; tries < 3; tries++)
      await expect(world.deliver(event, { requestId: 'same' })).rejects.toBeInstanceOf(RetryableError);
    const outcome = await world.deliver(event, { requestId: 'same' });
    expect(outcome).toMatchObject({ kind: 'escalated' });
    expect((await incidentOf(outcome)).state).toBe('escalated');
    expect(world.target('hopeless').changes).toBe(0);
  });

  it('stops and asks when somebody else changed the value since the intent', async () => {
    const event = fire('unclear');
    world.hooks.beforeChange = (target) => {
      target.value = 9;
      throw new RetryableError('died here');
    };
    await expect(world.deliver(event, { requestId: 'same' })).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.beforeChange;
    expect(await world.deliver(event, { requestId: 'same' })).toMatchObject({ kind: 'escalated' });
    expect(world.target('unclear')).toMatchObject({ value: 9, changes: 0 });
  });

  it('changes nothing while the journal is out of reach', async () => {
    world.gateway.faults.add({ name: 'journal', match: { service: 'dynamodb' }, kind: 'refused' });
    await expect(world.deliver(fire('no-journal'))).rejects.toBeInstanceOf(PermissionError);
    world.gateway.faults.remove('journal');
    expect(world.target('no-journal').changes).toBe(0);
  });
});

describe('a target', () => {
  it('that somebody else changes in between is left alone for an hour', async () => {
    world.hooks.beforeChange = () => {
      throw new ChangedBySomeoneElseError('number', '2', '7');
    };
    expect(await world.deliver(fire('touched'))).toMatchObject({ kind: 'held', reason: 'hands-off' });
    delete world.hooks.beforeChange;
    expect(await world.deliver(fire('touched'))).toMatchObject({ kind: 'held', reason: 'hands-off' });
    const later = Date.now() + 61 * MINUTE;
    expect(await world.deliver(fire('touched', { at: later }), { now: () => later })).toMatchObject({
      kind: 'remediated',
    });
  });

  it('that may not be read is escalated, and its alarm is looked at again', async () => {
    world.hooks.observe = () => {
      throw new PermissionError('AccessDenied');
    };
    const outcome = await world.deliver(fire('forbidden'));
    expect(outcome).toMatchObject({ kind: 'escalated' });
    expect(await orders('forbidden', Date.now() + 61 * MINUTE)).toHaveLength(1);
  });
});

describe('when the alarm is OK again', () => {
  it('the incident is verified and resolved, and the change handed back after the stabilisation window', async () => {
    const outcome = await world.deliver(fire('whole'));
    expect(await world.deliver(calm('whole'))).toMatchObject({ kind: 'noted' });
    expect((await incidentOf(outcome)).state).toBe('resolved');
    const early = Date.now() + 30_000;
    expect(
      await world.deliver(
        { nightshift: 1, command: 'hand-back', target: 'ecs-service/orders/whole' },
        { now: () => early },
      ),
    ).toMatchObject({ kind: 'held' });
    expect(world.target('whole').value).toBe(3);
    const later = Date.now() + 2 * MINUTE;
    const order = (await orders('whole', later)).find((each) => each?.command === 'hand-back');
    await world.deliver(order, { now: () => later });
    expect(world.target('whole')).toMatchObject({ value: 2, changes: 2 });
    expect((await incidentOf(outcome)).actions.map((action) => action.status)).toEqual(['verified', 'handed-back']);
    await world.deliver(
      { nightshift: 1, command: 'hand-back', target: 'ecs-service/orders/whole' },
      { now: () => later },
    );
    expect(world.target('whole').changes).toBe(2);
  });

  it('a value that is not ours any more is left as it is', async () => {
    const outcome = await world.deliver(fire('adopted'));
    await world.deliver(calm('adopted'));
    world.target('adopted').value = 8;
    const later = Date.now() + 2 * MINUTE;
    await world.deliver(
      { nightshift: 1, command: 'hand-back', target: 'ecs-service/orders/adopted' },
      { now: () => later },
    );
    expect(world.target('adopted')).toMatchObject({ value: 8, changes: 1 });
    expect((await incidentOf(outcome)).timeline.at(-1)?.kind).toBe('left-as-is');
  });

  it('while another alarm of the target still fires, the incident stays open', async () => {
    const outcome = await world.deliver(fire('two'));
    await world.deliver(fire('two', { alarm: 'two-memory' }));
    await world.deliver(calm('two'));
    expect((await incidentOf(outcome)).state).toBe('verifying');
    await world.deliver(calm('two', { alarm: 'two-memory' }));
    expect((await incidentOf(outcome)).state).toBe('resolved');
  });

  it('nothing is handed back while paused', async () => {
    await world.deliver(fire('kept'));
    await world.deliver(calm('kept'));
    await setSwitch(world.store, 'pause', 'person:test', 'testing');
    const later = Date.now() + 2 * MINUTE;
    await world.deliver(
      { nightshift: 1, command: 'hand-back', target: 'ecs-service/orders/kept' },
      { now: () => later },
    );
    await setSwitch(world.store, 'run', 'person:test', 'testing');
    expect(world.target('kept').value).toBe(3);
  });

  it('an action that did not help by its deadline calls a person', async () => {
    const outcome = await world.deliver(fire('useless'));
    const later = Date.now() + 11 * MINUTE;
    const order = (await orders('useless', later)).find((each) => each?.command === 'settle');
    expect(await world.deliver(order, { now: () => later })).toMatchObject({ kind: 'escalated' });
    expect((await incidentOf(outcome)).state).toBe('escalated');
    await world.deliver(calm('useless', { at: later }), { now: () => later });
    expect((await incidentOf(outcome)).state).toBe('resolved');
  });
});

describe('input that is no signal', () => {
  it.each<[string, unknown, string]>([
    ['nonsense', { hello: 'world' }, 'malformed'],
    ['another cluster', numberAlarm('x', 'ALARM', { id: 'foreign-1' }), 'target-not-configured'],
  ])('%s is rejected, accounted for, and changes nothing', async (_, event, reason) => {
    const moved = JSON.parse(JSON.stringify(event).replaceAll('"ClusterName":"orders"', '"ClusterName":"elsewhere"'));
    expect(await world.deliver(moved)).toMatchObject({ kind: 'rejected', reason });
  });
});
