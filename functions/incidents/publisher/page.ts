/** What a page says. Pure. */
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';

/** Amazon SNS API reference, Publish: a subject is ASCII, without line breaks, below 100 characters. */
const SUBJECT_LIMIT = 99;

/**
 * The page for an escalation: what is wrong, what was done, how to undo it, and the whole timeline.
 * @param incident The incident as it stands; undefined when the journal holds only this entry yet.
 */
export function pageFor(
  entry: JournalEntry,
  incident: IncidentWithTimeline | undefined,
): { subject: string; message: string } {
  const title = incident?.title ?? entry.incidentId;
  const subject = `[${incident?.severity ?? 'P2'}] ${title}`.replace(/[^\x20-\x7e]/g, '?').slice(0, SUBJECT_LIMIT);
  const undo = typeof entry.data.undo === 'string' ? [`To undo: ${entry.data.undo}`] : [];
  const message = [
    title,
    '',
    `Needs a person: ${entry.summary}`,
    ...undo,
    '',
    `Incident ${entry.incidentId}${incident ? ` on ${incident.target}, open since ${incident.openedAt}` : ''}`,
    '',
    ...(incident?.timeline ?? [entry]).map((line) => `${line.at}  ${line.kind}  ${line.summary}`),
  ];
  return { subject, message: message.join('\n') };
}
