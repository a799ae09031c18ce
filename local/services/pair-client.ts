/** A client that knows a service by its name only, and counts what it loses: requests by their answers, rows by looking for each that was acknowledged. */
import { randomUUID } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PairClientOptions {
  readonly name: string;
  /** Port of the service at every address. */
  readonly port: number;
  /** Of the name server on 127.0.0.1. */
  readonly dnsPort: number;
  readonly requestsPerSecond: number;
}

export interface PairClientStats {
  readonly sent: number;
  readonly failed: number;
  /** Ids of the rows that a reply said were written. */
  readonly acknowledged: readonly string[];
  /** Answered well, by address. */
  readonly answeredBy: Readonly<Record<string, number>>;
  /** The longest time in which no request was answered well, up to now, in milliseconds. */
  readonly downtimeMs: number;
}

export interface PairClient {
  stats(): PairClientStats;
  /** Sends no more, and waits for what is under way. */
  stop(): Promise<void>;
}

/** Long enough for a server on a busy machine, short enough that a hanging site doesn't hold all requests. */
const TIMEOUT_MS = 2_000;
const MOST_UNDER_WAY = 100;

/** Starts sending at once: each request asks for the name's address anew, writes one row, and uses a connection of its own. */
export function startPairClient({ name, port, dnsPort, requestsPerSecond }: PairClientOptions): PairClient {
  const resolver = new Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([`127.0.0.1:${dnsPort}`]);
  const acknowledged: string[] = [];
  const answeredBy: Record<string, number> = {};
  const underWay = new Set<Promise<void>>();
  let [sent, failed, longestMs, lastGoodMs] = [0, 0, 0, performance.now()];

  async function sendOne(): Promise<void> {
    const id = randomUUID();
    try {
      const [address = ''] = await resolver.resolve4(name);
      await write(address, port, id);
      const now = performance.now();
      longestMs = Math.max(longestMs, now - lastGoodMs);
      lastGoodMs = now;
      acknowledged.push(id);
      answeredBy[address] = (answeredBy[address] ?? 0) + 1;
    } catch {
      failed += 1; // Whatever it was: the client has no answer.
    }
  }

  const timer = setInterval(() => {
    sent += 1;
    if (underWay.size >= MOST_UNDER_WAY) {
      failed += 1;
      return;
    }
    const one: Promise<void> = sendOne().finally(() => underWay.delete(one));
    underWay.add(one);
  }, 1_000 / requestsPerSecond);
  return {
    stats: () => ({
      ...{ sent, failed },
      acknowledged: [...acknowledged],
      answeredBy: { ...answeredBy },
      downtimeMs: Math.round(Math.max(longestMs, performance.now() - lastGoodMs)),
    }),
    async stop() {
      clearInterval(timer);
      while (underWay.size > 0) {
        await Promise.all(underWay);
        await sleep(0);
      }
      resolver.cancel();
    },
  };
}

/** @throws Error for anything but an answer that says that the row is written. */
function write(host: string, port: number, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host, port, method: 'POST', agent: false, timeout: TIMEOUT_MS, headers: { 'x-request-id': id } },
      (reply) => {
        reply.resume();
        reply.on('error', reject);
        reply.on('end', () => (reply.statusCode === 200 ? resolve() : reject(new Error(`status ${reply.statusCode}`))));
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
    request.end();
  });
}
