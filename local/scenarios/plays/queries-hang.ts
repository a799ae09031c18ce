/** Statements hang in a database until more sessions are at work than it has processors for: those statements are cancelled, and the sessions stay. */

import type { Sessions } from '../../postgres/sessions.ts';
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { play } from '../support/trouble.ts';
import { sessionsOn, untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'stock-db';
const HANGING = 4;
let hanging: Sessions | undefined;

export const scenario = play({
  name: 'queries-hang',
  rank: 40,
  summary: `${HANGING} statements hang in a database of 2 processors; they are cancelled, their sessions stay`,
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  ends: 'resolved',
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    hanging = await sessionsOn(world, stage, DATABASE, 'reporting', {
      ...{ count: HANGING, application: 'reports', state: 'active' },
    });
    stage.step(`${HANGING} statements hang`);
  },
  after: async () => {
    const { cancelledPids, ended } = hanging?.report() ?? { cancelledPids: [], ended: 0 };
    expectThat(
      cancelledPids.length === HANGING,
      `expected ${HANGING} statements to be cancelled, but it was ${cancelledPids.length}`,
    );
    expectThat(ended === 0, `expected every session to stay, but ${ended} were ended`);
    return { statementsCancelled: cancelledPids.length, sessionsEnded: ended };
  },
});
