/** `end-long-queries` on real PostgreSQL servers: two statements that run for too long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSessions, type Sessions } from '../../../local/postgres/sessions.ts';
import { openSeededServers } from '../seeded-servers.ts';
import type { Inspection, MatrixCase, RecordedIntent } from '../types.ts';

const SERVERS = 4;
const STATEMENTS = 2;
const LIMIT_SECONDS = 0.05;

export const matrixCase: MatrixCase = {
  remediation: 'end-long-queries',
  stages: ['firing', 'resolved'],
  targetsAtOnce: SERVERS,
  open: (place) =>
    openSeededServers(place, {
      servers: SERVERS,
      prefix: 'server-q',
      metricName: 'CPUUtilization',
      configure: { queryLongerThanSeconds: LIMIT_SECONDS },
      changesBySql: (sql) => /pg_(cancel|terminate)_backend/.test(sql),
      async prepare(token, seeded, instance) {
        const options = { count: STATEMENTS, application: token, state: 'active' as const };
        const sessions = await openSessions(seeded.as('orders_app'), options);
        return {
          ready: () => sleep(1000 * LIMIT_SECONDS + 50),
          inspect: async (intents) => inspect(sessions, intents),
          async free() {
            await sessions.close();
            // A server notices that a client is gone only when it has something to say to it.
            await instance.database.query(
              'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1',
              [token],
            );
          },
        };
      },
    }),
};

/** Only statements that an intent names may be over; nobody's session may be gone, since none of them went on. */
function inspect(sessions: Sessions, intents: readonly RecordedIntent[]): Inspection {
  const planned = new Set(
    intents.flatMap(({ after }) => (after as { queries: { pid: number }[] }).queries.map(({ pid }) => pid)),
  );
  const { opened, ended, cancelledPids } = sessions.report();
  const isBeyond = ended > 0 || cancelledPids.some((pid) => !planned.has(pid));
  const state = isBeyond ? 'beyond' : cancelledPids.length > 0 ? 'after' : 'before';
  const detail = `${cancelledPids.length} of ${opened} statements cancelled, ${planned.size} were to be; ${ended} sessions ended`;
  return { state, changes: Math.min(1, cancelledPids.length), detail };
}
