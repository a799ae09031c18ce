/** Scheduled jobs, each started as its schedule does, with what it needs to make every call that it may. */
import { DeleteRuleCommand, EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge';
import { CreateDBInstanceCommand, CreateDBSnapshotCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { CreateSecretCommand, DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateStateMachineCommand, DeleteStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { DEPLOYMENT_TAG } from '../../../functions/engine/manifest.ts';
import type { RunItem } from '../../../functions/jobs/items.ts';
import { scratchIdOf, scratchTags } from '../../../functions/jobs/scratch-id.ts';
import { runJob } from '../../../local/scenarios/support/backups.ts';
import { type Admin, DATABASE, DATABASE_TARGET, openAdmin } from '../../../local/scenarios/support/database.ts';
import { expectThat, type Scenario, type Stage } from '../../../local/scenarios/types.ts';
import { BACKUPS } from '../../../local/services/backups.ts';
import { CONFIGURATION } from '../../../local/services/configuration-backup.ts';
import { DEMO } from '../../../local/services/seed.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { World } from '../../../local/world/world.ts';
import { issueBundle, makeAuthority } from '../../support/certificates.ts';
import { IMPORTED } from '../observe.config.ts';
import { autoScale } from './support.ts';

export const DEPLOYMENT = 'demo';
export const DAY_MS = 86_400_000;
/** More than the demo's configuration wants to find in it. */
const ROWS = 2_000;

/** A case of jobs: they follow each other where they share something. */
export const jobCase = (
  name: string,
  summary: string,
  uses: readonly string[],
  run: (world: World, stage: Stage) => Promise<void>,
): Scenario<World> => ({
  ...{ name, summary, uses, groups: [], rank: 2, targets: [], timeLimitMs: 240_000 },
  environment: { [BACKUPS.switch]: '1', [CONFIGURATION.switch]: '1' },
  run: async (world, stage) => {
    await run(world, stage);
    return {};
  },
});

export async function passed(world: World, stage: Stage, job: string, subject?: string): Promise<RunItem> {
  const run = await runJob(world, stage, job, subject);
  expectThat(run.verdict?.kind === 'passed', `expected ${job} to pass, but ${run.verdict?.summary}`);
  return run;
}

const backups = jobCase(
  'jobs-backups',
  'a backup is made, proved, an old one removed, and a restored copy that was left behind too',
  [DATABASE_TARGET],
  async (world, stage) => {
    await fillLedger(await openAdmin(world, stage), stage);
    await oldBackup(world, stage);
    await passed(world, stage, 'back-up-database');
    const proved = await passed(world, stage, 'verify-backup');
    const pruned = await passed(world, stage, 'prune-backups');
    expectThat(JSON.stringify(pruned.verdict?.report).includes(OLD), `expected ${OLD} to be removed`);
    await leaveScratch(world, proved);
    await passed(world, stage, 'sweep-scratch', 'all');
  },
);

/** What proofs look for. */
export async function fillLedger(admin: Admin, stage: Stage): Promise<void> {
  await admin.query(`CREATE TABLE ${BACKUPS.table} (id bigint PRIMARY KEY, booked_at timestamptz NOT NULL)`);
  stage.restore('no ledger', () => admin.query(`DROP TABLE ${BACKUPS.table}`));
  await admin.query(`INSERT INTO ${BACKUPS.table} SELECT n, now() FROM generate_series(1, ${ROWS}) n`);
}

export const OLD = `nightshift-${DEPLOYMENT}-${DATABASE}-2026-09-01-02-00`;

/** One of Nightshift's backups that is older than the configuration keeps. */
export async function oldBackup(world: World, stage: Stage): Promise<void> {
  const { rds } = world.clients();
  const Tags = [{ Key: DEPLOYMENT_TAG, Value: DEPLOYMENT }];
  await rds.send(new CreateDBSnapshotCommand({ DBSnapshotIdentifier: OLD, DBInstanceIdentifier: DATABASE, Tags }));
  await stage.until(`${OLD} to be available`, async () => {
    const { DBSnapshots = [] } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: OLD }));
    return DBSnapshots[0]?.Status === 'available' ? true : undefined;
  });
  world.rds.backdateSnapshot(OLD, world.context.region, new Date(Date.now() - 80 * DAY_MS));
}

/** What a run restored and didn't remove, past its lease; its tags are that run's. */
async function leaveScratch(world: World, { job, subject, scheduledAt }: RunItem): Promise<void> {
  const run = { job, subject, scheduledAt };
  await world.clients().rds.send(
    new CreateDBInstanceCommand({
      ...{ DBInstanceIdentifier: scratchIdOf(DEPLOYMENT, run), Engine: 'postgres', DBInstanceClass: 'db.t4g.micro' },
      ...{ AllocatedStorage: 20, MasterUsername: 'postgres', MasterUserPassword: 'for-tests-only' },
      Tags: Object.entries(scratchTags(DEPLOYMENT, run, Date.now() - DAY_MS)).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
}

export function secretsManager(world: World, stage: Stage): SecretsManagerClient {
  const client = new SecretsManagerClient({
    ...{ endpoint: world.endpoint, region: world.context.region, userAgentAppId: OPERATOR },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  stage.restore('the client', () => client.destroy());
  return client;
}

/** What they come to is no matter here: a demonstration has secrets and alarms of its own. */
const checks = jobCase(
  'jobs-checks',
  'each regular check looks at everything once',
  ['checks'],
  async (world, stage) => {
    const secrets = secretsManager(world, stage);
    const SecretId = 'case/changed-today';
    await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'for the tests only' }));
    stage.restore('no secret', async () => {
      await secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    });
    await runJob(world, stage, 'check-secrets', 'all');
    await runJob(world, stage, 'check-health', 'all');
    await runJob(world, stage, 'check-capacity', 'all');
    await runJob(world, stage, 'check-database');
  },
);

/** These two read everything that reports are made of. */
const reports = jobCase('jobs-reports', 'a report is written and told', ['reports'], async (world, stage) => {
  for (const name of ['daily-operations', 'weekly-maintenance']) {
    const { verdict } = await passed(world, stage, 'write-report', name);
    expectThat(
      !JSON.stringify(verdict?.report.unknown).includes('be read'),
      `expected ${name} to read everything, but ${JSON.stringify(verdict?.report.unknown)}`,
    );
  }
});

/** Twice: the second is compared with the first. What it comes to is no matter: zones of the world's certificates are known by name only. */
const configuration = jobCase(
  'jobs-configuration',
  'how everything is configured is written down',
  ['configuration', 'certificates'],
  async (world, stage) => {
    const settings = {
      ...{ endpoint: world.endpoint, region: world.context.region, userAgentAppId: OPERATOR },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    const [events, states] = [new EventBridgeClient(settings), new SFNClient(settings)];
    stage.restore('the clients', () => {
      events.destroy();
      states.destroy();
    });
    await autoScale(world, stage, DEMO.tasks, 2 * DEMO.tasks);
    const name = `${CONFIGURATION.prefix}nightly`;
    await events.send(new PutRuleCommand({ Name: name, EventPattern: '{"source":["nobody"]}' }));
    stage.restore('no rule', async () => {
      await events.send(new DeleteRuleCommand({ Name: name }));
    });
    const definition = '{"QueryLanguage":"JSONata","StartAt":"End","States":{"End":{"Type":"Succeed"}}}';
    const roleArn = `arn:aws:iam::${world.context.accountId}:role/orders`;
    const { stateMachineArn } = await states.send(new CreateStateMachineCommand({ name, definition, roleArn }));
    stage.restore('no state machine', async () => {
      await states.send(new DeleteStateMachineCommand({ stateMachineArn }));
    });
    const bundle = await issueBundle(await makeAuthority(), { domains: ['kept.test'], days: 90 });
    world.acm.import(bundle.certificate, bundle.privateKey, bundle.chain, IMPORTED.id);
    stage.restore('no imported certificate', () => world.acm.remove(IMPORTED.arn));
    await runJob(world, stage, 'back-up-configuration', 'all');
    // Who changed it is asked only where something was.
    await events.send(new PutRuleCommand({ Name: name, EventPattern: '{"source":["somebody"]}' }));
    const { verdict } = await runJob(world, stage, 'back-up-configuration', 'all');
    const { report = {} } = verdict ?? {};
    expectThat(typeof report.comparedWith === 'string', `expected a comparison, but ${verdict?.summary}`);
    expectThat(
      `${JSON.stringify(report.who)}`.includes(name),
      `expected who changed ${name}, but ${JSON.stringify(report)}`,
    );
  },
);

export const JOB_CASES = [backups, checks, reports, configuration];
