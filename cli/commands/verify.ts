/** `nightshift incident <id> --verify`, `verify-journal` and `verify-archive`: whether what is told is what was written. */
import { readFile } from 'node:fs/promises';
import { type ArchiveDocument, archiveDocument } from '../../events/published/archive.ts';
import type { ChainDocument, ChainsDocument } from '../../events/published/chains.ts';
import { type ChainCheck, checkChain } from '../../functions/engine/chain-check.ts';
import { readChain } from '../../functions/engine/chain-store.ts';
import { listIncidentIds, readEntries } from '../../functions/engine/journal-reader.ts';
import type { Store } from '../../functions/engine/store.ts';
import { statementOf } from '../../functions/records/document.ts';
import { fingerprintOf, isSigned } from '../../functions/records/sign.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import type { Io } from '../io.ts';
import { type Place, placeOf } from '../place.ts';

/** Something isn't as it was written; the lines before say what. Exit code 1. */
export class NotIntact extends Error {
  override readonly name = 'NotIntact';
}

export interface IncidentCheck extends ChainCheck {
  readonly incidentId: string;
}

/** @throws UsageError when there is no such incident. */
export async function checkIncident(store: Store, incidentId: string, now = Date.now()): Promise<IncidentCheck> {
  const [entries, { head, links }] = await Promise.all([readEntries(store, incidentId), readChain(store, incidentId)]);
  if (entries.length === 0 && links.length === 0)
    throw new UsageError(`no incident "${incidentId}" there: see "nightshift incidents"`);
  return { incidentId, ...checkChain({ incidentId, entries, links, end: head }, now) };
}

export function showCheck({ incidentId, intact, count, hash, pending, findings }: IncidentCheck, io: Io): void {
  const more = pending > 0 ? `, ${pending} too new to be linked` : '';
  io.out(
    intact
      ? `${incidentId}  ${io.colours.green('as it was written')}  ${count} linked${more}  ${hash}`
      : `${incidentId}  ${io.colours.red('NOT as it was written')}  ${count} linked${more}`,
  );
  for (const { kind, entryId, detail } of findings) io.out(`  ${kind}${entryId ? ` ${entryId}` : ''}: ${detail}`);
}

/** What `incident <id> --verify` does. @throws NotIntact. */
export async function verifyIncident(store: Store, id: string, place: Place, json: boolean, io: Io): Promise<void> {
  const check = await checkIncident(store, id);
  if (json) io.out(JSON.stringify({ version: 1, place: placeOf(place), check } satisfies ReadonlyDeep<ChainDocument>));
  else showCheck(check, io);
  if (!check.intact) throw new NotIntact(`${id}: the journal isn't as it was written`);
}

type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;

/** Incidents of so many calendar months. */
const MONTHS = 12;
const MOST = 10_000;

export const verifyJournal = (open: (place: Place) => Store): Command => ({
  name: 'verify-journal',
  usage: 'verify-journal',
  summary:
    'Recomputes the hash chain of every incident of the last 12 months, and names what was altered, removed, inserted or moved.',
  run: async (words, { json }, { io, place }) => {
    if (words.length > 0) throw new UsageError(`verify-journal takes no words, found "${words.join(' ')}"`);
    const where = await place();
    const store = open(where);
    const checks: IncidentCheck[] = [];
    for (const id of await listIncidentIds(store, { limit: MOST, months: MONTHS }))
      checks.push(await checkIncident(store, id));
    if (json)
      io.out(JSON.stringify({ version: 1, place: placeOf(where), checks } satisfies ReadonlyDeep<ChainsDocument>));
    else {
      for (const check of checks) showCheck(check, io);
      io.out(`${checks.length} incidents, ${checks.filter(({ intact }) => intact).length} as they were written`);
    }
    const broken = checks.filter(({ intact }) => !intact).length;
    if (broken > 0) throw new NotIntact(`${broken} of ${checks.length} incidents aren't as they were written`);
  },
});

/** Needs no AWS: everything is in the file. */
export const verifyArchive: Command = {
  name: 'verify-archive',
  usage: 'verify-archive <incident.json>',
  summary: 'Checks an archived incident by itself: its chain, its signature, and whose key it was signed with.',
  run: async (words, { json }, { io }) => {
    const [file, ...more] = words;
    if (file === undefined || more.length > 0)
      throw new UsageError('expected one file: incident.json of an archived incident');
    const kept = await readArchive(file);
    const { incident, chain, signature } = kept;
    const last = Math.max(...incident.timeline.map(({ at }) => Date.parse(at)));
    const found = checkChain(
      { incidentId: incident.id, entries: incident.timeline, links: chain.links, end: chain },
      last,
    );
    const signed = signature === undefined ? 'unsigned' : isSigned(statementOf(kept), signature) ? 'signed' : 'forged';
    const key = signature && fingerprintOf(signature.publicKey);
    if (json)
      io.out(JSON.stringify({ version: 1, incidentId: incident.id, ...found, signature: signed, ...(key && { key }) }));
    else {
      showCheck({ incidentId: incident.id, ...found }, io);
      io.out(signatureLine(signed, key));
    }
    if (!found.intact || signed === 'forged') throw new NotIntact(`${file}: it isn't what was archived`);
  },
};

function signatureLine(signed: 'signed' | 'unsigned' | 'forged', key: string | undefined): string {
  if (signed === 'unsigned') return 'not signed: who may write the bucket may have made it';
  if (signed === 'forged') return `the signature does NOT belong to it (key ${key})`;
  return `signed by the key with SHA-256 ${key}: compare it with the one you know`;
}

async function readArchive(file: string): Promise<ArchiveDocument & Parameters<typeof statementOf>[0]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return archiveDocument.parse(JSON.parse(text)) as ArchiveDocument & Parameters<typeof statementOf>[0];
  } catch (error) {
    throw new UsageError(
      `${file}: it is no archived incident: ${error instanceof Error ? error.message.slice(0, 300) : ''}`,
    );
  }
}
