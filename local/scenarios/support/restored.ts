/** What the plays of `database-restore` and `data-corruption` share: a proved backup, damaged rows, and what is lost when the backup takes the database's place. */
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { type RunItem, stepOf } from '../../../functions/recovery/items.ts';
import { ACCOUNTS } from '../../services/accounts.ts';
import type { World } from '../../world/world.ts';
import { expectThat, type Stage } from '../types.ts';
import { type AccountsSecret, query, rowsIn, type Writer } from './accounts.ts';
import { runJob } from './backups.ts';

const { database } = ACCOUNTS;
/** Customers whose names are blanked. */
export const DAMAGED_ROWS = 100;

/** As their schedules would. */
export async function backUp(world: World, stage: Stage): Promise<void> {
  for (const job of ['back-up-database', 'verify-backup']) {
    const { verdict } = await runJob(world, stage, job, database);
    expectThat(verdict?.kind === 'passed', `expected ${job} to pass, but ${verdict?.summary}`);
  }
  stage.step('a backup is taken, and proved');
}

/** Rows are damaged while the service goes on writing others. */
export async function damage(world: World, stage: Stage): Promise<void> {
  await query(world, database, `UPDATE customers SET name = '' WHERE id <= ${DAMAGED_ROWS}`);
  stage.step(`somebody has blanked the names of ${DAMAGED_ROWS} customers; the service goes on writing`);
}

export const resultOf = (run: RunItem, step: string): Readonly<Record<string, unknown>> =>
  (stepOf(run, step).forward?.result ?? {}) as Record<string, unknown>;
/** Name of the instance that the run put in the database's place. */
export const restoredId = (run: RunItem): string => String(resultOf(run, 'choose').newId);
/** Up to when rows are in the restored database, as the run says (epoch milliseconds). */
const recoveryPointOf = (run: RunItem): number => Number(resultOf(run, 'check').recoveryPointAt);

/** The secret names the restored instance, and the customers have their names again there. */
export async function expectMended(world: World, secret: AccountsSecret, restored: string): Promise<void> {
  const { port } = await secret.read();
  const { DBInstances: [found] = [] } = await world
    .clients()
    .rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: restored }));
  expectThat(port === found?.Endpoint?.Port, `expected the secret to name ${restored}, but it names port ${port}`);
  const [blank] = await query<{ rows: number }>(
    world,
    restored,
    "SELECT count(*)::int AS rows FROM customers WHERE name = ''",
  );
  expectThat(blank?.rows === 0, `expected the customers to have their names again, but ${blank?.rows} have none`);
}

/**
 * Counts the rows that the client was told are written, and that the restored database doesn't have. They have to be exactly those that the run speaks of: written to the old instance
 * after the time that it names.
 */
export async function rowsLostBy(world: World, { written }: Writer, run: RunItem): Promise<number> {
  const [there, old] = await Promise.all([
    rowsIn(world, restoredId(run)),
    rowsIn(world, database, recoveryPointOf(run)),
  ]);
  const missed = [...written].filter((id) => !there.has(id));
  const reported = [...written].filter((id) => old.has(id));
  expectThat(
    missed.join() === reported.join(),
    `expected the rows that are lost to be those that the plan says, but the client misses ${missed.length}, and of those after ${recoveryPointOf(run)} there are ${reported.length}`,
  );
  expectThat(missed.length > 0, 'expected rows to be lost that were written after the backup');
  return missed.length;
}
