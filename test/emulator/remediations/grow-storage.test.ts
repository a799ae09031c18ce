/** The remediation's own handler code on a real journal and the RDS stand-in. */
import { ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/grow-storage/decide.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
let w: RdsRemediationWorld<Observation>;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/grow-storage/handler.ts'));
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

async function described(AllocatedStorage = 20): Promise<string> {
  const id = `described-${++count}`;
  await w.create(id, { AllocatedStorage });
  return id;
}
const short = (id: string) => w.alarm(id, 'FreeStorageSpace');
const fire = (id: string, options: FireOptions & { event?: object } = {}) =>
  w.deliver(id, options.event ?? short(id), options);
const untilGib = (id: string, gib: number) =>
  eventually(
    `${gib} GiB`,
    () => w.describe(id),
    (seen) => seen?.AllocatedStorage === gib && seen.DBInstanceStatus === 'available',
  );

describe('grow-storage', () => {
  it('grows by one call, and is verified once the alarm is OK', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['ModifyDBInstance']);
    await untilGib(id, 30);
    await w.deliver(id, w.alarm(id, 'FreeStorageSpace', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('does not grow again within six hours, and calls a person', async () => {
    const id = await described();
    await w.world.client.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, AllocatedStorage: 40, ApplyImmediately: true }),
    );
    await untilGib(id, 40);
    await eventually(
      'told',
      () => w.world.events,
      (events) =>
        events.some(
          ({ resources, detail }) =>
            resources[0]?.endsWith(`:${id}`) && (detail as { EventID: string }).EventID === 'RDS-EVENT-0017',
        ),
    );
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('six hours') });
    expect(changing).toEqual([]);
  });

  it('calls a person at the limit, without one, for changes that wait, and for what does not exist', async () => {
    const id = await described(60);
    expect(await fire(id, { target: { maxStorageGib: 60 } })).toMatchObject({ kind: 'escalated' });
    const unlimited = await described();
    expect(await fire(unlimited, { target: { maxStorageGib: 0 } })).toMatchObject({ kind: 'escalated' });
    const waiting = await described();
    await w.world.client.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: waiting, DBInstanceClass: 'db.r8g.large' }),
    );
    expect(await fire(waiting)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('DBInstanceClass'),
    });
    expect(await fire('nobody')).toMatchObject({ kind: 'escalated' });
    for (const [each, gib] of [
      [id, 60],
      [unlimited, 20],
      [waiting, 20],
    ] as const)
      expect((await w.describe(each))?.AllocatedStorage).toBe(gib);
  });

  it('calls a person when it is refused', async () => {
    const id = await described();
    w.fault('ModifyDBInstance', 'refused');
    expect(await fire(id)).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    expect((await w.describe(id))?.AllocatedStorage).toBe(20);
  });

  it('keeps the intent when throttled three times, and finishes it on the next delivery', async () => {
    const id = await described();
    const event = short(id);
    w.fault('ModifyDBInstance', 'throttled', 3);
    await expect(fire(id, { event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
    expect(await fire(id, { event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    await untilGib(id, 30);
  });

  it('grows once when the answer was lost, and when the event comes five times at once', async () => {
    const id = await described();
    const event = short(id);
    w.fault('ModifyDBInstance', 'timeout-after', 1);
    const lost = await w.callsDuring(async () => {
      await expect(fire(id, { event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
      expect(await fire(id, { event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    });
    expect(lost.changing).toEqual(['ModifyDBInstance']);
    const other = await described();
    const same = short(other);
    const many = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => fire(other, { event: same }))),
    );
    expect(many.changing).toEqual(['ModifyDBInstance']);
    await untilGib(other, 30);
  });

  it('leaves a size alone that somebody else changed between look and request', async () => {
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
      void w.world.client.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, AllocatedStorage: 50, ApplyImmediately: true }),
      );
    });
    expect(await fire(id)).toMatchObject({ kind: 'held', reason: 'hands-off' });
    w.calm();
    await untilGib(id, 50);
  });

  it('makes no changing call in observe mode', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id, { limits: { mode: 'observe' } }));
    expect(result).toMatchObject({ kind: 'would-act', change: expect.stringContaining('from 20 to 30 GiB') });
    expect(changing).toEqual([]);
  });
});
