/** Trouble that belongs together: on targets that depend on each other, and told by our own changes; and what freeze stops. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Signal } from '../../../events/signal.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { Decision } from '../../../functions/engine/remediation.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { type LiveAlarm, orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

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
const targetOf = (name: string) => readTarget(world.store, keyOf(name));
let ids = 0;
const fire = (name: string, at = Date.now() - 1000) =>
  world.deliver(numberAlarm(name, 'ALARM', { id: `related-${++ids}`, at }));
const calm = (name: string, at = Date.now()) => world.deliver(numberAlarm(name, 'OK', { id: `related-${++ids}`, at }));
const dueOf = async (name: string, at: number) => (await world.due(at)).filter(({ target }) => target === keyOf(name));
const timelineOf = async (id: string | undefined) => (await readIncident(world.store, id ?? ''))?.timeline ?? [];
const depends = (name: string, on: string) => {
  world.hooks.upstreams = (target) => (target === world.target(name) ? [keyOf(on)] : []);
};
/** Another severity than the configuration's none would be less urgent. */
const ASIDE = { region: 'us-east-1' };

describe('trouble of a target that depends on one in trouble', () => {
  const config = () => {
    const service = Object.values(world.config.services)[0];
    if (!service) throw new Error('no service is configured');
    const urgent = { ...service, cluster: 'orders', severity: 'P1' as const };
    const services = { db: { ...urgent, service: 'db' }, pool: { ...urgent, service: 'pool' } };
    return { ...world.config, ...ASIDE, services };
  };
  const withIdle = () => {
    const { services, ...rest } = config();
    return { ...rest, services: { idle: { ...services.db, service: 'idle' } } };
  };
  const fireDown = (name: string) =>
    world.deliver(numberAlarm(name, 'ALARM', { id: `related-${++ids}`, at: Date.now() - 1000 }), { config: config() });
  /** An incident in which nothing was done yet. */
  const openUnmended = async (name: string) => {
    world.hooks.decide = () => ({ kind: 'hold', reason: 'change-under-way', detail: 'r-8', recheckAfterSeconds: 60 });
    expect(await fireDown(name)).toMatchObject({ kind: 'held' });
    delete world.hooks.decide;
  };
  const again = async (name: string, at: number) => {
    const work = (await dueOf(name, at)).find(({ kind }) => kind === 'recheck');
    if (!work?.signal) throw new Error('nothing looks again');
    const arn = work.signal.subject;
    const alarm: LiveAlarm = { arn, name, state: 'ALARM', stateAt: Date.now() - 1000, actionsEnabled: true };
    return world.deliver(orderFor(work, new Map([[arn, alarm]])), { config: config(), now: () => at });
  };

  it('joins its incident, once, and is one of its own when that is over and it still fires', async () => {
    await fire('db');
    const { openIncidentId: upstream } = await targetOf('db');
    depends('down', 'db');
    expect(await fireDown('down')).toMatchObject({ kind: 'joined', incidentId: upstream });
    expect(await again('down', Date.now() + MINUTE)).toMatchObject({ kind: 'joined' });
    expect(world.target('down').changes).toBe(0);
    expect((await targetOf('down')).openIncidentId).toBeUndefined();
    expect((await timelineOf(upstream)).filter(({ kind }) => kind === 'joined')).toHaveLength(1);
    await calm('db');
    expect(await again('down', Date.now() + 2 * MINUTE)).toMatchObject({ kind: 'remediated' });
    const own = await targetOf('down');
    expect(own.openIncidentId).not.toBe(upstream);
    expect(own.joinedTo).toBeUndefined();
  });

  it('with an incident of its own that came first is told there once, and calls nobody while that one is open', async () => {
    await openUnmended('first');
    const { openIncidentId: own } = await targetOf('first');
    await fire('pool');
    const { openIncidentId: upstream } = await targetOf('pool');
    depends('first', 'pool');
    const late = Date.now() + 24 * 60 * MINUTE;
    const stillFires = (at: number) =>
      world.deliver(numberAlarm('first', 'ALARM', { id: `related-${++ids}`, at: at - 1000 }), {
        config: config(),
        now: () => at,
      });
    expect(await stillFires(late)).toMatchObject({ kind: 'held', reason: 'upstream-in-trouble' });
    expect(await stillFires(late + MINUTE)).toMatchObject({ kind: 'held', reason: 'upstream-in-trouble' });
    const told = (await timelineOf(upstream)).filter(({ kind }) => kind === 'joined');
    expect(told).toMatchObject([{ data: { target: keyOf('first'), incidentId: own } }]);
    expect((await timelineOf(own)).filter(({ kind }) => kind === 'escalated')).toEqual([]);
    await calm('pool', late + 2 * MINUTE);
    expect((await targetOf('pool')).openIncidentId).toBeUndefined();
    expect(await stillFires(late + 3 * MINUTE)).toMatchObject({ kind: 'remediated' });
    expect((await targetOf('first')).openIncidentId).toBe(own);
  });

  it('calls its own people when nothing is done about that one, and nobody was called for it', async () => {
    await openUnmended('waiting');
    const { openIncidentId: own } = await targetOf('waiting');
    await openUnmended('idle');
    const { openIncidentId: upstream } = await targetOf('idle');
    depends('waiting', 'idle');
    const deliver = (name: string, at: number) =>
      world.deliver(numberAlarm(name, 'ALARM', { id: `related-${++ids}`, at: at - 1000 }), {
        config: withIdle(),
        now: () => at,
      });
    const { verifyWithinSeconds, reconcileEverySeconds } = world.config;
    const patience = (verifyWithinSeconds + 2 * reconcileEverySeconds) * 1000;
    const called = async () => (await timelineOf(own)).filter(({ kind }) => kind === 'escalated').length;
    expect(await deliver('waiting', Date.now() + patience - MINUTE)).toMatchObject({ reason: 'upstream-in-trouble' });
    expect(await called()).toBe(0);
    expect(await deliver('waiting', Date.now() + patience + MINUTE)).toMatchObject({ reason: 'upstream-in-trouble' });
    expect(await called()).toBe(1);
    depends('late', 'idle');
    expect(await deliver('late', Date.now() + patience + MINUTE)).toMatchObject({ kind: 'held' });
    expect((await targetOf('late')).openIncidentId).toBeDefined();
    expect((await timelineOf(upstream)).map(({ kind }) => kind)).not.toContain('escalated');
    await calm('idle', Date.now() + patience + 2 * MINUTE);
  });

  it('with an incident of its own that is more urgent calls its own people', async () => {
    const urgent = () => {
      const { services, ...rest } = config();
      return { ...rest, services: { other: { ...services.db, service: 'other', severity: 'P4' as const } } };
    };
    await openUnmended('urgent');
    const { openIncidentId: own } = await targetOf('urgent');
    await fire('other');
    depends('urgent', 'other');
    const late = Date.now() + 48 * 60 * MINUTE;
    const event = numberAlarm('urgent', 'ALARM', { id: `related-${++ids}`, at: late - 1000 });
    await world.deliver(event, { config: urgent(), now: () => late });
    const kinds = (await timelineOf(own)).map(({ kind }) => kind);
    expect(kinds).toContain('escalated');
    await calm('other', late + 1000);
  });

  it('is told there, too, when it is over', async () => {
    await fire('db', Date.now());
    const { openIncidentId: upstream } = await targetOf('db');
    depends('over', 'db');
    await fireDown('over');
    await calm('over');
    expect((await timelineOf(upstream)).at(-1)).toMatchObject({
      kind: 'note',
      summary: expect.stringContaining('is OK'),
    });
    expect(await dueOf('over', Date.now() + 60 * MINUTE)).toEqual([]);
    await calm('db', Date.now() + 1000);
  });
});

describe('an echo of our own change', () => {
  const started = (name: string, revision: string): Signal => ({
    id: `echo-${++ids}`,
    source: 'ecs-deployment',
    subject: `ecs-deployment:${keyOf(name)}:STARTED`,
    name: 'STARTED',
    state: 'firing',
    at: new Date().toISOString(),
    target: keyOf(name),
    firstEvaluation: false,
    recheck: 0,
    runbook: 'raise-number',
    rung: 0,
    evidence: { reason: 'a deployment started', datapoints: [], facts: { revision } },
  });
  const tell = (signal: Signal) => world.deliver({ nightshift: 1, command: 'signal', signal });

  it('is kept in the incident of the change and starts nothing; another one is news', async () => {
    const echoes = [{ source: 'ecs-deployment', what: 'STARTED', facts: { revision: 'r-7' } }] as const;
    const change = { summary: 'deploy r-7', before: 2, after: 3, undo: '', echoes };
    world.hooks.decide = (): Decision => ({ kind: 'act', change });
    await fire('echoing');
    delete world.hooks.decide;
    const { openIncidentId } = await targetOf('echoing');
    expect(await tell(started('echoing', 'r-7'))).toMatchObject({ kind: 'noted' });
    expect(world.target('echoing').changes).toBe(1);
    expect((await timelineOf(openIncidentId)).at(-1)).toMatchObject({
      kind: 'note',
      data: { actionId: expect.anything() },
    });
    world.hooks.decide = () => ({ kind: 'hold', reason: 'change-under-way', detail: 'r-8', recheckAfterSeconds: 60 });
    expect(await tell(started('echoing', 'r-8'))).toMatchObject({ kind: expect.stringMatching(/held|refused|joined/) });
  });
});

describe('freeze', () => {
  it('stops an action between two of its changes, which is finished once Nightshift may run again', async () => {
    world.hooks.beforeChange = async () => {
      await setSwitch(world.store, 'freeze', 'person:test', 'stop');
    };
    expect(await fire('frozen')).toMatchObject({ kind: 'held', reason: 'paused' });
    expect(world.target('frozen').changes).toBe(0);
    delete world.hooks.beforeChange;
    const later = Date.now() + 2 * MINUTE;
    const [work] = (await dueOf('frozen', later)).filter(({ kind }) => kind === 'unfinished');
    if (!work) throw new Error('the intent is not open any more');
    expect(await world.deliver(orderFor(work, new Map()), { now: () => later })).toMatchObject({ reason: 'paused' });
    await setSwitch(world.store, 'run', 'person:test', 'go on');
    expect(await world.deliver(orderFor(work, new Map()), { now: () => later })).toMatchObject({ kind: 'remediated' });
    expect(world.target('frozen')).toMatchObject({ value: 3, changes: 1 });
  });
});

describe('a hand-back that is put off', () => {
  it('says why with the target, and once for each reason in the timeline', async () => {
    await fire('put-off');
    const { openIncidentId } = await targetOf('put-off');
    await calm('put-off');
    const limits = { mode: 'observe' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 500 };
    const config = { ...world.config, runbooks: { 'raise-number': limits } };
    const order = { nightshift: 1, command: 'hand-back', target: keyOf('put-off') };
    const later = Date.now() + 2 * MINUTE;
    for (const at of [later, later + MINUTE]) await world.deliver(order, { config, now: () => at });
    const [hold] = (await targetOf('put-off')).holds;
    expect(hold?.postponed).toMatchObject({ reason: 'mode', why: expect.stringContaining('observe') });
    const notes = (await timelineOf(openIncidentId)).filter(({ kind }) => kind === 'note');
    expect(notes.map(({ summary }) => summary)).toEqual([expect.stringContaining('mode is observe')]);
    await world.deliver(order, { now: () => later + 2 * MINUTE });
    expect(world.target('put-off').value).toBe(2);
  });
});
