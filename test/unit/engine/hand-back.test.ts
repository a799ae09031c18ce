/** Handing back, on a model of the table. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from '@jest/globals';
import { handBack } from '../../../functions/engine/hand-back.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putTarget } from '../../../functions/engine/writes.ts';
import { configOf } from '../../simulation/config.ts';
import { type TableCommand, TableModel } from '../../simulation/table/table.ts';
import { type NumberTarget, remediationOf } from '../../simulation/targets.ts';

const TARGET = 'ecs-service/orders/t0';
const QUIET_SINCE = Date.parse('2026-11-20T03:00:00.000Z');

it("claims its slot of the budget at the very moment of its intent, so that the slot's hour ends no sooner", async () => {
  // Each request takes a second: what is taken from the clock before one and after it differs.
  let now = QUIET_SINCE + 600_000;
  const table = new TableModel();
  const store = new Store('journal', {
    send: async (command: TableCommand) => {
      now += 1_000;
      return table.execute(command);
    },
  } as unknown as DynamoDBClient);
  const hold = {
    field: 'number',
    baseline: 2,
    value: 3,
    stabiliseForSeconds: 120,
    remediation: 'raise-number',
    incidentId: 'inc-1',
    since: new Date(QUIET_SINCE).toISOString(),
  };
  await store.transact([putTarget('journal', TARGET, 0, { ...NEW_TARGET, holds: [hold], okSince: QUIET_SINCE })]);
  const target: NumberTarget = {
    ...{ severity: 'P2', key: TARGET, value: 3, load: 2, stuck: false, restarts: 0, errorRate: 0, isHarmed: false },
  };
  const api = {
    read: async () => ({ ...target }),
    setValue: async (_: NumberTarget, value: number) => {
      target.value = value;
    },
    restart: async () => {},
  };
  const limits = { perTarget: 3, perRunbook: 20, fleet: 50, removals: 1 };
  const outcome = await handBack(
    {
      remediation: remediationOf(
        'raise-number',
        () => target,
        () => [],
        api,
      ),
      store,
      config: configOf({ limits, stormTargets: 100 }, 'auto'),
      now: () => now,
      requestId: 'request-1',
      remaining: () => 30_000,
      random: () => 0,
    },
    TARGET,
  );
  expect(outcome.kind).toBe('remediated');
  const [slot] = [...table.itemsOf('SLOT#')];
  const [intent] = [...table.itemsOf('INCIDENT#inc-1')].filter(({ kind }) => kind?.S === 'intent');
  expect(Number(slot?.claimedAt?.N)).toBe(Date.parse(intent?.at?.S ?? ''));
});
