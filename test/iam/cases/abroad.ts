/** What jobs do in the standby region and in S3, and heartbeats: in a world of their own, which only `npm run iam-check` plays. */
import { CopyDBSnapshotCommand, DescribeDBSnapshotsCommand, RDSClient } from '@aws-sdk/client-rds';
import { INSTANCE_TAG } from '../../../functions/databases/snapshot-id.ts';
import { DEPLOYMENT_TAG } from '../../../functions/engine/manifest.ts';
import { runJob } from '../../../local/scenarios/support/backups.ts';
import { DATABASE_TARGET, openAdmin } from '../../../local/scenarios/support/database.ts';
import { expectThat, type Stage } from '../../../local/scenarios/types.ts';
import { makeReplica } from '../../../local/services/pair.ts';
import { seedServices } from '../../../local/services/seed.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { World } from '../../../local/world/world.ts';
import { DAY_MS, DEPLOYMENT, fillLedger, jobCase, OLD, oldBackup, passed } from './jobs.ts';

const backups = jobCase(
  'jobs-backups-abroad',
  'a backup is copied to the standby region, proved and exported to S3; an old one and its copy are removed',
  [DATABASE_TARGET],
  async (world, stage) => {
    const admin = await openAdmin(world, stage);
    await fillLedger(admin, stage);
    await oldBackup(world, stage);
    await copyAbroad(world, stage);
    await passed(world, stage, 'back-up-database');
    await passed(world, stage, 'verify-backup');
    await passed(world, stage, 'export-backup');
    const pruned = await passed(world, stage, 'prune-backups');
    const { copies, ...own } = pruned.verdict?.report ?? {};
    for (const report of [copies, own])
      expectThat(JSON.stringify(report).includes(OLD), `expected ${OLD} and its copy to be removed`);
    // They come by their own clock, each minute. A run whose table goes ends at once, instead of going on when all else is over.
    stage.restore('no heartbeats', () => admin.query('DROP TABLE nightshift.heartbeat'));
    await stage.until('a heartbeat', async () => (await admin.rows('SELECT FROM nightshift.heartbeat')) || undefined, {
      withinMs: 90_000,
    });
  },
);

/** The old one was copied to the standby region, too. */
async function copyAbroad(world: World, stage: Stage): Promise<void> {
  const { rds } = world.clients();
  const { region, standbyRegion } = world.context;
  const { DBSnapshots: [old] = [] } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: OLD }));
  const abroad = new RDSClient({
    ...{ endpoint: world.endpoint, region: standbyRegion, userAgentAppId: OPERATOR },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  stage.restore('the client of the standby region', () => abroad.destroy());
  const Tags = [
    { Key: DEPLOYMENT_TAG, Value: DEPLOYMENT },
    { Key: INSTANCE_TAG, Value: old?.DbiResourceId },
  ];
  const names = { SourceDBSnapshotIdentifier: old?.DBSnapshotArn, TargetDBSnapshotIdentifier: OLD };
  await abroad.send(new CopyDBSnapshotCommand({ ...names, Tags }));
  await stage.until(`${OLD} to be copied from ${region}`, async () => {
    const { DBSnapshots = [] } = await abroad.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: OLD }));
    return DBSnapshots[0]?.Status === 'available' ? true : undefined;
  });
  world.rds.backdateSnapshot(OLD, standbyRegion, new Date(Date.now() - 80 * DAY_MS));
}

/** With everything there, so that it asks everything. */
const standby = jobCase(
  'jobs-standby',
  'the standby region is looked at, with a service and a replica in it',
  [DATABASE_TARGET],
  async (world, stage) => {
    const { region: east, standbyRegion: west } = world.context;
    await seedServices(world.endpoint, west);
    await makeReplica(world.endpoint, { east, west }, world.database);
    const { verdict } = await runJob(world, stage, 'check-standby', 'all');
    const found = JSON.stringify(verdict?.report);
    // What a stand-in for a demonstration lacks is no matter, but that it was looked at.
    expectThat(!found.includes('missing') && !found.includes('not exist'), `expected a standby, but ${found}`);
  },
);

export const ABROAD_CASES = [backups, standby];
