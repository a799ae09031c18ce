import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../../../events/journal.ts';
import { canonical, EMPTY_CHAIN, endOf, extendChain, type Link, linkHash } from '../../../functions/engine/chain.ts';
import { type Chained, checkChain, type Finding } from '../../../functions/engine/chain-check.ts';

const START = Date.parse('2026-11-20T03:00:00.000Z');
/** Long after everything was written. */
const LATER = START + 3_600_000;

const entry = (number: number, over: Partial<JournalEntry> = {}): JournalEntry => ({
  id: `01E${String(number).padStart(4, '0')}`,
  incidentId: 'inc-1',
  at: new Date(START + number * 1000).toISOString(),
  kind: 'note',
  by: 'scale-out-service',
  summary: `line ${number}`,
  data: { number },
  ...over,
});

function chainOf(entries: readonly JournalEntry[]): Chained & { links: Link[] } {
  const links = extendChain(
    'inc-1',
    EMPTY_CHAIN,
    entries.map((each) => ({ entry: each, writtenAt: each.at })),
  );
  return { incidentId: 'inc-1', entries, links, end: endOf(links) };
}
const story = () => chainOf([1, 2, 3, 4, 5].map((number) => entry(number)));
const found = (chained: Chained, now = LATER): Omit<Finding, 'detail'>[] =>
  checkChain(chained, now).findings.map(({ detail: _detail, ...rest }) => rest);

describe('a chain', () => {
  it('is intact as it was written, in whatever order it is read', () => {
    const { entries, links, ...rest } = story();
    const check = checkChain({ ...rest, entries: entries.toReversed(), links: links.toReversed() }, LATER);
    expect(check).toEqual({ intact: true, count: 5, hash: links[4]?.hash, pending: 0, findings: [] });
  });

  it('is intact without any entry', () => {
    expect(checkChain({ incidentId: 'inc-1', entries: [], links: [] }, LATER)).toMatchObject({
      intact: true,
      count: 0,
    });
  });

  it('grows to the same links whether entries come one by one or at once', () => {
    const { entries, links } = story();
    const grown: Link[] = [];
    for (const each of entries)
      grown.push(...extendChain('inc-1', endOf(grown), [{ entry: each, writtenAt: each.at }]));
    expect(grown).toEqual(links);
  });

  it('holds entries whose ids come out of order, because a clock was late', () => {
    const [one, two, three] = [entry(1), entry(2), entry(3)];
    const { incidentId, links, end } = chainOf([two, one, three]);
    expect(found({ incidentId, entries: [one, two, three], links, end })).toEqual([]);
  });

  it('does not depend on the order of keys, and tells values apart', () => {
    expect(canonical({ b: [1, { d: 2, c: 'x' }], a: null, gone: undefined })).toBe(
      '{"a":null,"b":[1,{"c":"x","d":2}]}',
    );
    expect(canonical('1')).not.toBe(canonical(1));
    expect(canonical(12345678901234567890n)).toBe('12345678901234567890');
  });

  it('of one incident is not that of another', () => {
    const [link] = story().links;
    expect(link && linkHash('inc-2', link)).not.toBe(link?.hash);
  });
});

describe('an entry', () => {
  it.each<[string, Partial<JournalEntry>]>([
    ['summary', { summary: 'nothing happened' }],
    ['data', { data: { number: 3, by: 'hand' } }],
    ['author', { by: 'person:eve' }],
    ['kind', { kind: 'resolved' }],
  ])('whose %s was altered is named', (_what, over) => {
    const chained = story();
    expect(found({ ...chained, entries: chained.entries.with(2, entry(3, over)) })).toEqual([
      { kind: 'altered', entryId: '01E0003' },
    ]);
  });

  it('whose time was altered is named as moved', () => {
    const chained = story();
    const moved = entry(3, { at: entry(1).at });
    expect(found({ ...chained, entries: chained.entries.with(2, moved) })).toEqual([
      { kind: 'reordered', entryId: '01E0003' },
    ]);
  });

  it('that was removed is named', () => {
    const chained = story();
    expect(found({ ...chained, entries: chained.entries.toSpliced(1, 1) })).toEqual([
      { kind: 'removed', entryId: '01E0002' },
    ]);
  });

  it('that was put there behind the stream is named once it is old enough to have been told of', () => {
    const chained = story();
    const entries = [...chained.entries, entry(6)];
    expect(checkChain({ ...chained, entries }, START + 60_000)).toMatchObject({ intact: true, pending: 1 });
    expect(found({ ...chained, entries })).toEqual([{ kind: 'inserted', entryId: '01E0006' }]);
  });

  it('that was put among older ones is named, although the stream told of it', () => {
    const { entries, links, incidentId } = story();
    const late = entry(2, { id: '01E0002b', summary: 'approved by the boss' });
    const more = [
      ...links,
      ...extendChain(incidentId, endOf(links), [{ entry: late, writtenAt: new Date(LATER).toISOString() }]),
    ];
    expect(
      found({ incidentId, entries: [...entries, late], links: more, end: endOf(more) }, LATER + 3_600_000),
    ).toEqual([{ kind: 'inserted', entryId: '01E0002b' }]);
  });

  it('written by a clock that is a minute late is no insertion', () => {
    const { entries, links, incidentId } = story();
    const late = { entry: entry(6), writtenAt: new Date(Date.parse(entry(6).at) + 60_000).toISOString() };
    const more = [...links, ...extendChain(incidentId, endOf(links), [late])];
    expect(found({ incidentId, entries: [...entries, late.entry], links: more, end: endOf(more) })).toEqual([]);
  });

  it('that stands elsewhere under another id is named as moved', () => {
    const chained = story();
    const moved = entry(4, { id: '01E0000', at: entry(0).at });
    expect(found({ ...chained, entries: [moved, ...chained.entries.toSpliced(3, 1)] })).toEqual([
      { kind: 'reordered', entryId: '01E0004' },
    ]);
  });
});

describe('a link', () => {
  it('that was altered is named, and those after it are not', () => {
    const chained = story();
    const [, , third] = chained.links;
    if (!third) throw new Error('no third link');
    const links = chained.links.with(2, { ...third, content: 'f'.repeat(64) });
    expect(found({ ...chained, links })).toEqual([
      { kind: 'altered', entryId: '01E0003' },
      // The entry differs from the link that was altered, too.
      { kind: 'altered', entryId: '01E0003' },
    ]);
  });

  it('that was removed with its entry leaves a gap that is named', () => {
    const chained = story();
    const less = { entries: chained.entries.toSpliced(1, 2), links: chained.links.toSpliced(1, 2) };
    expect(checkChain({ ...chained, ...less }, LATER).findings).toEqual([
      { kind: 'removed', detail: 'the links from place 2 to 3 are missing' },
    ]);
  });

  it('that was removed at the end is missed by the head', () => {
    const chained = story();
    const less = { entries: chained.entries.slice(0, 4), links: chained.links.slice(0, 4) };
    expect(found({ ...chained, ...less })).toEqual([{ kind: 'removed' }]);
  });

  it('that took the place of another is named', () => {
    const chained = story();
    const [, second, third] = chained.links;
    if (!second || !third) throw new Error('no such links');
    const links = [...chained.links];
    links[1] = { ...third, position: 2 };
    links[2] = { ...second, position: 3 };
    expect(found({ ...chained, links })).toEqual([
      { kind: 'reordered', entryId: '01E0002' },
      { kind: 'reordered', entryId: '01E0003' },
    ]);
  });

  it('that was made for an invented entry, hash and all, is named', () => {
    const chained = story();
    const invented = entry(9, { summary: 'approved' });
    const [forged] = extendChain('inc-1', endOf(chained.links.slice(0, 2)), [
      { entry: invented, writtenAt: invented.at },
    ]);
    if (!forged) throw new Error('no link');
    const check = found({ ...chained, entries: [...chained.entries, invented], links: [...chained.links, forged] });
    expect(check).toContainEqual({ kind: 'inserted', entryId: expect.any(String) });
  });

  it('chain that was written anew from an altered story is given away only by what was kept elsewhere', () => {
    const { entries, incidentId } = story();
    const rewritten = chainOf(entries.with(2, entry(3, { summary: 'nothing happened' })));
    expect(found({ ...rewritten, incidentId })).toEqual([]);
    expect(found({ ...rewritten, incidentId, end: endOf(story().links) })).toEqual([{ kind: 'altered' }]);
  });
});
