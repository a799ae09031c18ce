/** The remediation's own handler code on a real journal and a Multi-AZ instance that is two real PostgreSQL servers. */
import { RebootDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/fail-over-database/decide.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
const HOUR_MS = 3_600_000;
let w: RdsRemediationWorld<Observation>;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/fail-over-database/handler.ts'));
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

/** A Multi-AZ instance that is only described: its zones change, no server is behind it. */
async function described(multiAz = true): Promise<string> {
  const id = `described-${++count}`;
  await w.create(id, { MultiAZ: multiAz });
  return id;
}
const slow = (id: string) => w.alarm(id, 'WriteLatency');
const zoneOf = async (id: string) => (await w.describe(id))?.AvailabilityZone;

describe('fail-over-database', () => {
  it('has the standby take over, on real servers, and is verified once the alarm is OK', async () => {
    await w.create('pair-db', { MultiAZ: true, DBName: 'orders' });
    const before = w.world.instance('pair-db').database.server;
    const { result, changing } = await w.callsDuring(() => w.deliver('pair-db', slow('pair-db')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['RebootDBInstance']);
    await w.untilAvailable('pair-db');
    expect(await zoneOf('pair-db')).toBe('us-east-1b');
    expect(w.world.instance('pair-db').database.server).not.toBe(before);
    await w.deliver('pair-db', w.alarm('pair-db', 'WriteLatency', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('does not fail over again while it settles', async () => {
    const id = await described();
    await w.deliver(id, slow(id), { limits: { cooldownSeconds: 0 } });
    await w.untilAvailable(id);
    await w.deliver(id, w.alarm(id, 'WriteLatency', 'OK'));
    const { result, changing } = await w.callsDuring(() => w.deliver(id, slow(id), { limits: { cooldownSeconds: 0 } }));
    expect(result).toMatchObject({ kind: 'held', detail: expect.stringContaining('settling') });
    expect(changing).toEqual([]);
  });

  it('calls a person for a Single-AZ instance, and for one that does not exist', async () => {
    const id = await described(false);
    const { result, changing } = await w.callsDuring(() => w.deliver(id, slow(id)));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('no standby') });
    expect(await w.deliver('nobody', slow('nobody'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('does not exist'),
    });
    expect(changing).toEqual([]);
  });

  it('calls a person when it is refused', async () => {
    const id = await described();
    w.fault('RebootDBInstance', 'refused');
    expect(await w.deliver(id, slow(id))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('AccessDenied'),
    });
    expect(await zoneOf(id)).toBe('us-east-1a');
    w.calm();
    w.fault('DescribeEvents', 'refused');
    const other = await described();
    expect(await w.deliver(other, slow(other))).toMatchObject({ kind: 'escalated' });
    expect(await zoneOf(other)).toBe('us-east-1a');
  });

  it('asks again when it was throttled, and keeps the intent when that was three times', async () => {
    const id = await described();
    w.fault('RebootDBInstance', 'throttled', 2);
    expect(await w.deliver(id, slow(id))).toMatchObject({ kind: 'remediated' });
    w.calm();
    const other = await described();
    const event = slow(other);
    w.fault('RebootDBInstance', 'throttled', 3);
    await expect(w.deliver(other, event)).rejects.toMatchObject({ retryable: true });
    await expect(w.deliver(other, event)).rejects.toMatchObject({ name: 'InFlightError' });
    const afterTheLease = () => Date.now() + 60_000;
    expect(await w.deliver(other, event, { now: afterTheLease })).toMatchObject({ kind: 'remediated' });
    expect(
      await eventually(
        'the other zone',
        () => zoneOf(other),
        (zone) => zone === 'us-east-1b',
      ),
    ).toBeDefined();
  });

  it('does not fail over twice when the answer to its request was lost', async () => {
    const id = await described();
    const event = slow(id);
    w.fault('RebootDBInstance', 'timeout-after', 1);
    const { changing } = await w.callsDuring(async () => {
      await expect(w.deliver(id, event)).rejects.toMatchObject({ retryable: true });
      await w.untilAvailable(id);
      expect(await w.deliver(id, event, { now: () => Date.now() + 60_000 })).toMatchObject({ kind: 'remediated' });
    });
    expect(changing).toEqual(['RebootDBInstance']);
    expect(await zoneOf(id)).toBe('us-east-1b');
  });

  it('calls a person and repeats nothing when it cannot tell whether it happened', async () => {
    const id = await described();
    const event = slow(id);
    w.fault('RebootDBInstance', 'timeout-before', 1);
    await expect(w.deliver(id, event)).rejects.toMatchObject({ retryable: true });
    // Somebody restarts it meanwhile, without a failover: from outside that could have been ours.
    await w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id }));
    await w.untilAvailable(id);
    await eventually(
      'told',
      () => w.world.events,
      (events) =>
        events.some(
          ({ detail, resources }) =>
            resources[0]?.endsWith(`:${id}`) && (detail as { EventID: string }).EventID === 'RDS-EVENT-0006',
        ),
    );
    const { result, changing } = await w.callsDuring(() => w.deliver(id, event, { now: () => Date.now() + 60_000 }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('may or may not') });
    expect(changing).toEqual([]);
  });

  it('fails over once when the same event comes five times at once', async () => {
    const id = await described();
    const event = slow(id);
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => w.deliver(id, event))),
    );
    expect(changing).toEqual(['RebootDBInstance']);
  });

  it('leaves an instance alone that somebody else failed over between look and request', async () => {
    const id = await described();
    const stop = w.world.gateway.onCall(({ service, operation, caller }) => {
      if (service !== 'dynamodb' || operation !== 'TransactWriteItems' || caller === 'tester') return;
      stop();
      void w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id, ForceFailover: true }));
    });
    // The re-read waits until the other's request is in.
    w.world.gateway.faults.add({
      name: 'slow',
      match: { service: 'rds', operation: 'DescribeDBInstances' },
      kind: 'slow',
      delayMs: 300,
    });
    const outcome = await w.deliver(id, slow(id));
    expect(outcome).toMatchObject({ kind: 'held', reason: 'hands-off' });
    await w.untilAvailable(id);
    expect(await zoneOf(id)).toBe('us-east-1b');
  });

  it('makes no changing call in observe mode', async () => {
    const id = await described();
    const { result, changing, calls } = await w.callsDuring(() =>
      w.deliver(id, slow(id), { limits: { mode: 'observe' } }),
    );
    expect(result).toMatchObject({ kind: 'would-act', change: expect.stringContaining('fail described') });
    expect(changing).toEqual([]);
    expect(calls.length).toBeGreaterThan(0);
  });

  it('calls a person at the deadline when RDS abandons the failover', async () => {
    await w.create('pair-late', { MultiAZ: true, DBName: 'orders' });
    await w.world.instance('pair-late').database.removeStandby();
    const outcome = await w.deliver('pair-late', slow('pair-late'));
    expect(outcome).toMatchObject({ kind: 'remediated' });
    await w.untilAvailable('pair-late');
    await eventually(
      'told',
      () => w.world.events,
      (events) => events.some(({ detail }) => (detail as { EventID: string }).EventID === 'RDS-EVENT-0034'),
    );
    const settle = { nightshift: 1, command: 'settle', target: 'rds-instance/pair-late', alarms: {} };
    expect(await w.deliver('pair-late', settle, { now: () => Date.now() + HOUR_MS })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('abandoned'),
    });
  });
});
