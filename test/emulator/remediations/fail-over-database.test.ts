/** The remediation's own handler code on a real journal and a Multi-AZ instance that is two real PostgreSQL servers. */
import { RebootDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/fail-over-database/decide.ts';
import { itKeepsRdsGuarantees } from '../../support/rds-guarantees.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';

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
const failOver = async (id: string) => {
  const times = w.told(id, 'RDS-EVENT-0049');
  await w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id, ForceFailover: true }));
  await w.untilTold(id, 'RDS-EVENT-0049', times + 1);
};
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

  it('calls a person and repeats nothing when it cannot tell whether it happened', async () => {
    const id = await described();
    const event = slow(id);
    w.fault('RebootDBInstance', 'timeout-before', 1);
    await expect(w.deliver(id, event)).rejects.toMatchObject({ retryable: true });
    // Somebody restarts it meanwhile, without a failover: from outside that could have been ours.
    await w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id }));
    await w.untilAvailable(id);
    await w.untilTold(id, 'RDS-EVENT-0006');
    const { result, changing } = await w.callsDuring(() => w.deliver(id, event, { now: () => Date.now() + 60_000 }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('may or may not') });
    expect(changing).toEqual([]);
  });

  it('calls a person at the deadline when RDS abandons the failover', async () => {
    await w.create('pair-late', { MultiAZ: true, DBName: 'orders' });
    await w.world.instance('pair-late').database.removeStandby();
    const outcome = await w.deliver('pair-late', slow('pair-late'));
    expect(outcome).toMatchObject({ kind: 'remediated' });
    await w.untilAvailable('pair-late');
    await w.untilTold('pair-late', 'RDS-EVENT-0034');
    const settle = { nightshift: 1, command: 'settle', target: 'rds-instance/pair-late', alarms: {} };
    expect(await w.deliver('pair-late', settle, { now: () => Date.now() + HOUR_MS })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('abandoned'),
    });
  });

  it('calls a person when it may not read what RDS told of the instance', async () => {
    const id = await described();
    w.fault('DescribeEvents', 'refused');
    expect(await w.deliver(id, slow(id))).toMatchObject({ kind: 'escalated' });
    expect(await zoneOf(id)).toBe('us-east-1a');
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'RebootDBInstance',
    makeTrouble: () => described(),
    alarm: slow,
    timesDone: async (id) => w.told(id, 'RDS-EVENT-0049'),
    knowsItNeverHappened: true,
    meanwhile: { does: failOver, changing: ['RebootDBInstance'] },
    alreadyDone: [
      {
        called: 'has just failed over',
        make: async () => {
          const id = await described();
          await failOver(id);
          return { id };
        },
        outcome: { kind: 'held', reason: 'change-under-way', detail: expect.stringContaining('settling') },
      },
    ],
    outOfBounds: [
      {
        called: 'has no standby',
        make: async () => ({ id: await described(false) }),
        outcome: { reason: expect.stringContaining('no standby') },
      },
    ],
  });
});
