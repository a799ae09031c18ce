/** `copy-snapshot`: a snapshot that was taken in answer to a failed backup is copied to the standby region. */
import { CreateDBSnapshotCommand, DeleteDBSnapshotCommand, RDSClient } from '@aws-sdk/client-rds';
import { snapshotIdOf } from '../../../functions/databases/snapshot-id.ts';
import { DEPLOYMENT_TAG } from '../../../functions/engine/manifest.ts';
import { DATABASE, DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import { DEPLOYMENT, jobCase } from './jobs.ts';
import { nextUse } from './support.ts';

const COPY = 'nightshift-demo-copy-snapshot';

export const COPY_CASE = jobCase(
  'copy-snapshot',
  'a snapshot is there that was taken in answer to a failed backup, and is copied',
  [DATABASE_TARGET],
  async (world, stage) => {
    const DBSnapshotIdentifier = snapshotIdOf(DEPLOYMENT, DATABASE, new Date().toISOString(), 19);
    const { rds } = world.clients();
    const abroad = new RDSClient({
      ...{ endpoint: world.endpoint, region: world.context.standbyRegion, userAgentAppId: OPERATOR },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const copied = nextUse(world, stage, COPY, 'rds:CopyDBSnapshot', 150_000);
    const settled = nextUse(world, stage, COPY, 'dynamodb:DeleteItem', 200_000);
    void Promise.allSettled([copied, settled]); // Awaited below, unless something before it fails.
    stage.restore('no snapshot', async () => {
      await rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
      await abroad.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
      abroad.destroy();
    });
    const Tags = [{ Key: DEPLOYMENT_TAG, Value: DEPLOYMENT }];
    await rds.send(new CreateDBSnapshotCommand({ DBSnapshotIdentifier, DBInstanceIdentifier: DATABASE, Tags }));
    await copied;
    await settled;
    await untilQuiet(world, stage, `db-snapshot/${DBSnapshotIdentifier}`);
  },
);
