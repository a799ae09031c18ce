/**
 * What must be so of everything that is deployed, whatever is added: looked for in the demonstration's own templates, with every unit that discovery finds.
 * Code is a stub: what is asserted are resources.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { RUNBOOK_TAG } from '../../../functions/engine/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { discover } from '../../../infra/discover.ts';
import { ResponseStack } from '../../../infra/stacks/response-stack.ts';
import demo from '../../../local/demo.config.ts';
import { type Found, resourcesOf } from './stack-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-whole-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const code = join(folder, 'code');
mkdirSync(code);
writeFileSync(join(code, 'index.cjs'), 'exports.handler = async () => {};');
const units = await discover();
const parsed = parseConfig(
  demo,
  units.remediations.map(({ manifest }) => manifest),
  'local/demo.config.ts',
  units.jobs.map(({ manifest }) => manifest.name),
);
const app = new App({
  analyticsReporting: false,
  builtinCloudFormationValidation: false,
  outdir: join(folder, 'cdk.out'),
  context: { '@aws-cdk/core:enablePartitionLiterals': true },
});
const env = { region: 'us-east-1', account: '111122223333' };
const stack = new ResponseStack(app, 'nightshift-demo', { ...parsed, units, folderOf: () => code, env });
const built = { template: Template.fromStack(stack) };
const { config } = parsed;

type Alarm = Readonly<Record<string, unknown>> & { readonly AlarmName: string };
const alarms = resourcesOf(built, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties as Alarm);
const runbookOf = ({ Tags }: Alarm) =>
  (Tags as { Key: string; Value: string }[] | undefined)?.find(({ Key }) => Key === RUNBOOK_TAG)?.Value;
const isProtecting = (alarm: Alarm) => ![undefined, 'canary'].includes(runbookOf(alarm));
const seconds = ({ EvaluationPeriods, Period, Metrics }: Alarm): number => {
  const { Period: own } = (Metrics as { MetricStat?: { Period: number } }[] | undefined)?.[0]?.MetricStat ?? {};
  return Number(EvaluationPeriods) * Number(Period ?? own);
};

/** What an alarm looks at, without what becomes of it. */
const signalOf = ({ Namespace, MetricName, Metrics, Dimensions, Statistic, ExtendedStatistic, ...alarm }: Alarm) => ({
  ...{ Namespace, MetricName, Metrics, Dimensions, Statistic, ExtendedStatistic },
  ...{ Threshold: alarm.Threshold, ComparisonOperator: alarm.ComparisonOperator, Period: alarm.Period },
});
const backstopOf = (alarm: Alarm) =>
  alarms.find(
    (each) => runbookOf(each) === undefined && JSON.stringify(signalOf(each)) === JSON.stringify(signalOf(alarm)),
  );
const protecting = alarms.filter(isProtecting).map((alarm): [string, Alarm] => [alarm.AlarmName, alarm]);

describe('every alarm that Nightshift answers (invariant I13)', () => {
  it('is there for each service and database of the demonstration', () => {
    const names = protecting.map(([name]) => name).join(' ');
    for (const [key, { createAlarms }] of [...Object.entries(config.services), ...Object.entries(config.databases)])
      if (createAlarms) expect(names).toContain(`nightshift-demo-${key}-`);
  });

  it.each(protecting)(
    '%s has a backstop on the same signal, later by deadline and margin, that calls people itself',
    (_, alarm) => {
      const backstop = backstopOf(alarm);
      expect(backstop).toMatchObject({ ActionsEnabled: true });
      const late = config.verifyWithinSeconds + config.backstopMarginSeconds;
      expect(seconds(backstop as Alarm) - seconds(alarm)).toBeGreaterThanOrEqual(late);
      // Not so late that nobody would be called within the quarter of an hour that the defaults say, beside the rounding to whole periods.
      expect(seconds(backstop as Alarm) - seconds(alarm)).toBeLessThan(late + Number(alarm.Period ?? 60));
    },
  );
});

describe('every alarm that calls people', () => {
  const topics = new Set(resourcesOf(built, 'AWS::SNS::Topic').map(({ id }) => id));
  const calling = alarms
    .filter((alarm) => runbookOf(alarm) === undefined)
    .map((alarm): [string, Alarm] => [alarm.AlarmName, alarm]);

  it.each(calling)('%s publishes to a topic and nothing else', (_, { AlarmActions, InsufficientDataActions = [] }) => {
    const actions = [...(AlarmActions as { Ref?: string }[]), ...(InsufficientDataActions as { Ref?: string }[])];
    expect(actions.length).toBeGreaterThan(0);
    for (const { Ref } of actions) expect(topics).toContain(Ref);
  });

  it('reaches them without any of our code: nothing that runs stands behind a topic', () => {
    for (const { properties } of resourcesOf(built, 'AWS::SNS::Subscription'))
      expect(['email', 'sms', 'https']).toContain(properties.Protocol);
  });
});

describe('every function', () => {
  const refOf = (value: unknown): string => {
    const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as { Ref?: string; 'Fn::GetAtt'?: string[] };
    return Ref ?? attribute?.[0] ?? '';
  };
  const functions = resourcesOf(built, 'AWS::Lambda::Function').map((each): [string, Found] => [
    String(each.properties.FunctionName),
    each,
  ]);
  const byId = (type: string) => new Map(resourcesOf(built, type).map(({ id, properties }) => [id, properties]));
  const groups = byId('AWS::Logs::LogGroup');
  const queues = byId('AWS::SQS::Queue');
  const invocations = resourcesOf(built, 'AWS::Lambda::EventInvokeConfig').map(({ properties }) => properties);
  const { Environment } = (functions.find(([name]) => name === 'nightshift-demo-reconciler')?.[1].properties ?? {}) as {
    Environment?: { Variables: Record<string, unknown> };
  };
  const counted = JSON.stringify(Environment?.Variables.NIGHTSHIFT_FAILURE_QUEUES);

  it('is one of ours: each unit that is deployed', () => {
    expect(functions.length).toBeGreaterThan(units.remediations.length);
    for (const [name] of functions) expect(name).toMatch(/^nightshift-demo-[a-z-]+$/);
  });

  it.each(functions)('%s ends in time, and keeps its log for as long as configured', (_, { properties }) => {
    expect(Number(properties.Timeout)).toBeGreaterThanOrEqual(5);
    expect(Number(properties.Timeout)).toBeLessThanOrEqual(300);
    const group = groups.get(refOf((properties.LoggingConfig as { LogGroup?: unknown } | undefined)?.LogGroup));
    expect(group).toMatchObject({ RetentionInDays: config.logRetentionDays });
  });

  it.each(functions)(
    '%s leaves what it gives up on in a queue of its own, which is counted for the alarm on trouble',
    (_, { id }) => {
      const invocation = invocations.find(({ FunctionName }) => refOf(FunctionName) === id);
      const { OnFailure } = (invocation?.DestinationConfig ?? {}) as { OnFailure?: { Destination: unknown } };
      const queue = refOf(OnFailure?.Destination);
      expect(queues.get(queue)).toMatchObject({ MessageRetentionPeriod: 1_209_600 });
      expect(counted).toContain(`"${queue}"`);
    },
  );

  it('leaves it in a queue that no other function uses', () => {
    const destinations = invocations.map((each) => JSON.stringify(each.DestinationConfig));
    expect(new Set(destinations).size).toBe(functions.length);
  });
});
