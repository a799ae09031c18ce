/** The authority of a pair in the journal of the standby's region: read, and written by comparing its version. */

import { authorityKey } from '../engine/items.ts';
import { putVersion } from '../engine/job-head-writes.ts';
import type { Store } from '../engine/store.ts';
import type { Authority } from './rules.ts';

/** @throws EngineError when the journal can't be read. */
export const readAuthority = async (store: Store, pair: string): Promise<Authority | undefined> =>
  (await store.read(authorityKey(pair))) as Authority | undefined;

/** @returns whether it was still the version that was read. @throws EngineError when the journal can't be written. */
export async function writeAuthority(store: Store, next: Authority): Promise<boolean> {
  const item = { ...authorityKey(next.pair), ...next };
  const result = await store.transact([putVersion(store.table, 'authority', item, next.version)]);
  return result.ok;
}
