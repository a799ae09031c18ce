/**
 * The hash chain over an incident's timeline. Each entry has a link in the order in which the journal's stream told of it; a link's hash covers
 * the one before it, so that an entry can't be altered, removed, inserted or moved later without being seen. Pure.
 */
import { createHash } from 'node:crypto';
import type { JournalEntry } from '../../events/journal.ts';

/** One entry's place in the chain. */
export interface Link {
  /** 1 for the first. */
  readonly position: number;
  readonly entryId: string;
  /** The time that the entry states; ISO 8601. */
  readonly at: string;
  /** When DynamoDB says that the entry was written ("StreamRecord", ApproximateCreationDateTime); absent when the stream didn't say. */
  readonly writtenAt?: string;
  /** SHA-256 of what the entry says. */
  readonly content: string;
  /** Hash of the link before; `GENESIS` for the first. */
  readonly previous: string;
  readonly hash: string;
}

/** Where a chain ends. */
export interface ChainEnd {
  readonly count: number;
  readonly hash: string;
}

export const GENESIS = '0'.repeat(64);
export const EMPTY_CHAIN: ChainEnd = { count: 0, hash: GENESIS };

/** An entry as the stream told of it. */
export interface Written {
  readonly entry: JournalEntry;
  readonly writtenAt?: string;
}

/** Links for entries in the order given, behind what is there. */
export function extendChain(incidentId: string, end: ChainEnd, written: readonly Written[]): Link[] {
  let { count, hash } = end;
  return written.map(({ entry, writtenAt }) => {
    const link = {
      position: ++count,
      entryId: entry.id,
      at: entry.at,
      ...(writtenAt && { writtenAt }),
      content: contentDigest(entry),
      previous: hash,
    };
    hash = linkHash(incidentId, link);
    return { ...link, hash };
  });
}

export const endOf = (links: readonly Link[], otherwise: ChainEnd = EMPTY_CHAIN): ChainEnd => {
  const last = links.at(-1);
  return last ? { count: last.position, hash: last.hash } : otherwise;
};

/** SHA-256 (hex) of what an entry says: everything but its id and time, which the link holds in the clear. */
export const contentDigest = ({ kind, by, summary, data }: JournalEntry): string =>
  sha256(canonical({ kind, by, summary, data }));

/** SHA-256 (hex) over the hash before and everything else that the link holds. */
export const linkHash = (
  incidentId: string,
  { position, entryId, at, writtenAt, content, previous }: Omit<Link, 'hash'>,
): string => sha256(canonical([previous, position, incidentId, entryId, at, writtenAt ?? '', content]));

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/**
 * JSON with sorted keys and without blanks, so that equal values give equal text however they were read. What isn't JSON has no place in an
 * entry; numbers beyond a double come out of DynamoDB as bigint and are written as they are.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
