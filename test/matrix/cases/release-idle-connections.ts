/** `release-idle-connections` on real PostgreSQL servers: six idle sessions where four are wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSessions, type Sessions } from '../../../local/postgres/sessions.ts';
import { openSeededServers } from '../seeded-servers.ts';
import type { Inspection, MatrixCase, RecordedIntent } from '../types.ts';

const SERVERS = 8;
const MAX_CONNECTIONS = 30;
const SESSIONS = 6;
/** 15 % of 30 connections is 4.5, less than the six that are open; 14 % is 4.2, so four may stay. */
const SHARES = { connectionsAboveShare: 0.15, releaseToShare: 0.14 };
const IDLE_FOR_SECONDS = 0.05;
const VERIFIED_AFTER_SECONDS = 1;

export const matrixCase: MatrixCase = {
  remediation: 'release-idle-connections',
  stages: ['firing', 'resolved'],
  targetsAtOnce: SERVERS,
  open: (place) =>
    openSeededServers(place, {
      servers: SERVERS,
      prefix: 'server-',
      seed: { maxConnections: MAX_CONNECTIONS },
      metricName: 'DatabaseConnections',
      configure: { ...SHARES, idleForSeconds: IDLE_FOR_SECONDS, recheckAfterSeconds: VERIFIED_AFTER_SECONDS },
      changesBySql: (sql) => sql.includes('pg_terminate_backend'),
      async prepare(token, seeded) {
        const options = { count: SESSIONS, application: token, state: 'idle' as const };
        const sessions = await openSessions(seeded.as('orders_app'), options);
        return {
          ready: () => sleep(1000 * (IDLE_FOR_SECONDS + VERIFIED_AFTER_SECONDS)),
          inspect: async (intents) => inspect(sessions, intents),
          async free() {
            await sessions.close();
          },
        };
      },
    }),
};

/** Only sessions that an intent names may be gone. */
function inspect(sessions: Sessions, intents: readonly RecordedIntent[]): Inspection {
  const planned = new Set(
    intents.flatMap(({ after }) => (after as { victims: { pid: number }[] }).victims.map(({ pid }) => pid)),
  );
  const { opened, endedPids } = sessions.report();
  const state = endedPids.some((pid) => !planned.has(pid)) ? 'beyond' : endedPids.length > 0 ? 'after' : 'before';
  const detail = `${endedPids.length} of ${opened} sessions ended, ${planned.size} were to be`;
  return { state, changes: Math.min(1, endedPids.length), detail };
}
