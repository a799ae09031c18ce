/**
 * Open incidents that nobody follows: their follow-through was never started (its entry of the stream was lost), its execution failed, or it is late.
 * The follow-through's function is asked to do what is due, and to start an execution anew.
 */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { classifyAwsError } from '../../engine/errors.ts';
import { type FollowItem, followKey, followPartitions } from '../../engine/following.ts';
import { incidentsPartition } from '../../engine/items.ts';
import type { Store } from '../../engine/store.ts';
import { lowestId } from '../../engine/storm.ts';

export interface FollowSurroundings {
  readonly store: Store;
  readonly lambda: Pick<LambdaClient, 'send'>;
  /** Name of the follow-through's function. */
  readonly functionName: string;
  readonly now: () => number;
  /**
   * When an incident was last handed over, by id (epoch milliseconds): kept by a process from run to run. Orders wait in Lambda's queue when much is going on, and
   * each run would add the same ones; a process that dies forgets, and gives them once more.
   */
  readonly handedOver?: Map<string, number>;
}

/** The stream gets this long to start a follow-through, the follow-through to look for the first time. */
const GRACE_MS = 120_000;
/** Longer than the stream keeps an entry for us (four hours): what wasn't started by then was lost. */
const LOOK_BACK_MS = 6 * 3_600_000;
/** Incidents taken up in one run; the rest has its turn in the next. */
const MOST = 100;

/**
 * Takes up what nobody follows.
 * @returns ids of those incidents.
 * @throws EngineError when the journal can't be read or an order isn't taken: the next run finds the same.
 */
export async function takeUpUnfollowed({
  store,
  lambda,
  functionName,
  now,
  handedOver = new Map(),
}: FollowSurroundings): Promise<string[]> {
  const at = now();
  for (const [id, since] of handedOver) if (since + GRACE_MS <= at) handedOver.delete(id);
  const late = new Set([...(await overdue(store, at)), ...(await neverFollowed(store, at))]);
  const ids = [...late].filter((id) => !handedOver.has(id)).slice(0, MOST);
  for (const incidentId of ids) {
    const Payload = JSON.stringify({ do: 'ensure', incidentId });
    try {
      await lambda.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload }));
    } catch (error) {
      throw classifyAwsError(`have ${incidentId} followed`, error);
    }
    handedOver.set(incidentId, at);
  }
  return ids;
}

async function overdue(store: Store, now: number): Promise<string[]> {
  const pages = await Promise.all(
    followPartitions().map((partition) =>
      store.query(
        {
          IndexName: 'due',
          KeyConditionExpression: 'duePk = :pk AND dueAt <= :now',
          ExpressionAttributeValues: { ':pk': { S: partition }, ':now': { N: String(now) } },
        },
        MOST,
      ),
    ),
  );
  return (pages.flat() as unknown as FollowItem[])
    .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
    .map(({ incidentId }) => incidentId);
}

async function neverFollowed(store: Store, now: number): Promise<string[]> {
  const [from, to] = [now - LOOK_BACK_MS, now - GRACE_MS];
  const months = new Set([from, to].map((at) => incidentsPartition(new Date(at).toISOString())));
  const pages = await Promise.all(
    [...months].map((month) =>
      store.query({
        IndexName: 'incidents',
        KeyConditionExpression: 'incidentsPk = :month AND incidentsSk BETWEEN :from AND :to',
        ProjectionExpression: 'incidentsSk',
        ExpressionAttributeValues: {
          ':month': { S: month },
          ':from': { S: lowestId(from) },
          ':to': { S: lowestId(to) },
        },
      }),
    ),
  );
  const ids = pages.flat().map(({ incidentsSk }) => String(incidentsSk));
  const known = await store.readAll(ids.map(followKey));
  return ids.filter((id) => !known.has(followKey(id).pk));
}
