/** What comes of a backup of the configuration. Pure. */
import { type ItemChange, type Side, tellChange } from '../../configuration/diff.ts';
import { type ConfigItem, nameOf } from '../../configuration/item.ts';
import type { Json } from '../../engine/remediation.ts';
import type { Verdict } from '../job.ts';

/** As many as a person reads in a message; the backup has all. */
const TOLD = 5;
/** A run's item stays well below DynamoDB's 400 kB. */
const KEPT = 50;
const LONGEST = 500;

/**
 * @param who by whom each change was made, a line each.
 * @param before folder of the backup that it was compared with; null: there is none. @param damaged why the one before can't be read, which is a fault of its own.
 */
export function verdictOf(
  { items, unread }: Side,
  changes: readonly ItemChange[],
  folder: string,
  before: string | null,
  damaged?: string,
  who: readonly string[] = [],
): Verdict {
  const uncovered = items.filter(({ kind }) => kind === 'uncovered');
  const things = items.length - uncovered.length;
  const report = {
    ...{ folder, things, comparedWith: before, changes: changes.length, uncovered: uncovered.length },
    changed: changes.slice(0, KEPT).map((change): Json => tellChange(change).slice(0, LONGEST)),
    who: who.map((each): Json => each.slice(0, LONGEST)),
    notCovered: uncovered.slice(0, KEPT).map(({ id, settings }): Json => `${id}: ${settings.why}`.slice(0, LONGEST)),
    unread: unread.slice(0, KEPT).map((each): Json => ({ ...each, why: each.why.slice(0, LONGEST) })),
  };
  const compared = damaged === undefined ? changesText(changes, before) : 'they are compared with none';
  const left =
    uncovered.length > 0 ? `; ${uncovered.length} of the account are in no backup: ${listed(uncovered)}` : '';
  const said = `${things} things are backed up; ${compared}${left}`;
  if (damaged !== undefined && unread.length === 0)
    return {
      ...{ kind: 'failed', check: 'damaged', report },
      summary: `the backup before can't be read any more (${damaged.slice(0, LONGEST)}); ${said}`,
    };
  if (unread.length === 0) return { kind: 'passed', summary: said, report };
  const missing = unread.slice(0, TOLD).map(({ kind, scope, why }) => `${nameOf({ kind, id: `${scope}*` })}: ${why}`);
  return {
    ...{ kind: 'failed', check: 'unread', report },
    summary: `not everything could be read (${missing.join('; ')}${more(unread.length)}); ${said}`,
  };
}

function changesText(changes: readonly ItemChange[], before: string | null): string {
  if (before === null) return 'there is none before it to compare with';
  if (changes.length === 0) return 'nothing changed since the one before';
  const told = changes.slice(0, TOLD).map((change) => tellChange(change).slice(0, LONGEST));
  return `${changes.length} changed since the one before: ${told.join('; ')}${more(changes.length)}`;
}

const listed = (items: readonly ConfigItem[]): string =>
  items
    .slice(0, TOLD)
    .map(({ id }) => id.slice(0, LONGEST))
    .join(', ') + more(items.length).replace('; ', ' and ');

const more = (count: number): string => (count > TOLD ? `; ${count - TOLD} more` : '');
