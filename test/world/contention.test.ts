/** Two at once at full numbers; the quick form, and many targets at once, are in test/emulator/engine/contention.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { commitTwice } from '../support/contention.ts';
import { type EngineWorld, openEngineWorld } from '../support/engine-world.ts';

let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
  world.gateway.transactions.overlapMs = { min: 20, max: 60 };
});
afterAll(() => world?.close());

describe('with transactions that overlap for 20 to 60 ms', () => {
  it('two commits at once on one target are won by exactly one, 1,000 times of 1,000', async () => {
    const { rounds, conflicts } = await commitTwice(world, 1_000);
    const won = rounds.filter((each) => each.changes === 1 && each.intents === 1 && each.remediated === 1);
    process.stdout.write(`contention: ${won.length} of ${rounds.length} won by exactly one, ${conflicts} conflicts\n`);
    expect(rounds.filter((each) => !won.includes(each))).toEqual([]);
    expect(rounds.filter(({ accounted }) => accounted !== 2)).toEqual([]);
    expect(conflicts).toBeGreaterThan(1_000);
  }, 600_000);
});
