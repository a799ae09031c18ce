/**
 * Reading evidence from an instance's past events. Pure. DescribeEvents gives no event ids, so messages have to tell: "Amazon RDS event categories and
 * event messages" (Amazon RDS User Guide), DB instance events; published samples have them with and without the full stop, and in older words ("A Multi-AZ
 * failover has completed.").
 */

export interface PastEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly message: string;
}

const MESSAGES = {
  /** RDS-EVENT-0013, RDS-EVENT-0050. */
  'failover-started': /multi-az (instance )?(failover|activation)\b.* started/i,
  /** RDS-EVENT-0049, RDS-EVENT-0015, RDS-EVENT-0051, RDS-EVENT-0065. */
  'failover-completed': /multi-az (instance )?(failover|activation)\b.* completed?\b|recovered from partial failover/i,
  /** RDS-EVENT-0034. */
  'failover-abandoned': /abandoning user requested failover/i,
  /** RDS-EVENT-0004. */
  shutdown: /db instance shutdown/i,
  /** RDS-EVENT-0006. */
  restarted: /db instance restarted/i,
  /** RDS-EVENT-0052. */
  'recovery-started': /multi-az instance recovery started/i,
  /** RDS-EVENT-0053. */
  'recovery-completed': /multi-az instance recovery completed/i,
  /** RDS-EVENT-0020: the server replays its log after a crash, and lets nobody in meanwhile. */
  'crash-recovery-started': /recovery of the db instance has started/i,
  /** RDS-EVENT-0021. */
  'crash-recovery-completed': /recovery of the db instance is complete/i,
  /** RDS-EVENT-0014. */
  'class-changed': /finished applying modification to db instance class/i,
  /** RDS-EVENT-0017, RDS-EVENT-0218. */
  'storage-changed': /finished applying (autoscaling-initiated )?modification to allocated storage/i,
} as const;

export type Happening = keyof typeof MESSAGES;

/** Times (ISO 8601) at which it happened, oldest first; `since` (ISO 8601) leaves out what was earlier. */
export const happened = (events: readonly PastEvent[], what: Happening, since = ''): string[] =>
  events
    .filter(({ message, at }) => MESSAGES[what].test(message) && Date.parse(at) >= (Date.parse(since) || 0))
    .map(({ at }) => at)
    .sort();

/** When something last began that has no end yet; `undefined` when nothing is under way. */
export function underWay(events: readonly PastEvent[], began: Happening, ended: Happening): string | undefined {
  const last = happened(events, began).at(-1);
  return last !== undefined && happened(events, ended, last).length === 0 ? last : undefined;
}
