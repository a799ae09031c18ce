/** The remediation's own handler code on a real journal and the RDS stand-in. */
import { CreateDBInstanceReadReplicaCommand, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/add-read-replica/decide.ts';
import { itKeepsRdsGuarantees } from '../../support/rds-guarantees.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually, REGION } from '../rds/harness.ts';

jest.setTimeout(90_000);
let w: RdsRemediationWorld<Observation>;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/add-read-replica/handler.ts'));
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

async function described(BackupRetentionPeriod = 1): Promise<string> {
  const id = `described-${++count}`;
  await w.create(id, { BackupRetentionPeriod });
  return id;
}
const busy = (id: string) => w.alarm(id, 'ReadIOPS');
const fire = (id: string, options: FireOptions & { event?: object } = {}) =>
  w.deliver(id, options.event ?? busy(id), options);
const replicasOf = async (id: string) => (await w.describe(id))?.ReadReplicaDBInstanceIdentifiers ?? [];
const byHand = (source: string, id: string) =>
  w.world.client.send(
    new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: id, SourceDBInstanceIdentifier: source }),
  );

describe('add-read-replica', () => {
  it('adds one that follows a real server, by one call, and is verified [3c/add-read-replica]', async () => {
    const id = 'pair-source';
    const settings = {
      VpcSecurityGroupIds: ['sg-b', 'sg-a'],
      EnableIAMDatabaseAuthentication: true,
      StorageType: 'io2',
    };
    await w.create(id, { BackupRetentionPeriod: 1, ...settings });
    const server = () => w.world.instance(id).database;
    await server().query('CREATE TABLE notes (n int)');
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['CreateDBInstanceReadReplica']);
    const replica = `${id}-nightshift-1`;
    expect(await replicasOf(id)).toEqual([replica]);
    await w.untilAvailable(replica);
    await server().query('INSERT INTO notes VALUES (1)');
    await eventually(
      'the row on the replica',
      async () => w.world.rds.instance(replica, REGION)?.database.query<{ n: number }>('SELECT n FROM notes'),
      (rows) => rows?.length === 1,
    );
    const { DBInstances } = await w.world.client.send(
      new DescribeDBInstancesCommand({ DBInstanceIdentifier: replica }),
    );
    expect(DBInstances?.[0]?.TagList).toEqual([{ Key: 'nightshift:made-by', Value: 'add-read-replica' }]);
    const [made] = DBInstances ?? [];
    expect(made?.VpcSecurityGroups?.map(({ VpcSecurityGroupId: group }) => group)).toEqual(['sg-a', 'sg-b']);
    expect(made).toMatchObject({ IAMDatabaseAuthenticationEnabled: true, StorageType: 'io2' });
    await w.deliver(id, w.alarm(id, 'ReadIOPS', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('takes away again one that RDS could not make, and calls a person', async () => {
    const id = 'pair-full';
    await w.create(id, { BackupRetentionPeriod: 1 });
    await w.world
      .instance(id)
      .database.query(
        "SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1, current_setting('max_replication_slots')::int) n",
      );
    const outcome = await fire(id);
    expect(outcome).toMatchObject({ kind: 'remediated' });
    const replica = `${id}-nightshift-1`;
    await eventually(
      'failed',
      () => w.describe(replica),
      (seen) => seen?.DBInstanceStatus === 'failed',
    );
    const { changing } = await w.callsDuring(() => w.deliver(id, w.alarm(id, 'ReadIOPS', 'OK')));
    expect(changing).toEqual(['DeleteDBInstance']);
    await eventually(
      'no replica',
      () => replicasOf(id),
      (seen) => seen.length === 0,
    );
    const { timeline } = await w.incident(outcome);
    expect(timeline.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['acted', 'escalated']));
  });

  it('asks first, says what it costs, and makes nothing until then', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id, { target: { costApprovals: 1 } }));
    expect(result).toMatchObject({ kind: 'awaiting-approval' });
    expect(changing).toEqual([]);
    expect(JSON.stringify((await w.incident(result)).timeline)).toContain('"costPerHourUsd":0.016');
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'CreateDBInstanceReadReplica',
    makeTrouble: () => described(),
    alarm: busy,
    timesDone: async (id) => (await replicasOf(id)).length,
    knowsItNeverHappened: true,
    meanwhile: { does: (id) => byHand(id, `by-hand-${id}`), changing: ['CreateDBInstanceReadReplica'] },
    alreadyDone: [
      {
        called: 'has as many as it may',
        make: async () => {
          const id = await described();
          await byHand(id, `${id}-nightshift-1`);
          await w.untilAvailable(`${id}-nightshift-1`);
          return { id };
        },
        options: { target: { maxReadReplicas: 1 } },
        outcome: { kind: 'escalated', reason: expect.stringContaining('not have more than 1') },
      },
    ],
    outOfBounds: [
      {
        called: 'has no limit that is configured',
        make: async () => ({ id: await described() }),
        options: { target: { maxReadReplicas: 0 } },
        outcome: { reason: expect.stringContaining("isn't set") },
      },
      {
        called: 'has no backups, without which RDS makes none',
        make: async () => ({ id: await described(0) }),
        outcome: { reason: expect.stringContaining('backups') },
      },
    ],
  });
});
