import { describe, expect, it } from '@jest/globals';
import { benchDocument, benchResult } from '../../../events/published/bench.ts';
import { median, notMeasured, resultOf, roundTrips } from '../../bench/figures.ts';
import { bareHandler, sdkImportsOf } from '../../bench/floor.ts';

describe('a median', () => {
  it('is the middle one, or between the two in the middle, whatever the order', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
  });
  it('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('a result', () => {
  const goal = { text: '<= 1.25 x floor', ratioToFloorAtMost: 1.25 };

  it('has the median, the range and the ratio to the floor’s median, in the published shape', () => {
    const result = resultOf({ name: 'load-time', unit: 'ms', values: [60, 50, 70], floor: [40, 50, 60], goal });
    expect(result).toEqual({
      name: 'load-time',
      value: 60,
      unit: 'ms',
      range: [50, 70],
      runs: 3,
      ratioToFloor: 1.2,
      goal: '<= 1.25 x floor',
      met: true,
    });
    expect(benchResult.parse(result)).toEqual(result);
  });
  it('is judged before it is rounded', () => {
    expect(resultOf({ name: 'a', unit: 'ms', values: [125.04], floor: [100], goal })).toMatchObject({
      ratioToFloor: 1.25,
      met: false,
    });
  });
  it('meets no goal about a floor or a peer that was not measured', () => {
    expect(resultOf({ name: 'a', unit: 'ms', values: [1], goal }).met).toBe(false);
    expect(resultOf({ name: 'a', unit: 'ms', values: [1], goal: { text: '', ratioToPeerAtMost: 0.5 } }).met).toBe(
      false,
    );
  });
  it('must meet all that its goal says', () => {
    const both = { text: '', atMost: 100, ratioToPeerAtMost: 0.5 };
    expect(resultOf({ name: 'a', unit: 'ms', values: [40], peer: [100], goal: both })).toMatchObject({
      ratioToPeer: 0.4,
      met: true,
    });
    expect(resultOf({ name: 'a', unit: 'ms', values: [101], peer: [1000], goal: both }).met).toBe(false);
    expect(resultOf({ name: 'a', unit: 'ms', values: [60], peer: [100], goal: both }).met).toBe(false);
    expect(resultOf({ name: 'a', unit: 'a minute', values: [99_999], goal: { text: '', atLeast: 100_000 } }).met).toBe(
      false,
    );
  });
  it('that could not be measured is neither met nor missed', () => {
    const none = notMeasured('plan-added', 's', '<= 10 s', 'no plan');
    expect(none).toMatchObject({ value: null, met: null });
    const machine = { cores: 2, cpu: 'x', memoryGiB: 24, node: 'v24', loadBefore: 0, loadAfter: 0 };
    const document = { version: 1, machine, floor: {}, results: [none] };
    expect(benchDocument.parse(document)).toEqual(document);
  });
});

it('counts calls that overlap as one round trip', () => {
  const call = (begin: number, end: number) => ({ endMs: end, durationMs: end - begin });
  expect(roundTrips([])).toBe(0);
  expect(roundTrips([call(0, 10), call(10, 20), call(11, 30), call(29, 40), call(41, 50)])).toBe(3);
});

it('makes the floor of what our sources take from the SDK, without types', () => {
  const imports = sdkImportsOf([
    `import { ECSClient, type Service, UpdateServiceCommand } from '@aws-sdk/client-ecs';\nimport { z } from 'zod';`,
    `import {\n  DescribeServicesCommand,\n  ECSClient,\n} from '@aws-sdk/client-ecs';`,
    `import type { RDSClient } from '@aws-sdk/client-rds';`,
  ]);
  expect(Object.fromEntries(imports)).toEqual({
    '@aws-sdk/client-ecs': new Set(['ECSClient', 'UpdateServiceCommand', 'DescribeServicesCommand']),
  });
  const source = bareHandler(imports);
  expect(source).toContain(
    "import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';",
  );
  expect(source).toContain('new ECSClient({})');
});
