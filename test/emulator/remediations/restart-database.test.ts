/** The remediation's own handler code on a real journal; one restart is of a real PostgreSQL server. */
import {
  CreateDBParameterGroupCommand,
  ModifyDBInstanceCommand,
  ModifyDBParameterGroupCommand,
  RebootDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/restart-database/decide.ts';
import { openSessions } from '../../../local/postgres/sessions.ts';
import { itKeepsRdsGuarantees } from '../../support/rds-guarantees.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';

jest.setTimeout(90_000);
let w: RdsRemediationWorld<Observation>;
let count = 0;

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
const RESTARTED = 'RDS-EVENT-0006';
const restart = async (id: string) => {
  const times = w.told(id, RESTARTED);
  await w.world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: id }));
  await w.untilTold(id, RESTARTED, times + 1);
};

/** A static parameter is changed, which a restart would put in force. */
async function waitForRestart(id: string): Promise<void> {
  const DBParameterGroupName = `group-of-${id}`;
  const { client } = w.world;
  await client.send(
    new CreateDBParameterGroupCommand({
      DBParameterGroupName,
      DBParameterGroupFamily: 'postgres18',
      Description: 'for a test',
    }),
  );
  await client.send(
    new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DBParameterGroupName, ApplyImmediately: true }),
  );
  await w.untilAvailable(id);
}

describe('restart-database', () => {
  it('restarts a real server by one call, and is verified once the alarm is OK', async () => {
    await w.create('pair-db');
    const { pid } = w.world.instance('pair-db').database.server;
    const { result, changing } = await w.callsDuring(() => w.deliver('pair-db', swapping('pair-db')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['RebootDBInstance']);
    await w.untilAvailable('pair-db');
    await w.untilTold('pair-db', RESTARTED);
    expect(w.world.instance('pair-db').database.server.pid).not.toBe(pid);
    await w.deliver('pair-db', w.alarm('pair-db', 'SwapUsage', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('lets a database that refuses every connection answer again', async () => {
    const id = 'pair-full';
    const DBParameterGroupName = `group-of-${id}`;
    const { client } = w.world;
    const family = { DBParameterGroupFamily: 'postgres18', Description: 'few connections' };
    await client.send(new CreateDBParameterGroupCommand({ DBParameterGroupName, ...family }));
    const few = { ParameterName: 'max_connections', ParameterValue: '8', ApplyMethod: 'pending-reboot' } as const;
    await client.send(new ModifyDBParameterGroupCommand({ DBParameterGroupName, Parameters: [few] }));
    await w.create(id, { DBParameterGroupName });
    const { Endpoint } = (await w.describe(id)) ?? {};
    const master = {
      ...{ host: Endpoint?.Address ?? '', port: Endpoint?.Port ?? 0, ca: w.world.ca },
      ...{ user: 'postgres', password: 'for-tests-only', database: 'postgres' },
    };
    const answers = async () => {
      const { ca, ...login } = master;
      const one = new pg.Client({ ...login, ssl: { ca, servername: master.host } });
      await one.connect();
      const { rows } = await one.query<{ one: number }>('SELECT 1 AS one');
      await one.end();
      return rows[0]?.one;
    };
    // Three of the eight are reserved for superusers, whom nobody is on RDS.
    const held = await openSessions(master, { count: 5, state: 'idle', application: 'hung-tasks' });
    try {
      // too_many_connections, "PostgreSQL Error Codes".
      await expect(answers()).rejects.toMatchObject({ code: '53300' });
      const { result } = await w.callsDuring(() => w.deliver(id, w.alarm(id, 'FreeableMemory')));
      expect(result).toMatchObject({ kind: 'remediated' });
      await w.untilAvailable(id);
      await w.untilTold(id, RESTARTED);
      expect(await answers()).toBe(1);
      await w.deliver(id, w.alarm(id, 'FreeableMemory', 'OK'));
      expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
    } finally {
      await held.close();
    }
  });

  itKeepsRdsGuarantees({
    world: () => w,
    operation: 'RebootDBInstance',
    makeTrouble: described,
    alarm: swapping,
    timesDone: async (id) => w.told(id, RESTARTED),
    knowsItNeverHappened: false,
    meanwhile: { does: restart, changing: ['RebootDBInstance'] },
    alreadyDone: [
      {
        called: 'was just restarted',
        make: async () => {
          const id = await described();
          await restart(id);
          return { id };
        },
        outcome: { kind: 'held', reason: 'change-under-way', detail: expect.stringContaining('settling') },
      },
    ],
    outOfBounds: [
      {
        called: 'would put parameter changes in force',
        make: async () => {
          const id = await described();
          await waitForRestart(id);
          return { id };
        },
        outcome: { reason: expect.stringContaining('parameter changes') },
      },
    ],
  });
});
