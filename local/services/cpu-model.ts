/**
 * One simulated CPU: requests queue for it, each takes its cost, nothing is really burnt. Pure in time: the caller gives it (milliseconds
 * of one clock that never goes back).
 */
export interface CpuModel {
  /** Queues a request that arrives at `nowMs`; returns when it will be done. */
  add(costMs: number, nowMs: number): { readonly doneAtMs: number };
  /** Milliseconds the CPU was busy from the beginning until `nowMs`. */
  busyMs(nowMs: number): number;
}

/** An idle CPU. */
export function createCpuModel(): CpuModel {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  let plannedMs = 0;
  return {
    add(costMs, nowMs) {
      freeAtMs = Math.max(nowMs, freeAtMs) + costMs;
      plannedMs += costMs;
      return { doneAtMs: freeAtMs };
    },
    // Work is done without gaps once it has begun, so all that is planned is done but what still lies ahead.
    busyMs: (nowMs) => plannedMs - Math.max(0, freeAtMs - nowMs),
  };
}
