/** From runs to results. Pure. */
import type { BenchResult } from '../../events/published/bench.ts';

/** @throws RangeError without any value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new RangeError('a median of nothing');
  return (low + high) / 2;
}

/** Three significant digits: more would be noise. */
export const rounded = (value: number): number => Number(value.toPrecision(value >= 1000 ? 4 : 3));

/** What is to be reached: all that are set must hold. */
export interface Goal {
  readonly text: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly ratioToFloorAtMost?: number;
  readonly ratioToPeerAtMost?: number;
}

export interface Runs {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly floor?: readonly number[];
  readonly peer?: readonly number[];
  readonly goal: Goal;
  readonly note?: string;
}

/** Judged before rounding. A goal about a floor or a peer that wasn't measured isn't met. */
export function resultOf({ name, unit, values, floor, peer, goal, note }: Runs): BenchResult {
  const value = median(values);
  const toFloor = floor && value / median(floor);
  const toPeer = peer && value / median(peer);
  const within = (figure: number | undefined, most: number | undefined) =>
    most === undefined || (figure !== undefined && figure <= most);
  const met =
    within(value, goal.atMost) &&
    value >= (goal.atLeast ?? 0) &&
    within(toFloor, goal.ratioToFloorAtMost) &&
    within(toPeer, goal.ratioToPeerAtMost);
  return {
    name,
    value: rounded(value),
    unit,
    range: [rounded(Math.min(...values)), rounded(Math.max(...values))],
    runs: values.length,
    ...(toFloor !== undefined && { ratioToFloor: rounded(toFloor) }),
    ...(toPeer !== undefined && { ratioToPeer: rounded(toPeer) }),
    goal: goal.text,
    met,
    ...(note !== undefined && { note }),
  };
}

/** Something that couldn't be measured: never taken for met. */
export const notMeasured = (name: string, unit: string, goal: string, note: string): BenchResult => ({
  name,
  value: null,
  unit,
  goal,
  met: null,
  note,
});

/** A call as the gateway recorded it: when it ended, and how long it took. */
export interface Interval {
  readonly endMs: number;
  readonly durationMs: number;
}

/** Round trips one after the other: calls that overlap were in parallel, and count once. */
export function roundTrips(calls: readonly Interval[]): number {
  const byBegin = calls
    .map(({ endMs, durationMs }) => ({ begin: endMs - durationMs, end: endMs }))
    .sort((a, b) => a.begin - b.begin);
  let [count, until] = [0, Number.NEGATIVE_INFINITY];
  for (const { begin, end } of byBegin) {
    if (begin >= until) {
      count++;
      until = end;
    } else until = Math.max(until, end);
  }
  return count;
}
