/** Recomputing a chain: what was altered, removed, inserted or moved since it was written. Pure. */
import type { JournalEntry } from '../../events/journal.ts';
import { type ChainEnd, contentDigest, EMPTY_CHAIN, endOf, GENESIS, type Link, linkHash } from './chain.ts';

export const FINDING_KINDS = ['altered', 'removed', 'inserted', 'reordered'] as const;

/** One thing that isn't as it was written. */
export interface Finding {
  readonly kind: (typeof FINDING_KINDS)[number];
  /** The entry that it is about; absent where the chain's end is meant. */
  readonly entryId?: string;
  /** A sentence. */
  readonly detail: string;
}

export interface ChainCheck {
  readonly intact: boolean;
  readonly count: number;
  readonly hash: string;
  /** Entries so new that the stream may not have told of them yet. */
  readonly pending: number;
  readonly findings: readonly Finding[];
}

/** How long an entry may stand in the journal without its link: what the stream tells late is retried for hours, but then it is worth a look. */
export const PENDING_MS = 10 * 60_000;
/** How far the time that an entry states may lie before the time at which DynamoDB says that it was written. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

export interface Chained {
  readonly incidentId: string;
  /** As the journal holds them now. */
  readonly entries: readonly JournalEntry[];
  readonly links: readonly Link[];
  /** What the head says; absent when there is none. */
  readonly end?: ChainEnd | undefined;
}

/** @param now epoch ms. */
export function checkChain({ incidentId, entries, links, end = EMPTY_CHAIN }: Chained, now: number): ChainCheck {
  const order = walk(incidentId, links);
  const { findings, pending } = compareEntries(entries, order.chain, now);
  const last = endOf(order.chain);
  const all = [...order.findings, ...findings, ...lateFindings(order.chain), ...endFindings(last, end)];
  return { intact: all.length === 0, count: last.count, hash: last.hash, pending, findings: all };
}

/** Follows the links from the first by the hashes they name, and by position where those lead nowhere. */
function walk(incidentId: string, links: readonly Link[]): { chain: Link[]; findings: Finding[] } {
  const left = new Set([...links].sort((a, b) => a.position - b.position));
  const chain: Link[] = [];
  const findings: Finding[] = [];
  let [previous, position] = [GENESIS, 1];
  while (left.size > 0) {
    const { link, skipped } = next(incidentId, left, previous, position);
    findings.push(...judge(incidentId, link, { previous, position, skipped }));
    left.delete(link);
    chain.push(link);
    for (const rival of left) {
      if (rival.previous !== previous || link.previous !== previous) continue;
      left.delete(rival);
      findings.push(finding('inserted', rival.entryId, `a second link stands at place ${position}`));
    }
    [previous, position] = [link.hash, skipped ? link.position + 1 : position + 1];
  }
  return { chain, findings };
}

/** The link that belongs next; `skipped` when those before it are missing. */
function next(
  incidentId: string,
  left: ReadonlySet<Link>,
  previous: string,
  position: number,
): { link: Link; skipped: boolean } {
  const following = [...left].filter((link) => link.previous === previous);
  const fitting = following.find((link) => isWhole(incidentId, link, position)) ?? following[0];
  if (fitting) return { link: fitting, skipped: false };
  const [first] = left;
  if (!first) throw new Error('unreachable: the walk ends when no link is left');
  const atPlace = [...left].find((link) => link.position === position);
  return atPlace ? { link: atPlace, skipped: false } : { link: first, skipped: true };
}

const isWhole = (incidentId: string, link: Link, position = link.position): boolean =>
  linkHash(incidentId, { ...link, position }) === link.hash;

interface Expected {
  readonly previous: string;
  readonly position: number;
  readonly skipped: boolean;
}

function judge(incidentId: string, link: Link, { previous, position, skipped }: Expected): Finding[] {
  const { entryId } = link;
  if (skipped)
    return [
      finding('removed', undefined, `the links from place ${position} to ${link.position - 1} are missing`),
      ...(isWhole(incidentId, link) ? [] : [finding('altered', entryId, 'its link was changed')]),
    ];
  if (!isWhole(incidentId, link, position)) return [finding('altered', entryId, 'its link was changed')];
  if (link.position !== position)
    return [finding('reordered', entryId, `its link says place ${link.position}, the hashes say ${position}`)];
  if (link.previous !== previous)
    return [finding('altered', entryId, 'its link follows another than the one before it')];
  return [];
}

function compareEntries(
  entries: readonly JournalEntry[],
  chain: readonly Link[],
  now: number,
): { findings: Finding[]; pending: number } {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const linked = new Set(chain.map(({ entryId }) => entryId));
  const altered = chain.flatMap((link) => {
    const entry = byId.get(link.entryId);
    return entry ? alterations(entry, link) : [];
  });
  const removed = chain.filter(({ entryId }) => !byId.has(entryId));
  const isNew = ({ at }: JournalEntry) => Math.abs(now - Date.parse(at)) < PENDING_MS;
  const unlinked = entries.filter(({ id }) => !linked.has(id));
  const moved = new Map<JournalEntry, Link>();
  for (const entry of unlinked) {
    const from = removed.find((link) => link.content === contentDigest(entry) && ![...moved.values()].includes(link));
    if (from) moved.set(entry, from);
  }
  const left = unlinked.filter((entry) => !moved.has(entry));
  const gone = removed.filter((link) => ![...moved.values()].includes(link));
  return {
    pending: left.filter(isNew).length,
    findings: [
      ...altered,
      ...gone.map(({ entryId, position, at }) =>
        finding('removed', entryId, `the entry of place ${position}, written for ${at}, is gone`),
      ),
      ...[...moved].map(([entry, link]) =>
        finding(
          'reordered',
          link.entryId,
          `what it says now stands as ${entry.id} at ${entry.at} instead of ${link.at}`,
        ),
      ),
      ...left
        .filter((entry) => !isNew(entry))
        .map(({ id, at }) => finding('inserted', id, `it states ${at}, and the stream never told of it`)),
    ],
  };
}

function alterations(entry: JournalEntry, link: Link): Finding[] {
  if (contentDigest(entry) !== link.content)
    return [finding('altered', entry.id, `it doesn't say any more what was written (place ${link.position})`)];
  if (entry.at !== link.at)
    return [finding('reordered', entry.id, `it states ${entry.at}, and stated ${link.at} when it was written`)];
  return [];
}

/** An entry can be put among older ones, and the stream tells of it as of any other; but DynamoDB knows when. */
const lateFindings = (chain: readonly Link[]): Finding[] =>
  chain
    .filter(
      ({ at, writtenAt }) => writtenAt !== undefined && Date.parse(writtenAt) - Date.parse(at) > CLOCK_TOLERANCE_MS,
    )
    .map(({ entryId, at, writtenAt }) =>
      finding('inserted', entryId, `it states ${at} but was written at ${writtenAt}`),
    );

function endFindings(last: ChainEnd, end: ChainEnd): Finding[] {
  if (end.count > last.count)
    return [finding('removed', undefined, `the head counts ${end.count} links, ${last.count} are there`)];
  if (end.count < last.count)
    return [finding('inserted', undefined, `the head counts ${end.count} links, ${last.count} are there`)];
  return end.hash === last.hash ? [] : [finding('altered', undefined, 'the head names another last hash')];
}

const finding = (kind: Finding['kind'], entryId: string | undefined, detail: string): Finding => ({
  kind,
  ...(entryId !== undefined && { entryId }),
  detail,
});
