/** What a look of the follow-through amounts to. Pure. */
import type { Measure } from '../../engine/metrics.ts';
import type { Step } from './next-step.ts';

/** Waiting is no deed: what happens at every look would cost by the hour and tell nothing. @param now epoch milliseconds. */
export function stepMeasures(step: Step, now: number): Measure[] {
  if (step.kind === 'wait-for-ok' || step.kind === 'snooze') return [];
  const done: Measure = { name: 'FollowSteps', value: 1, dimensions: { Step: step.kind } };
  if (step.kind !== 'escalate') return [done];
  return [done, { name: 'CallLateness', value: Math.max(0, (now - step.call.at) / 1000) }];
}
