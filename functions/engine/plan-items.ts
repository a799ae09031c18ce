/** What the engine knows of recovery plans: whose leases are theirs, and where their runs and locks lie (functions/recovery/items.ts has the rest). */
import type { Key } from './items.ts';
import type { Store } from './store.ts';

const HOLDER = 'plan:';

/** Holder of the leases of a run's targets. */
export const leaseHolderOf = (run: string): string => `${HOLDER}${run}`;

/** The run of a plan that holds a lease; undefined when a remediation's action does. */
export const runOfHolder = (leaseHolder: string | undefined): string | undefined =>
  leaseHolder?.startsWith(HOLDER) ? leaseHolder.slice(HOLDER.length) : undefined;

const BY_INCIDENT = 'incident:';

/** Who started a run, where a rung of an incident's ladder did. */
export const startedByIncident = (incidentId: string): string => `${BY_INCIDENT}${incidentId}`;
export const isByIncident = (startedBy: string): boolean => startedBy.startsWith(BY_INCIDENT);

/**
 * The run that a rung of an incident starts, and so the name of its execution: the same each time, so that Step Functions refuses a second one ("StartExecution", AWS Step
 * Functions API Reference: names of a machine's executions are unique for 90 days; 80 characters).
 */
export const runOfRung = (incidentId: string, rung: string): string => `${incidentId}-${rung}`.slice(0, 80);

/** All runs of a plan in one partition: they are few, and are listed together. */
export const planPartition = (plan: string): string => `PLAN#${plan}`;
export const runKey = ({ plan, run }: { readonly plan: string; readonly run: string }): Key => ({
  pk: planPartition(plan),
  sk: `RUN#${run}`,
});

const LOCK = 'LOCK#';

/**
 * A lock for each thing that a run is about (a target's key). Rehearsals have locks of their own: they change nothing that anybody uses, so only another rehearsal
 * about the same thing waits for them.
 */
export const planLockKey = (
  { plan, rehearse }: { readonly plan: string; readonly rehearse: boolean },
  about: string,
): Key => ({
  pk: planPartition(plan),
  sk: `${LOCK}${rehearse ? 'rehearsal#' : ''}${about}`,
});

/** The runs of a plan that hold a lock: those that aren't over. @throws EngineError when the journal can't be read. */
export async function runsUnderWay(store: Store, plan: string): Promise<readonly string[]> {
  const locks = await store.query({
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :lock)',
    ExpressionAttributeValues: { ':pk': { S: planPartition(plan) }, ':lock': { S: LOCK } },
    ConsistentRead: true,
  });
  return [...new Set(locks.flatMap(({ run }) => (typeof run === 'string' ? [run] : [])))];
}
