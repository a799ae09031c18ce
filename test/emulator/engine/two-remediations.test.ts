/** Two remediations on one target: each verifies and hands back its own, and the last one ends the incident. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { type EngineWorld, numberAlarm, openEngineWorld, RAISE, RAISE_MORE } from '../../support/engine-world.ts';

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
const targetOf = (name: string) => readTarget(world.store, keyOf(name));
let ids = 0;
const alarm = (name: string, state: 'ALARM' | 'OK', runbook: string, at: number) =>
  numberAlarm(name, state, { id: `two-${++ids}`, at, runbook, alarm: `${name}-${runbook}` });
const fire = (name: string, to: string, at = Date.now() - 1000) => world.deliver(alarm(name, 'ALARM', to, at), { to });
const calm = (name: string, to: string, at = Date.now()) => world.deliver(alarm(name, 'OK', to, at), { to });
const settle = (name: string, to: string, at = Date.now()) =>
  world.deliver({ nightshift: 1, command: 'settle', target: keyOf(name), alarms: {} }, { to, now: () => at });
const handBack = (name: string, to: string, at: number) =>
  world.deliver({ nightshift: 1, command: 'hand-back', target: keyOf(name) }, { to, now: () => at });
const incidentOf = async (id: string | undefined) => {
  const incident = await readIncident(world.store, id ?? '');
  if (!incident) throw new Error(`no incident ${id}`);
  return incident;
};
const bothActed = async (name: string) => {
  await fire(name, RAISE);
  await fire(name, RAISE_MORE);
  expect(world.target(name)).toMatchObject({ value: 6, changes: 2 });
  return (await targetOf(name)).openIncidentId;
};

describe('two remediations that acted in one incident', () => {
  it('wait for a verification of their own each, and neither takes the place of the other', async () => {
    const id = await bothActed('waiting');
    const { verifying } = await targetOf('waiting');
    expect(Object.keys(verifying).sort()).toEqual([RAISE, RAISE_MORE]);
    expect((await incidentOf(id)).timeline.map(({ kind }) => kind)).not.toContain('not-verified');
    const due = (await world.due(Date.now() + 11 * MINUTE)).filter(({ target }) => target === keyOf('waiting'));
    const verify = due.filter(({ kind }) => kind === 'verify').map(({ remediation }) => remediation);
    expect(verify.sort()).toEqual([RAISE, RAISE_MORE]);
  });

  it('end the incident when the last of them has verified its own', async () => {
    const id = await bothActed('last');
    await calm('last', RAISE);
    await calm('last', RAISE_MORE);
    const { verifying, openIncidentId } = await targetOf('last');
    // The second alarm's OK had its own remediation verified; the first one's is due at once.
    expect([Object.keys(verifying), openIncidentId]).toEqual([[RAISE], id]);
    const due = (await world.due(Date.now())).filter(
      ({ target, kind }) => target === keyOf('last') && kind === 'verify',
    );
    expect(due.map(({ remediation }) => remediation)).toEqual([RAISE]);
    await settle('last', RAISE);
    expect((await targetOf('last')).openIncidentId).toBeUndefined();
    const incident = await incidentOf(id);
    expect(incident.state).toBe('resolved');
    expect(incident.actions.map(({ status }) => status)).toEqual(['verified', 'verified']);
    expect(incident.timeline.filter(({ kind }) => kind === 'resolved')).toHaveLength(1);
  });

  it('are settled at the same time without a loss, and the incident is resolved once', async () => {
    const id = await bothActed('together');
    world.hooks.verify = () => ({ kind: 'not-yet', detail: 'not yet' });
    await calm('together', RAISE);
    await calm('together', RAISE_MORE);
    delete world.hooks.verify;
    const tries = [RAISE, RAISE_MORE, RAISE, RAISE_MORE].map((to) => settle('together', to));
    await Promise.allSettled(tries);
    // What was in the way of another is delivered again.
    for (const to of [RAISE, RAISE_MORE]) await settle('together', to);
    const incident = await incidentOf(id);
    expect(incident.timeline.filter(({ kind }) => kind === 'resolved')).toHaveLength(1);
    expect(incident.timeline.filter(({ kind }) => kind === 'verified')).toHaveLength(2);
  });

  it('call a person for the one that did not help, and the other still ends the incident', async () => {
    const id = await bothActed('half');
    world.hooks.verify = (name) =>
      name === RAISE ? { kind: 'bad', detail: 'it is worse', stopForSeconds: 3600 } : { kind: 'good', detail: 'good' };
    await settle('half', RAISE);
    expect(Object.keys((await targetOf('half')).verifying)).toEqual([RAISE_MORE]);
    expect((await incidentOf(id)).state).toBe('escalated');
    // Only the one that made nothing better keeps away.
    expect(await fire('half', RAISE, Date.now())).toMatchObject({ kind: 'held', reason: 'hands-off' });
    await calm('half', RAISE, Date.now() + 1000);
    await calm('half', RAISE_MORE, Date.now() + 1000);
    const incident = await incidentOf(id);
    expect(incident.state).toBe('resolved');
    expect(incident.actions.map(({ status }) => status)).toEqual(['failed', 'verified']);
  });

  it.each([
    ['the greater first', [RAISE_MORE, RAISE], [3, 2], 4],
    // The lesser changes nothing when it goes, because the greater still holds the number.
    ['the lesser first', [RAISE, RAISE_MORE], [6, 2], 3],
  ])('hand back what they hold, %s', async (how, order, values, changes) => {
    const name = how.replaceAll(' ', '-');
    await bothActed(name);
    for (const to of [RAISE, RAISE_MORE]) await calm(name, to);
    await settle(name, RAISE);
    const later = Date.now() + 2 * MINUTE;
    for (const [index, to] of order.entries()) {
      await handBack(name, to, later);
      expect(world.target(name).value).toBe(values[index]);
    }
    expect((await targetOf(name)).holds).toEqual([]);
    expect(world.target(name).changes).toBe(changes);
    const left = (await world.due(later + 60 * MINUTE)).filter(({ target }) => target === keyOf(name));
    expect(left).toEqual([]);
  });

  it('leave the number alone once somebody else has changed it, both of them', async () => {
    const name = 'changed';
    await bothActed(name);
    for (const to of [RAISE, RAISE_MORE]) await calm(name, to);
    await settle(name, RAISE);
    world.target(name).value = 4;
    const later = Date.now() + 2 * MINUTE;
    for (const to of [RAISE_MORE, RAISE]) await handBack(name, to, later);
    expect(world.target(name)).toMatchObject({ value: 4, changes: 2 });
    expect((await targetOf(name)).holds).toEqual([]);
  });
});
