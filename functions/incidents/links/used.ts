/** Links that were used: one item each, written together with what the link did, so that it did it once. */
import { marshall } from '../../engine/attributes.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import type { Link } from '../link-token.ts';

/** What is kept of a used link: never the token. */
export interface UsedLink {
  readonly operation: Link['operation'];
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  /** What came of it, as it was shown. */
  readonly heading: string;
  readonly text: string;
}

/** Kept beyond the link's own end, so that a late click is still told what became of it; an ended link is refused anyway. */
const KEPT_AFTER_SECONDS = 7 * 86_400;

const keyOf = (hash: string) => ({ pk: `LINK#${hash}`, sk: 'LINK' });

/** Refuses when the link was used before. */
export const useLink = (table: string, hash: string, { expiresAt }: Link, used: UsedLink): Labelled => ({
  label: 'link',
  item: {
    Put: {
      TableName: table,
      Item: marshall({ ...keyOf(hash), ...used, expiresAt: expiresAt + KEPT_AFTER_SECONDS }),
      ConditionExpression: 'attribute_not_exists(pk)',
    },
  },
});

export const readUsed = async (store: Store, hash: string): Promise<UsedLink | undefined> =>
  (await store.read(keyOf(hash))) as UsedLink | undefined;
