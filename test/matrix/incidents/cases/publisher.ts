/** The publisher: who is to be called is called, once, and the incident's follow-through is started. */
import { takeUpUnfollowed } from '../../../../functions/incidents/reconciler/follow.ts';
import { fromStream } from '../delivering.ts';
import { FOLLOWER } from '../site.ts';
import { counted, endFollowing, entriesOf, tell } from '../story.ts';
import type { IncidentPoint, Site, UnitCase } from '../types.ts';

/** Within the time in which the reconciler looks for incidents that nobody follows. */
const OPENED_MINUTES_AGO = 3;

export const unitCase: UnitCase = {
  unit: 'publisher',
  ownJournal: true,
  deliveries: {
    escalated: (site, incidentId) => prepare(site, incidentId, 'escalated'),
    'level-two': (site, incidentId) => prepare(site, incidentId, 'called'),
  },
};

async function prepare(site: Site, incidentId: string, kind: 'escalated' | 'called') {
  const call = kind === 'called' ? { level: 2, name: 'secondary' } : {};
  const entries = await tell(site, incidentId, OPENED_MINUTES_AGO, [
    [2, 'decided'],
    ...(kind === 'called' ? [[2, 'escalated'] as const] : []),
    [0, kind, call],
  ]);
  // Of a level that is called, the first call lies in an earlier batch.
  const batch = kind === 'called' ? entries.slice(-1) : entries;
  const news = kind === 'escalated';
  return {
    deliver: (copies: number) => fromStream(site, batch, copies),
    check: async (point: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>) => [
      ...counted('I1: pages', site.effects.messages(incidentId).length, 1, mostPages(point)),
      ...counted('I4: entries that say who was paged', (await entriesOf(site, incidentId, 'paged')).length, 1),
      ...(news ? await followed(site, incidentId) : []),
    ],
    dispose: () => endFollowing(site, incidentId),
  };
}

/** A page that was taken and isn't written down yet is sent again: better twice than never (functions/incidents/publisher/call.ts). */
function mostPages({ seam, kind, mode }: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>): number {
  const copies = mode === 'concurrent' ? 2 : 1;
  const isLost = kind === 'timeout-after' || kind === 'answers-lost' || kind === 'killed';
  // The SDK sends three times while no answer comes.
  if (seam.operation === 'Publish' && isLost) return 4 * copies;
  const isUnwritten = kind === 'throttled' || kind === 'refused' || kind === 'timeout-before';
  return seam.operation === 'TransactWriteItems' && isUnwritten ? 2 * copies : copies;
}

/** Started by the publisher, or found by the reconciler. */
async function followed({ stepFunctions, store, machineArn }: Site, incidentId: string): Promise<string[]> {
  const mine = stepFunctions.executions().filter(({ arn }) => arn.endsWith(`:${incidentId}`));
  if (mine.length > 0) return counted('I4: follow-throughs started', mine.length, 1);
  const asked: string[] = [];
  const lambda = { send: async ({ input }: { input: { Payload: string } }) => asked.push(input.Payload) };
  await takeUpUnfollowed({ store, lambda: lambda as never, functionName: FOLLOWER, now: Date.now });
  const isFound = asked.some((payload) => payload.includes(incidentId));
  return isFound ? [] : [`I1: nobody follows it, and the reconciler doesn't find it (${machineArn})`];
}
