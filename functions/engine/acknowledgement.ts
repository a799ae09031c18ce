/** Whether somebody said just now that they are looking at an incident, so that saying it again adds nothing. Pure. */
import type { EntryKind, JournalEntry } from '../../events/journal.ts';

/**
 * The least that `escalation.acknowledgementLastsMinutes` may be. So an acknowledgement younger than this stops the ladder in every deployment,
 * and nothing here has to know what is configured.
 */
export const SHORTEST_ACKNOWLEDGEMENT_MINUTES = 5;

/** What calls people: whoever answers it says something new, whatever was acknowledged before it. */
const CALLS: readonly EntryKind[] = ['escalated', 'called', 'approval-requested'];

/**
 * The acknowledgement that surely still stops the ladder: of the trouble that is there now (none from before the incident's last end), with no call
 * after it, and not old enough to have lapsed anywhere. Whoever acknowledges while there is none writes a new one: the ladder may have begun again,
 * and channels that keep alerts have a new one that has to fall silent (docs/decisions/0224).
 * @param timeline oldest first.
 * @param now epoch milliseconds.
 */
export function freshAcknowledgement(timeline: readonly JournalEntry[], now: number): JournalEntry | undefined {
  const last = timeline.findLast(({ kind }) => kind === 'acknowledged' || kind === 'resolved' || CALLS.includes(kind));
  if (last?.kind !== 'acknowledged') return undefined;
  return now - Date.parse(last.at) < SHORTEST_ACKNOWLEDGEMENT_MINUTES * 60_000 ? last : undefined;
}
