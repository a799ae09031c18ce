/** AWS Backup tells that it couldn't back a database up: a snapshot is taken at once. */
import { DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { askForDatabase, targetOfDatabase } from '../../postgres/troubled.ts';
import { play } from '../support/trouble.ts';
import { untilAvailable } from '../support/troubled-database.ts';
import { expectThat } from '../types.ts';

const DATABASE = 'ledger-db';

export const scenario = play({
  name: 'backup-fails',
  rank: 44,
  summary: 'a backup job of a database fails; a snapshot is taken at once',
  target: targetOfDatabase(DATABASE),
  environment: askForDatabase(DATABASE),
  ends: 'resolved',
  ready: (world, stage) => untilAvailable(world, stage, DATABASE),
  trouble: async (world, stage) => {
    const { region, accountId } = world.context;
    await world.eventbridge.publish({
      source: 'aws.backup',
      detailType: 'Backup Job State Change',
      region,
      resources: [],
      time: new Date(),
      detail: {
        backupJobId: '34176239-e96d-4e1d-9fad-529dbb3c3556',
        backupVaultName: 'ledger',
        resourceArn: `arn:aws:rds:${region}:${accountId}:db:${DATABASE}`,
        resourceType: 'RDS',
        state: 'FAILED',
        statusMessage: 'The backup job timed out',
      },
    });
    stage.step('AWS Backup told that its job failed');
  },
  after: async (world) => {
    const { DBSnapshots = [] } = await world
      .clients()
      .rds.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: DATABASE }));
    const available = DBSnapshots.filter(({ Status }) => Status === 'available');
    expectThat(available.length === 1, `expected one snapshot that is available, but it was ${available.length}`);
    return { snapshots: available.length };
  },
});
