/** One configured thing as a backup keeps it, and its text, which is the same whenever the thing is. Pure. */
import { createHash } from 'node:crypto';
import type { Json } from '../engine/remediation.ts';

export const ITEM_KINDS = [
  ...(['service', 'scaling', 'record', 'alarm', 'certificate', 'parameter', 'rule', 'state-machine'] as const),
  // Something of the account that no part of the configuration names.
  'uncovered',
] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

export type Settings = { readonly [key: string]: Json };

export interface ConfigItem {
  readonly kind: ItemKind;
  /** `cluster/service`, `zone/name/type[/identifier]`, an alarm's or parameter's name, a certificate's ARN, `bus/rule`; of `uncovered` what it is and its name or ARN. */
  readonly id: string;
  /** Only fields that are known to hold no secret (`shapes.ts`), none that moves by itself. */
  readonly settings: Settings;
}

/** What couldn't be read: every thing of that kind whose id begins so. */
export interface Unread {
  readonly [key: string]: string;
  readonly kind: ItemKind;
  readonly scope: string;
  readonly why: string;
}

export const nameOf = ({ kind, id }: Pick<ConfigItem, 'kind' | 'id'>): string => `${kind}/${id}`;

export const isUnread = (unread: readonly Unread[], { kind, id }: Pick<ConfigItem, 'kind' | 'id'>): boolean =>
  unread.some((each) => each.kind === kind && id.startsWith(each.scope));

/** Keys sorted, so that two texts differ only where the things do. */
export const canonical = (value: Json): string => JSON.stringify(sorted(value), null, 1);

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as Settings).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}

/** SHA-256 of the canonical text, in hexadecimal. */
export const digestOf = (value: Json): string => createHash('sha256').update(canonical(value)).digest('hex');

export const inOrder = <T extends Pick<ConfigItem, 'kind' | 'id'>>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
