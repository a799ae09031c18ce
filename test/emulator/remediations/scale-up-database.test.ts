/** The remediation's own handler code on a real journal and the RDS stand-in. */
import { ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/scale-up-database/decide.ts';
import { itKeepsRdsGuarantees } from '../../support/rds-guarantees.ts';
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

const CHANGED = 'RDS-EVENT-0014';
const changed = async (id: string, wanted: string) => {
  await change(id, wanted);
  await w.untilTold(id, CHANGED);
};

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

  it('asks first, says what it costs, and changes nothing until then [D24]', async () => {
    const id = await described();
    const target = { costApprovals: 1 as const };
    const { result, changing } = await w.callsDuring(() => fire(id, { target }));
    expect(result).toMatchObject({ kind: 'awaiting-approval' });
    expect(changing).toEqual([]);
    const { timeline } = await w.incident(result);
    expect(JSON.stringify(timeline)).toContain('"costPerHourUsd":0.016');
  });

  it('calls nobody for want of proof before its own time for it is over', async () => {
    const id = await described();
    const limits = { verifyWithinSeconds: 3_600 };
    const outcome = await fire(id, { limits });
    await untilClass(id, 'db.t4g.small');
    const lookAfter = (seconds: number) =>
      w.deliver(
        id,
        { nightshift: 1, command: 'settle', target: `rds-instance/${id}`, alarms: {} },
        {
          ...{ limits, now: () => Date.now() + seconds * 1_000 },
        },
      );
    await lookAfter(3_000);
    expect(await w.incident(outcome)).toMatchObject({ state: 'verifying', actions: [{ status: 'done' }] });
    expect(await lookAfter(3_700)).toMatchObject({ kind: 'escalated' });
  });

  it('has the standby of a Multi-AZ instance take over', async () => {
    const id = await described('db.t4g.micro', true);
    const zone = (await w.describe(id))?.AvailabilityZone;
    expect(await fire(id)).toMatchObject({ kind: 'remediated' });
    await untilClass(id, 'db.t4g.small');
    expect((await w.describe(id))?.SecondaryAvailabilityZone).toBe(zone);
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'ModifyDBInstance',
    makeTrouble: () => described(),
    alarm: tooSmall,
    timesDone: async (id) => w.told(id, CHANGED),
    knowsItNeverHappened: true,
    meanwhile: { does: (id) => changed(id, 'db.t4g.medium'), changing: ['ModifyDBInstance'] },
    alreadyDone: [
      {
        called: 'just got a new class',
        make: async () => {
          const id = await described();
          await changed(id, 'db.t4g.small');
          return { id };
        },
        outcome: { kind: 'held', reason: 'change-under-way', detail: expect.stringContaining('settling') },
      },
    ],
    outOfBounds: [
      {
        called: 'has the largest class of its ladder',
        make: async () => ({ id: await described('db.t4g.medium') }),
        outcome: { reason: expect.stringContaining('the largest') },
      },
      {
        called: 'has no ladder',
        make: async () => ({ id: await described() }),
        options: { target: { instanceClasses: [] } },
        outcome: { reason: expect.stringContaining("isn't set") },
      },
      {
        called: 'has changes that wait',
        make: async () => {
          const id = await described();
          await change(id, 'db.t4g.medium', false);
          return { id };
        },
        outcome: { reason: expect.stringContaining('DBInstanceClass') },
      },
    ],
  });
});
