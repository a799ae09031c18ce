/** An action that should be verified by now while another one's intent is open, as in a freeze that lasts, on a model of the table. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from '@jest/globals';
import type { Signal } from '../../../events/signal.ts';
import { settle } from '../../../functions/engine/aftermath.ts';
import { type ActionItem, NEW_TARGET, workOf } from '../../../functions/engine/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putAction, putRecheck, putTarget } from '../../../functions/engine/writes.ts';
import { configOf } from '../../simulation/config.ts';
import { type TableCommand, TableModel } from '../../simulation/table/table.ts';
import { type NumberTarget, RESTART, remediationOf } from '../../simulation/targets.ts';

const TARGET = 'ecs-service/orders/t0';
const DONE_AT = Date.parse('2026-11-20T03:00:00.000Z');
const DEADLINE = DONE_AT + 600_000;
const alarm = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;

const action: ActionItem = {
  actionId: 'act-1',
  remediation: RESTART,
  target: TARGET,
  incidentId: 'inc-1',
  purpose: 'remediate',
  signalId: 'event-1',
  change: { summary: 'restart', before: 0, after: 1, undo: 'nothing to undo' },
  status: 'done',
  attempt: 1,
  leaseUntil: DONE_AT + 45_000,
  requestId: 'request-1',
  doneAt: DONE_AT,
  verifyNotBefore: DONE_AT,
  verifyBy: DEADLINE,
};

/** The restart has its target settled at `now`, while a raise of it is open whose function has the lease until then. */
async function settledAt(
  now: number,
  { leaseUntil = DONE_AT + 60_000, other = 'OK' as 'OK' | 'ALARM', happened = undefined as Signal | undefined } = {},
) {
  const table = new TableModel();
  const store = new Store('journal', {
    send: async (command: TableCommand) => table.execute(command),
  } as unknown as DynamoDBClient);
  const target: NumberTarget = {
    ...{ severity: 'P2', key: TARGET, value: 2, load: 2, stuck: false, restarts: 1, errorRate: 0, isHarmed: false },
  };
  await store.transact([
    putAction('journal', { ...action, ...(happened && { signal: happened }) }),
    ...(happened ? [putRecheck('journal', RESTART, happened, DONE_AT + 3_600_000)] : []),
    putTarget('journal', TARGET, 0, {
      ...NEW_TARGET,
      openIncidentId: 'inc-1',
      openedAt: DONE_AT,
      alarms: {
        [alarm('t0-stuck')]: 'OK',
        [alarm('t0-too-small')]: other,
        ...(happened && { [happened.subject]: 'ALARM' }),
      },
      verifying: { [RESTART]: 'act-1' },
      leaseHolder: 'act-2',
      leaseUntil,
    }),
  ]);
  const none = async () => {};
  const outcome = await settle(
    {
      remediation: remediationOf(
        RESTART,
        () => target,
        () => [],
        { read: async () => ({ ...target }), setValue: none, restart: none },
      ),
      store,
      config: configOf({ limits: { perTarget: 3, perRunbook: 20, fleet: 50, removals: 5 }, stormTargets: 100 }, 'auto'),
      now: () => now,
      requestId: 'request-2',
      remaining: () => 30_000,
      random: () => 0,
    },
    TARGET,
  );
  const present = table.onlyItemOf(`TARGET#${TARGET}`);
  return {
    outcome: outcome.kind,
    status: table.onlyItemOf('ACTION#act-1')?.status?.S,
    told: [...table.itemsOf('INCIDENT#inc-1')].map(({ kind }) => kind?.S),
    incident: present?.openIncidentId?.S,
    leaseHolder: present?.leaseHolder?.S,
    ...(happened && {
      happened: present?.alarms?.M?.[happened.subject]?.S,
      isJudgedAnew: table.onlyItemOf(`WORK#recheck#${happened.subject}`) !== undefined,
    }),
    isLookedAtAgain: table.onlyItemOf(`WORK#verify#${workOf(TARGET, RESTART)}`) !== undefined,
  };
}

it('is verified, and the incident stays open for the other', async () => {
  expect(await settledAt(DEADLINE)).toEqual({
    outcome: 'noted',
    status: 'verified',
    told: ['verified'],
    incident: 'inc-1',
    leaseHolder: 'act-2',
    isLookedAtAgain: true,
  });
});

it('is over with what it answered, where that happened without a level: nobody answers it again', async () => {
  const happened: Signal = {
    ...{ id: 'event-1', source: 'ecs-deployment', name: 'SERVICE_DEPLOYMENT_FAILED', subject: `${TARGET}#failed` },
    ...{
      state: 'firing',
      at: new Date(DONE_AT).toISOString(),
      target: TARGET,
      recheck: 0,
      rung: 0,
      firstEvaluation: false,
      evidence: { reason: '', datapoints: [] },
    },
  };
  expect(await settledAt(DEADLINE, { happened })).toMatchObject({
    ...{ status: 'verified', happened: 'OK', isJudgedAnew: false },
  });
});

it('calls a person where an alarm still fires', async () => {
  expect(await settledAt(DEADLINE, { other: 'ALARM' })).toEqual({
    outcome: 'escalated',
    status: 'failed',
    told: ['not-verified', 'escalated'],
    incident: 'inc-1',
    leaseHolder: 'act-2',
    isLookedAtAgain: true,
  });
});

it.each([
  ['its deadline is not over', DEADLINE - 1, DONE_AT + 60_000],
  ['a function is at work on the other', DEADLINE, DEADLINE + 1],
])('waits as long as %s', async (_why, now, leaseUntil) => {
  expect(await settledAt(now, { leaseUntil })).toMatchObject({ outcome: 'noted', status: 'done', told: [] });
});
