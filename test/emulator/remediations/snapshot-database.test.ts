/** The remediation's own handler code on a real journal and the RDS stand-in; the first on a real server, whose rows come back. */
import {
  CreateDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
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

  it('takes no second one: after one that was taken since, for the event five times at once, after a lost answer', async () => {
    const id = await described();
    const event = logsPileUp(id);
    const many = await w.callsDuring(() => Promise.allSettled(Array.from({ length: 5 }, () => fire(id, { event }))));
    expect(many.changing).toEqual(['CreateDBSnapshot']);
    await untilTaken(id);
    expect(await snapshotsOf(id)).toHaveLength(1);

    const other = await described();
    const early = logsPileUp(other);
    await w.world.client.send(
      new CreateDBSnapshotCommand({ DBInstanceIdentifier: other, DBSnapshotIdentifier: `by-hand-${other}` }),
    );
    await untilTaken(other);
    await w.untilAvailable(other);
    expect(await fire(other, { event: early })).toMatchObject({ kind: 'already-fine' });

    const lost = await described();
    w.fault('CreateDBSnapshot', 'timeout-after', 1);
    expect(await fire(lost)).toMatchObject({ kind: 'remediated' });
    await untilTaken(lost);
    expect(await snapshotsOf(lost)).toHaveLength(1);
  });

  it('keeps the intent when throttled, or when something else is done to the instance, and finishes it on the next delivery', async () => {
    const id = await described();
    const event = logsPileUp(id);
    w.fault('CreateDBSnapshot', 'throttled', 2);
    await expect(fire(id, { event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
    expect(await fire(id, { event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    expect(await untilTaken(id)).toHaveLength(1);
  });

  it('makes no changing call in observe mode', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id, { limits: { mode: 'observe' } }));
    expect(result).toMatchObject({ kind: 'would-act' });
    expect(changing).toEqual([]);
  });

  it('calls a person when it is refused, when there is no room, and for what does not exist', async () => {
    const id = await described();
    w.fault('CreateDBSnapshot', 'refused');
    expect(await fire(id)).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    w.calm();
    expect(await fire('nobody')).toMatchObject({ kind: 'escalated' });
    const { world } = w;
    await w.create('filler');
    for (let used = (await allManual()).length; used < FULL; used++) {
      await w.untilAvailable('filler');
      await world.client.send(
        new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'filler', DBSnapshotIdentifier: `filler-${used}` }),
      );
    }
    const full = await described();
    const { result, changing } = await w.callsDuring(() => fire(full));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining(`${FULL} of ${QUOTA}`) });
    expect(changing).toEqual([]);
  });
});

const allManual = async () => (await w.world.client.send(new DescribeDBSnapshotsCommand({}))).DBSnapshots ?? [];
