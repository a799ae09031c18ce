/** Hands events to a function as EventBridge and the reconciler do, and knows what Lambda made of each. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../events/outcome.ts';
import type { AwsEvent } from '../../local/world/types.ts';
import { type Place, REGION } from './place.ts';

/** With two retries, three runs that end in an error are all there are. */
const RUNS = 3;
const ENDED_WITHIN_MS = 90_000;

export interface Ended {
  readonly requestId: string;
  /** The last run returned; else Lambda gave the event up. */
  readonly acknowledged: boolean;
}

/** An asynchronous invocation, until a run returned or Lambda gave up. @throws Error when neither happens in time. */
export async function deliver(place: Place, functionName: string, payload: unknown): Promise<Ended> {
  const runs = new Map<string, { ok: number; failed: number }>();
  const stopListening = place.lambda.onInvocation(({ functionName: of, requestId, outcome }) => {
    if (of !== functionName) return;
    const known = runs.get(requestId) ?? { ok: 0, failed: 0 };
    if (outcome === 'ok') known.ok += 1;
    if (outcome === 'function-error') known.failed += 1;
    runs.set(requestId, known);
  });
  try {
    const { requestId } = await place.lambda.invokeAsync(
      `arn:aws:lambda:${REGION}:${place.world.accountId}:function:${functionName}`,
      payload,
    );
    for (const until = Date.now() + ENDED_WITHIN_MS; Date.now() < until; await sleep(10)) {
      const { ok, failed } = runs.get(requestId) ?? { ok: 0, failed: 0 };
      if (ok > 0 || failed >= RUNS) return { requestId, acknowledged: ok > 0 };
    }
    throw new Error(`${functionName} ${requestId}: neither done nor given up within ${ENDED_WITHIN_MS} ms`);
  } finally {
    stopListening();
  }
}

/** One invocation that nothing repeats. `outcome` is what it returned; undefined when it failed. */
export async function invokeOnce(place: Place, functionName: string, payload: unknown): Promise<Outcome | undefined> {
  const result = await place.lambda.invoke(functionName, REGION, payload);
  return result.kind === 'ok' ? (JSON.parse(result.payload) as Outcome) : undefined;
}

/** A service's event as the default bus delivers it. */
export const asDelivered = (place: Place, event: AwsEvent) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': event.detailType,
  source: event.source,
  account: place.world.accountId,
  time: event.time.toISOString(),
  region: event.region,
  resources: event.resources,
  detail: event.detail,
});
