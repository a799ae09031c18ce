/** Whether somebody said just now that they are looking at an incident, so that saying it again adds nothing. Pure. */
import type { JournalEntry } from '../../events/journal.ts';

/**
 * The least that `escalation.acknowledgementLastsMinutes` may be. So an acknowledgement younger than this stops the ladder in every deployment,
 * and nothing here has to know what is configured.
 */
export const SHORTEST_ACKNOWLEDGEMENT_MINUTES = 5;

/**
 * The acknowledgement that surely still stops the ladder: of the trouble that is there now (none from before the incident's last end), and not old
 * enough to have lapsed anywhere. Whoever acknowledges while there is none writes a new one: the ladder may have begun again.
 * @param timeline oldest first.
 * @param now epoch milliseconds.
 */
export function freshAcknowledgement(timeline: readonly JournalEntry[], now: number): JournalEntry | undefined {
  const last = timeline.findLast(({ kind }) => kind === 'acknowledged' || kind === 'resolved');
  if (last?.kind !== 'acknowledged') return undefined;
  return now - Date.parse(last.at) < SHORTEST_ACKNOWLEDGEMENT_MINUTES * 60_000 ? last : undefined;
}
