import { describe, expect, it } from '@jest/globals';
import { costDocument } from '../../../events/published/cost.ts';
import { amountsOfCalls, amountsOfInvocation, metricsIn, RequestUnits, sumOf, timesOf } from '../../cost/count.ts';
import { costOf, type Measured, minutesOf, standingOf, usdOf } from '../../cost/model.ts';
import { PRICES } from '../../cost/prices.ts';

const key = (pk: string) => ({ pk: { S: pk }, sk: { S: 'X' } });
const item = (pk: string, bytes: number, more: object = {}) => ({
  ...key(pk),
  text: { S: 'x'.repeat(bytes) },
  ...more,
});

describe('request units of DynamoDB', () => {
  it('double in a transaction, and grow with each kB and each index', () => {
    const units = new RequestUnits();
    expect(units.of('PutItem', { Item: item('a', 10) })).toEqual({ 'dynamodb-write-unit': 1 });
    const TransactItems = [
      { Put: { Item: item('b', 1500) } },
      { Put: { Item: item('c', 10, { duePk: { S: 'DUE#1' } }) } },
      { ConditionCheck: { Key: key('never seen') } },
    ];
    expect(units.of('TransactWriteItems', { TransactItems })).toEqual({ 'dynamodb-write-unit': 4 + 3 + 2 });
  });

  it('of a read follow the size with which the item was written last', () => {
    const units = new RequestUnits();
    units.of('PutItem', { Item: item('a', 9000) });
    expect(units.of('GetItem', { Key: key('a') })).toEqual({ 'dynamodb-read-unit': 3 });
    const RequestItems = { journal: { Keys: [key('a'), key('b')] } };
    expect(units.of('BatchGetItem', { RequestItems })).toEqual({ 'dynamodb-read-unit': 4 });
  });
});

it('counts calls that cost and leaves out those that are free', () => {
  const call = (service: string, operation: string) => ({ service, operation });
  const calls = [
    call('ecs', 'UpdateService'),
    call('sns', 'Publish'),
    call('sns', 'Publish'),
    call('rds', 'DescribeDBInstances'),
  ];
  expect(amountsOfCalls(calls)).toEqual({ 'sns-publish': 2 });
});

it('bills a function by begun milliseconds and its memory', () => {
  expect(amountsOfInvocation(99.2, 512)).toEqual({ 'lambda-request': 1, 'lambda-gb-second': 0.05 });
});

it('counts a metric for each combination of namespace, name and dimensions', () => {
  const line = JSON.stringify({
    _aws: {
      CloudWatchMetrics: [{ Namespace: 'Nightshift', Dimensions: [['Runbook'], []], Metrics: [{ Name: 'Acted' }] }],
    },
    Runbook: 'scale-out-service',
    Acted: 1,
  });
  expect(metricsIn(line)).toEqual([
    '["Nightshift","Acted",[["Runbook","scale-out-service"]]]',
    '["Nightshift","Acted",[]]',
  ]);
});

it('adds up and multiplies', () => {
  expect(timesOf(sumOf([{ 'sns-publish': 1 }, { 'sns-publish': 2, 's3-put': 1 }]), 10)).toEqual({
    'sns-publish': 30,
    's3-put': 10,
  });
});

it('reads how often a schedule runs', () => {
  expect([minutesOf('rate(5 minutes)'), minutesOf('rate(1 hour)')]).toEqual([5, 60]);
  expect(() => minutesOf('cron(0 3 * * ? *)')).toThrow(RangeError);
});

const measured: Measured = {
  measuredAt: '2026-11-21',
  how: 'test',
  incidents: [
    { name: 'cheap', amounts: { 'states-transition': 1 } },
    { name: 'dear', amounts: { 'states-transition': 3, 'sns-publish': 2 } },
  ],
  scheduled: { reconciler: { 'lambda-request': 1 } },
  customMetrics: 2,
};
const alarm = (AlarmName: string) => ({ Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName } });
const standing = standingOf(
  {
    Resources: {
      a: alarm('nightshift-main-canary'),
      b: alarm('nightshift-main-backend-cpu'),
      c: { Type: 'AWS::IAM::Role' },
    },
  },
  measured,
  { deployment: 'main', protectedThings: ['backend'], everyMinutes: { reconciler: 5 } },
);

it('puts what stands there to the account of what it protects, and the rest to the core', () => {
  expect(standing).toEqual({
    core: { 'cloudwatch-metric': 2, 'cloudwatch-alarm': 1, 'lambda-request': 8760, 'scheduler-invocation': 8760 },
    backend: { 'cloudwatch-alarm': 1 },
  });
});

it('prices the mean of the incidents that were measured, and says whether the goals are met', () => {
  const document = costOf(1000, measured, standing);
  expect(costDocument.parse(document)).toEqual(document);
  const one = 2 * PRICES['states-transition'].usd + PRICES['sns-publish'].usd;
  expect(document.alarmsUsd).toBeCloseTo(1000 * one, 6);
  expect(document.perMillionAlarmsUsd).toBeCloseTo(1e6 * one, 4);
  expect(document.byService).toMatchObject({ states: expect.closeTo(0.05, 6), sns: expect.closeTo(0.0005, 6) });
  expect(document.standing.backend).toEqual({ usdPerMonth: 0.1, byService: { cloudwatch: 0.1 } });
  expect(document.coreAfterFreeAllowancesUsdPerMonth).toBeLessThan(0.02);
  expect(document.goals.map(({ met }) => met)).toEqual([true, true]);
  expect(costOf(1000, { ...measured, customMetrics: 0 }, { core: { 'kms-key': 1 } }).goals[0]).toMatchObject({
    value: 1,
    met: false,
  });
});

it('refuses a scheduled function without a schedule instead of calling it free', () => {
  const none = { deployment: 'main', protectedThings: [], everyMinutes: {} };
  expect(() => standingOf({ Resources: {} }, measured, none)).toThrow('no schedule');
});

it('names the page of every price', () => {
  for (const { usd, page } of Object.values(PRICES)) {
    expect(usd).toBeGreaterThan(0);
    expect(page).not.toBe('');
  }
  expect(usdOf({ 'kms-key': 2 })).toBe(2);
});
