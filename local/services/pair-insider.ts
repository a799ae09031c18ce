/** Somebody inside a region that is lost to everybody else: writes to its database without pause, and counts what it acknowledged. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PAIR, type SeededPair } from './pair.ts';

export interface Insider {
  /** Ids of the rows that the database said were written, and when (epoch milliseconds). */
  readonly acknowledged: readonly string[];
  readonly at: readonly number[];
  /** Kinds of refusals, by SQLSTATE. */
  readonly refusals: readonly string[];
}

const EVERY_MS = 20;

/** As the application's own user, on one connection, until it is stopped or that is lost. */
export async function startInsider({ database }: Pick<SeededPair, 'database'>) {
  const { ca, ...target } = database.as('orders_app');
  const [acknowledged, at, refusals]: [string[], number[], Set<string>] = [[], [], new Set()];
  const client = new pg.Client({ ...target, ssl: { ca, servername: target.host } });
  let isStopped = false;
  client.on('error', () => refusals.add('connection'));
  // Also with the world, when a test failed.
  client.on('end', () => {
    isStopped = true;
  });
  await client.connect();
  const writing = (async () => {
    while (!isStopped) {
      const id = randomUUID();
      try {
        await client.query(`INSERT INTO ${PAIR.table} (id) VALUES ($1)`, [id]);
        acknowledged.push(id);
        at.push(Date.now());
      } catch (error) {
        refusals.add(String((error as { code?: unknown }).code));
      }
      await sleep(EVERY_MS);
    }
  })();
  const seen = (): Insider => ({ acknowledged: [...acknowledged], at: [...at], refusals: [...refusals] });
  return {
    seen,
    async stop(): Promise<Insider> {
      isStopped = true;
      await writing;
      await client.end();
      return seen();
    },
  };
}
