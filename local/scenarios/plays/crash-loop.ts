/** A release whose tasks run for a moment and then end by themselves: ECS replaces them again and again, and never calls it failed. */
import { badRelease } from '../support/release.ts';

export const scenario = badRelease(
  {
    name: 'crash-loop',
    rank: 30,
    summary: 'tasks of a release crash soon after they start; the release before comes back',
  },
  'cart',
  { SERVICE_CRASH_AFTER_MS: '1500' },
);
