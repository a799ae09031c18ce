/** Bringing news to the follow-through, after people were called. */
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { NEWS } from '../../engine/following.ts';
import { log } from '../../engine/log.ts';
import type { Store } from '../../engine/store.ts';
import { type Machine, wake } from '../wake.ts';

export interface FollowContext {
  readonly store: Store;
  readonly machine: Machine;
  readonly now: () => number;
  /** Time left to this invocation, in milliseconds. */
  readonly remaining: () => number;
}

const AT_ONCE = 5;
/** Kept for the end of the invocation. */
const KEEP_MS = 8_000;
/** After so many failures Step Functions is taken to be out of reach for this batch. */
const MOST_FAILURES = 3;

/**
 * Wakes or starts the follow-through of each incident with news, once a batch. It never fails the batch: a page behind it would have to wait for Step
 * Functions then. What couldn't be told, the reconciler takes up (functions/incidents/reconciler/follow.ts).
 */
export async function tellFollowThrough(entries: readonly JournalEntry[], context: FollowContext): Promise<void> {
  const news = new Map<string, EntryKind[]>();
  for (const { incidentId, kind } of entries)
    if (NEWS.includes(kind)) news.set(incidentId, [...(news.get(incidentId) ?? []), kind]);
  const waiting = [...news];
  let failures = 0;
  const worker = async (): Promise<void> => {
    while (failures < MOST_FAILURES && context.remaining() > KEEP_MS) {
      const next = waiting.shift();
      if (!next) return;
      const [incidentId, kinds] = next;
      try {
        await wake(context.store, context.machine, incidentId, kinds, context.now());
      } catch (error) {
        failures += 1;
        log('ERROR', 'a follow-through could not be told', { incidentId, error: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (waiting.length > 0) log('ERROR', `${waiting.length} follow-throughs are left to the reconciler`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
