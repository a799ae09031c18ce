/** What the scenarios of backups share: a large table, runs of jobs as the schedule starts them, and a backup's data to be damaged. */
import { DBSnapshotNotFoundFault, DeleteDBSnapshotCommand, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import pg from 'pg';
import { Store } from '../../../functions/engine/store.ts';
import { type RunItem, readRuns } from '../../../functions/jobs/items.ts';
import type { Verdict } from '../../../functions/jobs/job.ts';
import { scratchPrefix } from '../../../functions/jobs/scratch-id.ts';
import { BACKUPS } from '../../services/backups.ts';
import { OPERATOR } from '../../world/clients.ts';
import type { World } from '../../world/world.ts';
import { expectThat, type Figures, type Scenario, ScenarioFailure, type Stage } from '../types.ts';
import { DATABASE, DATABASE_TARGET } from './database.ts';
import { countPages } from './pages.ts';

const DEPLOYMENT = 'demo';
/** Rows of the large table; a test of the same scenarios in less time asks for fewer. */
const ROWS = Number(process.env.NIGHTSHIFT_BACKUP_ROWS ?? 1_000_000);
const RUN_WITHIN_MS = 120_000;
const VERIFY_TARGET = `job/verify-backup/${DATABASE}`;

export interface BackupPlay {
  readonly name: string;
  readonly rank: number;
  readonly summary: string;
  run(site: BackupSite): Promise<Figures>;
}

/** A scenario of the group `backups`: they follow each other, on one database. */
export const backupScenario = ({ name, rank, summary, run }: BackupPlay): Scenario<World> => ({
  name,
  rank,
  summary,
  groups: ['backups'],
  targets: [VERIFY_TARGET],
  uses: [DATABASE_TARGET, VERIFY_TARGET],
  timeLimitMs: 300_000,
  environment: { [BACKUPS.switch]: '1' },
  run: async (world, stage) => run(await openSite(world, stage)),
});

export interface BackupSite {
  readonly world: World;
  readonly stage: Stage;
  readonly rows: number;
  /** As the database's administrator. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Runs `back-up-database` to its end. @returns the snapshot's name, once it passed. */
  backUp(): Promise<string>;
  /** Runs `verify-backup` to its end, and makes sure that nothing of it is left. */
  verify(): Promise<Verdict>;
  /** Where the snapshot's data is. */
  folderOf(snapshot: string): string;
  /** Pages since the scenario began. */
  pages(): Promise<number>;
}

/** Times of runs: each run has one of its own, and backups are named by the minute of theirs. */
let minutes = 0;
const nextTime = (): string => new Date(Math.floor(Date.now() / 60_000) * 60_000 + ++minutes * 60_000).toISOString();

async function openSite(world: World, stage: Stage): Promise<BackupSite> {
  const instance = world.rds.instance(DATABASE, world.context.region);
  if (!instance) throw new ScenarioFailure(`database ${DATABASE} isn't running`);
  const client = new pg.Client({ ...instance.adminClientConfig, application_name: 'administrator' });
  await client.connect();
  stage.restore("the administrator's session", () => client.end());
  const query = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
  await fillLedger(query);
  const pages = await countPages(world, stage);
  return {
    ...{ world, stage, rows: ROWS, query, pages },
    backUp: () => backUp(world, stage),
    verify: () => verify(world, stage),
    folderOf(snapshot) {
      const folder = world.rds.snapshotFolder(snapshot, world.context.region);
      if (!folder) throw new ScenarioFailure(`expected ${snapshot} to hold data, but it has none`);
      return folder;
    },
  };
}

/** The large table, made by whichever scenario comes first, and filled up again by every one. */
async function fillLedger(query: BackupSite['query']): Promise<void> {
  await query(`CREATE TABLE IF NOT EXISTS ${BACKUPS.table}
                 (id bigint PRIMARY KEY, booked_at timestamptz NOT NULL, amount_cents integer NOT NULL, note text NOT NULL)`);
  await query(`INSERT INTO ${BACKUPS.table}
               SELECT n, now() - n * interval '1 ms', n % 10000, 'entry ' || n FROM generate_series(1, ${ROWS}) n
               ON CONFLICT (id) DO NOTHING`);
  await query(`UPDATE ${BACKUPS.table} SET booked_at = now() WHERE id = 1`);
}

async function backUp(world: World, stage: Stage): Promise<string> {
  const { verdict } = await runJob(world, stage, 'back-up-database');
  expectThat(verdict?.kind === 'passed', `expected a backup, but ${verdict?.summary}`);
  const id = String(verdict?.report.snapshotId);
  stage.restore(`no snapshot ${id}`, async () => {
    try {
      await world.clients().rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: id }));
    } catch (error) {
      if (!(error instanceof DBSnapshotNotFoundFault)) throw error; // A scenario may have removed it itself.
    }
  });
  return id;
}

async function verify(world: World, stage: Stage): Promise<Verdict> {
  const { verdict } = await runJob(world, stage, 'verify-backup');
  if (!verdict) throw new ScenarioFailure('expected a verdict, but the run ended without one');
  stage.step(verdict.kind === 'passed' ? verdict.summary : `${verdict.check}: ${verdict.summary}`);
  const { DBInstances = [] } = await world.clients().rds.send(new DescribeDBInstancesCommand({}));
  const left = DBInstances.filter((each) => each.DBInstanceIdentifier?.startsWith(scratchPrefix(DEPLOYMENT)));
  expectThat(left.length === 0, `expected no restored copy to be left, but there are ${left.length}`);
  return verdict;
}

/** Starts a run as its schedule does, and waits until it has ended. */
export async function runJob(world: World, stage: Stage, job: string, subject: string = DATABASE): Promise<RunItem> {
  const scheduledAt = nextTime();
  const { region, accountId } = world.context;
  const sfn = new SFNClient({
    endpoint: world.endpoint,
    region,
    userAgentAppId: OPERATOR,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: `arn:aws:states:${region}:${accountId}:stateMachine:nightshift-${DEPLOYMENT}-jobs`,
        input: JSON.stringify({ functionName: `nightshift-${DEPLOYMENT}-${job}`, job, subject, scheduledAt }),
      }),
    );
  } finally {
    sfn.destroy();
  }
  const store = new Store(world.deployed.outputs.JournalTable ?? '', world.clients().dynamodb);
  let seen = 'nothing';
  return stage.until(
    `the run of ${job} to end`,
    async () => {
      const run = (await readRuns(store, { job, subject }, 50)).find((each) => each.scheduledAt === scheduledAt);
      seen = run ? `${run.phase}, ${run.note}` : 'no such run';
      return run?.phase === 'ended' ? run : undefined;
    },
    { withinMs: RUN_WITHIN_MS, seen: () => seen },
  );
}

/** The verdict of a bad backup: the check that names what is wrong, and somebody was called. */
export async function expectCaught(site: BackupSite, check: string): Promise<Figures> {
  const since = Date.now();
  const verdict = await site.verify();
  expectThat(
    verdict.kind === 'failed' && verdict.check === check,
    `expected the check "${check}" to fail, but ${verdict.kind === 'passed' ? 'it passed' : `it was "${verdict.check}"`}: ${verdict.summary}`,
  );
  const pages = await site.stage.until('a person to be called', async () => (await site.pages()) || undefined, {
    withinMs: 30_000,
  });
  // The next run that passes ends the incident, so that the next scenario begins as this one did.
  return { check, verifyMs: Date.now() - since, pages };
}
