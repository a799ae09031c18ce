/** The remediation's own handler code on a real journal; one restart is of a real PostgreSQL server. */
import { RebootDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/restart-database/decide.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
let w: RdsRemediationWorld<Observation>;
let count = 0;
const later = () => Date.now() + 60_000;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/restart-database/handler.ts'));
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
const swapping = (id: string) => w.alarm(id, 'SwapUsage');
const restarts = (id: string) =>
  w.world.events.filter(
    ({ resources, detail }) =>
      resources[0]?.endsWith(`:${id}`) && (detail as { EventID: string }).EventID === 'RDS-EVENT-0006',
  ).length;
const untilRestarted = (id: string, times = 1) =>
  eventually(
    'restarted',
    () => restarts(id),
    (n) => n === times,
  );

describe('restart-database', () => {
  it('restarts a real server by one call, and is verified once the alarm is OK', async () => {
    await w.create('pair-db');
    const { pid } = w.world.instance('pair-db').database.server;
    const { result, changing } = await w.callsDuring(() => w.deliver('pair-db', swapping('pair-db')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['RebootDBInstance']);
    await w.untilAvailable('pair-db');
    await untilRestarted('pair-db');
    expect(w.world.instance('pair-db').database.server.pid).not.toBe(pid);
    await w.deliver('pair-db', w.alarm('pair-db', 'SwapUsage', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('does not restart again what somebody has just restarted', async () => {
    const id = await described();
    await w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id }));
    await untilRestarted(id);
    const { result, changing } = await w.callsDuring(() => w.deliver(id, swapping(id)));
    expect(result).toMatchObject({ kind: 'held', detail: expect.stringContaining('settling') });
    expect(changing).toEqual([]);
  });

  it('calls a person when the instance is missing, and when it is refused', async () => {
    expect(await w.deliver('nobody', swapping('nobody'))).toMatchObject({ kind: 'escalated' });
    const id = await described();
    w.fault('RebootDBInstance', 'refused');
    expect(await w.deliver(id, swapping(id))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('AccessDenied'),
    });
    expect(restarts(id)).toBe(0);
  });

  it('restarts once when the answer to its request was lost', async () => {
    const id = await described();
    const event = swapping(id);
    w.fault('RebootDBInstance', 'timeout-after', 1);
    const { changing } = await w.callsDuring(async () => {
      await expect(w.deliver(id, event)).rejects.toMatchObject({ retryable: true });
      await untilRestarted(id);
      expect(await w.deliver(id, event, { now: later })).toMatchObject({ kind: 'remediated' });
    });
    expect(changing).toEqual(['RebootDBInstance']);
  });

  it('calls a person and repeats nothing when there is no sign of its restart', async () => {
    const id = await described();
    const event = swapping(id);
    w.fault('RebootDBInstance', 'throttled', 3);
    await expect(w.deliver(id, event)).rejects.toMatchObject({ retryable: true });
    const { result, changing } = await w.callsDuring(() => w.deliver(id, event, { now: later }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('may or may not') });
    expect(changing).toEqual([]);
  });

  it('restarts once when the same event comes five times at once', async () => {
    const id = await described();
    const event = swapping(id);
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => w.deliver(id, event))),
    );
    expect(changing).toEqual(['RebootDBInstance']);
  });

  it('gives way when somebody restarts it between look and request', async () => {
    const id = await described();
    const stop = w.world.gateway.onCall(({ service, operation }) => {
      if (service !== 'dynamodb' || operation !== 'TransactWriteItems') return;
      stop();
      // The look directly before waits until the other's restart is over and told.
      for (const operation of ['DescribeDBInstances', 'DescribeEvents'])
        w.world.gateway.faults.add({
          name: operation,
          match: { service: 'rds', operation },
          kind: 'slow',
          delayMs: 300,
        });
      void w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id }));
    });
    const outcome = await w.deliver(id, swapping(id));
    expect(outcome).toMatchObject({ kind: 'held', reason: 'hands-off' });
    await untilRestarted(id);
    expect(restarts(id)).toBe(1);
  });

  it('makes no changing call in observe mode', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() =>
      w.deliver(id, swapping(id), { limits: { mode: 'observe' } }),
    );
    expect(result).toMatchObject({ kind: 'would-act' });
    expect(changing).toEqual([]);
  });
});
