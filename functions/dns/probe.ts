/** Asking a site ourselves, over HTTP, as its users would. */
import { setTimeout as sleep } from 'node:timers/promises';

/** One answer proves little: as many in a row, a moment apart, have to be good. */
const PROBES = 3;
const APART_MS = 200;
const TIMEOUT_MS = 2_000;

export interface Probes {
  readonly healthy: number;
  readonly all: number;
  /** What the last bad one said; never a body. */
  readonly lastFailure?: string;
}

/**
 * A probe is good when the status is 2xx or 3xx, as for Route 53's own checkers; certificates are verified. Redirects aren't followed: they could lead to another
 * site.
 */
export async function probeSite(url: string): Promise<Probes> {
  // A site that hangs is asked again before it has answered, so that this takes no longer than one answer may.
  const failures = await Promise.all(
    Array.from({ length: PROBES }, async (_, index) => {
      if (index > 0) await sleep(APART_MS * index);
      return probe(url);
    }),
  );
  const bad = failures.filter((failure) => failure !== undefined);
  const lastFailure = bad.at(-1);
  return { healthy: PROBES - bad.length, all: PROBES, ...(lastFailure !== undefined && { lastFailure }) };
}

async function probe(url: string): Promise<string | undefined> {
  try {
    const reply = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await reply.body?.cancel();
    return reply.status >= 200 && reply.status < 400 ? undefined : `status ${reply.status}`;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return cause?.code ?? message;
  }
}
