/**
 * Images that were rolled back are remembered in a tag of the service, where people see it too and can take it away. A tag's value has at most
 * 256 characters ("Tagging your Amazon ECS resources"), which three digests fit in.
 */
export const QUARANTINE_TAG = 'nightshift:quarantined';
const KEPT = 3;

export const quarantined = (tags: Readonly<Record<string, string>>): readonly string[] =>
  (tags[QUARANTINE_TAG] ?? '').split(' ').filter((each) => each !== '');

/** The tag's value with `digests` first; the oldest ones are forgotten. */
export const quarantineOf = (tags: Readonly<Record<string, string>>, digests: readonly string[]): string =>
  [...new Set([...digests, ...quarantined(tags)])].slice(0, KEPT).join(' ');
