import { describe, expect, it } from '@jest/globals';
import { connectedOf, type ToldOf } from '../../../functions/databases/down.ts';

/** An hour of minutes, newest first: [clients, whether the heartbeat was unanswered]; `undefined` is not told of. */
const hour = (...minutes: readonly (readonly [number | undefined, number | undefined])[]): ToldOf[] =>
  minutes.map(([most, unanswered], index) => ({
    isRecent: index < 5,
    values: { ...(most !== undefined && { most }), ...(unanswered !== undefined && { unanswered }) },
  }));
const judge = (...minutes: readonly (readonly [number | undefined, number | undefined])[]) =>
  connectedOf('orders-db', hour(...minutes), 60);
const times = <T>(count: number, minute: T): T[] => Array.from({ length: count }, () => minute);

describe('what is known of the clients of a database whose heartbeats get no answer', () => {
  it('is that they went with the heartbeats', () => {
    expect(judge([0, 1], [0, 1], [14, 0], [20, 0])).toEqual({
      ...{ kind: 'counted', most: 0, isAnswered: false, before: 20 },
    });
  });

  it('is that none were there but the heartbeats, for a quarter of an hour before these stopped', () => {
    expect(judge([0, 1], [0, 1], ...times(15, [2, 0] as const), [20, 0])).toMatchObject({ before: 2 });
    expect(judge([0, 1], [0, 1], ...times(14, [2, 0] as const), [20, 0])).toMatchObject({ before: 20 });
  });

  it('is nothing of what was before where no heartbeat was answered, as where none ever got in', () => {
    expect(judge(...times(60, [20, 1] as const))).toEqual({ kind: 'counted', most: 20, isAnswered: false });
  });

  it('is that heartbeats get in again', () => {
    expect(judge([0, 0], [0, 1], [20, 0])).toMatchObject({ isAnswered: true });
    // Not told of yet.
    expect(judge([0, undefined], [0, 1], [20, 0])).toMatchObject({ isAnswered: false });
  });

  it('is nothing where either has not been told of lately: neither what counts nor what writes heartbeats', () => {
    const heartbeats = judge(...times(5, [0, undefined] as const), [0, 1], [20, 0]);
    expect(heartbeats).toEqual({ kind: 'unknown', why: expect.stringContaining('no heartbeats') });
    const clients = judge(...times(5, [undefined, 1] as const), [20, 0]);
    expect(clients).toEqual({ kind: 'unknown', why: expect.stringContaining('no connections') });
    expect(judge()).toMatchObject({ kind: 'unknown' });
  });
});
