/** `vacuum-and-analyze` on real PostgreSQL servers: one table of which half the rows are dead. */
import { asMaster, makeWornTable, renewStatistics, type Wear, wearOf } from '../../support/worn-table.ts';
import { openSeededServers } from '../seeded-servers.ts';
import type { Inspection, MatrixCase } from '../types.ts';

const SERVERS = 4;

export const matrixCase: MatrixCase = {
  remediation: 'vacuum-and-analyze',
  // What its verification does is `end-long-queries`’ own.
  stages: ['firing'],
  targetsAtOnce: SERVERS,
  open: (place) =>
    openSeededServers(place, {
      servers: SERVERS,
      prefix: 'server-v',
      metricName: 'ReadLatency',
      configure: { vacuumTablesUpToMib: 100 },
      changesBySql: (sql) => /^(VACUUM|ANALYZE) /.test(sql),
      async prepare(token, seeded) {
        await renewStatistics(seeded);
        await makeWornTable(seeded, token);
        return {
          ready: async () => {},
          inspect: async () => inspect(await wearOf(seeded, token)),
          async free() {
            // Of hundreds of tables that come and go the catalogues would be due in the end, too.
            await asMaster(seeded, `DROP TABLE ${token}`, 'VACUUM pg_attribute, pg_class, pg_type, pg_depend');
          },
        };
      },
    }),
};

/** A vacuum that came twice would count twice; the second one finds nothing due. */
function inspect({ vacuums, analyzes, deadRows }: Wear): Inspection {
  const state = vacuums > 0 ? 'after' : analyzes === 0 ? 'before' : 'beyond';
  return { state, changes: vacuums, detail: `vacuumed ${vacuums} times, ${deadRows} dead rows` };
}
