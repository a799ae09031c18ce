/** The remediation's own handler code on a real journal and the RDS stand-in. */
import { ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/scale-up-database/decide.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
let w: RdsRemediationWorld<Observation>;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/scale-up-database/handler.ts'));
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

async function described(DBInstanceClass = 'db.t4g.micro', MultiAZ = false): Promise<string> {
  const id = `described-${++count}`;
  await w.create(id, { DBInstanceClass, MultiAZ });
  return id;
}
const tooSmall = (id: string) => w.alarm(id, 'DBLoad');
const fire = (id: string, options: FireOptions & { event?: object } = {}) =>
  w.deliver(id, options.event ?? tooSmall(id), options);
const untilClass = (id: string, wanted: string) =>
  eventually(
    wanted,
    () => w.describe(id),
    (seen) => seen?.DBInstanceClass === wanted && seen.DBInstanceStatus === 'available',
  );
const change = (id: string, DBInstanceClass: string, ApplyImmediately = true) =>
  w.world.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DBInstanceClass, ApplyImmediately }));

describe('scale-up-database', () => {
  it('takes one step by one call, and is verified once the alarm is OK [3c/scale-database-class]', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['ModifyDBInstance']);
    await untilClass(id, 'db.t4g.small');
    await w.deliver(id, w.alarm(id, 'DBLoad', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('asks first, says what it costs, and changes nothing until then', async () => {
    const id = await described();
    const target = { costApprovals: 1 as const };
    const { result, changing } = await w.callsDuring(() => fire(id, { target }));
    expect(result).toMatchObject({ kind: 'awaiting-approval' });
    expect(changing).toEqual([]);
    const { timeline } = await w.incident(result);
    expect(JSON.stringify(timeline)).toContain('"costPerHourUsd":0.016');
  });

  it('has the standby of a Multi-AZ instance take over', async () => {
    const id = await described('db.t4g.micro', true);
    const zone = (await w.describe(id))?.AvailabilityZone;
    expect(await fire(id)).toMatchObject({ kind: 'remediated' });
    await untilClass(id, 'db.t4g.small');
    expect((await w.describe(id))?.SecondaryAvailabilityZone).toBe(zone);
  });

  it('leaves a class that was just changed to settle', async () => {
    const id = await described();
    await change(id, 'db.t4g.small');
    await untilClass(id, 'db.t4g.small');
    await eventually(
      'told',
      () => w.world.events,
      (events) =>
        events.some(
          ({ resources, detail }) =>
            resources[0]?.endsWith(`:${id}`) && (detail as { EventID: string }).EventID === 'RDS-EVENT-0014',
        ),
    );
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'held', reason: 'change-under-way' });
    expect(changing).toEqual([]);
  });

  it('calls a person for the largest class, without a ladder, for changes that wait, and for what does not exist', async () => {
    const largest = await described('db.t4g.medium');
    expect(await fire(largest)).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('the largest') });
    const unlisted = await described();
    expect(await fire(unlisted, { target: { instanceClasses: [] } })).toMatchObject({ kind: 'escalated' });
    const waiting = await described();
    await change(waiting, 'db.t4g.medium', false);
    expect(await fire(waiting)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('DBInstanceClass'),
    });
    expect(await fire('nobody')).toMatchObject({ kind: 'escalated' });
    for (const [id, wanted] of [
      [largest, 'db.t4g.medium'],
      [unlisted, 'db.t4g.micro'],
      [waiting, 'db.t4g.micro'],
    ] as const)
      expect((await w.describe(id))?.DBInstanceClass).toBe(wanted);
  });

  it('calls a person when it is refused', async () => {
    const id = await described();
    w.fault('ModifyDBInstance', 'refused');
    expect(await fire(id)).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    expect((await w.describe(id))?.DBInstanceClass).toBe('db.t4g.micro');
  });

  it('keeps the intent when throttled three times, and finishes it on the next delivery', async () => {
    const id = await described();
    const event = tooSmall(id);
    w.fault('ModifyDBInstance', 'throttled', 3);
    await expect(fire(id, { event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
    expect(await fire(id, { event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    await untilClass(id, 'db.t4g.small');
  });

  it('takes one step when the answer was lost, and when the event comes five times at once', async () => {
    const id = await described();
    const event = tooSmall(id);
    w.fault('ModifyDBInstance', 'timeout-after', 1);
    const lost = await w.callsDuring(async () => {
      await expect(fire(id, { event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
      expect(await fire(id, { event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    });
    expect(lost.changing).toEqual(['ModifyDBInstance']);
    await untilClass(id, 'db.t4g.small');
    const other = await described();
    const same = tooSmall(other);
    const many = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => fire(other, { event: same }))),
    );
    expect(many.changing).toEqual(['ModifyDBInstance']);
    await untilClass(other, 'db.t4g.small');
  });

  it('leaves a class alone that somebody else changed between look and request', async () => {
    const id = await described();
    const stop = w.world.gateway.onCall(({ service, operation }) => {
      if (service !== 'dynamodb' || operation !== 'TransactWriteItems') return;
      stop();
      w.world.gateway.faults.add({
        name: 'slow',
        match: { service: 'rds', operation: 'DescribeDBInstances' },
        kind: 'slow',
        delayMs: 300,
      });
      void change(id, 'db.t4g.medium');
    });
    expect(await fire(id)).toMatchObject({ kind: 'held', reason: 'hands-off' });
    w.calm();
    await untilClass(id, 'db.t4g.medium');
  });

  it('makes no changing call in observe mode', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id, { limits: { mode: 'observe' } }));
    expect(result).toMatchObject({ kind: 'would-act', change: expect.stringContaining('to db.t4g.small') });
    expect(changing).toEqual([]);
  });
});
