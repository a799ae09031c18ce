/** How often a person is called for the same trouble, and that an incident which is over ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import type { WorkKind } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { putTarget } from '../../../functions/engine/writes.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm, openEngineWorld, RAISE } from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
});

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-cpu`;

/** Brings up what is due for that target while its alarm fires, and delivers it. */
async function reconcile(name: string, at: number, only?: WorkKind) {
  const alarm = { arn: arnOf(name), name, state: 'ALARM' as const, stateAt: at - 1000, actionsEnabled: true };
  const outcomes = [];
  const due = (await world.due(at)).filter((each) => each.target === keyOf(name));
  for (const work of due.filter((each) => only === undefined || each.kind === only)) {
    const order = orderFor(work, new Map([[alarm.arn, alarm]]));
    if (order !== 'wait' && order) outcomes.push(await world.deliver(order, { now: () => at }));
  }
  return outcomes;
}
async function escalations(name: string): Promise<number> {
  const { openIncidentId } = await readTarget(world.store, keyOf(name));
  const incident = await readIncident(world.store, openIncidentId ?? '');
  return incident?.timeline.filter((entry) => entry.kind === 'escalated').length ?? 0;
}

describe('trouble that only a person can mend', () => {
  const start = Date.now();
  const needsPerson = () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'behind a pooler', recheckAfterSeconds: 60 });
  };

  it('calls a person once, and once more each hour while it lasts, not at each look', async () => {
    needsPerson();
    await world.deliver(numberAlarm('lasting', 'ALARM', { id: 'lasting-1', at: start - 1000 }));
    for (let minute = 5; minute <= 55; minute += 5) {
      const [outcome] = await reconcile('lasting', start + minute * MINUTE);
      expect(outcome?.kind).toBe('escalated');
    }
    expect(await escalations('lasting')).toBe(1);
    await reconcile('lasting', start + 65 * MINUTE);
    expect(await escalations('lasting')).toBe(2);
  });

  it('calls a person again when it comes back as a new incident', async () => {
    needsPerson();
    await world.deliver(numberAlarm('again', 'ALARM', { id: 'again-1', at: start - 1000 }));
    await world.deliver(numberAlarm('again', 'OK', { id: 'again-2', at: start }));
    await world.deliver(numberAlarm('again', 'ALARM', { id: 'again-3', at: start + 1000 }));
    expect(await escalations('again')).toBe(1);
  });
});

describe('an alarm that keeps firing although the target looks fine', () => {
  it('calls a person after the deadline, not before', async () => {
    world.hooks.decide = () => ({ kind: 'fine', reason: '3 of 100 connections are in use' });
    const start = Date.now();
    const alarm = {
      arn: arnOf('phantom'),
      name: 'phantom',
      state: 'ALARM' as const,
      stateAt: start,
      actionsEnabled: true,
    };
    await world.deliver(numberAlarm('phantom', 'ALARM', { id: 'phantom-1', at: start }));
    const kinds: string[] = [];
    for (const minutes of [5, 9, 14]) {
      const at = start + minutes * MINUTE;
      const [work] = (await world.due(at)).filter((each) => each.target === keyOf('phantom'));
      const order = work && orderFor(work, new Map([[alarm.arn, alarm]]));
      kinds.push((await world.deliver(order, { now: () => at })).kind);
    }
    expect(kinds).toEqual(['already-fine', 'already-fine', 'escalated']);
    expect(await escalations('phantom')).toBe(1);
  });
});

describe('an alarm that fires again and again while its target cools down', () => {
  const refusals = async (name: string) => {
    const { openIncidentId = '' } = await readTarget(world.store, keyOf(name));
    const timeline = (await readIncident(world.store, openIncidentId))?.timeline ?? [];
    return {
      signals: timeline.filter(({ kind }) => kind === 'signal').length,
      refused: timeline.filter(({ kind, summary }) => kind === 'decided' && summary.includes('cooldown')).length,
    };
  };
  const coolingFor = (cooldownSeconds: number) => ({
    ...world.config,
    runbooks: { [RAISE]: { mode: 'auto' as const, cooldownSeconds, perTargetPerHour: 99, perRunbookPerHour: 500 } },
  });
  const start = Date.now() - 1000;
  const fireAt = (name: string, minute: number, config: RuntimeConfig) =>
    world.deliver(numberAlarm(name, 'ALARM', { id: `${name}-${minute}`, at: start + minute * MINUTE }), {
      now: () => start + minute * MINUTE,
      config,
    });

  it('is refused each time, and the timeline says so once for each cooldown', async () => {
    const config = coolingFor(300);
    await fireAt('flaps', 0, config);
    for (const minute of [1, 2, 3, 4])
      expect(await fireAt('flaps', minute, config)).toMatchObject({ kind: 'refused', guardrail: 'cooldown' });
    expect(await refusals('flaps')).toEqual({ signals: 5, refused: 1 });
    expect(await fireAt('flaps', 6, config)).toMatchObject({ kind: 'remediated' });
    for (const minute of [7, 8]) await fireAt('flaps', minute, config);
    expect(await refusals('flaps')).toEqual({ signals: 8, refused: 2 });
  });

  it('calls a person for it also after a storm’s page, which no ladder of people follows', async () => {
    const config = coolingFor(12 * 3600);
    await fireAt('stormy', 0, config);
    const [stormAt, key] = [start + MINUTE, keyOf('stormy')];
    const before = await readTarget(world.store, key);
    const paged = { ...before, escalatedAt: stormAt, stormPagedAt: stormAt };
    await world.store.transact([putTarget('journal', key, before.version, paged)]);
    const hour = config.handsOffSeconds / 60;
    for (const minute of [20, hour - 1]) await fireAt('stormy', minute, config);
    expect(await escalations('stormy')).toBe(0);
    for (const minute of [hour + 2, hour + 20, hour + 300]) await fireAt('stormy', minute, config);
    expect(await escalations('stormy')).toBe(1);
  });

  it('calls a person at most once in an incident, and again in the next one', async () => {
    const config = coolingFor(12 * 3600);
    await fireAt('long', 0, config);
    for (const minute of [20, 40, 90, 200, 400])
      expect(await fireAt('long', minute, config)).toMatchObject({ kind: 'refused', guardrail: 'cooldown' });
    expect(await escalations('long')).toBe(1);
    const calm = start + 410 * MINUTE;
    await world.deliver(numberAlarm('long', 'OK', { id: 'long-ok', at: calm }), { now: () => calm, config });
    await fireAt('long', 420, config);
    expect(await escalations('long')).toBe(1);
    expect(await refusals('long')).toEqual({ signals: 1, refused: 1 });
  });
});

describe('changes that follow each other while the alarm keeps firing', () => {
  it('do not put off the call for a person, and each that did not help is told so', async () => {
    const start = Date.now() - 1000;
    const config = {
      ...world.config,
      runbooks: {
        'raise-number': { mode: 'auto' as const, cooldownSeconds: 300, perTargetPerHour: 99, perRunbookPerHour: 500 },
      },
    };
    const signal = (minute: number) =>
      numberAlarm('endless', 'ALARM', { id: `endless-${minute}`, at: start + minute * MINUTE });
    for (let minute = 0; minute <= 55; minute += 6)
      await world.deliver(signal(minute), { now: () => start + minute * MINUTE, config });
    expect(world.target('endless').changes).toBe(10);
    expect(await escalations('endless')).toBe(1);
    const { openIncidentId = '' } = await readTarget(world.store, keyOf('endless'));
    const statuses = (await readIncident(world.store, openIncidentId))?.actions.map((action) => action.status);
    expect(statuses).toEqual([...Array(9).fill('failed'), 'done']);
  });
});

describe('an incident that a person was called to', () => {
  it('is not told as a success of the action that did not help in time', async () => {
    await world.deliver(numberAlarm('late', 'ALARM', { id: 'late-1' }));
    const { openIncidentId = '' } = await readTarget(world.store, keyOf('late'));
    const later = Date.now() + 11 * MINUTE;
    await reconcile('late', later, 'verify');
    const calm = numberAlarm('late', 'OK', { id: 'late-2', at: later + MINUTE });
    await world.deliver(calm, { now: () => later + MINUTE });
    const incident = await readIncident(world.store, openIncidentId);
    expect(incident?.state).toBe('resolved');
    expect(incident?.actions[0]?.status).toBe('failed');
  });

  it('ends when its alarms are OK, also while the remediation still finds that it did not help', async () => {
    await world.deliver(numberAlarm('unhelped', 'ALARM', { id: 'unhelped-1' }));
    const { openIncidentId = '' } = await readTarget(world.store, keyOf('unhelped'));
    world.hooks.verify = () => ({ kind: 'bad', detail: 'half of them came back', stopForSeconds: 3600 });
    const later = Date.now() + 11 * MINUTE;
    expect(await reconcile('unhelped', later, 'verify')).toContainEqual(expect.objectContaining({ kind: 'escalated' }));
    await world.deliver(numberAlarm('unhelped', 'OK', { id: 'unhelped-2', at: later + MINUTE }), {
      now: () => later + MINUTE,
    });
    const incident = await readIncident(world.store, openIncidentId);
    expect(incident?.state).toBe('resolved');
    expect(incident?.timeline.map((entry) => entry.kind)).not.toContain('verified');
  });
});
