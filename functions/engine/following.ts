/** Where the follow-through of an incident stands: one item of the journal's table, written by it and read by whoever wakes or shows it. */
import type { EntryKind, JournalEntry } from '../../events/journal.ts';
import type { Key } from './items.ts';
import type { Store } from './store.ts';

export interface FollowItem extends Key {
  readonly incidentId: string;
  /** Grows with every look, so that two at once don't both act. */
  readonly version: number;
  /** Which execution of the state machine follows it: 0 for the first, named after the incident alone. */
  readonly generation: number;
  /** Set while an execution waits: completing it makes the execution look again. Worth nothing once it was completed. */
  readonly token?: string;
  /** Of the state that waits by the token: its execution's looks before it, and its retries (`orderOfWait`). */
  readonly waitOrder?: number;
  /** The execution's looks before the last one. */
  readonly round?: number;
  /** How much news the last look saw (`countNews`). */
  readonly seen: number;
  /** When it looks again by itself (epoch milliseconds). */
  readonly until: number;
  /** When it is its turn to ask CloudWatch (epoch milliseconds), as long as it waits for that. */
  readonly turnAt?: number;
  /** What it is doing, as a sentence fragment for people. */
  readonly doing: string;
  /** Who is called next, when nobody takes it in hand, and when (epoch milliseconds). */
  readonly nextCall?: { readonly name: string; readonly at: number };
  /** When the remediation was last told to look whether the trouble is over, and how often. */
  readonly settledAt?: number;
  readonly settles?: number;
  /** Rungs that were ordered, as `<entry>:<remediation>`. */
  readonly rungs?: readonly string[];
  /** Set when nothing is left to follow. */
  readonly endedAt?: number;
  /** In the index `due`, apart from work: when nobody looked for so long that it has to be started anew. */
  readonly duePk?: string;
  readonly dueAt?: number;
  /** Epoch seconds, for DynamoDB's deletion; only of what has ended. */
  readonly expiresAt?: number;
}

/** Kinds of entries that are news to a follow-through; the publisher wakes it for them. */
export const NEWS: readonly EntryKind[] = [
  'opened',
  'alarm-ok',
  'not-verified',
  'handed-on',
  'escalated',
  'resolved',
  'handed-back',
  'left-as-is',
  'acknowledged',
  'taken-over',
  'released',
  'snoozed',
  'undelivered',
  'severity-changed',
];

/** How much of a timeline is news. Entries are only ever added, so a number tells whether something came after a look. */
export const countNews = (timeline: readonly Pick<JournalEntry, 'kind'>[]): number =>
  timeline.filter(({ kind }) => NEWS.includes(kind)).length;

const SHARDS = 4;
/** The item from which looks draw turns; incidents are named `inc-`. */
export const turnsKey: Key = { pk: 'FOLLOW#TURNS', sk: 'TURNS' };
export const followKey = (incidentId: string): Key => ({ pk: `FOLLOW#${incidentId}`, sk: 'FOLLOW' });
/** Partitions of the index `due` that hold follow-throughs only. */
export const followPartitions = (): string[] => Array.from({ length: SHARDS }, (_, shard) => `FOLLOW#${shard}`);

/** Spread by the random end of the incident's id. */
export const followPartition = (incidentId: string): string =>
  `FOLLOW#${(incidentId.codePointAt(incidentId.length - 1) ?? 0) % SHARDS}`;

/** Names of a Standard state machine's executions are unique for 90 days ("StartExecution", AWS Step Functions API Reference): a free lock. */
export const executionName = (incidentId: string, generation: number): string =>
  generation === 0 ? incidentId : `${incidentId}-${generation}`;

export async function readFollowing(store: Store, incidentId: string): Promise<FollowItem | undefined> {
  return (await store.read(followKey(incidentId))) as FollowItem | undefined;
}
