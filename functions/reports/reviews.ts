/** Which incidents somebody has still to review, and by when. Pure. */
import type { Incident } from '../../events/journal.ts';
import { reviewDueAt, timeText } from '../records/report.ts';
import type { Section } from './model.ts';

/** Of severe ones that are over; the soonest due first. Whether a review was held is nothing that the journal knows. */
export function reviewsSection(incidents: readonly Incident[]): Section {
  const title = 'Reviews due';
  const rows = incidents
    .flatMap((incident) => {
      const due = incident.state === 'resolved' ? reviewDueAt(incident) : undefined;
      return due === undefined ? [] : [{ incident, due }];
    })
    .sort((a, b) => (a.due < b.due ? -1 : 1))
    .map(({ incident: { severity, target, title: about, id }, due }) => [timeText(due), severity, target, about, id]);
  return rows.length === 0
    ? { title, says: ['None of an incident of this time.'] }
    : { title, table: { columns: ['Until', 'Severity', 'Target', 'What', 'Incident'], rows } };
}
