/** What the engine knows of recovery plans: whose leases are theirs, and where their runs and locks lie (functions/recovery/items.ts has the rest). */
import type { Key } from './items.ts';

const HOLDER = 'plan:';

/** Holder of the leases of a run's targets. */
export const leaseHolderOf = (run: string): string => `${HOLDER}${run}`;

/** The run of a plan that holds a lease; undefined when a remediation's action does. */
export const runOfHolder = (leaseHolder: string | undefined): string | undefined =>
  leaseHolder?.startsWith(HOLDER) ? leaseHolder.slice(HOLDER.length) : undefined;

/** All runs of a plan in one partition: they are few, and are listed together. */
export const planPartition = (plan: string): string => `PLAN#${plan}`;
export const runKey = ({ plan, run }: { readonly plan: string; readonly run: string }): Key => ({
  pk: planPartition(plan),
  sk: `RUN#${run}`,
});
export const planLockKey = (plan: string): Key => ({ pk: planPartition(plan), sk: 'LOCK' });
