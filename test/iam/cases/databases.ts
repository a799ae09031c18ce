/** The remediations of databases that the demo doesn't start: each by an alarm of its own on the demo's database. */
import { DeleteAlarmsCommand, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeDBInstancesCommand, ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { RUNBOOK_TAG } from '../../../functions/engine/manifest.ts';
import { DATABASE, DATABASE_TARGET, hold, openAdmin } from '../../../local/scenarios/support/database.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import type { Scenario, Stage } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import { asMaster, makeWornTable } from '../../support/worn-table.ts';
import { fireUntil, nextUse, SERVICE_TARGET } from './support.ts';

interface DatabaseCase {
  readonly remediation: string;
  readonly metricName: string;
  /** What ends the case when the function asks for it: the changing call, or for SQL the commit that comes right before it. */
  readonly action: string;
  prepare?(world: World, stage: Stage): Promise<void>;
  /** What it asks for later, by itself. */
  readonly later?: string;
}

const databaseCase = ({ remediation, metricName, action, prepare, later }: DatabaseCase): Scenario<World> => ({
  name: `database-${remediation}`,
  summary: `${remediation} is started by an alarm on ${metricName}`,
  groups: [],
  rank: 3,
  targets: [DATABASE_TARGET],
  uses: [SERVICE_TARGET, DATABASE_TARGET],
  timeLimitMs: 180_000,
  run: async (world, stage) => {
    await untilQuiet(world, stage, DATABASE_TARGET, remediation);
    await prepare?.(world, stage);
    const alarm = await makeAlarm(world, stage, remediation, metricName);
    const caller = `nightshift-demo-${remediation}`;
    const used = later === undefined ? undefined : nextUse(world, stage, caller, later, 120_000);
    void used?.catch(() => {}); // Awaited below, unless something before it fails.
    await fireUntil(world, alarm, nextUse(world, stage, caller, action));
    // So that its incident ends, and the next case finds the database as this one did.
    await world
      .clients()
      .cloudwatch.send(
        new SetAlarmStateCommand({ AlarmName: alarm, StateValue: 'OK', StateReason: 'the case is over' }),
      );
    await used;
    await untilAvailable(world, stage);
    return {};
  },
});

/** An alarm that no data ever moves, tagged with the remediation; deleted with the case. */
async function makeAlarm(world: World, stage: Stage, remediation: string, metricName: string): Promise<string> {
  const { cloudwatch } = world.clients();
  const AlarmName = `case-${remediation}`;
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName,
      Namespace: 'AWS/RDS',
      MetricName: metricName,
      Dimensions: [{ Name: 'DBInstanceIdentifier', Value: DATABASE }],
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1e15,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'ignore',
      Tags: [{ Key: RUNBOOK_TAG, Value: remediation }],
      ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
    }),
  );
  const state = { AlarmName, StateValue: 'OK', StateReason: 'nothing is wrong yet' } as const;
  await cloudwatch.send(new SetAlarmStateCommand(state));
  stage.restore(`alarm ${AlarmName}`, async () => {
    await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [AlarmName] }));
  });
  return AlarmName;
}

async function untilAvailable(world: World, stage: Stage): Promise<void> {
  const { rds } = world.clients();
  await stage.until(
    `${DATABASE} to be available`,
    async () => {
      const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: DATABASE }));
      return DBInstances?.[0]?.DBInstanceStatus === 'available' ? true : undefined;
    },
    { withinMs: 30_000, everyMs: 50 },
  );
}

/** Makes the database Multi-AZ for the length of the case. */
async function withStandby(world: World, stage: Stage): Promise<void> {
  const { rds } = world.clients();
  const change = async (MultiAZ: boolean) => {
    await untilAvailable(world, stage);
    await rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: DATABASE, MultiAZ, ApplyImmediately: true }));
    await untilAvailable(world, stage);
  };
  stage.restore('a Single-AZ database', () => change(false));
  await change(true);
}

/** A statement that runs for longer than the demo's limit. */
async function runLong(world: World, stage: Stage): Promise<void> {
  await hold(world, stage, 'orders_app', { count: 1, application: 'orders-web', state: 'active' });
  const since = Date.now();
  await stage.until('the statement to run for too long', () => (Date.now() - since > 6_000 ? true : undefined));
}

/** A table that is due to be vacuumed, for the length of the case. */
async function wearOut(world: World, stage: Stage): Promise<void> {
  const table = 'case_worn';
  await makeWornTable(world.database, table);
  stage.restore(`no table ${table}`, async () => {
    await asMaster(world.database, `DROP TABLE ${table}`);
  });
}

/** No replication slot is free, so a replica can't be made and is taken away again. */
async function withoutRoomForReplicas(world: World, stage: Stage): Promise<void> {
  const backups = { DBInstanceIdentifier: DATABASE, BackupRetentionPeriod: 1, ApplyImmediately: true };
  await world.clients().rds.send(new ModifyDBInstanceCommand(backups));
  const admin = await openAdmin(world, stage);
  stage.restore('replication slots', () =>
    admin.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'taken%'"),
  );
  await admin.query(
    `SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1,
       current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots)) n`,
  );
}

export const DATABASE_CASES = [
  databaseCase({
    remediation: 'vacuum-and-analyze',
    metricName: 'ReadLatency',
    action: 'dynamodb:ConditionCheckItem',
    prepare: wearOut,
  }),
  databaseCase({
    remediation: 'end-long-queries',
    metricName: 'CPUUtilization',
    // Only a commit checks other items; an incident is opened by a transaction too, also when nothing may be done.
    action: 'dynamodb:ConditionCheckItem',
    prepare: runLong,
  }),
  databaseCase({ remediation: 'grow-storage', metricName: 'FreeStorageSpace', action: 'rds:ModifyDBInstance' }),
  databaseCase({
    remediation: 'add-read-replica',
    metricName: 'ReadIOPS',
    action: 'rds:CreateDBInstanceReadReplica',
    later: 'rds:DeleteDBInstance',
    prepare: withoutRoomForReplicas,
  }),
  databaseCase({
    remediation: 'snapshot-database',
    metricName: 'TransactionLogsDiskUsage',
    action: 'rds:CreateDBSnapshot',
  }),
  databaseCase({ remediation: 'restart-database', metricName: 'SwapUsage', action: 'rds:RebootDBInstance' }),
  databaseCase({
    remediation: 'fail-over-database',
    metricName: 'WriteLatency',
    action: 'rds:RebootDBInstance',
    prepare: withStandby,
  }),
  // Last: it restarts the database, which `restart-database` would take for a restart that didn't help.
  databaseCase({ remediation: 'scale-up-database', metricName: 'DBLoad', action: 'rds:ModifyDBInstance' }),
];
