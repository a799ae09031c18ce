/**
 * The follow-through under its own state machine, whose retries are the redeliveries; what comes at the same time is the reconciler's order to take the
 * incident up. Whatever was interrupted, its ladder goes on: afterwards news wakes it and it ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { readFollowing } from '../../../../functions/engine/following.ts';
import { entryMaker, putEntry } from '../../../../functions/engine/writes.ts';
import { startFollowing, wake } from '../../../../functions/incidents/wake.ts';
import { REGION } from '../../place.ts';
import { inRounds } from '../delivering.ts';
import { orderTaker, REMEDIATION } from '../site.ts';
import { counted, entriesOf, tell } from '../story.ts';
import type { Prepared, Site, UnitCase } from '../types.ts';

type Lines = Parameters<typeof tell>[3];

const nextOf = (id: string) => ({
  remediation: REMEDIATION,
  runbook: 'matrix',
  command: { nightshift: 1, command: 'signal', signal: { id: `${id}#rung-1` } },
});
const CHANGE = { actionId: 'act-1', change: 'raise it', remediation: REMEDIATION };

export const unitCase: UnitCase = {
  unit: 'follow-through',
  deliveries: {
    'first look': (site, id) => prepare(site, id, { openedMinutesAgo: 0, lines: [] }),
    'call due': (site, id) => prepare(site, id, { openedMinutesAgo: 20, lines: [[20, 'escalated']], calls: 1 }),
    'proof due': (site, id) =>
      prepare(site, id, {
        openedMinutesAgo: 20,
        lines: [
          [20, 'intent', CHANGE],
          [20, 'acted', CHANGE],
        ],
        orders: 'settle',
      }),
    'rung due': (site, id) =>
      prepare(site, id, {
        openedMinutesAgo: 1,
        lines: [[0, 'not-verified', { next: nextOf(id) }]],
        orders: 'signal',
      }),
    end: (site, id) => prepare(site, id, { openedMinutesAgo: 5, lines: [[1, 'resolved']] }),
  },
};

interface Due {
  readonly openedMinutesAgo: number;
  readonly lines: Lines;
  /** Calls that are due now. */
  readonly calls?: number;
  /** The command that the remediation is due to get. */
  readonly orders?: string;
}

const WITHIN_MS = 40_000;
/** Two looks at once, each with three attempts whose answers are lost, and each with one more when it is made again. */
const MOST_ORDERS = 2 * (3 + 1);

async function prepare(site: Site, incidentId: string, due: Due): Promise<Prepared> {
  await tell(site, incidentId, due.openedMinutesAgo, due.lines);
  const { store, machineArn } = site;
  const machine = { sfn: site.sfn, arn: machineArn };
  return {
    lingers: true,
    deliver: async (copies) => {
      await startFollowing(machine, incidentId, 0);
      const takeUp = async () => {
        const asked = { do: 'ensure', incidentId };
        return (await site.place.lambda.invoke(site.functionName, REGION, asked)).kind === 'ok';
      };
      const besides = inRounds(copies > 1 ? [takeUp] : [], 3);
      await until('it waits or has ended', async () => {
        const item = await readFollowing(store, incidentId);
        return item?.token !== undefined || item?.endedAt !== undefined || isOver(site, incidentId);
      });
      return besides;
    },
    check: async () => {
      const orders = site.effects.orders(orderTaker(REMEDIATION), incidentId).length;
      const found = [
        ...(due.calls ? await called(site, incidentId) : []),
        // An order that is given twice does nothing: the reconciler may give the same.
        ...(due.orders
          ? counted(`I1: orders to ${due.orders}`, ordersOf(site, incidentId, due.orders), 1, MOST_ORDERS)
          : []),
        ...(due.orders || orders === 0 ? [] : [`I4: ${orders} orders, and none was due`]),
      ];
      return [...found, ...(await goesOn(site, incidentId))];
    },
    dispose: async () => {
      for (const { arn, status } of executionsOf(site, incidentId))
        if (status === 'RUNNING') await site.sfn.send(new StopExecutionCommand({ executionArn: arn }));
    },
  };
}

const ordersOf = ({ effects }: Site, incidentId: string, command: string): number =>
  effects.orders(orderTaker(REMEDIATION), incidentId).filter((text) => text.includes(`"command":"${command}"`)).length;

async function called(site: Site, incidentId: string): Promise<string[]> {
  const calls = await entriesOf(site, incidentId, 'called');
  const item = await readFollowing(site.store, incidentId);
  return [
    ...counted('I4: calls of the second level', calls.filter(({ data }) => data.level === 2).length, 1),
    ...counted('I4: calls', calls.length, 1),
    ...(item?.nextCall ? [] : ['I7: nobody is to be called next']),
  ];
}

const executionsOf = ({ stepFunctions }: Site, incidentId: string) =>
  stepFunctions.executions().filter(({ arn }) => arn.split(':').at(-1)?.startsWith(incidentId));
/** Of several the last follows it: one before it that still waits finds that out by itself when its time is up. */
const isOver = (site: Site, incidentId: string): boolean => {
  const last = executionsOf(site, incidentId).at(-1);
  return last !== undefined && last.status !== 'RUNNING';
};

/** News wakes it, and with the end of the incident it ends. */
async function goesOn(site: Site, incidentId: string): Promise<string[]> {
  const { store, machineArn } = site;
  const before = await readFollowing(store, incidentId);
  if (before?.endedAt === undefined) {
    const over = entryMaker(incidentId, REMEDIATION, Date.now())('resolved', 'it is over');
    await store.transact([putEntry(store.table, over)]);
    await wake(store, { sfn: site.sfn, arn: machineArn }, incidentId, ['resolved'], Date.now());
  }
  try {
    await until('it ends', async () => isOver(site, incidentId));
    // Its last execution is over: what it had to write is written.
    if ((await readFollowing(store, incidentId))?.endedAt === undefined) throw new Error('it ended without an end');
  } catch {
    const statuses = executionsOf(site, incidentId).map(({ status }) => status);
    const { endedAt, doing } = (await readFollowing(store, incidentId)) ?? { doing: 'is not followed' };
    return [
      `I7: its ladder stands: executions ${statuses.join(', ') || 'none'}, ${doing}, ended ${endedAt ?? 'never'}`,
    ];
  }
  const failed = executionsOf(site, incidentId).filter(({ status }) => status === 'FAILED');
  return failed.map(({ status }) => `I7: an execution ended as ${status}`);
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await sleep(25)) if (await look()) return;
  throw new Error(`not within ${WITHIN_MS / 1000} s: ${what}`);
}
