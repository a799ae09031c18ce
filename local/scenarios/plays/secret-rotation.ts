/**
 * The plan `secret-rotation` while a client keeps writing: a rotation that nobody notices, then the emergency form, which shuts the leaked user out at once, so that the service fails
 * until its tasks are replaced.
 */

import { type RunItem, stepOf } from '../../../functions/recovery/items.ts';
import { manifest } from '../../../functions/recovery/secret-rotation/manifest.ts';
import { ACCOUNTS } from '../../services/accounts.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import {
  ACCOUNTS_ENVIRONMENT,
  ACCOUNTS_TARGETS,
  type AccountsSecret,
  accountsSecret,
  more,
  query,
  rowsIn,
  writeRows,
} from '../support/accounts.ts';
import { startPlan, tookMs, untilEnded } from '../support/plans.ts';
import { untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const PLAN = manifest.name;
const { database, service } = ACCOUNTS;
const ENDED_WITHIN_MS = 240_000;

export const scenario: Scenario<World> = {
  name: 'secret-rotation',
  groups: ['plans'],
  rank: 15,
  summary: 'a service gets another user and password for its database; then again, because that one has leaked',
  targets: ACCOUNTS_TARGETS,
  uses: ACCOUNTS_TARGETS,
  timeLimitMs: 600_000,
  environment: ACCOUNTS_ENVIRONMENT,
  run: async (world, stage): Promise<Figures> => {
    const secret = accountsSecret(world, stage);
    await untilTasks(world, stage, ACCOUNTS.tasks, 60_000, service);
    const writer = writeRows(world.ecs.serviceUrl(DEMO.cluster, service));
    stage.restore('the client', () => writer.stop());
    await more(stage, writer);
    const rotated = await rotate(world, stage, secret, {});
    // On a busy machine a request may also take too long.
    const clientDowntimeMs = writer.downtimeMs();
    stage.step(`rotated: ${rotated.summary}`);
    await more(stage, writer);
    const replaced = await rotate(world, stage, secret, { emergency: true, reason: 'it was found in a log' });
    stage.step(`replaced in an emergency: ${replaced.summary}`);
    await more(stage, writer);
    await writer.stop();
    const there = await rowsIn(world, database);
    const rowsLost = [...writer.written].filter((id) => !there.has(id)).length;
    expectThat(rowsLost === 0, `expected no row to be lost, but ${rowsLost} are`);
    const recoveryTimeMs = timeOf(rotated);
    const settlingMs = tookMs(rotated, 'prove');
    return {
      incidentId: rotated.incidentId,
      recoveryTimeMs,
      targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
      dataLossMs: 0,
      /** Beyond what ECS needed to replace the tasks, looks included, and what the proof waited for requests to tell. */
      addedMs: recoveryTimeMs - settlingMs - tookMs(rotated, 'roll'),
      settlingMs,
      waitScale: 1,
      clientDowntimeMs,
      rowsLost,
      emergencyRecoveryTimeMs: timeOf(replaced),
      /** From the start of the run to the leaked user being shut out. */
      emergencyShutOutMs: (stepOf(replaced, 'cut').forward?.endedAt ?? Number.NaN) - replaced.startedAt,
      emergencyDowntimeMs: writer.downtimeMs() - clientDowntimeMs,
    };
  },
};

const timeOf = ({ startedAt, endedAt = startedAt }: RunItem): number => endedAt - startedAt;

/** One run to its end: the other user is in the secret, and the earlier one can't log in any more. */
async function rotate(world: World, stage: Stage, secret: AccountsSecret, input: object): Promise<RunItem> {
  const before = await secret.read();
  const run = await startPlan(world, stage, PLAN, { database, ...input, startedBy: 'person:demo-user' });
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  expectThat(ended.verdict === 'recovered', `expected it to end well, but it ${ended.verdict}: ${ended.summary}`);
  const after = await secret.read();
  expectThat(
    after.username !== before.username && after.password !== before.password,
    `expected another user and password, but the user is ${after.username}`,
  );
  const [old] = await query<{ login: boolean; sessions: number }>(
    world,
    database,
    `SELECT rolcanlogin AS login, (SELECT count(*)::int FROM pg_stat_activity WHERE usename = rolname) AS sessions
       FROM pg_roles WHERE rolname = $1`,
    [before.username],
  );
  expectThat(
    old?.login === false && old.sessions === 0,
    `expected ${before.username} to be shut out, but it has ${old?.sessions} sessions${old?.login ? ' and may log in' : ''}`,
  );
  return ended;
}
