/** The reconciler's paths that the demo doesn't take. */
import { DeleteAlarmsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { workKey } from '../../../functions/engine/items.ts';
import { putWork } from '../../../functions/engine/writes.ts';
import type { Scenario } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import { journalOf, nextCall, RECONCILER } from './support.ts';

const ALARM = 'somebody-elses-alarm';
const TARGET = 'ecs-service/orders/gone';

/** Firing alarms that the journal doesn't know: their tags are read. */
const sweep: Scenario<World> = {
  name: 'sweep',
  summary: 'an alarm without tags fires, and the reconciler looks whether it is ours',
  groups: [],
  rank: 3,
  targets: [],
  uses: [ALARM],
  timeLimitMs: 90_000,
  run: async (world, stage) => {
    const { cloudwatch } = world.clients();
    stage.restore('the alarm', async () => {
      await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [ALARM] }));
    });
    const asked = nextCall(world, stage, RECONCILER, 'ListTagsForResource', 80_000);
    await cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName: ALARM,
        Namespace: 'Somebody',
        MetricName: 'Else',
        Statistic: 'Sum',
        Period: 10,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'breaching',
      }),
    );
    await asked;
    return {};
  },
};

/** What is left of a remediation that was taken out: it is read, ended, and told. */
const orphan: Scenario<World> = {
  name: 'orphan',
  summary: 'an unfinished change of a remediation that is no longer deployed is left to a person',
  groups: [],
  rank: 4,
  targets: [],
  uses: [TARGET],
  timeLimitMs: 60_000,
  run: async (world, stage) => {
    const store = journalOf(world);
    const work = { kind: 'unfinished', id: 'act-of-the-past', remediation: 'taken-out', target: TARGET } as const;
    await store.transact([putWork(store.table, { ...work, dueAt: Date.now(), attempts: 0 })]);
    await stage.until('the work to be gone', async () =>
      (await store.read(workKey(work.kind, work.id))) === undefined ? true : undefined,
    );
    return {};
  },
};

export const RECONCILER_CASES = [sweep, orphan];
