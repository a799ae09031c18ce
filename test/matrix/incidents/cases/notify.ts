/** The notifier: every channel hears it once; what may be heard twice has the same id. */
import { delivered } from '../../../support/notify/fixtures.ts';
import { age } from '../../age.ts';
import { asynchronously } from '../delivering.ts';
import { counted, entriesOf, tell } from '../story.ts';
import type { IncidentPoint, Site, UnitCase } from '../types.ts';

const CHANNELS = ['team', 'topic'] as const;
/** Lambda's wait before it tries again: a claim's lease (45 s) has run out by then. */
const WAIT_MS = 60_000;

export const unitCase: UnitCase = {
  unit: 'notify',
  readsSecrets: true,
  deliveries: {
    escalated: (site, incidentId) => prepare(site, incidentId, 'escalated'),
    resolved: (site, incidentId) => prepare(site, incidentId, 'resolved'),
  },
};

async function prepare(site: Site, incidentId: string, happening: 'escalated' | 'resolved') {
  const entries = await tell(site, incidentId, 1, [[0, happening]]);
  const { id, at } = entries.at(-1) ?? { id: '', at: '' };
  const event = delivered(happening, { incident: { id: incidentId }, entry: { id, at, kind: happening } });
  const notices = CHANNELS.map((channel) => ({ pk: `NOTICE#${channel}#${id}`, sk: 'NOTICE' }));
  const { store, place, receiver, effects } = site;
  const between = () => age(place.clients.journal, store.table, notices, WAIT_MS);
  return {
    deliver: (copies: number) => asynchronously(site, event, copies, { between }),
    check: async (point: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>) => {
      const items = await store.readAll(notices);
      const notes = await entriesOf(site, incidentId, 'note');
      const posts = receiver.taken.filter((taken) => taken.vendor === 'webhook' && taken.id === id);
      return [
        ...counted('I1: posts to the team', posts.length, 1, mostSent(point)),
        ...counted('I1: messages to the topic', effects.messages(incidentId).length, 1, mostSent(point)),
        ...CHANNELS.flatMap((channel, place) => [
          ...(items.get(notices[place]?.pk ?? '')?.status === 'sent' ? [] : [`I1: ${channel} isn't marked as told`]),
          ...counted(
            `I4: notes that ${channel} was told`,
            notes.filter(({ data }) => data.channel === channel).length,
            1,
          ),
        ]),
      ];
    },
  };
}

/** When the function ends between sending and marking, it is sent again under the same id (docs/notifications.md). */
function mostSent({ seam, kind }: Pick<IncidentPoint, 'seam' | 'kind'>): number {
  const isLost = kind === 'timeout-after' || kind === 'answers-lost';
  if (seam.service === 'sns' && isLost) return 4;
  // Killed for one channel's sake, it may have sent by the other.
  return seam.operation === 'TransactWriteItems' || kind === 'killed' ? 2 : 1;
}
