/** The item of a job's run in the journal table. */
import type { Key } from '../engine/items.ts';
import type { Json } from '../engine/remediation.ts';
import type { Store } from '../engine/store.ts';
import type { RunIdentity, Verdict } from './job.ts';

const partition = ({ job, subject }: Pick<RunIdentity, 'job' | 'subject'>): string => `JOB#${job}#${subject}`;
export const runKey = (run: RunIdentity): Key => ({ pk: partition(run), sk: `RUN#${run.scheduledAt}` });

/** Thirteen months: a year's worth of trend beside this month. */
export const RUN_KEPT_SECONDS = 400 * 24 * 3600;

export interface RunItem extends RunIdentity {
  /** Grows with every write; each write names the one that it read. */
  readonly version: number;
  /** `working` takes steps; `cleaning` removes what was made; `ended` is over. */
  readonly phase: 'working' | 'cleaning' | 'ended';
  readonly state: Json;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly endedAt?: number;
  readonly verdict?: Verdict;
  /** What it last said that it waits for. */
  readonly note?: string;
  /** Who started it, when no schedule did: `person:<name>`. */
  readonly startedBy?: string;
  /** What the person who started it named, such as one backup. */
  readonly wanted?: string;
  /** Its failure as it was told, before it cleaned up. */
  readonly told?: string;
}

/** Runs that were due within a time, oldest first; its end doesn't belong to it. @param between epoch milliseconds. */
export async function readRunsBetween(
  store: Store,
  job: Pick<RunIdentity, 'job' | 'subject'>,
  { from, to }: { readonly from: number; readonly to: number },
  limit: number,
): Promise<RunItem[]> {
  const at = (ms: number) => `RUN#${new Date(ms).toISOString()}`;
  const items = await store.query(
    {
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':pk': { S: partition(job) }, ':from': { S: at(from) }, ':to': { S: at(to) } },
    },
    limit,
  );
  const runs = items as unknown as RunItem[];
  return runs.filter(({ scheduledAt }) => Date.parse(scheduledAt) >= from && Date.parse(scheduledAt) < to);
}

/**
 * When the last scheduled run before a moment was due that passed; runs that a person started for something else, such as one backup, count for nothing.
 * @param before epoch milliseconds. @param limit of runs that are looked through. @returns epoch milliseconds; undefined where none of them passed.
 */
export async function readLastPassedBefore(
  store: Store,
  job: Pick<RunIdentity, 'job' | 'subject'>,
  before: number,
  limit: number,
): Promise<number | undefined> {
  const items = await store.query(
    {
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :before',
      ExpressionAttributeValues: {
        ':pk': { S: partition(job) },
        ':first': { S: 'RUN#' },
        ':before': { S: `RUN#${new Date(before).toISOString()}` },
      },
      ScanIndexForward: false,
      Limit: limit,
    },
    limit,
  );
  const last = (items as unknown as RunItem[]).find(
    ({ scheduledAt, endedAt, verdict, wanted }) =>
      Date.parse(scheduledAt) < before && endedAt !== undefined && verdict?.kind === 'passed' && wanted === undefined,
  );
  return last && Date.parse(last.scheduledAt);
}

/** Newest first. */
export async function readRuns(
  store: Store,
  job: Pick<RunIdentity, 'job' | 'subject'>,
  limit = 20,
): Promise<RunItem[]> {
  const items = await store.query(
    {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :run)',
      ExpressionAttributeValues: { ':pk': { S: partition(job) }, ':run': { S: 'RUN#' } },
      ScanIndexForward: false,
      Limit: limit,
    },
    limit,
  );
  return items as unknown as RunItem[];
}
