/** The announcer: the chain is whole, and each entry that people care about is told by its id. */
import { checkIncident } from '../../../../cli/commands/verify.ts';
import type { JournalEntry } from '../../../../events/journal.ts';
import { linkEntries, readChain } from '../../../../functions/engine/chain-store.ts';
import { happeningOf } from '../../../../functions/incidents/announcer/event.ts';
import { fromStream } from '../delivering.ts';
import { counted, tell } from '../story.ts';
import type { IncidentPoint, Site, UnitCase } from '../types.ts';

export const unitCase: UnitCase = {
  unit: 'announcer',
  deliveries: {
    'whole incident': (site, incidentId) => prepare(site, incidentId, 0),
    'its end': (site, incidentId) => prepare(site, incidentId, 3),
  },
};

/** @param linked how many entries came in an earlier batch. */
async function prepare(site: Site, incidentId: string, linked: number) {
  const lines = [[2, 'decided'] as const, [1, 'escalated'] as const, [0, 'resolved'] as const];
  const entries = await tell(site, incidentId, 3, lines);
  const writtenAt = ({ at }: JournalEntry) => new Date(Math.floor(Date.parse(at) / 1000) * 1000).toISOString();
  if (linked > 0)
    await linkEntries(
      site.store,
      incidentId,
      entries.slice(0, linked).map((entry) => ({ entry, writtenAt: writtenAt(entry) })),
    );
  const batch = entries.slice(linked);
  const toTell = batch.filter((entry) => happeningOf(entry) !== undefined);
  return {
    deliver: (copies: number) => fromStream(site, batch, copies),
    check: async (point: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>) => {
      const { intact, findings, count } = await checkIncident(site.store, incidentId);
      const { head, links } = await readChain(site.store, incidentId);
      return [
        ...(intact ? [] : [`I1: its chain isn't whole: ${findings.map(({ detail }) => detail).join('; ')}`]),
        ...counted('I1: entries linked', count, entries.length),
        ...counted('I4: links', links.length, entries.length),
        ...(head?.incident?.state === 'resolved' ? [] : [`I1: its head says ${head?.incident?.state ?? 'nothing'}`]),
        ...toTell.flatMap(({ id, kind }) =>
          counted(`I1: ${kind} on the bus`, site.effects.announced(id), 1, mostTold(point)),
        ),
      ];
    },
  };
}

/** Who hears it again knows it by its entry's id; a batch that is delivered again is told again. */
function mostTold({ seam, kind, mode }: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>): number {
  const copies = mode === 'concurrent' ? 2 : 1;
  // The SDK's three tries, and the function's own four.
  if (seam.service === 'events') return kind === 'throttled' || kind === 'refused' ? 2 * copies : 13 * copies;
  return 2 * copies;
}
