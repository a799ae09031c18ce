/** The remediation's own handler code on a real journal and the RDS stand-in of two regions, on instances that are only described. */
import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { CopiedSnapshot } from '../../../functions/databases/copied-snapshot.ts';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import type { Observation } from '../../../functions/remediations/copy-snapshot/decide.ts';
import { config, limits } from '../../support/fixtures.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
const backup: BackupConfig = {
  ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, keepDays: 30, keepWeeks: 8, keepMonths: 12 },
  ...{ keepAtLeast: 3, copy: {} },
};
let w: RdsRemediationWorld<Observation, CopiedSnapshot>;
let abroad: RDSClient;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/copy-snapshot/handler.ts'));
  abroad = new RDSClient({ region: config.standbyRegion });
});
afterEach(() => w.calm());
afterAll(async () => {
  abroad?.destroy();
  await w?.close();
});

const nameOf = (id: string) => `nightshift-test-${id}-2026-11-22-03-00-00`;
const found = async (client: RDSClient, id: string) =>
  (await client.send(new DescribeDBSnapshotsCommand({}))).DBSnapshots?.filter(
    ({ DBSnapshotIdentifier }) => DBSnapshotIdentifier === nameOf(id),
  ) ?? [];
const copiesOf = (id: string) => found(abroad, id);
const available = (client: RDSClient, id: string) =>
  eventually(
    `the snapshot of ${id}`,
    () => found(client, id),
    (seen) => seen[0]?.Status === 'available',
  );
/** An instance whose snapshot `snapshot-database` took, and RDS's event of it. */
async function taken(more: object = {}): Promise<string> {
  const id = `taken-${++count}`;
  await w.create(id, more);
  const Tags = [{ Key: 'nightshift:deployment', Value: 'test' }];
  const order = { DBInstanceIdentifier: id, DBSnapshotIdentifier: nameOf(id), Tags };
  await w.world.client.send(new CreateDBSnapshotCommand(order));
  await available(w.world.client, id);
  return id;
}
const told = (id: string) => ({
  ...{ version: '0', id: `snapshot-${id}-${++count}`, 'detail-type': 'RDS DB Snapshot Event', source: 'aws.rds' },
  ...{ account: '000000000000', time: new Date().toISOString(), region: 'us-east-1' },
  resources: [`arn:aws:rds:us-east-1:000000000000:snapshot:${nameOf(id)}`],
  detail: {
    ...{ EventCategories: ['creation'], SourceType: 'SNAPSHOT', SourceIdentifier: nameOf(id) },
    ...{ Message: 'Manual snapshot created', EventID: 'RDS-EVENT-0042' },
  },
});
const fire = (id: string, event: object = told(id), options: FireOptions = {}) =>
  w.deliver(id, event, { target: { backup }, ...options });

describe('copy-snapshot', () => {
  it('is verified once the copy is available, named and tagged so that it is pruned with its original', async () => {
    const id = await taken();
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['CopyDBSnapshot']);
    const [copy] = await available(abroad, id);
    const [original] = await found(w.world.client, id);
    expect(copy?.SourceDBSnapshotIdentifier).toBe(original?.DBSnapshotArn);
    expect(copy?.TagList).toEqual([
      { Key: 'nightshift:deployment', Value: 'test' },
      { Key: 'nightshift:remediation', Value: 'copy-snapshot' },
      { Key: 'nightshift:instance-resource-id', Value: original?.DbiResourceId },
    ]);
    const settle = { nightshift: 1, command: 'settle', target: `db-snapshot/${nameOf(id)}`, alarms: {} };
    await fire(id, settle);
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('does nothing for one that is copied already', async () => {
    const id = await taken();
    await fire(id);
    await available(abroad, id);
    const cooledDown = { now: () => Date.now() + 2 * 3_600_000 };
    const event = { ...told(id), time: new Date(cooledDown.now()).toISOString() };
    const { result, changing } = await w.callsDuring(() => fire(id, event, cooledDown));
    expect(result).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('its copy is in us-west-2') });
    expect(changing).toEqual([]);
  });

  it('leaves one alone that is missing by now', async () => {
    const id = await taken();
    await w.world.client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: nameOf(id) }));
    await eventually(
      'it to be gone',
      () => found(w.world.client, id),
      (seen) => seen.length === 0,
    );
    expect(await fire(id)).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('is gone') });
    expect(await copiesOf(id)).toEqual([]);
  });

  it('takes on none of a person, nor one of a database whose backups stay', async () => {
    const id = await taken();
    expect(await fire(id, told(id), { target: { backup: undefined } })).toMatchObject({ kind: 'rejected' });
    const byHand = { ...told(id), resources: ['arn:aws:rds:us-east-1:000000000000:snapshot:by-hand'] };
    expect(await fire(id, byHand)).toMatchObject({ kind: 'rejected' });
  });

  it('calls a person beyond the limit of what it may do: an encrypted one without a key there', async () => {
    const id = await taken({ StorageEncrypted: true });
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('names no key there') });
    expect(changing).toEqual([]);
  });

  it.each(['CopyDBSnapshot', 'DescribeDBSnapshots'])('calls a person when RDS refuses %s', async (operation) => {
    const id = await taken();
    w.fault(operation, 'refused');
    expect(await fire(id)).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    w.calm();
    expect(await copiesOf(id)).toEqual([]);
  });

  it('asks again when it was throttled, and keeps the intent when that was three times', async () => {
    const id = await taken();
    const event = told(id);
    w.fault('CopyDBSnapshot', 'throttled', 3);
    await expect(fire(id, event, { requestId: 'r' })).rejects.toMatchObject({ retryable: true });
    w.calm();
    expect(await fire(id, event, { requestId: 'r', now: () => Date.now() + 60_000 })).toMatchObject({
      kind: 'remediated',
    });
    expect(await copiesOf(id)).toHaveLength(1);
  });

  it('makes one copy when the answer was lost', async () => {
    const id = await taken();
    w.fault('CopyDBSnapshot', 'timeout-after', 1);
    expect(await fire(id)).toMatchObject({ kind: 'remediated' });
    expect(await copiesOf(id)).toHaveLength(1);
  });

  it('makes one copy when the event comes five times at once', async () => {
    const id = await taken();
    const event = told(id);
    const five = Array.from({ length: 5 }, () => event);
    const { changing } = await w.callsDuring(() => Promise.allSettled(five.map((each) => fire(id, each))));
    expect(changing).toEqual(['CopyDBSnapshot']);
    expect(await copiesOf(id)).toHaveLength(1);
  });

  it('leaves the copy of somebody else in place who made it between look and request, and takes it for its own', async () => {
    const id = await taken();
    const [original] = await found(w.world.client, id);
    const theirs = new CopyDBSnapshotCommand({
      SourceDBSnapshotIdentifier: original?.DBSnapshotArn,
      TargetDBSnapshotIdentifier: nameOf(id),
    });
    expect(await fire(id, told(id), { beforeAct: () => abroad.send(theirs) })).toMatchObject({ kind: 'remediated' });
    expect(await copiesOf(id)).toMatchObject([{ SourceDBSnapshotIdentifier: original?.DBSnapshotArn, TagList: [] }]);
  });

  it('makes no changing call in observe mode', async () => {
    const id = await taken();
    const { result, changing } = await w.callsDuring(() =>
      fire(id, told(id), { limits: { ...limits, mode: 'observe' } }),
    );
    expect(result).toMatchObject({ kind: 'would-act' });
    expect(changing).toEqual([]);
    expect(await copiesOf(id)).toEqual([]);
  });
});
