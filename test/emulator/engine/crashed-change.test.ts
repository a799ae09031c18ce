/** A change whose function died before it could be written down: what comes next must not take it for somebody else's. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  delete world.hooks.afterChange;
});

const dieAfterTheChange = () => {
  world.hooks.afterChange = () => {
    throw new RetryableError('died here');
  };
};
const fire = (name: string, id = `${name}-fires`) => numberAlarm(name, 'ALARM', { id });
const handBack = (name: string) => ({
  nightshift: 1,
  command: 'hand-back',
  target: `ecs-service/orders/${name}`,
});
/** The order to resume that target's unfinished intent. */
async function resumeOrder(name: string, at: number) {
  const work = (await world.due(at)).find(
    ({ kind, target }) => kind === 'unfinished' && target === `ecs-service/orders/${name}`,
  );
  return { nightshift: 1, command: 'resume', actionId: work?.id };
}

describe('a hand-back that died after its change', () => {
  it('is finished before anything else is judged, and never said to be the work of somebody else', async () => {
    const outcome = await world.deliver(fire('handed'));
    await world.deliver(numberAlarm('handed', 'OK', { id: 'handed-ok' }));
    const later = Date.now() + 2 * MINUTE;
    dieAfterTheChange();
    await expect(world.deliver(handBack('handed'), { now: () => later })).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.afterChange;
    // Its lease has run out: the order to hand back and the one to resume are both due, in no order.
    const afterLease = later + 2 * MINUTE;
    expect(await world.deliver(handBack('handed'), { now: () => afterLease })).toMatchObject({ kind: 'held' });
    await world.deliver(await resumeOrder('handed', afterLease), { now: () => afterLease });
    expect(world.target('handed')).toMatchObject({ value: 2, changes: 2 });
    const incident = await readIncident(world.store, 'incidentId' in outcome ? outcome.incidentId : '');
    expect(incident?.timeline.map(({ kind }) => kind)).not.toContain('left-as-is');
    expect(incident?.actions.at(-1)?.status).toBe('handed-back');
    const end = await world.deliver(handBack('handed'), { now: () => afterLease });
    expect(end).toMatchObject({ kind: 'noted' });
  });
});

describe('a change that died and whose lease has run out', () => {
  it('is finished before another signal is acted on, even without a cooldown', async () => {
    const config = {
      ...world.config,
      runbooks: {
        'raise-number': { mode: 'auto' as const, cooldownSeconds: 0, perTargetPerHour: 9, perRunbookPerHour: 500 },
      },
    };
    dieAfterTheChange();
    await expect(world.deliver(fire('open'), { config })).rejects.toBeInstanceOf(RetryableError);
    delete world.hooks.afterChange;
    const afterLease = Date.now() + 2 * MINUTE;
    const now = () => afterLease;
    const second = numberAlarm('open', 'ALARM', { id: 'open-second', alarm: 'open-memory', at: afterLease });
    const outcome = await world.deliver(second, { config, now });
    expect(world.target('open')).toMatchObject({ value: 3, changes: 1 });
    expect(['joined', 'held']).toContain(outcome.kind);
    await world.deliver(await resumeOrder('open', afterLease), { config, now });
    expect(world.target('open')).toMatchObject({ value: 3, changes: 1 });
  });
});
