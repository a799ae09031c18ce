/** The remediation's own handler code on a real journal and the RDS stand-in. */
import { ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/grow-storage/decide.ts';
import { itKeepsRdsGuarantees, itKeepsToItsAuthority } from '../../support/rds-guarantees.ts';
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

const GROWN = 'RDS-EVENT-0017';
const grow = async (id: string) => {
  await w.world.client.send(
    new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, AllocatedStorage: 50, ApplyImmediately: true }),
  );
  await w.untilTold(id, GROWN);
};

describe('grow-storage', () => {
  it('grows by one call, and is verified once the alarm is OK [2b/disk-usage, 3d/expand-volume]', async () => {
    const id = await described();
    const { result, changing } = await w.callsDuring(() => fire(id));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['ModifyDBInstance']);
    await untilGib(id, 30);
    await w.deliver(id, w.alarm(id, 'FreeStorageSpace', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  itKeepsToItsAuthority({
    world: () => w,
    operation: 'ModifyDBInstance',
    makeTrouble: () => described(),
    alarm: short,
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'ModifyDBInstance',
    makeTrouble: () => described(),
    alarm: short,
    timesDone: async (id) => w.told(id, GROWN),
    knowsItNeverHappened: true,
    meanwhile: { does: grow, changing: ['ModifyDBInstance'] },
    alreadyDone: [
      {
        called: 'grew within six hours',
        make: async () => {
          const id = await described();
          await grow(id);
          return { id };
        },
        outcome: { kind: 'escalated', reason: expect.stringContaining('six hours') },
      },
    ],
    outOfBounds: [
      {
        called: 'is as large as it may be',
        make: async () => ({ id: await described(60) }),
        options: { target: { maxStorageGib: 60 } },
        outcome: { reason: expect.stringContaining('may not have more than 60') },
      },
      {
        called: 'has no limit that is configured',
        make: async () => ({ id: await described() }),
        options: { target: { maxStorageGib: 0 } },
        outcome: { reason: expect.stringContaining('never grown') },
      },
      {
        called: 'has changes that wait',
        make: async () => {
          const id = await described();
          await w.world.client.send(
            new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DBInstanceClass: 'db.r8g.large' }),
          );
          return { id };
        },
        outcome: { reason: expect.stringContaining('DBInstanceClass') },
      },
    ],
  });
});
