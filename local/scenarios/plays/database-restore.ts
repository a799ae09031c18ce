/**
 * The plan `database-restore` on a database of which rows were damaged, while a client keeps writing others: a rehearsal first, then the restore. What is lost is counted by the
 * client, and compared with what the plan says.
 */
import { manifest } from '../../../functions/recovery/database-restore/manifest.ts';
import type { RunItem } from '../../../functions/recovery/items.ts';
import { ACCOUNTS } from '../../services/accounts.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import {
  ACCOUNTS_ENVIRONMENT,
  ACCOUNTS_TARGETS,
  type AccountsSecret,
  accountsSecret,
  copiesOf,
  more,
  restoreAccounts,
  type Writer,
  writeRows,
} from '../support/accounts.ts';
import { lengthOf, spanOfStep, watchAws } from '../support/aws-watch.ts';
import { startPlan, tookMs, untilEnded } from '../support/plans.ts';
import { backUp, damage, expectMended, restoredId, rowsLostBy } from '../support/restored.ts';
import { untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const PLAN = manifest.name;
const { database, service } = ACCOUNTS;
const ENDED_WITHIN_MS = 240_000;

export const scenario: Scenario<World> = {
  name: 'database-restore',
  groups: ['plans'],
  rank: 20,
  summary: 'a database with damaged rows is restored beside itself by a plan, and its service is pointed there',
  targets: ACCOUNTS_TARGETS,
  uses: ACCOUNTS_TARGETS,
  timeLimitMs: 600_000,
  environment: ACCOUNTS_ENVIRONMENT,
  run: async (world, stage): Promise<Figures> => {
    const secret = accountsSecret(world, stage);
    const version = await secret.current();
    stage.restore('the accounts as they were', () => restoreAccounts(world, stage, secret, version));
    await untilTasks(world, stage, ACCOUNTS.tasks, 60_000, service);
    const writer = writeRows(world.ecs.serviceUrl(DEMO.cluster, service));
    stage.restore('the client', () => writer.stop());
    await more(stage, writer);
    await backUp(world, stage);
    await rehearse(world, stage, secret);
    await more(stage, writer);
    await damage(world, stage);
    return restore(world, stage, writer, secret);
  },
};

async function rehearse(world: World, stage: Stage, secret: AccountsSecret): Promise<void> {
  const before = await secret.current();
  const run = await startPlan(world, stage, PLAN, { database, rehearse: true, startedBy: 'person:demo-user' });
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  expectThat(ended.verdict === 'rehearsed', `expected a rehearsal, but it ${ended.verdict}: ${ended.summary}`);
  const left = await copiesOf(world);
  expectThat(left.length === 0, `expected nothing of the rehearsal to be left, but there is ${left.join(', ')}`);
  expectThat((await secret.current()) === before, 'expected the rehearsal to leave the secret as it was');
  stage.step(`rehearsed: ${ended.summary}`);
}

async function restore(world: World, stage: Stage, writer: Writer, secret: AccountsSecret): Promise<Figures> {
  const aws = watchAws(world, { services: [service] });
  stage.restore('the watch of the instances', () => aws.stop());
  const downtimeBefore = writer.downtimeMs();
  const run = await startPlan(world, stage, PLAN, {
    ...{ database, startedBy: 'person:demo-user', reason: 'names of customers were blanked' },
  });
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  expectThat(ended.verdict === 'recovered', `expected it to recover, but it ${ended.verdict}: ${ended.summary}`);
  stage.step(`recovered: ${ended.summary}`);
  // The restored database is written to.
  await more(stage, writer);
  await writer.stop();
  const copy = restoredId(ended);
  await expectMended(world, secret, copy);
  const rowsLost = await rowsLostBy(world, writer, ended);
  stage.step(`${rowsLost} rows that the client wrote are lost, as the plan says`);
  const settlingMs = tookMs(ended, 'prove');
  const recoveryTimeMs = timeOf(ended);
  return {
    incidentId: ended.incidentId,
    recoveryTimeMs,
    targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
    dataLossMs: ended.figures?.dataLossMs ?? Number.NaN,
    /** Beyond what RDS and ECS themselves needed, and what the proof waited for requests to tell. */
    addedMs:
      recoveryTimeMs -
      lengthOf([
        ...aws.spanOf(ended, 'restore', { available: copy }),
        ...aws.spanOf(ended, 'admit', { available: copy }),
        ...aws.spanOf(ended, 'roll', { steady: service }),
        ...spanOfStep(ended, 'prove'),
      ]),
    settlingMs,
    waitScale: 1,
    clientDowntimeMs: writer.downtimeMs() - downtimeBefore,
    rowsLost,
  };
}

const timeOf = ({ startedAt, endedAt = startedAt }: RunItem): number => endedAt - startedAt;
