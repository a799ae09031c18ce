/**
 * The task sizes that Fargate has, in CPU units and MiB (Amazon ECS Developer Guide, "Task CPU and memory", table of valid combinations).
 */
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

export const isFargateSize = (cpu: number, memory: number): boolean =>
  MEMORY_OF_CPU.get(cpu)?.includes(memory) ?? false;
