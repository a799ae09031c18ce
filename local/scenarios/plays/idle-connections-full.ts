/** Every ordinary slot is taken: applications are refused, and Nightshift still gets in, by a slot reserved for it. */
import { openSessions } from '../../postgres/sessions.ts';
import type { World } from '../../world/world.ts';
import { DATABASE_TARGET, firstEnded, hold, openAdmin, untilIdle } from '../support/database.ts';
import {
  msToResolved,
  startOfScenario,
  untilAlarm,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { expectThat, type Scenario } from '../types.ts';

const RUNBOOK = 'release-idle-connections';
const THRESHOLD = 64;
/** Below the threshold: the rush that takes the other slots comes later. */
const FORGOTTEN = 60;
/** SQLSTATE too_many_connections. */
const TOO_MANY = '53300';

export const scenario: Scenario<World> = {
  name: 'idle-connections-full',
  groups: ['demo'],
  rank: 30,
  summary: 'every ordinary connection is taken and applications are refused; Nightshift gets in by its reserved one',
  targets: [DATABASE_TARGET],
  uses: [DATABASE_TARGET],
  timeLimitMs: 150_000,
  run: async (world, stage) => {
    await untilQuiet(world, stage, DATABASE_TARGET, RUNBOOK);
    const admin = await openAdmin(world, stage);
    const since = startOfScenario();
    const { maxConnections } = world.database;
    const idle = await hold(world, stage, 'orders_app', { count: FORGOTTEN, application: 'orders-web', state: 'idle' });
    await untilIdle(stage);
    const web = { count: maxConnections - FORGOTTEN, application: 'orders-api', state: 'idle' } as const;
    await hold(world, stage, 'orders_app', web);
    const before = await admin.sessions();
    stage.step(`${before} of ${maxConnections} connections are taken, no more are given to applications`);
    expectThat(
      (await tryLogin(world)) === TOO_MANY,
      `expected an application's login to be refused with ${TOO_MANY} before Nightshift acts`,
    );
    const firedAt = await untilAlarm(world, stage, RUNBOOK, since);
    const firstEndedAt = await firstEnded(stage, idle, 20_000);
    const { id } = await untilIncident(world, stage, DATABASE_TARGET, since);
    const resolved = await untilResolved(world, stage, id);
    const after = await admin.sessions();
    expectThat(after <= THRESHOLD, `expected at most ${THRESHOLD} sessions afterwards, but the server counts ${after}`);
    const login = await tryLogin(world);
    expectThat(login === 'ok', `expected applications to get in again, but a login was refused with ${login}`);
    stage.step(`${after} of ${maxConnections} connections are taken, applications get in again`);
    return {
      incidentId: id,
      alarmToFirstChangeMs: firstEndedAt - firedAt,
      alarmToResolvedMs: msToResolved(resolved, firedAt),
      sessionsBefore: before,
      sessionsAfter: after,
    };
  },
};

/** Logs in as an application and leaves. @returns `ok`, or the SQLSTATE of the refusal. */
async function tryLogin(world: World): Promise<string> {
  const target = world.database.as('orders_app');
  const sessions = await openSessions(target, { count: 1, application: 'orders-web-new', state: 'idle' });
  const { refused } = await sessions.close();
  return Object.keys(refused)[0] ?? 'ok';
}
