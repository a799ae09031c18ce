/** Contention at its full numbers; the quick form is in test/emulator/engine/contention.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { commitEverywhere, commitTwice } from '../support/contention.ts';
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

  it('500 commits at once on 500 targets all take effect: none is lost, none refused because of the others', async () => {
    const { outcomes, changes, conflicts, p99Ms } = await commitEverywhere(world, 500);
    process.stdout.write(`contention: 500 at once: p99 ${p99Ms} ms, ${conflicts} conflicts\n`);
    expect(outcomes).toEqual({ remediated: 500 });
    expect(changes).toEqual(Array.from({ length: 500 }, () => 1));
    expect(conflicts).toBeGreaterThan(500);
  }, 300_000);
});
