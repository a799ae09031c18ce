/** Commits at once at full numbers; the quick form is in test/emulator/engine/contention.test.ts. */
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
    const { outcomes, changes, conflicts, met, p99Ms } = await commitEverywhere(world, 500);
    process.stdout.write(
      `contention: ${JSON.stringify(outcomes)} of 500 at once, 99 % within ${p99Ms} ms, ${conflicts} cancelled, met at ${JSON.stringify(met)}\n`,
    );
    // What others kept in the way of is put aside and brought up again; how many depends on the machine.
    const { remediated = 0, contended = 0, ...others } = outcomes;
    expect(others).toEqual({});
    expect(remediated + contended).toBe(500);
    expect(changes.filter((times) => times !== 1)).toEqual([]);
    expect(conflicts).toBeGreaterThan(0);
  }, 900_000);
});
