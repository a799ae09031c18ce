/** An OK that arrives after the alarm has fired again: it changes nothing, and is accounted for all the same (invariant I1). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventKey } from '../../../functions/engine/items.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

it('an OK from before the alarm fired again has its outcome in the journal, and leaves the incident open', async () => {
  const now = Date.now();
  await world.deliver(numberAlarm('late', 'ALARM', { id: 'late-fires', at: now }));
  const late = numberAlarm('late', 'OK', { id: 'late-ok', at: now - 60_000 });
  expect(await world.deliver(late)).toMatchObject({ kind: 'already-fine' });
  expect(await world.store.read(eventKey('raise-number', 'late-ok'))).toMatchObject({
    status: 'done',
    outcome: { kind: 'already-fine' },
  });
  expect(await world.deliver(late)).toMatchObject({ kind: 'duplicate' });
  expect(world.target('late').changes).toBe(1);
});
