/** Somebody stores more than a database has room for: it gets a larger volume. */
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { changesSince, play } from '../support/trouble.ts';
import { describeDatabase, masterOf, untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'media-db';
const MIB = 200;

export const scenario = play({
  name: 'storage-short',
  rank: 41,
  summary: `somebody stores ${MIB} MiB in a database that has little room left; it gets a larger volume`,
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  ends: 'resolved',
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    const master = await masterOf(world, stage, DATABASE);
    // Kept as it is, uncompressed.
    await master.query('CREATE TABLE videos (id int, content text STORAGE EXTERNAL)');
    await master.query(`INSERT INTO videos SELECT n, repeat('x', 1048576) FROM generate_series(1, ${MIB}) n`);
    stage.step(`${MIB} MiB were stored`);
  },
  after: async (world, _, { since }) => {
    const { AllocatedStorage = 0 } = (await describeDatabase(world, DATABASE)) ?? {};
    expectThat(AllocatedStorage === 30, `expected 30 GiB of storage, but it was ${AllocatedStorage}`);
    const changes = changesSince(world, DATABASE, since);
    expectThat(changes.join() === 'ModifyDBInstance', `expected one change, but it was ${changes.join(', ')}`);
    return { storageGib: AllocatedStorage };
  },
});
