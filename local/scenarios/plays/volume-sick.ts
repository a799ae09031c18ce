/** The volume under a Multi-AZ database's primary is sick, without being dead: the standby takes over, and nothing that was committed is lost. */
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { changesSince, play } from '../support/trouble.ts';
import { describeDatabase, masterOf, untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'payment-db';
const ROWS = 1_000;

export const scenario = play({
  name: 'volume-sick',
  rank: 43,
  summary: 'a write to a database’s volume takes seconds; its standby takes over, with every committed row',
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  ends: 'resolved',
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    const master = await masterOf(world, stage, DATABASE);
    await master.query(`CREATE TABLE payments AS SELECT generate_series(1, ${ROWS}) AS id`);
    world.rds.sicken(DATABASE, world.context.region);
    stage.step('a write takes 3 s');
  },
  after: async (world, stage, { since }) => {
    await untilAvailable(world, stage, DATABASE);
    const zone = (await describeDatabase(world, DATABASE))?.AvailabilityZone;
    expectThat(zone?.endsWith('b') === true, `expected the primary in the other zone, but it is in ${zone}`);
    const changes = changesSince(world, DATABASE, since);
    expectThat(changes.join() === 'RebootDBInstance', `expected one failover, but it was ${changes.join(', ')}`);
    const { rows } = await (await masterOf(world, stage, DATABASE)).query<{ n: number }>(
      'SELECT count(*)::int AS n FROM payments',
    );
    expectThat(rows[0]?.n === ROWS, `expected ${ROWS} rows on the new primary, but it has ${rows[0]?.n}`);
    return { failovers: 1, rowsLost: 0 };
  },
});
