/** Blocks by several processes. */
import { expect, it, jest } from '@jest/globals';
import { blockOf, type Played, summed } from '../../simulation/blocks.ts';
import { playAll } from '../../simulation/pool.ts';

jest.setTimeout(240_000);

const blocks = [0, 1].map((block) => ({ block, options: blockOf(5, block, 10) }));

it('comes to the same with one process and with two', async () => {
  const play = async (workers: number) => {
    const played: Played[] = [];
    await playAll(blocks, workers, (each) => played.push(each));
    played.sort((a, b) => a.block - b.block);
    return { blocks: played.map(({ cpuMs: _, ...each }) => each), sum: summed(played) };
  };
  const [one, two] = await Promise.all([play(1), play(2)]);
  expect(one).toEqual(two);
  expect(one.blocks.map(({ block, incidents }) => [block, incidents >= 10])).toEqual(
    [0, 1].map((block) => [block, true]),
  );
  expect(one.sum.incidents).toBe(one.blocks.reduce((sum, { incidents }) => sum + incidents, 0));
});

it('ends with what the receiver of a block fails with', async () => {
  const refuse = () => {
    throw new Error('the disk is full');
  };
  await expect(playAll(blocks.slice(0, 1), 1, refuse)).rejects.toThrow('the disk is full');
});
