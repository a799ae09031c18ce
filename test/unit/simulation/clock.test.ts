import { expect, it } from '@jest/globals';
import { VirtualClock } from '../../simulation/clock.ts';

it('happens in the order of time, and of asking where times are equal', async () => {
  const clock = new VirtualClock(100);
  const seen: string[] = [];
  clock.at(300, () => seen.push('c'));
  clock.at(200, () => seen.push('a'));
  clock.at(200, () => seen.push('b'));
  clock.at(50, () => seen.push('at once'));
  while (await clock.step());
  expect(seen).toEqual(['at once', 'a', 'b', 'c']);
  expect(clock.now).toBe(300);
});

it('goes forward at once where nobody else is waiting, and lets others go first where somebody is', async () => {
  const clock = new VirtualClock(0);
  await clock.sleep(10);
  expect(clock.now).toBe(10);
  const seen: number[] = [];
  clock.at(15, () => seen.push(clock.now));
  const slept = clock.sleep(20).then(() => seen.push(clock.now));
  while (await clock.step());
  await slept;
  expect(seen).toEqual([15, 30]);
});
