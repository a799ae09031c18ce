/** An application forgets its sessions: connections run short, and the idle ones are ended, nobody else's. */
import { randomBytes } from 'node:crypto';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { churn, openSessions, type Sessions } from '../../postgres/sessions.ts';
import type { World } from '../../world/world.ts';
import { type Admin, DATABASE_TARGET, firstEnded, hold, openAdmin, untilIdle } from '../support/database.ts';
import {
  msToResolved,
  startOfScenario,
  untilAlarm,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { expectThat, type Scenario, type Stage } from '../types.ts';

const RUNBOOK = 'release-idle-connections';
/** 80 % of 80: the configuration's default share of the server's `max_connections`. */
const THRESHOLD = 64;
const IDLE = 60;
const ACTIVE = 5;
const ALLOWED = 2;
const IN_TRANSACTION = 2;
const BUSY = 3;
/** The administrator's, and that of RDS itself. */
const SUPERUSERS = 2;
const ALL = IDLE + ACTIVE + ALLOWED + IN_TRANSACTION + BUSY + SUPERUSERS;

export const scenario: Scenario<World> = {
  name: 'idle-connections',
  groups: ['demo', 'alerts'],
  rank: 20,
  summary: `${ALL} of 80 connections are taken, ${IDLE} of them by sessions that an application forgot; those are ended, nobody else's`,
  targets: [DATABASE_TARGET],
  uses: [DATABASE_TARGET],
  timeLimitMs: 150_000,
  run: async (world, stage) => {
    await untilQuiet(world, stage, DATABASE_TARGET, RUNBOOK);
    const admin = await openAdmin(world, stage);
    const replication = await openReplication(world, stage, admin);
    const since = startOfScenario();
    const crowd = await fill(world, stage);
    const before = await untilFull(stage, admin);
    stage.step(`${before} of 80 connections are taken, ${IDLE} of them by forgotten sessions`);
    const firedAt = await untilAlarm(world, stage, RUNBOOK, since);
    const firstEndedAt = await firstEnded(stage, crowd.idle, 20_000);
    const { id } = await untilIncident(world, stage, DATABASE_TARGET, since);
    const resolved = await untilResolved(world, stage, id);
    const after = await admin.sessions();
    stage.step(`${after} of 80 connections are taken`);
    expectThat(after <= THRESHOLD, `expected at most ${THRESHOLD} sessions afterwards, but the server counts ${after}`);
    expectOthersSurvived(crowd, replication, admin);
    expectNoQueryText(resolved, crowd.marker);
    return {
      incidentId: id,
      alarmToFirstChangeMs: firstEndedAt - firedAt,
      alarmToResolvedMs: msToResolved(resolved, firedAt),
      sessionsBefore: before,
      sessionsAfter: after,
      idleSessionsEnded: crowd.idle.report().ended,
      statementsLost: 0,
    };
  },
};

/** Sessions of the changing load connect in their own time. @returns the server's count. */
async function untilFull(stage: Stage, admin: Admin): Promise<number> {
  let seen = 0;
  return stage.until(
    `${ALL} sessions to be open`,
    async () => {
      seen = await admin.sessions();
      return seen >= ALL ? seen : undefined;
    },
    { withinMs: 30_000, everyMs: 50, seen: () => `${seen}` },
  );
}

interface Crowd {
  readonly idle: Sessions;
  readonly active: Sessions;
  readonly allowed: readonly Sessions[];
  readonly inTransaction: Sessions;
  /** Sessions that keep turning from idle to active, never idle for as long as the limit. */
  readonly busy: Sessions;
  /** Part of a statement that some session ran: it must not appear anywhere. */
  readonly marker: string;
}

async function fill(world: World, stage: Stage): Promise<Crowd> {
  const idle = await hold(world, stage, 'orders_app', { count: IDLE, application: 'orders-web', state: 'idle' });
  await untilIdle(stage);
  const [active, reporting, batch, inTransaction] = await Promise.all([
    hold(world, stage, 'orders_app', { count: ACTIVE, application: 'orders-worker', state: 'active' }),
    hold(world, stage, 'reporting', { count: 1, application: 'dashboard', state: 'idle' }),
    hold(world, stage, 'batch_allowed', { count: 1, application: 'nightly', state: 'idle' }),
    hold(world, stage, 'orders_app', {
      count: IN_TRANSACTION,
      application: 'orders-import',
      state: 'idle in transaction',
    }),
  ]);
  const busy = await churn(world.database.as('orders_app'), {
    sessions: BUSY,
    application: 'orders-api',
    idleMs: [100, 1_000],
    busyMs: [20, 200],
    parkedShare: 0,
    parkedMs: [0, 0],
  });
  stage.restore('sessions of orders-api', async () => {
    await busy.close();
  });
  return { idle, active, allowed: [reporting, batch], inTransaction, busy, marker: 'pg_sleep' };
}

/** A standby's or a change feed's session: it isn't a client's, and ending it would break more than it frees. */
async function openReplication(world: World, stage: Stage, admin: Admin): Promise<Sessions> {
  const password = randomBytes(18).toString('base64url');
  await admin.query('DROP ROLE IF EXISTS change_feed');
  await admin.query(`CREATE ROLE change_feed LOGIN REPLICATION PASSWORD '${password}'`);
  const target = { ...world.database.as('orders_app'), user: 'change_feed', password };
  const sessions = await openSessions(target, { count: 1, application: 'change-feed', state: 'replication' });
  stage.restore('the replication session', async () => {
    await sessions.close();
  });
  const { refused } = sessions.report();
  expectThat(sessions.pids().length === 1, `the replication session was refused: ${JSON.stringify(refused)}`);
  return sessions;
}

function expectOthersSurvived(crowd: Crowd, replication: Sessions, admin: Admin): void {
  const others: readonly (readonly [string, Sessions])[] = [
    ['active', crowd.active],
    ...crowd.allowed.map((sessions) => ['allow-listed', sessions] as const),
    ['idle-in-transaction', crowd.inTransaction],
    ['recently active', crowd.busy],
    ['replication', replication],
  ];
  for (const [kind, sessions] of others) {
    const { ended } = sessions.report();
    expectThat(ended === 0, `expected every ${kind} session to survive, but ${ended} were ended`);
  }
  expectThat(!admin.ended, "expected the superuser's session to survive, but it was ended");
  const { endedInStatement } = crowd.idle.report();
  expectThat(endedInStatement === 0, `expected no statement to be lost, but ${endedInStatement} were`);
}

/** Statements may hold personal data and secrets (invariant I11). */
function expectNoQueryText(incident: IncidentWithTimeline, marker: string): void {
  const text = JSON.stringify(incident);
  expectThat(
    !text.includes(marker) && !/\bselect\b/i.test(text),
    'expected no query text in the timeline, but there is some',
  );
}
