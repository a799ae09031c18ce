/** Attempts of an asynchronous event, by "How Lambda handles errors and retries with asynchronous invocation". */
import { describe, expect, it } from '@jest/globals';
import { batchOutcome } from '../../../local/stand-ins/event-sources/outcome.ts';
import { functionName } from '../../../local/stand-ins/lambda/definitions.ts';
import { nextStep } from '../../../local/stand-ins/lambda/retry-policy.ts';
import type { RunResult } from '../../../local/stand-ins/lambda/types.ts';

const settings = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 3_600 };
const failed: RunResult = { kind: 'function-error', payload: '{}', errorType: 'E', logTail: '' };
const ok: RunResult = { kind: 'ok', payload: 'null', logTail: '' };
const throttled: RunResult = { kind: 'throttled', reason: 'ConcurrentInvocationLimitExceeded' };
const step = (result: RunResult, counts: { failed?: number; deferred?: number; ageMs?: number }, timeScale = 1) =>
  nextStep(result, { failed: 0, deferred: 0, ageMs: 0, ...counts }, settings, timeScale);

describe('an asynchronous event', () => {
  it('is done when it succeeded', () => {
    expect(step(ok, {})).toEqual({ kind: 'done', condition: 'Success' });
  });

  it('waits one minute, then two, then is given up', () => {
    expect(step(failed, { failed: 1 })).toEqual({ kind: 'again', inMs: 60_000 });
    expect(step(failed, { failed: 2 })).toEqual({ kind: 'again', inMs: 120_000 });
    expect(step(failed, { failed: 3 })).toEqual({ kind: 'done', condition: 'RetriesExhausted' });
  });

  it('waits from a second to five minutes while throttled, however often', () => {
    expect(step(throttled, { deferred: 1 })).toEqual({ kind: 'again', inMs: 1_000 });
    expect(step(throttled, { deferred: 3 })).toEqual({ kind: 'again', inMs: 4_000 });
    expect(step(throttled, { deferred: 30 })).toEqual({ kind: 'again', inMs: 300_000 });
  });

  it('is given up when the next attempt would come too late', () => {
    expect(step(failed, { failed: 1, ageMs: 3_550_000 })).toEqual({ kind: 'done', condition: 'EventAgeExceeded' });
  });

  it('waits less in a world that compresses time, but doesn’t age less', () => {
    expect(step(failed, { failed: 1 }, 0.01)).toEqual({ kind: 'again', inMs: 600 });
    expect(step(failed, { failed: 1, ageMs: 3_600_001 }, 0.01)).toEqual({
      kind: 'done',
      condition: 'EventAgeExceeded',
    });
  });
});

describe('a batch', () => {
  const answer = (payload: unknown): RunResult => ({ kind: 'ok', payload: JSON.stringify(payload), logTail: '' });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['null for the list', { batchItemFailures: null }],
    ['an empty list', { batchItemFailures: [] }],
    ['something else', { fine: true }],
  ])('succeeded when the function returned %s', (_, payload) => {
    expect(batchOutcome(answer(payload), ['1'], true)).toEqual({ kind: 'done' });
  });

  it.each<[string, unknown]>([
    ['names an unknown item', { batchItemFailures: [{ itemIdentifier: '9' }] }],
    ['names nothing', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['has a wrong key', { batchItemFailures: [{ id: '1' }] }],
    ['isn’t a list', { batchItemFailures: 'x' }],
  ])('failed altogether when the answer %s', (_, payload) => {
    expect(batchOutcome(answer(payload), ['1'], true).kind).toBe('failed');
  });

  it('failed in part when the answer names items, and only if the mapping asked for that', () => {
    const result = answer({ batchItemFailures: [{ itemIdentifier: '2' }] });
    expect(batchOutcome(result, ['1', '2'], true)).toEqual({ kind: 'partly', failed: new Set(['2']) });
    expect(batchOutcome(result, ['1', '2'], false)).toEqual({ kind: 'done' });
  });
});

describe('a function’s name', () => {
  it.each<[string, object]>([
    ['f', { name: 'f', region: 'us-east-1' }],
    ['f:live', { name: 'f', region: 'us-east-1', qualifier: 'live' }],
    ['arn:aws:lambda:eu-west-1:000000000000:function:f', { name: 'f', region: 'eu-west-1' }],
    ['arn:aws:lambda:eu-west-1:000000000000:function:f:live', { name: 'f', region: 'eu-west-1', qualifier: 'live' }],
    ['000000000000:function:f', { name: 'f', region: 'us-east-1' }],
  ])('is understood as %s', (reference, expected) => {
    expect(functionName(reference, 'us-east-1')).toEqual(expected);
  });
});
