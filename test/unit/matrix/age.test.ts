import { describe, expect, it } from '@jest/globals';
import { earlier } from '../../matrix/age.ts';
import { AlarmClock } from '../../matrix/place.ts';

const NOW = Date.parse('2026-11-20T03:00:00Z');

describe('letting time pass for a target', () => {
  it('puts every time back by the same amount, however deep, and leaves everything else', () => {
    const item = {
      version: 3,
      leaseUntil: NOW + 45_000,
      cooldownUntil: { 'scale-out-service': NOW + 3_600_000 },
      recent: { 'scale-out-service': [NOW - 1_000] },
      expiresAt: Math.floor(NOW / 1000) + 3_600,
      hold: { baseline: 1, value: 2, since: '2026-11-20T02:59:00.000Z' },
      alarms: {},
      missing: null,
    };
    expect(earlier(item, 46_000, NOW)).toEqual({
      ...item,
      leaseUntil: NOW - 1_000,
      cooldownUntil: { 'scale-out-service': NOW + 3_554_000 },
      recent: { 'scale-out-service': [NOW - 47_000] },
    });
  });
});

describe('the clock of the alarms', () => {
  it('is behind for one piece of work only, and they wait for each other', async () => {
    const clock = new AlarmClock();
    const seen: number[] = [];
    // Read in this order the difference is never below zero, which would round to minus zero.
    const behind = () => {
      const shown = clock.now().getTime();
      return Math.round((Date.now() - shown) / 10_000);
    };
    const look = async () => {
      seen.push(behind());
      await Promise.resolve();
      seen.push(behind());
    };
    await Promise.all([clock.use(50_000, look), clock.use(0, look)]);
    expect(seen).toEqual([5, 5, 0, 0]);
    await expect(clock.use(50_000, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await clock.use(0, look);
    expect(seen.slice(4)).toEqual([0, 0]);
  });
});
