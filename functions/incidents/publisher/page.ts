/** What a page says. Pure. */
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import type { Diagnosis } from '../../diagnostics/words.ts';

/** Amazon SNS API reference, Publish: a subject is ASCII, without line breaks, below 100 characters. */
const SUBJECT_LIMIT = 99;

/** "Publish", Amazon SNS API Reference: 256 KB at most, else nothing is sent. An incident looked at every few minutes has thousands of lines. */
const FIRST_LINES = 10;
const LAST_LINES = 75;
/** In UTF-16 units, of at most 3 bytes each: as many such lines still fit, with a diagnosis of up to 27 lines of half that length. */
const LINE_LIMIT = 800;

function story(timeline: readonly JournalEntry[]): string[] {
  const text = ({ at, kind, summary }: JournalEntry) => `${at}  ${kind}  ${summary}`.slice(0, LINE_LIMIT);
  const left = timeline.length - FIRST_LINES - LAST_LINES;
  if (left <= 0) return timeline.map(text);
  return [
    ...timeline.slice(0, FIRST_LINES).map(text),
    `... ${left} lines are left out; the journal has them ...`,
    ...timeline.slice(-LAST_LINES).map(text),
  ];
}

/** What AWS says of the target: its newest diagnosis, which may be younger than the entry that calls. */
function diagnosedIn(timeline: readonly JournalEntry[]): string[] {
  const found = timeline.findLast(({ kind }) => kind === 'diagnosed');
  if (!found) return [];
  const { findings = [], seen = [], unread = [] } = found.data as Partial<Diagnosis>;
  return [
    ...(findings.length === 0 ? [`Diagnosis: ${found.summary}`] : []),
    ...findings.flatMap(({ cause, evidence }) => [`Probably: ${cause}`, ...evidence.map((each) => `    ${each}`)]),
    ...seen.map((line) => `AWS says: ${line}`),
    ...unread.map((line) => `Could not be read: ${line}`),
  ];
}

/** What needs a person, why these people, what was seen and tried, how to undo it: also when nothing was mended. */
function diagnosis(entry: JournalEntry, incident: IncidentWithTimeline | undefined): string[] {
  const before = incident?.timeline.filter(({ id }) => id <= entry.id) ?? [];
  const need = entry.kind === 'escalated' ? entry : before.findLast(({ kind }) => kind === 'escalated');
  const seen = before.find(({ kind }) => kind === 'signal');
  const tried = (incident?.actions ?? []).map(({ change, status }) => `${change} (${status})`);
  const undo = need?.data.undo;
  return [
    ...(need ? [`Needs a person: ${need.summary}`] : []),
    ...(entry.kind === 'called' ? [`You are called because ${entry.summary}`] : []),
    ...(seen ? [`Seen: ${seen.summary}`] : []),
    ...diagnosedIn(incident?.timeline ?? []),
    ...(incident ? [`Tried: ${tried.join('; ') || 'nothing'}`] : []),
    ...(typeof undo === 'string' && undo !== '' ? [`To undo: ${undo}`] : []),
  ].map((line) => line.slice(0, LINE_LIMIT));
}

/**
 * The page for an entry that calls people: what is wrong, what was done, how to undo it, and the timeline, shortened in the middle.
 * @param incident The incident as it stands; undefined when the journal holds only this entry yet.
 */
export function pageFor(
  entry: JournalEntry,
  incident: IncidentWithTimeline | undefined,
): { subject: string; message: string } {
  // A storm is more than the incident in which it is told.
  const { headline } = entry.data;
  const title = typeof headline === 'string' ? headline : (incident?.title ?? entry.incidentId);
  const subject = `[${incident?.severity ?? 'P2'}] ${title}`.replace(/[^\x20-\x7e]/g, '?').slice(0, SUBJECT_LIMIT);
  const timeline = incident?.timeline ?? [entry];
  const message = [
    title,
    '',
    ...diagnosis(entry, incident),
    '',
    `Incident ${entry.incidentId}${incident ? ` on ${incident.target}, open since ${incident.openedAt}` : ''}`,
    `To say that you have it in hand: nightshift ack ${entry.incidentId}`,
    '',
    ...story(timeline),
  ];
  return { subject, message: message.join('\n') };
}
