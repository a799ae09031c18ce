/** Who watches the watcher (invariant I13): by which alarms, how quickly, and for how much. */
import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { reconcilerMeasures } from '../../../functions/incidents/reconciler/trouble.ts';
import { evaluate, evaluationRange } from '../../../local/stand-ins/cloudwatch/evaluator.ts';
import { buildStack, grantsOf, resourcesOf } from './stack-fixture.ts';

type Alarm = Readonly<Record<string, unknown>> & { readonly AlarmName: string };
const alarmsOf = (template: Parameters<typeof resourcesOf>[0]['template']): Alarm[] =>
  resourcesOf({ template }, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties as Alarm);

const built = buildStack();
const alarms = alarmsOf(built.template);
const [silence, ...more] = alarmsOf(built.standby);
const named = (name: string) => alarms.find((alarm) => alarm.AlarmName === name);
const isProtecting = ({ AlarmName }: Alarm) => /^nightshift-main-(backend|orders-db)-/.test(AlarmName);

describe('the alarms on Nightshift itself', () => {
  it('are the same few, whatever is protected and however many functions there are', () => {
    const names = (list: readonly Alarm[]) =>
      list
        .filter((alarm) => !isProtecting(alarm))
        .map(({ AlarmName }) => AlarmName)
        .sort();
    expect(names(alarms)).toEqual([
      'nightshift-main-canary',
      'nightshift-main-canary-missed',
      'nightshift-main-follow-through-failed',
      'nightshift-main-publisher-late',
      'nightshift-main-reconciler-absent',
      'nightshift-main-trouble',
    ]);
    const smaller = buildStack(({ databases: _, network: __, ...config }) => ({
      ...config,
      services: { backend: { cluster: 'orders', maxTasks: 4 } },
    }));
    expect(names(alarmsOf(smaller.template))).toEqual(names(alarms));
  });

  it('call a person directly, but for the one that the canary flies by', () => {
    for (const alarm of alarms.filter((each) => !isProtecting(each) && each.AlarmName !== 'nightshift-main-canary'))
      expect(alarm).toMatchObject({ ActionsEnabled: true, AlarmActions: [{ Ref: expect.stringMatching(/^Pages/) }] });
  });

  it('notice that the reconciler did not run', () => {
    expect(named('nightshift-main-reconciler-absent')).toMatchObject({
      MetricName: 'Invocations',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      Period: 300,
      EvaluationPeriods: 3,
    });
  });

  it('call for each loss, though the one before still lies there; once for those within three runs', () => {
    const alarm = named('nightshift-main-trouble');
    expect(alarm).toMatchObject({ Namespace: 'Nightshift', MetricName: 'NewTrouble', Period: 300 });
    const periods = Number(alarm?.EvaluationPeriods);
    const quiet = { stopped: 0, due: 0, waitedSeconds: 0 };
    // What lies in the queues at each run of the reconciler, and what the alarm makes of it.
    const runs = [0, 0, 1, 1, 1, 1, 3, 3, 4, 4, 4, 4, 4, 0, 0, 1, 1];
    const sent = runs.map((failures, run) => {
      const measures = reconcilerMeasures({ failures, ...quiet }, runs[run - 1] ?? 0, { reconcileEverySeconds: 300 });
      return measures.find(({ name }) => name === 'NewTrouble')?.value;
    });
    const states = sent.map((_, run) => {
      const range = evaluationRange(periods);
      const datapoints = Array.from({ length: range }, (_each, index) => sent[run - range + 1 + index]);
      return evaluate({
        ...{ datapoints, evaluationPeriods: periods, datapointsToAlarm: Number(alarm?.DatapointsToAlarm) },
        ...{ comparison: 'GreaterThanThreshold', threshold: 0, treatMissingData: 'notBreaching' },
      }).state;
    });
    const calls = states.flatMap((state, run) => (state === 'ALARM' && states[run - 1] !== 'ALARM' ? [run] : []));
    expect(calls).toEqual([2, 6, 15]);
  });
});

describe('an alarm on signs that stay away', () => {
  const silences = [
    ...alarms.filter(({ AlarmName }) => /-(reconciler-absent|canary-missed)$/.test(AlarmName)),
    silence,
  ];
  /** The state that follows on `state`: "retain" keeps it. */
  const next = (alarm: Alarm | undefined, state: string, datapoint: (period: number) => number | undefined): string => {
    const periods = Number(alarm?.EvaluationPeriods);
    const judged = evaluate({
      datapoints: Array.from({ length: evaluationRange(periods) }, (_, period) => datapoint(period)),
      evaluationPeriods: periods,
      datapointsToAlarm: periods,
      comparison: 'LessThanThreshold',
      threshold: Number(alarm?.Threshold),
      treatMissingData: alarm?.TreatMissingData as 'missing',
    }).state;
    return judged === 'retain' ? state : judged;
  };

  it('are three', () => expect(silences).toHaveLength(3));

  it.each(silences)('calls nobody when it was just made, and a person whenever it leaves OK: %#', (alarm) => {
    // "Using Amazon CloudWatch alarms": a new alarm is in INSUFFICIENT_DATA; actions run when the state changes.
    expect(next(alarm, 'INSUFFICIENT_DATA', () => undefined)).toBe('INSUFFICIENT_DATA');
    expect(next(alarm, 'INSUFFICIENT_DATA', () => 1)).toBe('OK');
    expect(next(alarm, 'OK', () => undefined)).toBe('INSUFFICIENT_DATA');
    expect(next(alarm, 'OK', () => 0)).toBe('ALARM');
    const page = [{ Ref: expect.stringMatching(/^Pages/) }];
    expect(alarm).toMatchObject({ ActionsEnabled: true, AlarmActions: page, InsufficientDataActions: page });
  });

  it.each(silences)('stays OK when the last of the signs is late: %#', (alarm) => {
    expect(next(alarm, 'OK', (period) => (period < 3 ? 1 : undefined))).toBe('OK');
  });
});

describe('the canary', () => {
  it('is started by its own alarm, which a schedule sets every 15 minutes and may set no other', () => {
    built.template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(15 minutes)',
      Target: Match.objectLike({
        Arn: 'arn:aws:scheduler:::aws-sdk:cloudwatch:setAlarmState',
        Input: Match.serializedJson(Match.objectLike({ AlarmName: 'nightshift-main-canary', StateValue: 'ALARM' })),
      }),
    });
    expect(grantsOf(built, 'CanaryScheduleRole')).toContain(
      'Allow cloudwatch:SetAlarmState on arn:aws:cloudwatch:us-east-1:111122223333:alarm:nightshift-main-canary',
    );
    expect(grantsOf(built, 'CanaryScheduleRole')).toHaveLength(2);
    const alarm = named('nightshift-main-canary');
    expect(alarm?.Tags).toContainEqual({ Key: 'nightshift:runbook', Value: 'canary' });
    expect(alarm).not.toHaveProperty('AlarmActions');
  });

  it('is missed after two of them did not arrive, by an alarm that needs none of our code', () => {
    expect(named('nightshift-main-canary-missed')).toMatchObject({
      Namespace: 'AWS/SQS',
      MetricName: 'NumberOfMessagesSent',
      Period: 60,
      EvaluationPeriods: 35,
      AlarmActions: [{ Ref: expect.stringMatching(/^Pages/) }],
    });
  });

  it('may touch nothing but the journal', () => {
    const grants = grantsOf(built, 'canaryRole').filter((grant) => !/dynamodb:|logs:|sqs:/.test(grant));
    expect(grants).toEqual([]);
  });
});

describe('a Nightshift that is dead', () => {
  const config = { period: Number(silence?.Period), periods: Number(silence?.EvaluationPeriods) };

  it('is watched from the standby region, by an alarm and a topic of that region', () => {
    expect(more).toEqual([]);
    expect(silence).toMatchObject({
      AlarmName: 'nightshift-main-silent',
      Namespace: 'AWS/SQS',
      MetricName: 'NumberOfMessagesSent',
      AlarmActions: [{ Ref: expect.stringMatching(/^Pages/) }],
    });
    built.standby.hasResourceProperties('AWS::SNS::Topic', { TopicName: 'nightshift-main-pages' });
  });

  /**
   * Minutes from its last sign of life until the alarm leaves OK, if that came `second` seconds into its minute.
   * @param without what is told of a minute in which nothing was sent: 0 of an active queue, nothing of an inactive one.
   */
  function minutesToPage(second: number, without: 0 | undefined): number {
    const last = 3600 + second;
    for (let at = 3600; at < 2 * 3600; at += 60) {
      const datapoints = Array.from({ length: config.periods + 2 }, (_, index) => {
        const start = at - (config.periods + 2 - index) * config.period;
        const sent = Array.from({ length: 12 }, (__, run) => last - run * 300);
        const count = sent.filter((each) => each >= start && each < start + config.period).length;
        return count > 0 ? count : without;
      });
      const { state } = evaluate({
        datapoints,
        evaluationPeriods: config.periods,
        datapointsToAlarm: config.periods,
        comparison: 'LessThanThreshold',
        threshold: 1,
        treatMissingData: silence?.TreatMissingData as 'missing',
      });
      if (state !== 'OK' && at > last) return (at - last) / 60;
    }
    return Number.POSITIVE_INFINITY;
  }

  it.each([0, undefined] as const)(
    'has a person called within 15 minutes of its last sign of life, whenever in the minute that came (without: %p)',
    (without) => {
      const times = Array.from({ length: 60 }, (_, second) => minutesToPage(second, without));
      // CloudWatch takes a minute or two more to get and judge the last period.
      expect(Math.max(...times)).toBeLessThanOrEqual(13);
      expect(Math.min(...times)).toBeGreaterThan(9);
    },
  );

  it('is not taken for dead because one run failed', () => {
    // Signs every 300 s, one missing: nine whole minutes without any, at most.
    expect(config.period * config.periods).toBeGreaterThan(540);
  });
});

describe('what it costs to stand by', () => {
  /** "Amazon CloudWatch Pricing" (us-east-1, November 2026): 0.10 USD a month for each metric of an alarm of standard resolution. */
  const alarmUsd = (list: readonly Alarm[]): number =>
    list.reduce((sum, { Metrics }) => sum + 0.1 * Math.max(1, (Metrics as unknown[] | undefined)?.length ?? 1), 0);

  it('is less than 1 USD a month for the alarms of the core, in both regions', () => {
    const core = alarms.filter((alarm) => !isProtecting(alarm));
    expect(alarmUsd([...core, ...alarmsOf(built.standby)])).toBeLessThan(0.9);
  });

  it('has all alarms of the standard resolution', () => {
    for (const { Period } of [...alarms, ...alarmsOf(built.standby)]) expect(Number(Period)).toBeGreaterThanOrEqual(60);
  });
});

/** With everything about itself that can be asked for. */
const shown = buildStack((config) => ({ ...config, selfWatch: { dashboard: true, metrics: true } }));
const dashboardOf = (stack: typeof built): object =>
  (resourcesOf(stack, 'AWS::CloudWatch::Dashboard')[0]?.properties.DashboardBody ?? {}) as object;

describe('measures', () => {
  const settings = (stack: typeof built): unknown[] =>
    resourcesOf(stack, 'AWS::Lambda::Function')
      .map(({ properties }) => properties.Environment as { Variables?: Record<string, unknown> } | undefined)
      .flatMap((environment) => environment?.Variables?.NIGHTSHIFT_METRICS ?? []);

  it('are metrics in every function where that is asked for, and nowhere else', () => {
    expect(settings(built)).toEqual([]);
    expect(new Set(settings(shown))).toEqual(new Set(['all']));
    expect(settings(shown).length).toBeGreaterThan(5);
  });
});

describe('the dashboard', () => {
  it('is made only when asked for', () => {
    expect(resourcesOf(built, 'AWS::CloudWatch::Dashboard')).toEqual([]);
    expect(resourcesOf(shown, 'AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });

  it('shows what Nightshift measures of itself only where that becomes metrics', () => {
    const asked = buildStack((config) => ({ ...config, selfWatch: { dashboard: true } }));
    expect(JSON.stringify(dashboardOf(shown))).toContain('AlarmToChange');
    expect(JSON.stringify(dashboardOf(asked))).not.toContain('AlarmToChange');
    expect(JSON.stringify(dashboardOf(asked))).toContain('Throttles');
  });

  it('names fewer metrics than a free one may have, and says of each graph what it shows', () => {
    const { 'Fn::Join': joined } = dashboardOf(shown) as { 'Fn::Join'?: [string, (string | object)[]] };
    const body = (joined?.[1] ?? []).map((part) => (typeof part === 'string' ? part : 'a-name')).join('');
    const { widgets } = JSON.parse(body) as { widgets: { properties: { title: string; metrics: unknown[] } }[] };
    expect(widgets.flatMap(({ properties }) => properties.metrics).length).toBeLessThan(50);
    for (const { properties } of widgets) expect(properties.title).toMatch(/\w+/);
  });
});
