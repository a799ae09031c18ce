/**
 * Open-loop load on a URL: requests are sent by the clock, whether or not earlier ones were answered, as real clients do.
 * Arrivals vary around their mean (uniformly, up to twice the mean), so that queues form below saturation.
 */
import { Agent, get } from 'node:http';

export interface LoadStats {
  readonly sent: number;
  readonly ok: number;
  /** Answers other than 2xx, errors, and requests not sent because too many were in flight. */
  readonly failed: number;
  /** Over the newest answers (at most `WINDOW`); 0 without any. */
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface Load {
  setRate(requestsPerSecond: number): void;
  stats(): LoadStats;
  /** Ends the load and its connections; requests in flight are given up. */
  stop(): void;
}

export interface LoadOptions {
  readonly url: string;
  readonly requestsPerSecond: number;
  /** Requests in flight at most (default 300). */
  readonly maxInFlight?: number;
  readonly timeoutMs?: number;
}

/** Answers that the percentiles look back on: about 20 seconds of the demo's load. */
const WINDOW = 500;

/** Starts sending at once. */
export function createLoad(options: LoadOptions): Load {
  const { url, maxInFlight = 300, timeoutMs = 10_000 } = options;
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  let rate = options.requestsPerSecond;
  let timer: NodeJS.Timeout | undefined;
  let dueMs = performance.now();
  let inFlight = 0;
  const count = { sent: 0, ok: 0, failed: 0 };

  function sendOne(): void {
    count.sent += 1;
    if (inFlight >= maxInFlight) {
      count.failed += 1;
      return;
    }
    inFlight += 1;
    const startMs = performance.now();
    let over = false;
    const finish = (ok: boolean): void => {
      if (over) return;
      over = true;
      inFlight -= 1;
      count[ok ? 'ok' : 'failed'] += 1;
      latencies.push(performance.now() - startMs);
      if (latencies.length > WINDOW) latencies.shift();
    };
    const request = get(url, { agent, timeout: timeoutMs }, (response) => {
      const good = (response.statusCode ?? 500) < 300;
      response.resume();
      response.on('end', () => finish(good));
      response.on('error', () => finish(false));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', () => finish(false));
  }

  function schedule(): void {
    if (rate <= 0) {
      timer = undefined;
      return;
    }
    dueMs = Math.max(dueMs, performance.now() - 1_000) + (2 * Math.random() * 1_000) / rate;
    timer = setTimeout(
      () => {
        sendOne();
        schedule();
      },
      Math.max(0, dueMs - performance.now()),
    );
  }
  schedule();

  const percentile = (share: number): number => {
    const sorted = [...latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  };
  return {
    setRate(requestsPerSecond) {
      rate = requestsPerSecond;
      clearTimeout(timer);
      dueMs = performance.now();
      schedule();
    },
    stats: () => ({ ...count, p50Ms: percentile(0.5), p95Ms: percentile(0.95) }),
    stop() {
      rate = 0;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}
