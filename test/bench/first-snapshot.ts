/** In a whole local world: from an alarm's state change to the snapshot of a database, cold, beside Cloud Custodian's of the same instance. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteAlarmsCommand, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { startWorld, type World } from '../../local/world/world.ts';
import { CUSTODIAN, custodianMs, installCustodian } from './custodian.ts';
import { median, type Runs } from './figures.ts';
import { type AwaitedChange, firstChange, quiet } from './first-change.ts';

const RUNBOOK = 'snapshot-database';
const DATABASE = 'orders-db';
const ALARM = 'bench-transaction-logs';
const CHANGE: AwaitedChange = {
  functionName: `nightshift-demo-${RUNBOOK}`,
  operation: 'CreateDBSnapshot',
  resource: DATABASE,
};
const RUNS = 3;
/** Of the demo's configuration, and a little. */
const COOLDOWN_MS = 21_000;
const AVAILABLE_WITHIN_MS = 120_000;

export async function measureFirstSnapshot(say: (line: string) => void): Promise<Runs[]> {
  const world = await startWorld({ name: 'bench', report: say });
  try {
    await makeAlarm(world);
    const values: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      if (run > 0) await sleep(COOLDOWN_MS);
      await setAlarm(world, 'OK');
      await untilAvailable(world);
      await quiet(world);
      world.lambda.killWorker({ functionName: CHANGE.functionName });
      values.push((await firstChange(world, CHANGE, () => setAlarm(world, 'ALARM'))).ms);
      say(`snapshot of ${DATABASE}: cold ${values.at(-1)} ms`);
    }
    await setAlarm(world, 'OK');
    const peer = await peerMs(world, say).catch((error: unknown) => `failed: ${String(error).slice(0, 200)}`);
    await world.clients().cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [ALARM] }));
    return [
      {
        name: 'cold-snapshot',
        unit: 'ms',
        values,
        ...(typeof peer !== 'string' && { peer }),
        goal: { text: '<= 1,500 ms, and <= 1/2 of the peer', atMost: 1500, ratioToPeerAtMost: 0.5 },
        note: `in a local world: Node.js processes without a limit of CPU, no network; the peer is Cloud Custodian ${CUSTODIAN} in a fresh process with one policy on the same instance, ${typeof peer === 'string' ? peer : `median ${Math.round(median(peer))} ms`}`,
      },
    ];
  } finally {
    await world.stop();
  }
}

/** It has no data and keeps the state it is set to. */
const makeAlarm = (world: World) =>
  world.clients().cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName: ALARM,
      Namespace: 'AWS/RDS',
      MetricName: 'TransactionLogsDiskUsage',
      Dimensions: [{ Name: 'DBInstanceIdentifier', Value: DATABASE }],
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1_000_000_000,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'ignore',
      ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
      Tags: [{ Key: 'nightshift:runbook', Value: RUNBOOK }],
    }),
  );

async function setAlarm(world: World, StateValue: 'ALARM' | 'OK'): Promise<void> {
  const input = { AlarmName: ALARM, StateValue, StateReason: 'set by the benchmark' };
  await world.clients().cloudwatch.send(new SetAlarmStateCommand(input));
}

/** While a snapshot is made the instance is `backing-up`, and neither of the two takes another. */
async function untilAvailable(world: World): Promise<void> {
  const until = performance.now() + AVAILABLE_WITHIN_MS;
  for (;;) {
    const asked = new DescribeDBInstancesCommand({ DBInstanceIdentifier: DATABASE });
    const status = (await world.clients().rds.send(asked)).DBInstances?.[0]?.DBInstanceStatus;
    if (status === 'available') return;
    if (performance.now() > until) throw new Error(`${DATABASE} is ${status} after ${AVAILABLE_WITHIN_MS / 1000} s`);
    await sleep(100);
  }
}

/** From the start of Custodian's process to its `CreateDBSnapshot`. */
async function peerMs(world: World, say: (line: string) => void): Promise<number[]> {
  const custodian = await installCustodian(say);
  const values: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await untilAvailable(world);
    const policy = {
      name: 'snapshot',
      resource: 'aws.rds',
      filters: [{ DBInstanceIdentifier: DATABASE }],
      actions: ['snapshot'],
    };
    values.push(await custodianMs(world, custodian, policy, CHANGE));
    say(`Cloud Custodian: ${values.at(-1)} ms`);
  }
  return values;
}
