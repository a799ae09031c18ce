/** Sessions of a database hold on to its memory: it is restarted, once, and its memory is free again. */
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { changesSince, play } from '../support/trouble.ts';
import { masterOf, untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'session-db';
const MIB_EACH = 160;
const SESSIONS = 2;

export const scenario = play({
  name: 'memory-short',
  rank: 42,
  summary: `${SESSIONS} sessions hold on to ${MIB_EACH} MiB each of a database’s memory; it is restarted`,
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  ends: 'resolved',
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    for (let session = 1; session <= SESSIONS; session++) {
      const hog = await masterOf(world, stage, DATABASE);
      void hog
        .query(
          `DO $$ DECLARE kept text := repeat('x', ${MIB_EACH * 1_048_576}); BEGIN PERFORM pg_sleep(86400), length(kept); END $$`,
        )
        .catch(() => {}); // The restart ends it.
    }
    stage.step(`${SESSIONS} sessions hold on to ${SESSIONS * MIB_EACH} MiB`);
  },
  after: async (world, stage, { since }) => {
    await untilAvailable(world, stage, DATABASE);
    const changes = changesSince(world, DATABASE, since);
    expectThat(changes.join() === 'RebootDBInstance', `expected one restart, but it was ${changes.join(', ')}`);
    return { restarts: changes.length };
  },
});
