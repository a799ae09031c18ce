/** Incidents that nobody follows, handed over from run to run. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { takeUpUnfollowed } from '../../../functions/incidents/reconciler/follow.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-11-20T10:00:00Z');
const world = { now: START, late: ['inc-1', 'inc-2'], orders: [] as string[], isDown: false };
beforeEach(() => {
  Object.assign(world, { now: START, late: ['inc-1', 'inc-2'], orders: [], isDown: false });
});

/** The first partition of what is due holds them; nothing was never followed. */
const store = {
  query: async ({
    IndexName,
    ExpressionAttributeValues = {},
  }: {
    IndexName: string;
    ExpressionAttributeValues?: object;
  }) =>
    IndexName === 'due' && JSON.stringify(ExpressionAttributeValues).includes('FOLLOW#0')
      ? world.late.map((incidentId, dueAt) => ({ incidentId, dueAt }))
      : [],
  readAll: async () => new Map(),
};
const lambda = {
  send: async ({ input }: { input: { Payload: string } }) => {
    if (world.isDown) throw Object.assign(new Error('away'), { name: 'ServiceException' });
    world.orders.push((JSON.parse(input.Payload) as { incidentId: string }).incidentId);
  },
};
const run = (handedOver?: Map<string, number>) =>
  takeUpUnfollowed({
    ...{ store, lambda, functionName: 'follow-through', now: () => world.now },
    ...(handedOver && { handedOver }),
  } as unknown as Parameters<typeof takeUpUnfollowed>[0]);

describe('incidents that nobody follows', () => {
  it('are handed over once in two minutes, however often the reconciler runs meanwhile', async () => {
    const handedOver = new Map<string, number>();
    expect(await run(handedOver)).toEqual(['inc-1', 'inc-2']);
    world.late = ['inc-1', 'inc-2', 'inc-3'];
    world.now = START + 2 * MINUTE - 1;
    expect(await run(handedOver)).toEqual(['inc-3']);
    world.now = START + 2 * MINUTE;
    expect(await run(handedOver)).toEqual(['inc-1', 'inc-2']);
    expect(world.orders).toEqual(['inc-1', 'inc-2', 'inc-3', 'inc-1', 'inc-2']);
  });

  it('are handed over again at once when the order was not taken, or the process that knew has died', async () => {
    const handedOver = new Map<string, number>();
    world.isDown = true;
    await expect(run(handedOver)).rejects.toThrow('have inc-1 followed');
    world.isDown = false;
    expect(await run(handedOver)).toEqual(['inc-1', 'inc-2']);
    expect(await run()).toEqual(['inc-1', 'inc-2']);
  });
});
