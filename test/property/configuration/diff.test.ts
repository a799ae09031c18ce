import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changesBetween, fieldChanges, type Side } from '../../../functions/configuration/diff.ts';
import {
  type ConfigItem,
  canonical,
  digestOf,
  ITEM_KINDS,
  nameOf,
  type Settings,
} from '../../../functions/configuration/item.ts';
import type { Json } from '../../../functions/engine/remediation.ts';

const settings = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'desiredCount'),
  fc.jsonValue({ maxDepth: 2 }),
) as fc.Arbitrary<Settings>;
const items: fc.Arbitrary<ConfigItem[]> = fc.uniqueArray(
  fc.record({ kind: fc.constantFrom(...ITEM_KINDS), id: fc.constantFrom('x', 'y', 'z'), settings }),
  { selector: nameOf },
);
const side: fc.Arbitrary<Side> = items.map((all) => ({ items: all, unread: [] }));

/** The same value, its keys the other way round. */
const turned = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(turned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value as Settings)
      .toReversed()
      .map(([key, each]) => [key, turned(each)]),
  );
};

describe('backups of the configuration, whatever they hold', () => {
  it('have one text for one thing, in whatever order its fields come', () => {
    fc.assert(
      fc.property(settings, (value) => {
        expect(canonical(turned(value))).toBe(canonical(value));
        expect(digestOf(turned(value))).toBe(digestOf(value));
        expect(fieldChanges(value, turned(value) as Settings)).toEqual([]);
      }),
    );
  });

  it('differ from themselves in nothing', () => {
    fc.assert(
      fc.property(side, (all) => {
        expect(changesBetween(all, { ...all, items: all.items.toReversed() })).toEqual([]);
      }),
    );
  });

  it('tell of each thing that differs, once, and the other way round as the reverse', () => {
    fc.assert(
      fc.property(side, side, (before, after) => {
        const there = changesBetween(before, after);
        const names = there.map(nameOf);
        expect(new Set(names).size).toBe(names.length);
        const byName = ({ items: all }: Side) => new Map(all.map((each) => [nameOf(each), canonical(each.settings)]));
        const [old, now] = [byName(before), byName(after)];
        const differing = [...new Set([...old.keys(), ...now.keys()])].filter((name) => {
          const [was, is] = [old.get(name), now.get(name)];
          if (was === undefined || is === undefined) return true;
          // A field that says null is as good as one that isn't there.
          return fieldChanges(JSON.parse(was), JSON.parse(is)).length > 0;
        });
        expect([...names].sort()).toEqual(differing.sort());
        const swapped = { added: 'removed', removed: 'added', changed: 'changed' } as const;
        expect(changesBetween(after, before).map(({ what }) => what)).toEqual(there.map(({ what }) => swapped[what]));
      }),
    );
  });
});
