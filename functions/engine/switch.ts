/** The one lever: `pause` stops new actions, `freeze` also what is under way, at step boundaries. Written to every copy. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { RetryableError } from './errors.ts';
import { type Key, SWITCH_COPIES, type SwitchItem, type SwitchState, switchKey } from './items.ts';
import type { Store } from './store.ts';

const ROUNDS = 10;
/** From the one that allows the most. */
const STRICTNESS: readonly SwitchState[] = ['run', 'pause', 'freeze'];

/**
 * Sets the switch. Each copy is written on its own: one transaction over all of them is cancelled whenever any commit is at any copy,
 * so in a storm, when it is needed most, it would never succeed. When this returns, no commit passes by an old copy any more.
 * @param by Who asks, for the journal ("person:jane").
 * @throws RetryableError when not every copy could be written, or somebody else set it at the same time: then look, and set it again.
 */
export async function setSwitch(
  store: Store,
  state: SwitchState,
  by: string,
  reason: string,
  now = new Date(),
): Promise<void> {
  const item: SwitchItem = { state, by, reason, at: now.toISOString() };
  let left = switchKeys();
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const written = await Promise.all(left.map((key) => writeCopy(store, key, item)));
    left = left.filter((_, index) => !written[index]);
  }
  if (left.length > 0)
    throw new RetryableError(
      `${left.length} of ${SWITCH_COPIES} copies of the switch could not be set to ${state}: set it again`,
    );
  const other = (await readCopies(store)).find((copy) => copy.state !== state);
  if (other) throw new RetryableError(`${other.by} set the switch to ${other.state} at the same time: set it again`);
}

const switchKeys = (): Key[] => Array.from({ length: SWITCH_COPIES }, (_, copy) => switchKey(copy));

async function writeCopy(store: Store, key: Key, item: SwitchItem): Promise<boolean> {
  const put = { Put: { TableName: store.table, Item: marshall({ ...key, ...item }) } };
  return (await store.transact([{ label: key.pk, item: put }])).ok;
}

async function readCopies(store: Store): Promise<SwitchItem[]> {
  return [...(await store.readAll(switchKeys())).values()] as unknown as SwitchItem[];
}

/** The switch as it stands; where copies differ, because setting it failed halfway, the strictest. */
export async function getSwitch(store: Store): Promise<SwitchItem> {
  const copies = await readCopies(store);
  const strict = ({ state }: SwitchItem) => STRICTNESS.indexOf(state);
  const [strictest] = copies.sort((a, b) => strict(b) - strict(a));
  return strictest ?? { state: 'run', by: 'nobody', reason: 'never set', at: new Date(0).toISOString() };
}
