/**
 * The plan `data-corruption` on a database of which rows were damaged, while a client keeps writing others: writers are stopped, the evidence is compared with the last good backup, a person
 * agrees to what is given up, and the service writes to the restored database. What is lost is counted by the client, and compared with what the person was asked.
 */
import { vote, waitingApprovals } from '../../../functions/engine/approvals.ts';
import type { TableDifference } from '../../../functions/recovery/data-corruption/compare.ts';
import { manifest } from '../../../functions/recovery/data-corruption/manifest.ts';
import { type RunItem, readRun, stepOf } from '../../../functions/recovery/items.ts';
import { ACCOUNTS } from '../../services/accounts.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import {
  ACCOUNTS_ENVIRONMENT,
  ACCOUNTS_TARGETS,
  type AccountsSecret,
  accountsSecret,
  more,
  restoreAccounts,
  rowsIn,
  type Writer,
  writeRows,
} from '../support/accounts.ts';
import { lengthOf, spanOfStep, watchAws } from '../support/aws-watch.ts';
import { startPlan, storeOf, tookMs, untilEnded } from '../support/plans.ts';
import { backUp, DAMAGED_ROWS, damage, expectMended, restoredId, resultOf, rowsLostBy } from '../support/restored.ts';
import { untilTasks } from '../support/service.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const PLAN = manifest.name;
const { database, service } = ACCOUNTS;
const ENDED_WITHIN_MS = 240_000;
const ASKED_WITHIN_MS = 120_000;

export const scenario: Scenario<World> = {
  name: 'data-corruption',
  groups: ['plans'],
  rank: 25,
  summary:
    'writers of a database with damaged rows are stopped, and its last good backup takes its place once a person agrees',
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
    await more(stage, writer);
    await damage(world, stage);
    return recover(world, stage, writer, secret);
  },
};

async function recover(world: World, stage: Stage, writer: Writer, secret: AccountsSecret): Promise<Figures> {
  const aws = watchAws(world, { services: [service] });
  stage.restore('the watch of the instances', () => aws.stop());
  const downtimeBefore = writer.downtimeMs();
  const run = await startPlan(world, stage, PLAN, {
    ...{ database, startedBy: 'person:demo-user', reason: 'names of customers were blanked' },
  });
  const { agreedAt, ...agreed } = await agree(world, stage, run);
  const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
  expectThat(ended.verdict === 'recovered', `expected it to recover, but it ${ended.verdict}: ${ended.summary}`);
  stage.step(`recovered: ${ended.summary}`);
  // The restored database is written to.
  await more(stage, writer);
  await writer.stop();
  const copy = restoredId(ended);
  await expectMended(world, secret, copy);
  const rowsLost = await rowsLostBy(world, writer, ended);
  await expectCompared(world, writer, ended, rowsLost);
  stage.step(`${rowsLost} rows that the client wrote are lost, as the person was asked: ${agreed.to}`);
  const askedAt = stepOf(ended, 'agree').forward?.actedAt ?? agreedAt;
  const settlingMs = tookMs(ended, 'prove');
  const recoveryTimeMs = ended.figures?.recoveryTimeMs ?? Number.NaN;
  const evidence = String(resultOf(ended, 'keep-evidence').snapshotId);
  return {
    incidentId: ended.incidentId,
    recoveryTimeMs,
    targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
    dataLossMs: ended.figures?.dataLossMs ?? Number.NaN,
    /** Beyond what RDS and ECS themselves needed, what the person took to agree, and what the proof waited for requests to tell. */
    addedMs:
      recoveryTimeMs -
      lengthOf([
        ...aws.spanOf(ended, 'stop-writers', { steady: service }),
        ...aws.spanOf(ended, 'restore', { available: copy }),
        ...aws.spanOf(ended, 'keep-evidence', { available: evidence }),
        ...aws.spanOf(ended, 'examine', { available: `${copy}-damaged` }),
        [askedAt, agreedAt],
        ...aws.spanOf(ended, 'admit', { available: copy }),
        ...aws.spanOf(ended, 'resume', { steady: service }),
        ...aws.spanOf(ended, 'clear', { gone: `${copy}-damaged` }),
        ...spanOfStep(ended, 'prove'),
      ]),
    /** What the person took; how long the run took to see it is its own time. */
    approvalMs: agreedAt - askedAt,
    settlingMs,
    waitScale: 1,
    clientDowntimeMs: writer.downtimeMs() - downtimeBefore,
    rowsLost,
  };
}

/** Somebody reads what is given up, and agrees, as `nightshift approve` does. @returns to what, and when. */
async function agree(
  world: World,
  stage: Stage,
  run: string,
): Promise<{ readonly to: string; readonly agreedAt: number }> {
  const store = storeOf(world);
  const asked = await stage.until(
    'people to be asked what may be given up',
    async () => {
      const ended = await readRun(store, PLAN, run);
      expectThat(ended?.phase !== 'ended', `expected it to ask, but it ${ended?.verdict}: ${ended?.summary}`);
      return (await waitingApprovals(store)).find((each) => each.run === run);
    },
    { withinMs: ASKED_WITHIN_MS },
  );
  await vote(store, asked.approvalId, { decision: 'approve', by: 'person:demo-user' });
  const agreedAt = Date.now();
  stage.step(`demo-user agrees to: ${asked.change.summary}`);
  return { to: asked.change.summary, agreedAt };
}

/** What the person was told is what differs: the damaged customers, and the rows that the client wrote since the backup, of which it was told or not. */
async function expectCompared(world: World, writer: Writer, run: RunItem, rowsLost: number): Promise<void> {
  const tables = resultOf(run, 'compare').tables as readonly TableDifference[];
  const differenceOf = (name: string) => tables.find(({ table }) => table === name);
  const changed = differenceOf('public.customers')?.changed;
  expectThat(changed === DAMAGED_ROWS, `expected ${DAMAGED_ROWS} customers to differ, but ${changed} do`);
  const [old, restored] = await Promise.all([rowsIn(world, database), rowsIn(world, restoredId(run))]);
  const untold = [...writer.unanswered].filter((id) => old.has(id) && !restored.has(id)).length;
  const told = differenceOf(ACCOUNTS.table)?.onlyDamaged;
  expectThat(
    told === rowsLost + untold,
    `expected ${rowsLost} rows to be told as lost, and ${untold} that nobody was told are written, but the plan says ${told}`,
  );
}
