import { describe, expect, it } from '@jest/globals';
import { heldOf, holdShown, holdsBy, valueWithout, withHold, withoutHold } from '../../../functions/engine/holds.ts';
import type { Hold } from '../../../functions/engine/remediation.ts';

const hold = (remediation: string, value: number, change: Partial<Hold> = {}): Hold => ({
  remediation,
  field: 'desiredCount',
  baseline: 2,
  value,
  stabiliseForSeconds: 300,
  incidentId: 'inc-1',
  since: '2026-11-20T03:00:00.000Z',
  ...change,
});

describe('what is held of a field', () => {
  it('is nothing when nobody holds it', () => {
    expect(heldOf([hold('a', 3, { field: 'minCapacity' })], 'desiredCount')).toBeUndefined();
  });
  it('is the greatest of all holds of it', () => {
    expect(heldOf([hold('a', 3), hold('b', 6), hold('c', 4)], 'desiredCount')).toEqual({ baseline: 2, value: 6 });
  });
  it('is never less than it was before', () => {
    expect(heldOf([hold('a', 1)], 'desiredCount')).toEqual({ baseline: 2, value: 2 });
  });
});

describe('a new hold', () => {
  it('keeps the baseline of the field, whoever held it first', () => {
    expect(withHold([hold('a', 3)], hold('b', 6, { baseline: 3 }))).toMatchObject([
      { remediation: 'a', baseline: 2, value: 3 },
      { remediation: 'b', baseline: 2, value: 6 },
    ]);
  });
  it('takes the place of an earlier one of the same remediation and field, since when it is held', () => {
    const later = hold('a', 4, { baseline: 3, since: '2026-11-20T04:00:00.000Z' });
    expect(withHold([hold('a', 3)], later)).toEqual([{ ...hold('a', 4), since: '2026-11-20T03:00:00.000Z' }]);
  });
  it('keeps what stood there before the first of them', () => {
    expect(withHold([hold('a', 3, { was: 'first' })], hold('a', 4, { was: 'second' }))).toMatchObject([
      { value: 4, was: 'first' },
    ]);
  });
  it('stands beside one of the same remediation on another field, with a baseline of its own', () => {
    const other = hold('a', 9, { field: 'minCapacity', baseline: 8 });
    expect(withHold([hold('a', 3)], other)).toEqual([hold('a', 3), other]);
  });
});

describe('a hold that ends', () => {
  it('gives the field back to what another one still holds', () => {
    expect(valueWithout([hold('a', 3), hold('b', 6)], hold('b', 6))).toBe(3);
    expect(valueWithout([hold('a', 3), hold('b', 6)], hold('a', 3))).toBe(6);
  });
  it('gives it back to the baseline when it is the last', () => {
    expect(valueWithout([hold('a', 3)], hold('a', 3))).toBe(2);
  });
  it('takes away only itself', () => {
    const others = [hold('b', 6), hold('a', 9, { field: 'minCapacity' })];
    expect(withoutHold([hold('a', 3), ...others], 'a', 'desiredCount')).toEqual(others);
  });
});

describe('the hold that a remediation is shown', () => {
  it('is its own, at the value that must be found live', () => {
    expect(holdShown([hold('a', 3), hold('b', 6)], 'a', [])).toMatchObject({ remediation: 'a', value: 6, baseline: 2 });
  });
  it('is one of another remediation on a field that both change', () => {
    expect(holdShown([hold('b', 6)], 'a', ['desiredCount'])).toMatchObject({ remediation: 'b', value: 6 });
  });
  it('is none of another remediation on a field that it leaves alone', () => {
    expect(holdShown([hold('b', 6)], 'a', ['cpu'])).toBeUndefined();
  });
});

describe('the holds of one remediation', () => {
  it('are its own on any field, and nobody else’s', () => {
    const [mine, cpu, other] = [hold('a', 3), hold('a', 2, { field: 'cpu' }), hold('b', 4)];
    expect(holdsBy([mine, other, cpu], 'a')).toEqual([mine, cpu]);
    expect(holdsBy([other], 'a')).toEqual([]);
  });
});
