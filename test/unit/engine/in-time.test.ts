import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inTime } from '../../../functions/engine/in-time.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('what is waited for', () => {
  it('is given when it comes in time, and nothing waits on', async () => {
    expect(await inTime(100, 'late', Promise.resolve('here'))).toBe('here');
    await expect(inTime(100, 'late', Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is given up when the time is over, and its later failure is nobody’s', async () => {
    const work = new Promise<string>((_, reject) => setTimeout(() => reject(new Error('broken')), 200));
    const waited = expect(inTime(100, 'too late', work)).rejects.toThrow('too late');
    await jest.advanceTimersByTimeAsync(300);
    await waited;
  });
});
