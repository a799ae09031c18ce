import { describe, expect, it } from '@jest/globals';
import { Pacer } from '../../../functions/engine/pacer.ts';

/** A clock on which waiting takes exactly as long as asked for. */
function clock() {
  let now = 0;
  const waits: number[] = [];
  const wait = async (milliseconds: number) => {
    waits.push(milliseconds);
    const until = now + milliseconds;
    await Promise.resolve();
    now = Math.max(now, until);
  };
  return { now: () => now, wait, waits, pass: (milliseconds: number) => (now += milliseconds) };
}

describe('a pacer', () => {
  it('lets the first call pass at once, and the others at its rate, whether they ask together or in turn', async () => {
    const time = clock();
    const pacer = new Pacer({ perSecond: 5, ...time });
    await pacer.take();
    expect(time.waits).toEqual([]);
    await Promise.all([pacer.take(), pacer.take()]);
    expect(time.waits).toEqual([200, 400]);
    await pacer.take();
    expect(time.now()).toBe(600);
  });

  it('keeps the time of several calls free after them, not before', async () => {
    const time = clock();
    const pacer = new Pacer({ perSecond: 5, ...time });
    await pacer.take(4);
    expect(time.now()).toBe(0);
    await pacer.take();
    expect(time.now()).toBe(800);
  });

  it('saves nothing up while nobody asks', async () => {
    const time = clock();
    const pacer = new Pacer({ perSecond: 5, ...time });
    await pacer.take();
    time.pass(60_000);
    await pacer.take();
    await pacer.take();
    expect(time.now()).toBe(60_200);
  });
});
