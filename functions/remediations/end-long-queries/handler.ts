/** The database side of `end-long-queries`. It reaches the database and the journal, nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { changeIn, readIn } from '../../databases/session.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { PermissionError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { decide, type Observation, planOf, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';
import { type LongQuery, readQueries, type SignalResult, signalQuery, stillRunning } from './sql.ts';

/** How long cancelled statements get to stop, and terminated sessions to go. */
const STOPPED_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 50;
/** Time that must be left to signal once more, look, and write down what was done. */
const KEEP_FREE_MS = 10_000;

/** Cancels all of them, waits, and terminates the sessions of those that went on. Each is ended only if it still is the very statement that was read. */
async function end(
  client: pg.Client,
  target: DatabaseConfig,
  change: Change,
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const { queries, mayTerminate } = planOf(change);
  const cancelled = await signalAll(client, 'cancel', queries, target, remaining);
  if (cancelled.refused.length > 0 && cancelled.refused.length === queries.length)
    throw new PermissionError(
      `login ${target.user} was refused to cancel any of ${queries.length} statements of ${target.name}`,
    );
  const stubborn = await untilStopped(client, cancelled.told);
  if (mayTerminate && stubborn.length > 0) await mayGoOn();
  const terminated = mayTerminate ? (await signalAll(client, 'terminate', stubborn, target, remaining)).told : [];
  const left = await untilStopped(client, terminated);
  const gone = (each: LongQuery) => !stubborn.includes(each);
  const report = {
    cancelled: cancelled.told.filter(gone).map(told),
    terminated: terminated.filter((each) => !left.includes(each)).map(told),
    noLongerMatching: cancelled['no-longer-matches'].length,
    refused: cancelled.refused.length,
    stillRunning: stubborn.length - terminated.length + left.length,
  };
  const rest = report.stillRunning > 0 ? `; ${report.stillRunning} still run` : '';
  return {
    summary: `cancelled ${report.cancelled.length} statements of ${target.name}, ended ${report.terminated.length} sessions whose statement went on${rest}`,
    data: report,
  };
}

const told = ({ pid, user, application, runningSeconds }: LongQuery) => ({
  pid,
  user,
  application,
  runningSeconds: Math.round(runningSeconds),
});

async function signalAll(
  client: pg.Client,
  how: 'cancel' | 'terminate',
  queries: readonly LongQuery[],
  target: DatabaseConfig,
  remaining: RemainingMs,
): Promise<Record<SignalResult, LongQuery[]>> {
  const results: Record<SignalResult, LongQuery[]> = { told: [], 'no-longer-matches': [], refused: [] };
  for (const query of queries) {
    if (remaining() < KEEP_FREE_MS) break;
    results[await signalQuery(client, how, query, target)].push(query);
  }
  return results;
}

/** Waits for them. @returns those that are running still. */
async function untilStopped(client: pg.Client, queries: readonly LongQuery[]): Promise<LongQuery[]> {
  let running = queries.length > 0 ? await stillRunning(client, queries) : [];
  for (const until = performance.now() + STOPPED_WITHIN_MS; running.length > 0 && performance.now() < until; ) {
    await sleep(LOOK_EVERY_MS);
    running = await stillRunning(client, running);
  }
  return running;
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target, config) =>
    readIn(
      target,
      config,
      `the statements of ${target.name}`,
      async (client): Promise<Observation> => ({
        kind: 'queries',
        reading: await readQueries(client, target),
      }),
    ),
  decide,
  act: (target, change, remaining, config, mayGoOn) =>
    changeIn(target, config, `end long statements of ${target.name}`, (client) =>
      end(client, target, change, remaining, mayGoOn),
    ),
  // Each statement is ended only if it still is the very one that was read, so repeating the plan ends nothing twice.
  alreadyApplied: () => 'no',
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
