/** The remediation's own handler code on a real journal and the RDS stand-in; the first on a real server, whose rows come back. */
import {
  CreateDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { itKeepsRdsGuarantees } from '../../support/rds-guarantees.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
const QUOTA = 15;
/** The last ones are left to others. */
const FULL = QUOTA - 5;
let w: RdsRemediationWorld<Observation>;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'), {
    snapshotQuota: QUOTA,
  });
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

async function described(): Promise<string> {
  const id = `described-${++count}`;
  await w.create(id);
  return id;
}
/** AWS Backup tells that its job for the instance failed ("Monitoring AWS Backup events using Amazon EventBridge"). */
const backupFailed = (id: string) => ({
  version: '0',
  id: `backup-${id}-${++count}`,
  'detail-type': 'Backup Job State Change',
  source: 'aws.backup',
  account: '000000000000',
  time: new Date().toISOString(),
  region: 'us-east-1',
  resources: [],
  detail: {
    backupJobId: '34176239-e96d-4e1d-9fad-529dbb3c3556',
    backupVaultName: 'orders',
    resourceArn: `arn:aws:rds:us-east-1:000000000000:db:${id}`,
    resourceType: 'RDS',
    state: 'FAILED',
    statusMessage: 'The backup job timed out',
  },
});
const logsPileUp = (id: string, state: 'ALARM' | 'OK' = 'ALARM') => w.alarm(id, 'TransactionLogsDiskUsage', state);
const fire = (id: string, options: FireOptions & { event?: object } = {}) =>
  w.deliver(id, options.event ?? logsPileUp(id), options);
const snapshotsOf = async (id: string) =>
  (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: id }))).DBSnapshots ?? [];
const untilTaken = (id: string) =>
  eventually(
    `a snapshot of ${id}`,
    () => snapshotsOf(id),
    (seen) => seen.length > 0 && seen.every(({ Status }) => Status === 'available'),
  );
async function query(id: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(w.world.instance(id).adminClientConfig);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

let byHandCount = 0;
const byHand = async (id: string) => {
  const DBSnapshotIdentifier = `by-hand-${++byHandCount}`;
  await w.world.client.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: id, DBSnapshotIdentifier }));
  await untilTaken(id);
  await w.untilAvailable(id);
};

describe('snapshot-database', () => {
  it('takes one of a database whose backup failed, from which its rows come back [2c/backup-failure, 3c/snapshot-database, M26]', async () => {
    const id = 'pair-orders';
    await w.create(id);
    await query(id, 'CREATE TABLE notes AS SELECT 1 AS note');
    const { result, changing } = await w.callsDuring(() => fire(id, { event: backupFailed(id) }));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['CreateDBSnapshot']);
    const [taken] = await untilTaken(id);
    expect(taken?.DBSnapshotIdentifier).toMatch(/^nightshift-test-pair-orders-[0-9-]{19}$/);
    expect(taken?.TagList).toEqual([
      { Key: 'nightshift:deployment', Value: 'test' },
      { Key: 'nightshift:remediation', Value: 'snapshot-database' },
    ]);
    await query(id, 'DROP TABLE notes');
    await w.world.client.send(
      new RestoreDBInstanceFromDBSnapshotCommand({
        DBInstanceIdentifier: 'pair-restored',
        DBSnapshotIdentifier: taken?.DBSnapshotIdentifier,
      }),
    );
    await w.untilAvailable('pair-restored');
    expect(await query('pair-restored', 'SELECT note FROM notes')).toEqual([{ note: 1 }]);
  });

  it('is verified once the snapshot is available', async () => {
    const id = await described();
    const result = await fire(id);
    await untilTaken(id);
    await w.deliver(id, logsPileUp(id, 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'CreateDBSnapshot',
    makeTrouble: described,
    alarm: logsPileUp,
    timesDone: async (id) => (await snapshotsOf(id)).length,
    knowsItNeverHappened: true,
    // It overwrites nothing; RDS makes none of an instance that isn't available, and the intent waits.
    meanwhile: {
      does: (id) => w.world.client.send(new StopDBInstanceCommand({ DBInstanceIdentifier: id })),
      outcome: { retryable: true },
      changing: ['StopDBInstance', 'CreateDBSnapshot'],
    },
    alreadyDone: [
      {
        called: 'has a snapshot that was taken since',
        make: async () => {
          const id = await described();
          const event = logsPileUp(id);
          await byHand(id);
          return { id, event };
        },
        outcome: { kind: 'already-fine' },
      },
    ],
    outOfBounds: [
      {
        called: 'would take the last room of the account',
        make: async () => {
          await w.create('filler');
          for (let used = (await allManual()).length; used < FULL; used++) await byHand('filler');
          return { id: await described() };
        },
        outcome: { reason: expect.stringContaining(`${FULL} of ${QUOTA}`) },
      },
    ],
  });
});

const allManual = async () => (await w.world.client.send(new DescribeDBSnapshotsCommand({}))).DBSnapshots ?? [];
