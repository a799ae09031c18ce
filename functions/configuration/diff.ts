/** What differs between two backups, or between a backup and what is there. Pure. */
import type { Json } from '../engine/remediation.ts';
import {
  type ConfigItem,
  canonical,
  type ItemKind,
  inOrder,
  isUnread,
  nameOf,
  type Settings,
  type Unread,
} from './item.ts';

export interface FieldChange {
  readonly [key: string]: Json;
  /** Such as `definition.containers.web.image`. */
  readonly field: string;
  /** null: it wasn't there. */
  readonly before: Json;
  readonly after: Json;
}

export interface ItemChange {
  readonly [key: string]: Json;
  readonly kind: ItemKind;
  readonly id: string;
  readonly what: 'added' | 'removed' | 'changed';
  /** Of `changed` only. */
  readonly fields: readonly FieldChange[];
}

export interface Side {
  readonly items: readonly ConfigItem[];
  readonly unread: readonly Unread[];
}

/** Numbers of tasks between which a service moves by itself, by its id: such a move is no change. */
export type TaskLimits = Readonly<Record<string, { readonly min: number; readonly max: number }>>;

/** In the order of kind and id. What one side couldn't read is neither added nor removed. */
export function changesBetween(before: Side, after: Side, limits: TaskLimits = {}): ItemChange[] {
  const [old, now] = [byName(before.items), byName(after.items)];
  const unread = [...before.unread, ...after.unread];
  const all = inOrder([...new Map([...old, ...now]).values()]).filter((item) => !isUnread(unread, item));
  return all.flatMap((item): ItemChange[] => {
    const { kind, id } = item;
    const [was, is] = [old.get(nameOf(item)), now.get(nameOf(item))];
    if (!was) return [{ kind, id, what: 'added', fields: [] }];
    if (!is) return [{ kind, id, what: 'removed', fields: [] }];
    const fields = fieldChanges(was.settings, is.settings).filter((field) => !movesByItself(is, field, limits));
    return fields.length > 0 ? [{ kind, id, what: 'changed', fields }] : [];
  });
}

const byName = (items: readonly ConfigItem[]) => new Map(items.map((item) => [nameOf(item), item]));

function movesByItself({ kind, id }: ConfigItem, { field, before, after }: FieldChange, limits: TaskLimits): boolean {
  const limit = limits[id];
  if (kind !== 'service' || field !== 'desiredCount' || !limit) return false;
  return [before, after].every((count) => typeof count === 'number' && count >= limit.min && count <= limit.max);
}

/** Field by field; lists are compared as wholes. */
export function fieldChanges(before: Settings, after: Settings, path = ''): FieldChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key): FieldChange[] => {
    const [was = null, is = null] = [before[key], after[key]];
    const field = path === '' ? key : `${path}.${key}`;
    if (isObject(was) && isObject(is)) return fieldChanges(was, is, field);
    return canonical(was) === canonical(is) ? [] : [{ field, before: was, after: is }];
  });
}

const isObject = (value: Json): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As long as a line of a message; the whole is in the backup. */
const LONGEST_VALUE = 80;

const shown = (value: Json): string => {
  if (value === null) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
};

export const tellField = ({ field, before, after }: FieldChange): string =>
  `${field}: ${shown(before)} -> ${shown(after)}`;

/** "service/orders/backend: taskDefinition: ...:12 -> ...:13". */
export const tellChange = (change: ItemChange): string =>
  `${nameOf(change)}: ${change.what === 'changed' ? change.fields.map(tellField).join(', ') : change.what}`;
