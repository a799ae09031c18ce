/** The archiver: what is over is kept whole and signed, once. */
import { archiveDocument } from '../../../../events/published/archive.ts';
import { linkEntries } from '../../../../functions/engine/chain-store.ts';
import { type Archive, statementOf } from '../../../../functions/records/document.ts';
import { isSigned } from '../../../../functions/records/sign.ts';
import { incidentEvent } from '../../../support/notify/fixtures.ts';
import { asynchronously } from '../delivering.ts';
import { counted, tell } from '../story.ts';
import type { Site, UnitCase } from '../types.ts';

export const unitCase: UnitCase = {
  unit: 'archiver',
  readsSecrets: true,
  deliveries: { resolved: prepare },
};

async function prepare(site: Site, incidentId: string) {
  const entries = await tell(site, incidentId, 3, [[0, 'resolved']]);
  await linkEntries(
    site.store,
    incidentId,
    entries.map((entry) => ({ entry, writtenAt: entry.at })),
  );
  const last = entries.at(-1);
  const detail = incidentEvent('resolved', {
    incident: { id: incidentId, ...(last && { resolvedAt: last.at }) },
    ...(last && { entry: { id: last.id, at: last.at } }),
  });
  const event = { id: incidentId, source: 'nightshift', 'detail-type': 'Incident Resolved', detail };
  return {
    deliver: (copies: number) => asynchronously(site, event, copies),
    check: () => whole(site, `incidents/${entries[0]?.at.slice(0, 7).replace('-', '/')}/${incidentId}/`),
  };
}

async function whole({ bucketUrl }: Site, folder: string): Promise<string[]> {
  const query = new URLSearchParams({ 'list-type': '2', prefix: folder });
  const listing = await (await fetch(`${bucketUrl}?${query}`, { headers: AUTHORIZED })).text();
  const mine = [...listing.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
  const names = mine.map((key) => key.split('/').at(-1)).sort();
  const found = counted('I4: objects in the archive', names.length, 3);
  const json = mine.find((key) => key.endsWith('incident.json'));
  if (!json) return [...found, `I1: no incident.json among ${names.join(', ') || 'nothing'}`];
  const kept = archiveDocument.parse(await (await fetch(`${bucketUrl}/${json}`, { headers: AUTHORIZED })).json());
  const isOurs = kept.signature !== undefined && isSigned(statementOf(kept as unknown as Archive), kept.signature);
  return [
    ...found,
    ...(isOurs ? [] : ['I1: the archive isn’t signed']),
    ...kept.chain.findings.map(({ detail }) => `I1: the archived chain isn’t whole: ${detail}`),
  ];
}

const AUTHORIZED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=matrix/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0',
};
