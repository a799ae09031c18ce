import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runbooks, scoreOf } from '../../../cli/commands/runbooks.ts';
import { main } from '../../../cli/main.ts';
import { runbooksDocument } from '../../../events/published/runbooks.ts';
import { PermissionError } from '../../../functions/engine/errors.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import { resolveByPerson } from '../../../functions/engine/operator.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { LOCAL_PLACE, recorder } from '../../unit/cli/harness.ts';

const NAME = 'raise-number';
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

async function type(mode: 'observe' | 'auto') {
  const io = recorder();
  const runbook = { ...world.config.runbooks[NAME], mode } as EngineWorld['config']['runbooks'][string];
  const config = { ...world.config, runbooks: { [NAME]: runbook } };
  const parts = { open: () => world.store, deployment: async () => ({ name: 'test', config, manifests: [] }) };
  const run = { commands: [runbooks(parts)], find: async () => LOCAL_PLACE };
  expect(await main(['runbooks', '--json'], io, run)).toBe(0);
  expect(await main(['runbooks'], io, run)).toBe(0);
  return { document: runbooksDocument.parse(JSON.parse(io.stdout[0] ?? '')), text: io.stdout.slice(1).join('\n') };
}
let ids = 0;
const fire = (name: string, state: 'ALARM' | 'OK', at = Date.now()) =>
  numberAlarm(name, state, { id: `rb-${++ids}`, at });

describe('runbooks', () => {
  it('count the changes of this hour, by runbook and all together', async () => {
    for (const name of ['one', 'two']) await world.deliver(fire(name, 'ALARM'));
    const { document } = await type('auto');
    expect(document.runbooks[0]).toMatchObject({ name: NAME, mode: 'auto', usedThisHour: 2, perRunbookPerHour: 500 });
    expect(document.fleet).toEqual({ usedThisHour: 2, perHour: 1000 });
    expect(document.removals).toEqual({ usedThisHour: 0, perHour: 1000 });
    expect(document.runbooks[0]?.score.wouldHaveActed).toBe(0);
  });

  it('score observe mode: what cleared alone in time, what a person ended, what is still open', async () => {
    const observe = { ...world.config.runbooks[NAME], mode: 'observe' } as EngineWorld['config']['runbooks'][string];
    const config = { ...world.config, runbooks: { [NAME]: observe } };
    for (const name of ['alone', 'late', 'ended', 'open']) await world.deliver(fire(name, 'ALARM'), { config });
    const later = (seconds: number) => ({ config, now: () => Date.now() + seconds * 1000 });
    await world.deliver(fire('alone', 'OK', Date.now() + 60_000), later(60));
    await world.deliver(fire('late', 'OK', Date.now() + 700_000), later(700));
    const incidents = await listIncidents(world.store);
    const ended = incidents.find(({ target }) => target.endsWith('/ended'));
    await resolveByPerson(world.store, ended?.id ?? '', { by: 'person:jane', reason: 'a test' });
    const score = { wouldHaveActed: 4, clearedAlone: 1 };
    expect(scoreOf(NAME, await listIncidents(world.store), 600)).toMatchObject(score);
    expect(scoreOf('another', await listIncidents(world.store), 600)).toMatchObject({ wouldHaveActed: 0 });
    expect(scoreOf(NAME, await listIncidents(world.store), 600).sameByPerson).toBe(0);
    const { document, text } = await type('observe');
    expect(document.runbooks[0]?.score).toMatchObject(score);
    expect(text).toMatch(/3 of 4 incidents did not clear alone/);
  });

  it('score what somebody did by hand: the same change, another one, and the same one later than the proof was due', async () => {
    const observe = { ...world.config.runbooks[NAME], mode: 'observe' } as EngineWorld['config']['runbooks'][string];
    const config = { ...world.config, runbooks: { [NAME]: observe } };
    const before = scoreOf(NAME, await listIncidents(world.store), 600);
    const later = (seconds: number) => ({ config, now: () => Date.now() + seconds * 1000 });
    const settle = (name: string, seconds: number) =>
      world.deliver(
        { nightshift: 1, command: 'settle', target: `ecs-service/orders/${name}`, alarms: {} },
        later(seconds),
      );
    for (const name of ['same', 'other', 'slow']) await world.deliver(fire(name, 'ALARM'), { config });
    world.target('same').value = 3;
    world.target('other').value = 7;
    await settle('slow', 600);
    world.target('slow').value = 3;
    for (const name of ['same', 'other']) await world.deliver(fire(name, 'OK', Date.now() + 60_000), later(60));
    await world.deliver(fire('slow', 'OK', Date.now() + 900_000), later(900));
    await settle('slow', 960);
    const after = scoreOf(NAME, await listIncidents(world.store), 600);
    expect(after.wouldHaveActed - before.wouldHaveActed).toBe(3);
    expect(after.sameByPerson).toBe(2);
    // The other change is a person's, too, but nobody can tell: it cleared without us.
    expect(after.clearedAlone - before.clearedAlone).toBe(1);
    const same = (await listIncidents(world.store)).find(({ target }) => target.endsWith('/same'));
    expect(same?.state).toBe('resolved');
    expect(same?.timeline.filter(({ data }) => data.did === 'same').map(({ summary }) => summary)).toEqual([
      expect.stringMatching(/^somebody else did what it would have done: /),
    ]);
    expect((await type('observe')).text).toMatch(/in 2 somebody did what it would have done/);
  });

  it('score nothing of a target that can not be looked at, whose incident ends all the same', async () => {
    const observe = { ...world.config.runbooks[NAME], mode: 'observe' } as EngineWorld['config']['runbooks'][string];
    const config = { ...world.config, runbooks: { [NAME]: observe } };
    await world.deliver(fire('unseen', 'ALARM'), { config });
    world.hooks.observe = () => {
      throw new PermissionError('describe it: AccessDenied');
    };
    await world.deliver(fire('unseen', 'OK', Date.now() + 60_000), { config, now: () => Date.now() + 60_000 });
    delete world.hooks.observe;
    const unseen = (await listIncidents(world.store)).find(({ target }) => target.endsWith('/unseen'));
    expect(unseen?.state).toBe('resolved');
  });
});
