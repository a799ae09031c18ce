/** What is archived of an incident. Pure. */
import type { IncidentWithTimeline, JournalEntry } from '../../events/journal.ts';
import type { ChainEnd, Link } from '../engine/chain.ts';
import { checkChain, type Finding } from '../engine/chain-check.ts';
import { reduceIncident } from '../engine/reducer.ts';
import { incidentFolder } from './incident-folder.ts';
import type { ChainStatement, Signature } from './sign.ts';

/** The shape of events/published/archive.ts. */
export interface Archive {
  readonly version: 1;
  readonly deployment: string;
  readonly region: string;
  readonly incident: IncidentWithTimeline;
  readonly chain: ChainEnd & {
    readonly algorithm: 'SHA-256';
    readonly links: readonly Link[];
    readonly findings: readonly Finding[];
  };
  readonly signature?: Signature;
}

export interface Kept {
  readonly incidentId: string;
  readonly entries: readonly JournalEntry[];
  readonly links: readonly Link[];
  readonly end: ChainEnd | undefined;
}

/** The same journal gives the same archive. @returns undefined when the entries are no incident. */
export function archiveOf(
  { incidentId, entries, links, end }: Kept,
  place: { readonly deployment: string; readonly region: string },
): Archive | undefined {
  const incident = reduceIncident(entries);
  if (!incident) return undefined;
  // As of the last line, and not of now: redelivered, it must not differ.
  const asOf = Math.max(...entries.map(({ at }) => Date.parse(at)));
  const { count, hash, findings } = checkChain({ incidentId, entries, links, end }, asOf);
  return { version: 1, ...place, incident, chain: { algorithm: 'SHA-256', count, hash, links, findings } };
}

export const statementOf = ({ deployment, region, incident, chain }: Archive): ChainStatement => ({
  version: 1,
  deployment,
  region,
  incidentId: incident.id,
  count: chain.count,
  hash: chain.hash,
});

/**
 * Folder of one edition. It is named by how many entries and which chain it holds: the same edition is written once, and a later one, such as
 * after a hand-back, stands beside it and sorts behind it.
 */
export function folderOf({ incident, chain }: Archive): string {
  const edition = `${String(incident.timeline.length).padStart(5, '0')}-${chain.hash.slice(0, 12)}`;
  return `${incidentFolder(incident)}/${edition}`;
}
