import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JournalEntry } from '../../../events/journal.ts';
import { EMPTY_CHAIN, endOf, extendChain } from '../../../functions/engine/chain.ts';
import { checkChain } from '../../../functions/engine/chain-check.ts';

const START = Date.parse('2026-11-20T03:00:00.000Z');
const NOW = START + 86_400_000;

const story = fc
  .array(
    fc.record({
      summary: fc.string({ unit: 'grapheme' }),
      by: fc.constantFrom('scale-out-service', 'person:ada', 'publisher'),
      data: fc.dictionary(fc.string(), fc.jsonValue()),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((lines) =>
    lines.map(
      (line, index): JournalEntry => ({
        ...line,
        id: `01E${String(index).padStart(4, '0')}`,
        incidentId: 'inc-1',
        at: new Date(START + index * 1000).toISOString(),
        kind: 'note',
        data: line.data as Record<string, unknown>,
      }),
    ),
  );

const chained = (entries: readonly JournalEntry[]) => {
  const links = extendChain(
    'inc-1',
    EMPTY_CHAIN,
    entries.map((entry) => ({ entry, writtenAt: entry.at })),
  );
  return { incidentId: 'inc-1', entries, links, end: endOf(links) };
};

describe('any story', () => {
  it('is intact as it was written, in whatever order the stream told it', () => {
    fc.assert(
      fc.property(
        story.chain((entries) =>
          fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
        ),
        ([entries, told]) => checkChain({ ...chained(told), entries }, NOW).intact,
      ),
    );
  });

  it('is not intact when any one entry says something else, is missing, or is one more', () => {
    fc.assert(
      fc.property(story, fc.nat(), fc.constantFrom('alter', 'remove', 'add'), (entries, at, how) => {
        const place = at % entries.length;
        const entry = entries[place];
        if (!entry) return false;
        const changed = {
          alter: entries.with(place, { ...entry, summary: `${entry.summary}.` }),
          remove: entries.toSpliced(place, 1),
          add: [...entries, { ...entry, id: '01F', summary: 'one more' }],
        }[how];
        return !checkChain({ ...chained(entries), entries: changed }, NOW).intact;
      }),
    );
  });

  it('is not intact when any field of any link is another', () => {
    const other = {
      position: 99,
      entryId: '01X',
      at: '2020-01-01T00:00:00.000Z',
      content: 'c',
      previous: 'p',
      hash: 'h',
    };
    fc.assert(
      fc.property(
        story,
        fc.nat(),
        fc.constantFrom(...(Object.keys(other) as (keyof typeof other)[])),
        (entries, at, field) => {
          const whole = chained(entries);
          const place = at % whole.links.length;
          const link = whole.links[place];
          if (!link) return false;
          const links = whole.links.with(place, { ...link, [field]: other[field] });
          return !checkChain({ ...whole, links }, NOW).intact;
        },
      ),
    );
  });

  it('is checked to an end whatever the links are', () => {
    const link = fc.record({
      position: fc.integer({ min: -1, max: 6 }),
      entryId: fc.constantFrom('01E0000', '01E0001', 'x'),
      at: fc.constant(new Date(START).toISOString()),
      content: fc.constantFrom('a', 'b'),
      previous: fc.constantFrom('0'.repeat(64), 'a', 'b'),
      hash: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(story, fc.array(link, { minLength: 1, maxLength: 8 }), (entries, links) => {
        const check = checkChain({ incidentId: 'inc-1', entries, links, end: endOf(links) }, NOW);
        expect(check.intact).toBe(false);
      }),
    );
  });
});
