/** The one lever: `pause` stops new actions, `freeze` also what is under way, at step boundaries. Written to every copy. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { RetryableError } from './errors.ts';
import { SWITCH_COPIES, type SwitchItem, type SwitchState, switchKey } from './items.ts';
import type { Store } from './store.ts';

/**
 * Sets the switch in one transaction, so that no commit can pass by an old copy afterwards.
 * @param by Who asks, for the journal ("person:jane").
 * @throws RetryableError when it could not be written: the switch then stands as before.
 */
export async function setSwitch(
  store: Store,
  state: SwitchState,
  by: string,
  reason: string,
  now = new Date(),
): Promise<void> {
  const item: SwitchItem = { state, by, reason, at: now.toISOString() };
  const copies = Array.from({ length: SWITCH_COPIES }, (_, copy) => ({
    label: `switch copy ${copy}`,
    item: { Put: { TableName: store.table, Item: marshall({ ...switchKey(copy), ...item }) } },
  }));
  const result = await store.transact(copies);
  if (!result.ok) throw new RetryableError('the switch could not be set: commits kept getting in the way; try again');
}

/** The switch as it stands. */
export async function getSwitch(store: Store): Promise<SwitchItem> {
  const item = await store.read(switchKey(0));
  return (
    (item as SwitchItem | undefined) ?? {
      state: 'run',
      by: 'nobody',
      reason: 'never set',
      at: new Date(0).toISOString(),
    }
  );
}
