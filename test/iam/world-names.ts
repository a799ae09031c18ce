/** The worlds of `npm run iam-check`, in the order in which they are played. */
export const WORLD_NAMES = ['acting', 'observing', 'plans', 'failover', 'abroad'] as const;
export type WorldName = (typeof WORLD_NAMES)[number];
