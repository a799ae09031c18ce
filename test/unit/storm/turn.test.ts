import { describe, expect, it } from '@jest/globals';
import { turnInStorm } from '../../../functions/engine/storm.ts';

const opened = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `inc-${index}`, target: `t-${index}`, remediation: 'any' }));
const config = {
  storm: { targets: 10, withinSeconds: 300 },
  fleet: { changesPerHour: 20, removalsPerHour: 20, describesPerSecond: 5 },
};

describe('the turn of a target that was in hand before a storm', () => {
  it('is at once as long as there is none', () => {
    expect(turnInStorm(opened(10), 't-9', config)).toBe(0);
  });

  it('comes after those of earlier incidents, a look’s reads apart', () => {
    const turns = opened(11).map(({ target }) => turnInStorm(opened(11), target, config));
    expect(turns).toEqual([0, 800, 1600, 2400, 3200, 4000, 4800, 5600, 6400, 7200, 8000]);
  });

  it('counts a target once, however often its alarm flaps, and puts one that is not known last', () => {
    const flapping = [...opened(11), ...opened(11)];
    expect(turnInStorm(flapping, 't-1', config)).toBe(800);
    expect(turnInStorm(flapping, 'unknown', config)).toBe(8800);
  });
});
