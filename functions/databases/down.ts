/** Whether a database that refuses Nightshift refuses everybody: a restart or a failover ends whatever still works. Pure. */
import type { Signal } from '../../events/signal.ts';
import type { Decision } from '../engine/remediation.ts';

/** The runbook for a database that lets nobody in. */
export const DATABASE_DOWN = 'database-down';

/** What RDS counts from outside and what heartbeats tell, or why that isn't known. */
export type Connected =
  | {
      readonly kind: 'counted';
      /** Clients of the newest whole period. */
      readonly most: number;
      /** Whether the newest heartbeats that are told of got an answer. */
      readonly isAnswered: boolean;
      /** The most clients in the quarter of an hour up to the newest heartbeat that was answered; undefined: none was within the hour. */
      readonly before?: number;
    }
  | { readonly kind: 'unknown'; readonly why: string };

/** A period of the last hour; what isn't told of it is absent. */
export interface ToldOf {
  readonly isRecent: boolean;
  readonly values: { readonly most?: number; readonly unanswered?: number };
}

/** So far back heartbeats and clients count, and so long before the last answer clients still do. */
export const LOOK_BACK_SECONDS = 3600;
const TOGETHER_SECONDS = 900;
/** Heartbeats' own: their login has no more ("CONNECTION LIMIT", heartbeats/write-heartbeat/sql.ts), and RDS counts them as anybody's. */
const OWN_CONNECTIONS = 2;

/** @param periods newest first. */
export function connectedOf(name: string, periods: readonly ToldOf[], periodSeconds: number): Connected {
  const recent = periods.filter(({ isRecent }) => isRecent).map(({ values }) => values);
  const most = recent.find((each) => each.most !== undefined)?.most;
  if (most === undefined)
    return { kind: 'unknown', why: `CloudWatch has been told of no connections of ${name} lately` };
  const unanswered = recent.find((each) => each.unanswered !== undefined)?.unanswered;
  if (unanswered === undefined) return { kind: 'unknown', why: `no heartbeats of ${name} have been told of lately` };
  const counted = { kind: 'counted', most, isAnswered: unanswered === 0 } as const;
  const answered = periods.findIndex(({ values }) => values.unanswered === 0);
  if (answered < 0) return counted;
  const until = periods.slice(answered, answered + Math.ceil(TOGETHER_SECONDS / periodSeconds));
  return { ...counted, before: Math.max(0, ...until.map(({ values }) => values.most ?? 0)) };
}

const RECHECK_SECONDS = 60;

/**
 * Why a database that is said to be down is left as it is: clients are connected to it, so it serves, or hangs in a way that no count shows; nobody can tell; heartbeats get in
 * again; or no client was there to be shut out when they stopped, so that it may be idle and well, and only Nightshift's own way there broken (its subnets, its resolver,
 * the host in the configuration).
 * @returns `undefined` where clients and heartbeats went together and are gone, and for every other runbook.
 */
export function notDown(
  name: string,
  { runbook }: Pick<Signal, 'runbook'>,
  connected: Connected,
): Decision | undefined {
  if (runbook !== DATABASE_DOWN) return undefined;
  const person = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });
  if (connected.kind === 'unknown')
    return person(`whether ${name} lets nobody in, or only Nightshift not, is not known: ${connected.why}`);
  const { most, isAnswered, before } = connected;
  if (isAnswered)
    return {
      ...{ kind: 'hold', reason: 'change-under-way', recheckAfterSeconds: RECHECK_SECONDS },
      detail: `${name} answers heartbeats again`,
    };
  if (most > 0)
    return person(
      `Nightshift is not let into ${name}, but ${most} clients are connected to it: it may serve them, and what is broken be the way there from Nightshift's subnets`,
    );
  if (before === undefined)
    return person(
      `${name} has answered no heartbeat within the hour: it may be well, and what is broken be the way there from Nightshift's subnets`,
    );
  if (before <= OWN_CONNECTIONS)
    return person(
      `Nightshift is not let into ${name}, but no client was connected when its heartbeats stopped: it may be idle and well, and what is broken be the way there from Nightshift's subnets`,
    );
  return undefined;
}
