/** A database uses up transaction ids, and no table of it is old enough to be the cause: what is due is vacuumed, and a person hears that it didn't help. */
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { changesSince, play } from '../support/trouble.ts';
import { masterOf, untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'event-db';
const IDS = 30_000;

export const scenario = play({
  name: 'transaction-ids-run-out',
  rank: 45,
  summary: `a database uses up ${IDS} transaction ids, and vacuuming doesn’t help; a person is called`,
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  // What autovacuum left to do is done first, which depends on who comes first.
  ends: { escalated: /firing/ },
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    const master = await masterOf(world, stage, DATABASE);
    await master.query(`DO $$ BEGIN FOR n IN 1..${IDS} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`);
    stage.step(`${IDS} transactions were made`);
  },
  after: async (world, _, { since }) => {
    const changes = changesSince(world, DATABASE, since);
    expectThat(changes.length === 0, `expected no change, but it was ${changes.join(', ')}`);
    return { changes: 0 };
  },
});
