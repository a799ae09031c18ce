/**
 * The plan `database-restore` on a database of which rows were damaged, while a client keeps writing others: a rehearsal first, then the restore. What is lost is counted by the
 * client, and compared with what the plan says.
 */
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { manifest } from '../../../functions/recovery/database-restore/manifest.ts';
import { type RunItem, stepOf } from '../../../functions/recovery/items.ts';
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
  query,
  restoreAccounts,
  rowsIn,
  type Writer,
  writeRows,
} from '../support/accounts.ts';
import { runJob } from '../support/backups.ts';
import { startPlan, tookMs, untilEnded } from '../support/plans.ts';
import { serviceState, untilTasks } from '../support/service.ts';
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
    await query(world, database, "UPDATE customers SET name = '' WHERE id <= 100");
    stage.step('somebody has blanked the names of a hundred customers; the service goes on writing');
    return restore(world, stage, writer, secret);
  },
};

/** As their schedules would. */
async function backUp(world: World, stage: Stage): Promise<void> {
  for (const job of ['back-up-database', 'verify-backup']) {
    const { verdict } = await runJob(world, stage, job, database);
    expectThat(verdict?.kind === 'passed', `expected ${job} to pass, but ${verdict?.summary}`);
  }
  stage.step('a backup is taken, and proved');
}

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
  const aws = watchAws(world);
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
  const [copy = ''] = await copiesOf(world);
  const { port } = await secret.read();
  const { Endpoint } = (await describe(world, copy)) ?? {};
  expectThat(port === Endpoint?.Port, `expected the secret to name ${copy}, but it names port ${port}`);
  const [blank] = await query<{ rows: number }>(
    world,
    copy,
    "SELECT count(*)::int AS rows FROM customers WHERE name = ''",
  );
  expectThat(blank?.rows === 0, `expected the customers to have their names again, but ${blank?.rows} have none`);
  const rowsLost = await lost(world, writer, ended, copy);
  stage.step(`${rowsLost} rows that the client wrote are lost, as the plan says`);
  const settlingMs = tookMs(ended, 'prove');
  const recoveryTimeMs = timeOf(ended);
  return {
    incidentId: ended.incidentId,
    recoveryTimeMs,
    targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
    dataLossMs: writtenUntil(ended) - recoveryPointOf(ended),
    /** Beyond what RDS and ECS themselves needed, and what the proof waited for requests to tell. */
    addedMs: recoveryTimeMs - settlingMs - aws.neededMs(ended, copy),
    settlingMs,
    waitScale: 1,
    clientDowntimeMs: writer.downtimeMs() - downtimeBefore,
    rowsLost,
  };
}

const describe = async (world: World, DBInstanceIdentifier: string) =>
  (await world.clients().rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }))).DBInstances?.[0];

const timeOf = ({ startedAt, endedAt = startedAt }: RunItem): number => endedAt - startedAt;
const resultOf = (run: RunItem, step: string): Readonly<Record<string, unknown>> =>
  (stepOf(run, step).forward?.result ?? {}) as Record<string, unknown>;
const recoveryPointOf = (run: RunItem): number => Number(resultOf(run, 'check').recoveryPointAt);
const writtenUntil = (run: RunItem): number => Number(resultOf(run, 'roll').writtenUntil);

/**
 * Rows that the client was told are written, and that the service's database doesn't have: exactly those that the plan speaks of, which were written to the old instance after the
 * time that it names.
 */
async function lost(world: World, { written }: Writer, ended: RunItem, copy: string): Promise<number> {
  const [there, old] = await Promise.all([rowsIn(world, copy), rowsIn(world, database, recoveryPointOf(ended))]);
  const missed = [...written].filter((id) => !there.has(id));
  const reported = [...written].filter((id) => old.has(id));
  expectThat(
    missed.join() === reported.join(),
    `expected the rows that are lost to be those that the plan says, but the client misses ${missed.length}, and of those after ${recoveryPointOf(ended)} there are ${reported.length}`,
  );
  expectThat(missed.length > 0, 'expected rows to be lost that were written after the backup');
  return missed.length;
}

const LOOK_EVERY_MS = 200;

interface AwsWatch {
  /** How long RDS and ECS took for what the run told them to do. */
  neededMs(run: RunItem, copy: string): number;
  stop(): void;
}

/** When instances became available, and the service steady, as anybody can see it. */
function watchAws(world: World): AwsWatch {
  const available = new Map<string, number[]>();
  const present = new Map<string, string>();
  const steadyAt: number[] = [];
  let [isSteady, isOver] = [true, false];
  const look = async () => {
    const { DBInstances = [] } = await world.clients().rds.send(new DescribeDBInstancesCommand({}));
    for (const { DBInstanceIdentifier: id = '', DBInstanceStatus: status = '' } of DBInstances) {
      if (status === 'available' && present.get(id) !== status)
        available.set(id, [...(available.get(id) ?? []), Date.now()]);
      present.set(id, status);
    }
    const { steady } = await serviceState(world, service);
    if (steady && !isSteady) steadyAt.push(Date.now());
    isSteady = steady;
  };
  const timer = setInterval(() => {
    if (!isOver) look().catch((error: unknown) => world.context.log('scenario', `watch: ${String(error)}`));
  }, LOOK_EVERY_MS);
  const from = (at: number | undefined, ends: readonly number[]): number =>
    at === undefined ? 0 : Math.max(0, (ends.find((end) => end >= at) ?? at) - at);
  return {
    neededMs(run, copy) {
      const acted = (step: string) => stepOf(run, step).forward?.actedAt;
      const ends = available.get(copy) ?? [];
      return from(acted('restore'), ends) + from(acted('admit'), ends) + from(acted('roll'), steadyAt);
    },
    stop: () => {
      isOver = true;
      clearInterval(timer);
    },
  };
}
