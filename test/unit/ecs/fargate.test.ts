import { describe, expect, it } from '@jest/globals';
import { FARGATE_SIZES, isFargateSize, moreCpu, moreMemory } from '../../../functions/ecs/fargate.ts';

const size = (cpuUnits: number, memoryMib: number) => ({ cpuUnits, memoryMib });
const NO_LIMIT = size(16_384, 122_880);

describe('the sizes of Fargate', () => {
  it('are those of the table: how many for each CPU, from least to most', () => {
    const rows = new Map<number, number[]>();
    for (const { cpuUnits, memoryMib } of FARGATE_SIZES) rows.set(cpuUnits, [...(rows.get(cpuUnits) ?? []), memoryMib]);
    expect([...rows].map(([cpu, all]) => [cpu, all.length, all[0], all.at(-1)])).toEqual([
      [256, 3, 512, 2048],
      [512, 4, 1024, 4096],
      [1024, 7, 2048, 8192],
      [2048, 13, 4096, 16_384],
      [4096, 23, 8192, 30_720],
      [8192, 12, 16_384, 61_440],
      [16_384, 12, 32_768, 122_880],
    ]);
    expect(isFargateSize(256, 3072)).toBe(false);
    expect(isFargateSize(300, 512)).toBe(false);
  });

  it.each([
    ['half as much again, rounded up to a size', size(256, 512), NO_LIMIT, size(256, 1024)],
    ['with more CPU where the memory asks for it', size(256, 2048), NO_LIMIT, size(512, 3072)],
    ['no more CPU than allowed', size(256, 2048), size(256, 8192), undefined],
    ['as much as the limit allows, if that is less', size(1024, 4096), size(1024, 5120), size(1024, 5120)],
    ['nothing beyond the limit', size(1024, 4096), size(1024, 4096), undefined],
    ['nothing where no limit is set', size(1024, 4096), size(0, 0), undefined],
    ['nothing beyond the greatest', size(16_384, 122_880), NO_LIMIT, undefined],
  ])('give more memory: %s', (_, from, most, to) => {
    expect(moreMemory(from, most)).toEqual(to);
  });

  it.each([
    ['the next step', size(256, 1024), NO_LIMIT, size(512, 1024)],
    ['with the memory that the step needs', size(256, 512), NO_LIMIT, size(512, 1024)],
    ['only where that memory is allowed', size(256, 512), size(512, 512), undefined],
    ['nothing beyond the limit', size(512, 1024), size(512, 8192), undefined],
  ])('give more CPU: %s', (_, from, most, to) => {
    expect(moreCpu(from, most)).toEqual(to);
  });
});
