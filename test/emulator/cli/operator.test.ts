import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import { ChangedBySomeoneElseError, OutOfTimeError } from '../../../functions/engine/errors.ts';
import { standingOf } from '../../../functions/engine/escalation.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import {
  acknowledge,
  NotPossibleError,
  readTargets,
  release,
  resolveByPerson,
  takeOver,
} from '../../../functions/engine/operator.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const JANE = { by: 'person:jane', reason: 'migrating it' };
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
});

let ids = 0;
const key = (name: string) => `ecs-service/orders/${name}`;
const alarm = (name: string, state: 'ALARM' | 'OK' = 'ALARM', at = Date.now()) =>
  numberAlarm(name, state, { id: `operator-${++ids}`, at });
const targetItem = async (name: string) => (await readTargets(world.store, [key(name)])).get(key(name));
const workOf = async (name: string, at: number) =>
  (await world.due(at)).filter(({ target }) => target === key(name)).map(({ kind }) => kind);
async function incidentOf(outcome: Outcome) {
  const incident = 'incidentId' in outcome && (await readIncident(world.store, outcome.incidentId));
  if (!incident) throw new Error(`${outcome.kind} leads to no incident`);
  return incident;
}
const openIncidentId = async (name: string) => {
  const id = (await targetItem(name))?.openIncidentId;
  if (!id) throw new Error(`${name} has no open incident`);
  return id;
};

describe('a target that a person has taken over', () => {
  it('is not changed, and the outcome names the person and the reason', async () => {
    await takeOver(world.store, key('taken'), { ...JANE, until: Date.now() + HOUR });
    const outcome = await world.deliver(alarm('taken'));
    expect(outcome).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(outcome).toHaveProperty('detail', expect.stringMatching(/^jane has taken it over until .*: migrating it$/));
    expect(world.target('taken').changes).toBe(0);
  });

  it('is judged again at once when it is given back, by the value it has then', async () => {
    const now = Date.now();
    await takeOver(world.store, key('given-back'), { ...JANE, until: now + HOUR });
    await world.deliver(alarm('given-back'));
    expect(await workOf('given-back', now + MINUTE)).toEqual([]);
    await release(world.store, key('given-back'), JANE);
    const [recheck] = (await world.due(Date.now())).filter(({ target }) => target === key('given-back'));
    expect(recheck?.kind).toBe('recheck');
    world.target('given-back').value = 7;
    const signal = { ...recheck?.signal, id: `again-${++ids}`, recheck: 1 };
    expect(await world.deliver({ nightshift: 1, command: 'signal', signal })).toMatchObject({ kind: 'remediated' });
    expect(world.target('given-back')).toMatchObject({ value: 8, changes: 1 });
    const { timeline } = (await readIncident(world.store, await openIncidentId('given-back'))) ?? { timeline: [] };
    expect(timeline.find(({ kind }) => kind === 'released')).toMatchObject({ by: 'person:jane' });
  });

  it('keeps what Nightshift holds on it until it is given back', async () => {
    const acted = await world.deliver(alarm('holding'));
    expect(acted.kind).toBe('remediated');
    await takeOver(world.store, key('holding'), { ...JANE, until: Date.now() + HOUR });
    await world.deliver(alarm('holding', 'OK', Date.now() + 1_000));
    const later = () => Date.now() + 10 * MINUTE;
    const order = { nightshift: 1, command: 'hand-back', target: key('holding') };
    expect(await world.deliver(order, { now: later })).toMatchObject({ kind: 'held' });
    expect(world.target('holding').value).toBe(3);
    expect((await targetItem('holding'))?.holds).toMatchObject([{ baseline: 2, value: 3 }]);
    await release(world.store, key('holding'), JANE);
    expect(await workOf('holding', Date.now())).toContain('hand-back');
    expect(await world.deliver(order, { now: later })).toMatchObject({ kind: 'remediated' });
    expect(world.target('holding').value).toBe(2);
  });

  it('is written into the open incident', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'no idea' });
    const outcome = await world.deliver(alarm('told'));
    await takeOver(world.store, key('told'), { ...JANE, until: Date.now() + HOUR });
    expect((await incidentOf(outcome)).timeline.at(-1)).toMatchObject({ kind: 'taken-over', by: 'person:jane' });
  });

  it('calls a person once for its alarms, when it lasts beyond the deadline: whoever has it may be asleep', async () => {
    await takeOver(world.store, key('asleep'), { ...JANE, until: Date.now() + HOUR });
    for (let times = 0; times < 3; times++) await world.deliver(alarm('asleep'));
    const { timeline } = (await readIncident(world.store, await openIncidentId('asleep'))) ?? { timeline: [] };
    expect(timeline.filter(({ kind }) => kind === 'escalated')).toHaveLength(1);
  });

  it('is free again when its time is over', async () => {
    const until = Date.now() + HOUR;
    await takeOver(world.store, key('over'), { ...JANE, until });
    const at = until + 1;
    expect(await world.deliver(alarm('over', 'ALARM', at), { now: () => at })).toMatchObject({ kind: 'remediated' });
  });

  it('does not get a change that a dead function left unfinished', async () => {
    world.hooks.beforeChange = () => {
      throw new OutOfTimeError('killed before the change');
    };
    await expect(world.deliver(alarm('unfinished'))).rejects.toThrow('killed');
    delete world.hooks.beforeChange;
    const { leaseHolder } = await takeOver(world.store, key('unfinished'), { ...JANE, until: Date.now() + HOUR });
    const resume = { nightshift: 1, command: 'resume', actionId: leaseHolder };
    const outcome = await world.deliver(resume, { now: () => Date.now() + 2 * MINUTE });
    expect(outcome).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(world.target('unfinished').changes).toBe(0);
  });

  it('can be given back only when it was taken', async () => {
    await expect(release(world.store, key('never'), JANE)).rejects.toThrow(NotPossibleError);
  });

  it('is given back also from the hands-off that Nightshift set itself', async () => {
    world.hooks.beforeChange = (each) => {
      throw new ChangedBySomeoneElseError('number', '2', String(each.value));
    };
    expect(await world.deliver(alarm('foreign'))).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect((await targetItem('foreign'))?.handsOffUntil).toBeGreaterThan(Date.now());
    expect((await release(world.store, key('foreign'), JANE)).handsOffUntil).toBeUndefined();
  });
});

describe('a person who ends an incident', () => {
  it('frees the target: no open work, no alarms, a resolved entry with the name', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'no idea' });
    const outcome = await world.deliver(alarm('ended'));
    const { id } = await incidentOf(outcome);
    expect(await resolveByPerson(world.store, id, JANE)).toEqual([
      'arn:aws:cloudwatch:us-east-1:000000000000:alarm:ended-cpu',
    ]);
    expect(await incidentOf(outcome)).toMatchObject({ state: 'resolved' });
    expect((await incidentOf(outcome)).timeline.at(-1)).toMatchObject({
      kind: 'resolved',
      by: 'person:jane',
      summary: 'ended by a person: migrating it',
    });
    expect(await targetItem('ended')).toMatchObject({ alarms: {} });
    expect((await targetItem('ended'))?.openIncidentId).toBeUndefined();
    expect(await workOf('ended', Date.now() + 24 * HOUR)).toEqual([]);
    await expect(resolveByPerson(world.store, id, JANE)).rejects.toThrow(/is over since/);
  });

  it('has what Nightshift holds handed back afterwards, although the alarm still fires', async () => {
    const outcome = await world.deliver(alarm('held-still'));
    await resolveByPerson(world.store, (await incidentOf(outcome)).id, JANE);
    expect(await workOf('held-still', Date.now() + 2 * MINUTE)).toEqual(['hand-back']);
    const order = { nightshift: 1, command: 'hand-back', target: key('held-still') };
    const handedBack = await world.deliver(order, { now: () => Date.now() + 2 * MINUTE });
    expect(handedBack).toMatchObject({ kind: 'remediated' });
    expect(world.target('held-still').value).toBe(2);
  });

  it('is refused while a change is under way, and while one was left unfinished', async () => {
    world.hooks.beforeChange = () => {
      throw new OutOfTimeError('killed before the change');
    };
    await expect(world.deliver(alarm('busy'))).rejects.toThrow('killed');
    const id = await openIncidentId('busy');
    await expect(resolveByPerson(world.store, id, JANE)).rejects.toThrow(/is under way until/);
    await expect(resolveByPerson(world.store, id, JANE, Date.now() + HOUR)).rejects.toThrow(/was left unfinished/);
    expect((await readIncident(world.store, id))?.state).toBe('acting');
  });

  it('is told when there is no such incident', async () => {
    await expect(resolveByPerson(world.store, 'inc-nothing', JANE)).rejects.toThrow(/no incident "inc-nothing"/);
  });
});

describe('a person who acknowledges an incident', () => {
  it('is kept with the time; a second one is told who was first', async () => {
    const { id } = await incidentOf(await world.deliver(alarm('acknowledged')));
    expect(await acknowledge(world.store, id, 'person:jane')).toBeUndefined();
    expect(await acknowledge(world.store, id, 'person:joe')).toBe('person:jane');
    const incident = await readIncident(world.store, id);
    expect(incident).toMatchObject({ acknowledgedBy: 'person:jane', state: 'verifying' });
    expect(incident?.timeline.filter(({ kind }) => kind === 'acknowledged')).toHaveLength(1);
  });

  it('stops the ladder again after an earlier acknowledgement has lapsed, and after what was acknowledged is over', async () => {
    const { id } = await incidentOf(await world.deliver(alarm('acknowledged-anew')));
    const rules = { ...world.config, escalation: { ...world.config.escalation, acknowledgementLastsMinutes: 5 } };
    const start = Date.now();
    const told = async (kind: 'escalated' | 'resolved', at: number) =>
      world.store.transact([putEntry(world.store.table, entryMaker(id, 'raise-number', at)(kind, kind, {}))]);
    const kindAt = async (at: number) => {
      const incident = await readIncident(world.store, id);
      return incident && standingOf(incident, rules, at).kind;
    };
    await told('escalated', start + MINUTE);
    expect(await acknowledge(world.store, id, 'person:jane', start + 2 * MINUTE)).toBeUndefined();
    expect(await kindAt(start + 7 * MINUTE)).toBe('unattended');
    expect(await acknowledge(world.store, id, 'person:joe', start + 7 * MINUTE)).toBeUndefined();
    expect(await kindAt(start + 7 * MINUTE)).toBe('attended');

    await told('resolved', start + 8 * MINUTE);
    await told('escalated', start + 9 * MINUTE);
    expect(await kindAt(start + 9 * MINUTE)).toBe('unattended');
    expect(await acknowledge(world.store, id, 'person:jane', start + 9 * MINUTE)).toBeUndefined();
    expect(await kindAt(start + 9 * MINUTE)).toBe('attended');
  });
});
