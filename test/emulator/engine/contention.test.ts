/** Many commits at once, with transactions held open so that they overlap: DynamoDB then cancels them as AWS does (`TransactionConflict`). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTENTION_ROUNDS, commitEverywhere, commitTwice } from '../../support/contention.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';

/** Takes some seconds when nothing else runs. */
const BUSY_MACHINE_MS = 240_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
  world.gateway.transactions.overlapMs = { min: 20, max: 60 };
});
afterAll(() => world?.close());

describe('two commits at once on one target', () => {
  it(
    `are won by exactly one, ${CONTENTION_ROUNDS} times of ${CONTENTION_ROUNDS}, and neither is lost`,
    async () => {
      const { rounds, conflicts } = await commitTwice(world, CONTENTION_ROUNDS);
      expect(rounds.filter(({ changes, intents, remediated }) => changes + intents + remediated !== 3)).toEqual([]);
      expect(rounds.filter(({ accounted }) => accounted !== 2)).toEqual([]);
      // Otherwise nothing was proved.
      expect(conflicts).toBeGreaterThan(0);
    },
    BUSY_MACHINE_MS,
  );
});

describe('many commits at once on as many targets', () => {
  it(
    'all take effect: none is lost, none refused because of the others',
    async () => {
      const { outcomes, changes, conflicts } = await commitEverywhere(world, 100);
      const { remediated = 0, contended = 0, ...others } = outcomes;
      expect(others).toEqual({});
      expect(remediated + contended).toBe(100);
      expect(changes).toEqual(Array.from({ length: 100 }, () => 1));
      expect(conflicts).toBeGreaterThan(0);
    },
    BUSY_MACHINE_MS,
  );
});
