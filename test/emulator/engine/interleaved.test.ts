/** Two functions at once, one overtaking the other between its read and its write. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { InFlightError } from '../../../functions/engine/errors.ts';
import { alarmKey, type Key } from '../../../functions/engine/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-cpu`;

/** A store whose first read is followed by something that another function does. */
class OvertakenStore extends Store {
  #meanwhile: (() => Promise<unknown>) | undefined;
  constructor(meanwhile: () => Promise<unknown>) {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    super('journal', new DynamoDBClient({ endpoint: world.gateway.url, region: 'us-east-1', credentials }));
    this.#meanwhile = meanwhile;
  }
  override async readAll(keys: readonly Key[]) {
    const found = await super.readAll(keys);
    await this.#overtake();
    return found;
  }
  override async read(key: Key) {
    const found = await super.read(key);
    await this.#overtake();
    return found;
  }
  async #overtake(): Promise<void> {
    const meanwhile = this.#meanwhile;
    this.#meanwhile = undefined;
    await meanwhile?.();
  }
}

describe('an OK event overtaken by a later alarm', () => {
  it('does not end the incident of that alarm, nor make it forgotten', async () => {
    const at = Date.now() - 10_000;
    const store = new OvertakenStore(() =>
      world.deliver(numberAlarm('overtaken', 'ALARM', { id: 'overtaken-2', at: at + 5000 })),
    );
    const calm = numberAlarm('overtaken', 'OK', { id: 'overtaken-1', at });
    await expect(world.deliver(calm, { store })).rejects.toBeInstanceOf(InFlightError);
    expect(await world.deliver(calm)).toMatchObject({ kind: 'already-fine' });
    expect((await readTarget(world.store, keyOf('overtaken'))).alarms[arnOf('overtaken')]).toBe('ALARM');
    expect(await world.store.read(alarmKey(arnOf('overtaken')))).toMatchObject({ state: 'ALARM', stateAt: at + 5000 });
    const due = await world.due(Date.now() + 10 * MINUTE);
    expect(due.filter((work) => work.target === keyOf('overtaken')).map((work) => work.kind)).toContain('recheck');
  });
});

describe('an order to settle a target that had no incident', () => {
  it('leaves the verification of one that was opened meanwhile', async () => {
    const store = new OvertakenStore(() => world.deliver(numberAlarm('settled', 'ALARM', { id: 'settled-1' })));
    const order = { nightshift: 1, command: 'settle', target: keyOf('settled'), alarms: {} };
    await world.deliver(order, { store });
    const due = await world.due(Date.now() + 11 * MINUTE);
    expect(due.filter((work) => work.target === keyOf('settled')).map((work) => work.kind)).toContain('verify');
  });
});
