/** Items of the journal, as publisher, announcer, follow-through and reports read them back. */
import { ENTRY_KINDS } from '../../../events/journal.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { asEntry } from '../../../functions/engine/journal-reader.ts';
import { reduceIncident } from '../../../functions/engine/reducer.ts';
import { announcementOf } from '../../../functions/incidents/announcer/event.ts';
import { alarmsInJournal, nextStep } from '../../../functions/incidents/follow-through/next-step.ts';
import { pageFor } from '../../../functions/incidents/publisher/page.ts';
import { htmlOf } from '../../../functions/records/html.ts';
import { markdownOf } from '../../../functions/records/markdown.ts';
import { reportOf } from '../../../functions/records/report.ts';
import { incidentOf, MINUTE, START } from '../../support/timeline.ts';
import type { Json } from '../mutate.ts';
import type { Surface } from '../surface.ts';

const actionId = 'act-1';
const TIMELINES = [
  incidentOf([
    [1, 'intent', { actionId, remediation: 'scale-out-service', change: 'raise', before: 2, after: 3, undo: 'lower' }],
    [2, 'acted', { actionId }],
    [5, 'alarm-ok', { subject: 'a' }],
    [6, 'verified', { actionId }],
    [7, 'resolved'],
  ]),
  incidentOf([
    [1, 'escalated', { undo: 'lower' }],
    [2, 'called', { level: 1 }],
    [3, 'acknowledged', { by: 'person:jane' }],
    [4, 'snoozed', { until: START + 60 * MINUTE, reason: 'later' }],
    [5, 'severity-changed', { severity: 'P1', reason: 'worse' }],
    [9, 'approval-requested', { approvalId: 'apr-1', change: 'raise', people: 1 }],
  ]),
].map(({ timeline }) => JSON.parse(JSON.stringify(timeline)) as Json);

/** An entry that the table can hold: what a stranger may have changed is its content, not that it has keys. */
const isEntry = (item: unknown): boolean => {
  const { id, incidentId, at, kind, by, summary, data } = (item ?? {}) as Record<string, unknown>;
  const texts = [id, incidentId, at, by, summary].every((each) => typeof each === 'string');
  const isTime = !Number.isNaN(Date.parse(String(at)));
  return (
    texts &&
    isTime &&
    ENTRY_KINDS.includes(kind as never) &&
    typeof data === 'object' &&
    data !== null &&
    !Array.isArray(data)
  );
};

export const journal = (config: RuntimeConfig): Surface => ({
  name: 'journal',
  samples: TIMELINES,
  take: (input) => {
    const items = (Array.isArray(input) ? input : [input]) as readonly Record<string, unknown>[];
    const valid = items.filter(isEntry);
    const isSchemaValid = valid.length === items.length && items.length > 0;
    // Nothing but the engine writes entries, each by one schema; what isn't one is left to the chain's verification (docs/records.md).
    const entries = valid.map(asEntry);
    const incident = reduceIncident(entries);
    for (const entry of entries) {
      pageFor(entry, incident);
      announcementOf(entry, incident, { deployment: 'test', region: 'us-east-1', rules: config });
    }
    if (!incident) return { isSchemaValid, outcome: 'no incident' };
    const place = { deployment: 'test', region: 'us-east-1', incident };
    reportOf(incident);
    markdownOf(place as Parameters<typeof markdownOf>[0]);
    htmlOf(place as Parameters<typeof htmlOf>[0]);
    const step = nextStep(incident, alarmsInJournal(incident), { round: 0 }, config, START + 30 * MINUTE);
    return { isSchemaValid, outcome: `${incident.state}, then ${step.kind}` };
  },
});
