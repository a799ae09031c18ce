/** Starting and waking the follow-through of an incident. */
import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import type { EntryKind } from '../../events/journal.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { executionName, type FollowItem, followPartition, readFollowing } from '../engine/following.ts';
import type { Store } from '../engine/store.ts';
import { putFollowing } from './follow-item.ts';

/** The state machine of one deployment. */
export interface Machine {
  readonly sfn: Pick<SFNClient, 'send'>;
  readonly arn: string;
}

/**
 * Starts an execution; one of that name counts as started, whether it runs or has ended ("StartExecution", AWS Step Functions API Reference).
 * @returns whether it was started now.
 * @throws EngineError when it can't be told whether it runs.
 */
export async function startFollowing({ sfn, arn }: Machine, incidentId: string, generation: number): Promise<boolean> {
  const name = executionName(incidentId, generation);
  // Nothing but the incident's name: evidence and secrets have no place in an execution's history.
  const input = JSON.stringify({ incidentId, generation });
  try {
    await sfn.send(new StartExecutionCommand({ stateMachineArn: arn, name, input }));
    return true;
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) return false;
    throw classifyAwsError(`start the follow-through ${name}`, error);
  }
}

/**
 * Has a waiting execution look again.
 * @returns whether it waited by that token: a used or outdated one is nothing wrong, its execution looks again by itself.
 */
export async function completeWait({ sfn }: Machine, token: string, why: string): Promise<boolean> {
  try {
    await sfn.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify({ why }) }));
    return true;
  } catch (error) {
    if (error instanceof InvalidToken || error instanceof TaskTimedOut || error instanceof TaskDoesNotExist)
      return false;
    throw classifyAwsError('wake a follow-through', error);
  }
}

/** News that is worth following an incident again after its follow-through has ended. */
const REVIVING: readonly EntryKind[] = ['escalated'];

/** The new execution gets this long to look for the first time; then the reconciler takes the incident up. */
const FIRST_LOOK_WITHIN_MS = 120_000;

/** It isn't over any more: from now on it is late when nobody looks, also where the execution that is started next fails before it does. */
async function revive(store: Store, item: FollowItem, now: number): Promise<void> {
  const { endedAt: _, expiresAt: __, token: ___, ...rest } = item;
  const next: FollowItem = {
    ...rest,
    version: item.version + 1,
    until: now,
    doing: 'begins anew',
    duePk: followPartition(item.incidentId),
    dueAt: now + FIRST_LOOK_WITHIN_MS,
  };
  // Somebody else who revives it writes the same.
  await store.transact([putFollowing(store.table, item, next)]);
}

/**
 * Brings news of an incident to its follow-through: wakes it where it waits, starts it where there is none. One that is looking right now finds the
 * news by itself, before it waits or ends.
 * @param now epoch milliseconds.
 */
export async function wake(
  store: Store,
  machine: Machine,
  incidentId: string,
  news: readonly EntryKind[],
  now: number,
): Promise<'woken' | 'started' | 'nothing'> {
  const item = await readFollowing(store, incidentId);
  if (!item) {
    await startFollowing(machine, incidentId, 0);
    return 'started';
  }
  if (item.endedAt !== undefined) {
    if (!news.some((kind) => REVIVING.includes(kind))) return 'nothing';
    await revive(store, item, now);
    await startFollowing(machine, incidentId, item.generation + 1);
    return 'started';
  }
  if (item.token === undefined) return 'nothing';
  return (await completeWait(machine, item.token, news.join(', '))) ? 'woken' : 'nothing';
}
