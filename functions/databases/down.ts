/** Whether a database that refuses Nightshift refuses everybody: a restart or a failover ends whatever still works. Pure. */
import type { Signal } from '../../events/signal.ts';
import type { Decision } from '../engine/remediation.ts';

/** The runbook for a database that lets nobody in. */
export const DATABASE_DOWN = 'database-down';

/** Clients that RDS counts of the newest whole period, or why that isn't known. */
export type Connected =
  | { readonly kind: 'counted'; readonly most: number }
  | { readonly kind: 'unknown'; readonly why: string };

const RECHECK_SECONDS = 60;

/**
 * Why a database that is said to be down is left to a person: clients are connected to it, so it serves, or hangs in a way that no count shows; or nobody can tell.
 * @returns `undefined` where nobody is connected, and for every other runbook.
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
  if (connected.most > 0)
    return person(
      `Nightshift is not let into ${name}, but ${connected.most} clients are connected to it: it may serve them, and what is broken be the way there from Nightshift's subnets`,
    );
  return undefined;
}
