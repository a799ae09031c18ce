import { describe, expect, it } from '@jest/globals';
import { allOrFirstFailure, Phases } from '../../../local/world/phases.ts';

describe('starting parts side by side', () => {
  it('gives every result in order', async () => {
    const results = await allOrFirstFailure([Promise.resolve(1), Promise.resolve('b')] as const, () => {});
    expect(results).toEqual([1, 'b']);
  });

  it('throws the failure that came first, after every part has ended', async () => {
    const { promise: slow, resolve: endSlow } = Promise.withResolvers<void>();
    const { promise: late, reject: failLate } = Promise.withResolvers<void>();
    const events: string[] = [];
    const all = allOrFirstFailure(
      [slow.then(() => events.push('slow ended')), late, Promise.reject(new Error('first'))] as const,
      () => {
        events.push('told');
        failLate(new Error('second'));
        setTimeout(endSlow, 5);
      },
    );
    await expect(all).rejects.toThrow('first');
    expect(events).toEqual(['told', 'slow ended']);
  });
});

describe('a part that does not end', () => {
  it("doesn't keep a failed start from being told", async () => {
    const stuck = new Promise<void>(() => {});
    const all = allOrFirstFailure([stuck, Promise.reject(new Error('first'))] as const, () => {}, 1);
    await expect(all).rejects.toThrow('first');
  });
});

describe('phases', () => {
  it('tells the observer how each one ended and keeps the times of those that succeeded', async () => {
    const told: string[] = [];
    const phases = new Phases({
      phase: (name) => ({
        done: (detail) => told.push(`${name} done ${detail}`),
        failed: () => told.push(`${name} failed`),
      }),
    });
    await phases.run('good', async () => 42, String);
    await expect(phases.run('bad', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(told).toEqual(['good done 42', 'bad failed']);
    expect(phases.times.map(({ name }) => name)).toEqual(['good']);
  });
});
