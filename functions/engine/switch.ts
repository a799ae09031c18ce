/**
 * The one lever: `pause` stops new actions, `freeze` also what is under way, at step boundaries. It is read at its master, and checked in each commit's
 * transaction at one of its copies, because transactions that touch one item are cancelled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { marshall } from './attributes.ts';
import { RetryableError } from './errors.ts';
import { type Key, MASTER_SWITCH, SWITCH_COPIES, type SwitchItem, type SwitchState, switchKey } from './items.ts';
import type { Store } from './store.ts';

/** Copies written by one transaction, which may have at most 100 items ("TransactWriteItems", Amazon DynamoDB API Reference). */
const GROUP = 100;
/**
 * Tries of one transaction, with random pauses that double up to the longest. New commits don't come once the master is set, so it is enough to
 * outlast the calls that are under way, which take 10 s at most (`clientDefaults`).
 */
const TRIES = 50;
const LONGEST_PAUSE_MS = 500;
/** From the one that allows the most. */
const STRICTNESS: readonly SwitchState[] = ['run', 'pause', 'freeze'];

/**
 * Sets the switch. What begins after the master was written stops there; the copies stop the commits that were under way by then, so there are soon none
 * left to be in the way. Not in one transaction over all copies: that is cancelled whenever any commit is at any copy. When this returns, no commit
 * passes by an old copy any more.
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
  const keys = copyKeys();
  const groups = Array.from({ length: Math.ceil(keys.length / GROUP) }, (_, index) =>
    keys.slice(index * GROUP, (index + 1) * GROUP),
  );
  const write = async (keys: readonly (readonly Key[])[]) =>
    (await Promise.all(keys.map((each) => writeCopies(store, each, item)))).flat();
  // At no time does the master allow more than the copies: halfway set, nothing new is begun.
  const seen = state === 'run' ? await readMaster(store) : undefined;
  const left =
    state === 'run'
      ? [...(await write(groups)), ...(await releaseMaster(store, item, seen))]
      : [...(await write([[MASTER_SWITCH]])), ...(await write(groups))];
  if (left.length > 0)
    throw new RetryableError(
      `${left.length} of ${SWITCH_COPIES + 1} copies of the switch could not be set to ${state}: set it again`,
    );
  const other = (await readCopies(store)).find((copy) => copy.state !== state);
  if (other) throw new RetryableError(`${other.by} set the switch to ${other.state} at the same time: set it again`);
}

const copyKeys = (): Key[] => Array.from({ length: SWITCH_COPIES }, (_, copy) => switchKey(copy));

/**
 * Writes the copies: those that nobody is at in one transaction, and those that somebody is at one by one until nobody is.
 * @returns the copies that could not be written.
 */
async function writeCopies(store: Store, keys: readonly Key[], item: SwitchItem): Promise<readonly Key[]> {
  if (keys.length === 0) return [];
  const puts = keys.map((key) => ({
    label: key.pk,
    item: { Put: { TableName: store.table, Item: marshall({ ...key, ...item }) } },
  }));
  for (let tries = 1; tries <= TRIES; tries++) {
    const result = await store.transactOnce(puts);
    if (result.ok) return [];
    const busy = keys.filter(({ pk }) => result.met.has(pk));
    if (keys.length > 1 && busy.length > 0) {
      const free = keys.filter((key) => !busy.includes(key));
      const left = await Promise.all([free, ...busy.map((key) => [key])].map((each) => writeCopies(store, each, item)));
      return left.flat();
    }
    if (tries < TRIES) await sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 10 * 2 ** tries));
  }
  return keys;
}

/**
 * Sets the master to `run` if it still is what was read before the copies were written: a freeze that came meanwhile stays.
 * @returns the master's key when it could not be written.
 * @throws RetryableError when somebody else set it.
 */
async function releaseMaster(store: Store, item: SwitchItem, seen: SwitchItem | undefined): Promise<readonly Key[]> {
  const put = {
    label: MASTER_SWITCH.pk,
    item: {
      Put: {
        TableName: store.table,
        Item: marshall({ ...MASTER_SWITCH, ...item }),
        ...(seen
          ? {
              ConditionExpression: '#at = :at AND #by = :by AND #state = :state',
              ExpressionAttributeNames: { '#at': 'at', '#by': 'by', '#state': 'state' },
              ExpressionAttributeValues: marshall({ ':at': seen.at, ':by': seen.by, ':state': seen.state }),
            }
          : { ConditionExpression: 'attribute_not_exists(pk)' }),
      },
    },
  };
  const result = await store.transact([put]);
  if (result.ok) return [];
  if (result.failed.size > 0) throw new RetryableError('somebody else set the switch at the same time: set it again');
  return [MASTER_SWITCH];
}

const readMaster = async (store: Store): Promise<SwitchItem | undefined> =>
  (await store.read(MASTER_SWITCH)) as SwitchItem | undefined;

/** The switch as it is now, in one read. @throws EngineError when the journal can't be read: then nothing may be changed. */
export async function readSwitch(store: Store): Promise<SwitchState> {
  return (await readMaster(store))?.state ?? 'run';
}

/** Some copy of the switch for a transaction to check. */
export const anyCopy = (random: () => number): number => Math.floor(random() * SWITCH_COPIES);

async function readCopies(store: Store): Promise<SwitchItem[]> {
  return [...(await store.readAll([MASTER_SWITCH, ...copyKeys()])).values()] as unknown as SwitchItem[];
}

/** The switch as it stands; where copies differ, because setting it failed halfway, the strictest. */
export async function getSwitch(store: Store): Promise<SwitchItem> {
  const copies = await readCopies(store);
  const strict = ({ state }: SwitchItem) => STRICTNESS.indexOf(state);
  const [strictest] = copies.sort((a, b) => strict(b) - strict(a));
  return strictest ?? { state: 'run', by: 'nobody', reason: 'never set', at: new Date(0).toISOString() };
}
