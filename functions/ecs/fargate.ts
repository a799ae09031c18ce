/**
 * The task sizes that Fargate has (Amazon ECS Developer Guide, "Troubleshoot Amazon ECS task definition invalid CPU or memory errors", table of
 * valid combinations for Linux), and the next one up. Pure.
 */

export interface TaskSize {
  /** 1024 are one vCPU. */
  readonly cpuUnits: number;
  readonly memoryMib: number;
}

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);

const MEMORY_OF_CPU: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [512, 1024, 2048]],
  [512, range(1024, 4096, 1024)],
  [1024, range(2048, 8192, 1024)],
  [2048, range(4096, 16_384, 1024)],
  [4096, range(8192, 30_720, 1024)],
  [8192, range(16_384, 61_440, 4096)],
  [16_384, range(32_768, 122_880, 8192)],
]);

/** Every size, by CPU and then by memory. */
export const FARGATE_SIZES: readonly TaskSize[] = [...MEMORY_OF_CPU].flatMap(([cpuUnits, memories]) =>
  memories.map((memoryMib) => ({ cpuUnits, memoryMib })),
);

export const isFargateSize = (cpuUnits: number, memoryMib: number): boolean =>
  MEMORY_OF_CPU.get(cpuUnits)?.includes(memoryMib) ?? false;

/** Half as many again at least, where there is such a size: less would be short again soon. */
const GROWTH = 1.5;

/**
 * The size with half as much memory again, or the most that the limits allow beyond what there is; as little more CPU as that takes.
 * @param most what a task may have. @returns undefined when there is no greater size within it.
 */
export function moreMemory(size: TaskSize, most: TaskSize): TaskSize | undefined {
  const greater = allowed(size, most).filter(({ memoryMib }) => memoryMib > size.memoryMib);
  const enough = greater.filter(({ memoryMib }) => memoryMib >= size.memoryMib * GROWTH);
  if (enough.length > 0) return enough.reduce((a, b) => (b.memoryMib < a.memoryMib ? b : a));
  return greater.reduce<TaskSize | undefined>((a, b) => (!a || b.memoryMib > a.memoryMib ? b : a), undefined);
}

/** The next step of CPU, with as little more memory as that takes. @returns undefined when there is none within the limits. */
export function moreCpu(size: TaskSize, most: TaskSize): TaskSize | undefined {
  return allowed(size, most).find(({ cpuUnits }) => cpuUnits > size.cpuUnits);
}

/** Only upwards: nothing of either less than now, and nothing more than allowed (what it has already is allowed). */
const allowed = (size: TaskSize, most: TaskSize): readonly TaskSize[] =>
  FARGATE_SIZES.filter(
    ({ cpuUnits, memoryMib }) =>
      cpuUnits >= size.cpuUnits &&
      memoryMib >= size.memoryMib &&
      cpuUnits <= Math.max(most.cpuUnits, size.cpuUnits) &&
      memoryMib <= Math.max(most.memoryMib, size.memoryMib),
  );
