/** The database side of `release-idle-connections`. It reaches the database and the journal, nothing else. */
import type pg from 'pg';
import { changeIn, readIn } from '../../databases/session.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { PermissionError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { byApplication, clientSessions, decide, type Observation, planOf, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';
import { type Candidate, type EndResult, endSession, readSessions, type SessionReading } from './sql.ts';

/** How long the server waits for one ended session to be gone. */
const GONE_WITHIN_MS = 1_000;
/** After this many sessions the count is read again, so that no more are ended than needed. */
const COUNT_AGAIN_EVERY = 10;
/** Time that must be left to end one more session, look once more and write down what was done. */
const KEEP_FREE_MS = 10_000;

/** Ends the planned sessions one by one, each only if it still is what was read, and stops as soon as the goal is reached. */
async function release(
  client: pg.Client,
  target: DatabaseConfig,
  change: Change,
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const { goal, victims } = planOf(change);
  const results: Record<EndResult, Candidate[]> = { ended: [], 'no-longer-matches': [], refused: [], unconfirmed: [] };
  let reading = await readSessions(client, target);
  let endedSinceReading = 0;
  for (const [index, victim] of victims.entries()) {
    if (index > 0 && index % COUNT_AGAIN_EVERY === 0) {
      await mayGoOn();
      reading = await readSessions(client, target);
      endedSinceReading = 0;
    }
    if (clientSessions(reading) - endedSinceReading <= goal || remaining() < KEEP_FREE_MS) break;
    const limits = { ...target, waitMs: GONE_WITHIN_MS };
    const result = await endSession(client, victim, limits);
    results[result].push(victim);
    if (result === 'ended') endedSinceReading++;
  }
  if (results.refused.length === victims.length) {
    throw new PermissionError(
      `login ${target.user} was refused to end any of ${victims.length} sessions of ${target.name}`,
    );
  }
  return describe(results, change, await readSessions(client, target));
}

function describe(results: Record<EndResult, Candidate[]>, change: Change, after: SessionReading): ActReport {
  const { sessions } = change.before as { sessions: number };
  const endedByApplication = byApplication(results.ended);
  const who = Object.entries(endedByApplication).map(([application, count]) => `${application || 'unnamed'} ${count}`);
  const rest = results['no-longer-matches'].length + results.unconfirmed.length + results.refused.length;
  const left = rest > 0 ? `; ${rest} were left because they were in use again, gone or not ours to end` : '';
  return {
    summary: `ended ${results.ended.length} idle sessions (${who.join(', ') || 'none'}): ${sessions} -> ${clientSessions(after)} of ${after.maxConnections}${left}`,
    data: {
      ended: results.ended.map(({ pid, user, application, idleSeconds }) => ({
        pid,
        user,
        application,
        idleSeconds: Math.round(idleSeconds),
      })),
      endedByApplication,
      leftByApplication: { ...after.byApplication },
      sessionsBefore: sessions,
      sessionsAfter: clientSessions(after),
      noLongerMatching: results['no-longer-matches'].length,
      unconfirmed: results.unconfirmed.length,
      refused: results.refused.length,
    },
  };
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target, config) =>
    readIn(
      target,
      config,
      `the sessions of ${target.name}`,
      async (client): Promise<Observation> => ({
        kind: 'sessions',
        reading: await readSessions(client, target),
      }),
    ),
  decide,
  act: (target, change, remaining, config, mayGoOn) =>
    changeIn(target, config, `end idle sessions of ${target.name}`, (client) =>
      release(client, target, change, remaining, mayGoOn),
    ),
  // Each session is ended only if it is still the very one that was read, so repeating the plan ends nothing twice.
  alreadyApplied: () => 'no',
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
