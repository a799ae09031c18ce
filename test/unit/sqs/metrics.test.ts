import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { measureQueues } from '../../../local/stand-ins/sqs/metrics.ts';
import type { RecordedCall } from '../../../local/world/types.ts';

const MINUTE_MS = 60_000;
let told: { readonly queue: string | undefined; readonly region: string; readonly value: number }[];
let listener: (call: RecordedCall) => void;
let end: () => void;

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  const gateway = {
    onCall: (each: typeof listener) => {
      listener = each;
      return () => {
        listener = () => undefined;
      };
    },
  };
  const sink = {
    put: ({
      region,
      dimensions,
      value,
    }: {
      region: string;
      dimensions: Readonly<Record<string, string>>;
      value: number;
    }) => void told.push({ queue: dimensions.QueueName, region, value }),
  };
  end = measureQueues({ timeScale: 1 }, gateway, sink, () => new Date());
});
afterEach(() => {
  end();
  jest.useRealTimers();
});

const send = (status = 200) =>
  listener({
    service: 'sqs',
    operation: 'SendMessage',
    region: 'us-west-2',
    resource: 'signs',
    status,
  } as RecordedCall);

describe('what SQS tells of its queues', () => {
  it('is a count of what was sent, and zeros each minute since, so that silence is seen', () => {
    jest.advanceTimersByTime(5 * MINUTE_MS);
    expect(told).toEqual([]);
    send();
    send(500);
    jest.advanceTimersByTime(2 * MINUTE_MS);
    const of = (value: number) => ({ queue: 'signs', region: 'us-west-2', value });
    expect(told).toEqual([of(1), of(0), of(0)]);
  });

  it('ends six hours after the last message', () => {
    send();
    jest.advanceTimersByTime(7 * 60 * MINUTE_MS);
    expect(told.filter(({ value }) => value === 0)).toHaveLength(6 * 60 - 1);
  });
});
