/** Mode `observe` keeps score (design section 4): did somebody else make the very change that Nightshift would have made? */
import type { JournalEntry } from '../../events/journal.ts';
import type { Protected } from './config.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { readEntries } from './journal-reader.ts';
import type { Change } from './remediation.ts';
import { entryMaker, putEntry } from './writes.ts';

/** What was decided and not done, as the entry `decided` keeps it: enough to recognise it later. */
export type Wanted = Pick<Change, 'summary' | 'before' | 'after' | 'undo'>;
export const wantedOf = ({ summary, before, after, undo }: Change): Wanted => ({ summary, before, after, undo });

/** The mark of an entry that says that somebody did the same. */
export const DID_SAME = 'same';

/**
 * Compares what this remediation would have done in an open incident with the target as it is now, and writes down once that somebody did it. The time
 * for it is whenever the incident is looked at without a change of ours: when its alarms are OK, and when proof of ours would have been due.
 * @throws EngineError (retryable) when journal or target can't be read for the moment.
 */
export async function compareWould<T extends Protected, O>(
  context: Context<T, O>,
  target: T,
  incidentId: string,
): Promise<void> {
  const { store, remediation, config } = context;
  const { name } = remediation.manifest;
  const wanted = wantedIn(await readEntries(store, incidentId), name);
  if (wanted.length === 0) return;
  const observation = await observed(() => remediation.observe(target, config));
  const done =
    observation && wanted.find(({ change }) => remediation.alreadyApplied(change, observation.seen) === 'yes');
  if (!done) return;
  const make = entryMaker(incidentId, name, context.now());
  const entry = make('note', `somebody else did what it would have done: ${done.change.summary}`, { did: DID_SAME });
  // One name for one decision: a second look at the same time writes nothing.
  await store.transact([putEntry(store.table, { ...entry, id: `${done.id}-did` })]);
}

/** Pure: what it said it would do in this incident, unless somebody was seen to have done it. */
export function wantedIn(
  timeline: readonly JournalEntry[],
  remediation: string,
): readonly { readonly id: string; readonly change: Wanted }[] {
  const own = timeline.filter(({ by }) => by === remediation);
  if (own.some(({ data }) => data.did === DID_SAME)) return [];
  return own.flatMap(({ id, kind, data }) =>
    kind === 'decided' && data.wanted !== undefined ? [{ id, change: data.wanted as Wanted }] : [],
  );
}

/** What can't be looked at isn't scored, and holds up nothing. */
async function observed<O>(observe: () => Promise<O>): Promise<{ readonly seen: O } | undefined> {
  try {
    return { seen: await observe() };
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return undefined;
    throw error;
  }
}
