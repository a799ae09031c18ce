/** What happens to an action while the world moves on: its alarm recovers, its incident ends, its mode or its hour passes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import type { Mode } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { listIncidents, readIncident } from '../../../functions/engine/journal-reader.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
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
const fire = (name: string, at = Date.now()) => numberAlarm(name, 'ALARM', { id: `overtaken-${++ids}`, at });
const calm = (name: string, at = Date.now()) => numberAlarm(name, 'OK', { id: `overtaken-${++ids}`, at });
const keyOf = (name: string) => `ecs-service/orders/${name}`;
const settle = (name: string) => ({ nightshift: 1, command: 'settle', target: keyOf(name), alarms: {} });
const handBack = (name: string) => ({ nightshift: 1, command: 'hand-back', target: keyOf(name) });
const inMode = (mode: Mode) => ({
  ...world.config,
  runbooks: { 'raise-number': { mode, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 500 } },
});
const workOf = async (name: string, at: number) =>
  (await world.due(at)).filter((work) => work.target === keyOf(name)).map((work) => work.kind);
const incidentOf = async (name: string, incidentId?: string) => {
  const id = incidentId ?? (await readTarget(world.store, keyOf(name))).openIncidentId ?? '';
  const incident = await readIncident(world.store, id);
  if (!incident) throw new Error(`${name} has no incident`);
  return incident;
};

/** Leaves an intent behind whose function died before its change. */
async function die(event: unknown, now = Date.now()): Promise<void> {
  world.hooks.beforeChange = () => {
    throw new RetryableError('died here');
  };
  await expect(world.deliver(event, { now: () => now })).rejects.toBeInstanceOf(RetryableError);
  delete world.hooks.beforeChange;
}

async function resume(name: string, at: number, config = world.config): Promise<Outcome> {
  const work = (await world.due(at)).find((each) => each.target === keyOf(name) && each.kind === 'unfinished');
  if (!work) throw new Error(`${name} has no unfinished intent`);
  return world.deliver({ nightshift: 1, command: 'resume', actionId: work.id }, { now: () => at, config });
}

describe('an alarm that recovers while the change is being made', () => {
  it('does not end the incident before the change is verified, and the change is handed back', async () => {
    world.hooks.beforeChange = async () => {
      await world.deliver(calm('meanwhile'));
    };
    await world.deliver(fire('meanwhile', Date.now() - 1000));
    delete world.hooks.beforeChange;
    const incident = await incidentOf('meanwhile');
    expect(incident.timeline.map((entry) => entry.kind)).not.toContain('resolved');
    expect(await workOf('meanwhile', Date.now())).toEqual(['verify']);
    await world.deliver(settle('meanwhile'));
    expect((await incidentOf('meanwhile', incident.id)).actions[0]?.status).toBe('verified');
    expect(await workOf('meanwhile', Date.now() + 2 * MINUTE)).toEqual(['hand-back']);
  });
});

describe('an unfinished intent', () => {
  it('is not carried out once its alarm is OK: nobody needs it any more', async () => {
    await die(fire('recovered', Date.now() - 1000));
    await world.deliver(calm('recovered'));
    const { id } = await incidentOf('recovered');
    const later = Date.now() + 2 * MINUTE;
    expect(await resume('recovered', later)).toMatchObject({ kind: 'already-fine' });
    expect(world.target('recovered')).toMatchObject({ value: 2, changes: 0 });
    expect(await workOf('recovered', later + MINUTE)).toEqual(['verify']);
    await world.deliver(settle('recovered'), { now: () => later + MINUTE });
    const incident = await incidentOf('recovered', id);
    expect(incident.state).toBe('resolved');
    expect(incident.actions[0]?.status).toBe('left-as-is');
    expect((await readTarget(world.store, keyOf('recovered'))).holds).toEqual([]);
  });

  it('whose change was made before the function died is verified and handed back although its alarm is OK', async () => {
    world.hooks.afterChange = () => {
      throw new RetryableError('died here');
    };
    await expect(world.deliver(fire('made', Date.now() - 1000))).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.afterChange;
    await world.deliver(calm('made'));
    const { id } = await incidentOf('made');
    const later = Date.now() + 2 * MINUTE;
    expect(await resume('made', later)).toMatchObject({ kind: 'remediated' });
    await world.deliver(settle('made'), { now: () => later });
    expect((await incidentOf('made', id)).state).toBe('resolved');
    expect(await workOf('made', later + 2 * MINUTE)).toEqual(['hand-back']);
  });

  it('that nobody resumed before its deadline is judged again instead, by the alarm as it is then', async () => {
    await die(fire('old'));
    const later = Date.now() + 20 * MINUTE;
    expect(await resume('old', later)).toMatchObject({ kind: 'held', reason: 'stale' });
    expect(world.target('old').changes).toBe(0);
    expect(await workOf('old', later)).toContain('recheck');
  });

  it('does not last longer because its proof takes long', async () => {
    const change = { summary: 'raise', before: 2, after: 3, undo: 'set to 2', verifyNotBeforeSeconds: 86_400 };
    world.hooks.decide = () => ({ kind: 'act', change });
    await die(fire('slow-proof'));
    delete world.hooks.decide;
    expect(await resume('slow-proof', Date.now() + 20 * MINUTE)).toMatchObject({ kind: 'held', reason: 'stale' });
    expect(world.target('slow-proof').changes).toBe(0);
  });

  it.each<Mode>(['off', 'observe'])('is not carried out after its runbook was set to %s', async (mode) => {
    await die(fire(`mode-${mode}`));
    expect(await resume(`mode-${mode}`, Date.now() + 2 * MINUTE, inMode(mode))).toMatchObject({ kind: 'would-act' });
    expect(world.target(`mode-${mode}`).changes).toBe(0);
  });
});

describe('a target that is taken out of the configuration', () => {
  it('ends its incident with a call for a person, also when its signal was only held', async () => {
    world.hooks.decide = () => ({ kind: 'hold', reason: 'maintenance', detail: '', recheckAfterSeconds: 60 });
    await world.deliver(fire('dropped'));
    delete world.hooks.decide;
    const { id } = await incidentOf('dropped');
    world.hooks.unconfigured = (key) => key === keyOf('dropped');
    const at = Date.now() + 2 * MINUTE;
    const [work] = (await world.due(at)).filter((each) => each.target === keyOf('dropped'));
    const again = { ...work?.signal, id: 'dropped#recheck-1', recheck: 1 };
    await world.deliver({ nightshift: 1, command: 'signal', signal: again }, { now: () => at });
    expect((await incidentOf('dropped', id)).timeline.slice(-2).map((entry) => entry.kind)).toEqual([
      'escalated',
      'resolved',
    ]);
    expect(await workOf('dropped', at + 60 * MINUTE)).toEqual([]);
  });

  it('has what was not handed back told in the timeline', async () => {
    await world.deliver(fire('leaving', Date.now() - 1000));
    const { id } = await incidentOf('leaving');
    await world.deliver(calm('leaving'));
    world.hooks.unconfigured = (key) => key === keyOf('leaving');
    await world.deliver(handBack('leaving'), { now: () => Date.now() + 2 * MINUTE });
    expect((await incidentOf('leaving', id)).timeline.at(-1)).toMatchObject({ kind: 'left-as-is' });
    expect(world.target('leaving').value).toBe(3);
  });
});

describe('an unfinished intent, in a freeze', () => {
  it('is neither carried out nor lost nor reported as a failure while everything is frozen', async () => {
    await die(fire('frozen'));
    await setSwitch(world.store, 'freeze', 'person:test', 'testing');
    const at = Date.now() + MINUTE;
    expect(await resume('frozen', at)).toMatchObject({ kind: 'held', reason: 'paused' });
    await setSwitch(world.store, 'run', 'person:test', 'testing');
    expect(await resume('frozen', at + MINUTE)).toMatchObject({ kind: 'remediated' });
  });

  it('is not carried out in a window that forbids changes', async () => {
    await die(fire('window'));
    const at = Date.now() + 2 * MINUTE;
    const [begins, ends] = [new Date(at - MINUTE), new Date(at + 60 * MINUTE)].map((each) => each.toISOString());
    const windows = [{ name: 'sale', kind: 'freeze' as const, begins: begins ?? '', ends: ends ?? '' }];
    expect(await resume('window', at, { ...world.config, windows })).toMatchObject({ kind: 'held' });
    expect(world.target('window').changes).toBe(0);
  });
});

describe('handing back', () => {
  async function held(name: string): Promise<number> {
    await world.deliver(fire(name, Date.now() - 1000));
    await world.deliver(calm(name));
    expect(world.target(name).value).toBe(3);
    return Date.now() + 2 * MINUTE;
  }

  it('that was left unfinished is not carried out while a new incident is open', async () => {
    const later = await held('reopened');
    await die(handBack('reopened'), later);
    await world.deliver(fire('reopened', later), { now: () => later });
    expect(await resume('reopened', later + 2 * MINUTE)).toMatchObject({ kind: 'held' });
    expect(world.target('reopened').value).toBe(3);
    expect((await readTarget(world.store, keyOf('reopened'))).holds).toMatchObject([{ baseline: 2, value: 3 }]);
    expect(await workOf('reopened', later + 180 * MINUTE)).toContain('hand-back');
  });

  it('stops after three cycles within six hours, keeps the capacity and calls a person once', async () => {
    const config = {
      ...world.config,
      runbooks: {
        'raise-number': { mode: 'auto' as const, cooldownSeconds: 60, perTargetPerHour: 9, perRunbookPerHour: 500 },
      },
    };
    const start = Date.now() - 1000;
    for (let cycle = 0; cycle < 4; cycle++) {
      const at = start + cycle * 60 * MINUTE;
      await world.deliver(fire('flapping', at), { now: () => at, config });
      await world.deliver(calm('flapping', at + MINUTE), { now: () => at + MINUTE });
      await world.deliver(handBack('flapping'), { now: () => at + 10 * MINUTE });
    }
    expect(world.target('flapping')).toMatchObject({ value: 3, changes: 7 });
    const target = await readTarget(world.store, keyOf('flapping'));
    expect(target.holds).toEqual([]);
    expect(await workOf('flapping', start + 24 * 60 * MINUTE)).toEqual([]);
    const incidents = await listIncidents(world.store, { limit: 200 });
    const ours = incidents.filter((incident) => incident.target === keyOf('flapping'));
    expect(ours.flatMap((each) => each.timeline).filter((entry) => entry.kind === 'escalated')).toHaveLength(1);
  });

  it.each<Mode>(['off', 'observe'])('waits while the runbook is set to %s, and nothing is forgotten', async (mode) => {
    const later = await held(`kept-${mode}`);
    await world.deliver(handBack(`kept-${mode}`), { now: () => later, config: inMode(mode) });
    expect(world.target(`kept-${mode}`).value).toBe(3);
    const muchLater = later + 2 * 60 * MINUTE;
    expect(await workOf(`kept-${mode}`, muchLater)).toEqual(['hand-back']);
    await world.deliver(handBack(`kept-${mode}`), { now: () => muchLater });
    expect(world.target(`kept-${mode}`).value).toBe(2);
  });
});
