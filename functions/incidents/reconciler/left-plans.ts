/** Runs of recovery plans that nobody takes turns of any more: they keep their targets, so a person is told, once each time. */
import { marshall } from '../../engine/attributes.ts';
import { runKey, runsUnderWay } from '../../engine/plan-items.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import { entryMaker, putEntry, signed } from '../../engine/writes.ts';

/** A turn renews the leases. So long after they were to hold, calls have failed for longer than by chance, or its execution was aborted. */
export const LEFT_AFTER_MS = 600_000;

/** Of a run's item, what is asked here (`RunItem`, functions/recovery/items.ts). */
export interface RunSeen {
  readonly plan: string;
  readonly run: string;
  readonly phase: 'working' | 'backing-out' | 'ended';
  readonly incidentId: string;
  readonly targets: readonly string[];
  readonly leasedUntil: number;
  /** When a person was told last (epoch milliseconds). */
  readonly leftToldAt?: number;
}

/** Pure. What a person is told of a run that was left; undefined while it isn't, or when it was told since somebody last took a turn of it. */
export function leftUnfinished(run: RunSeen, now: number): string | undefined {
  const { phase, leasedUntil, leftToldAt } = run;
  if (phase === 'ended' || now < leasedUntil + LEFT_AFTER_MS) return undefined;
  if (leftToldAt !== undefined && leftToldAt >= leasedUntil) return undefined;
  const how = phase === 'working' ? 'halfway' : 'while it was being backed out';
  return `${run.plan} was left ${how}: nothing was heard of it since ${new Date(leasedUntil).toISOString()}, and it keeps ${run.targets.join(', ') || 'what it made'}. Look at its execution; "nightshift stop ${run.run}" has it backed out`;
}

/** @returns how many runs a person was told of. @throws EngineError when the journal can't be read or written. */
export async function watchPlans(store: Store, plans: readonly string[], now: number): Promise<number> {
  let told = 0;
  for (const plan of plans)
    for (const name of await runsUnderWay(store, plan)) {
      const run = (await store.read(runKey({ plan, run: name }))) as RunSeen | undefined;
      const summary = run && leftUnfinished(run, now);
      if (!run || summary === undefined) continue;
      const entry = entryMaker(run.incidentId, 'reconciler', now)('escalated', summary, { run: run.run, plan });
      // Refused when it goes on after all.
      if ((await store.transact([markTold(store.table, run, now), putEntry(store.table, entry)])).ok) told++;
    }
  return told;
}

const markTold = (table: string, run: RunSeen, now: number): Labelled =>
  signed('run', {
    Update: {
      TableName: table,
      Key: marshall(runKey(run)),
      UpdateExpression: 'SET leftToldAt = :now ADD #version :one',
      ConditionExpression:
        '#phase <> :ended AND leasedUntil = :seen AND (attribute_not_exists(leftToldAt) OR leftToldAt < :seen)',
      ExpressionAttributeNames: { '#version': 'version', '#phase': 'phase' },
      ExpressionAttributeValues: marshall({ ':now': now, ':one': 1, ':ended': 'ended', ':seen': run.leasedUntil }),
    },
  });
