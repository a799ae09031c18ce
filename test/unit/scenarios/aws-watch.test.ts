import { describe, expect, it } from '@jest/globals';
import { lengthOf } from '../../../local/scenarios/support/aws-watch.ts';

describe('the time that AWS itself needed', () => {
  it('counts what went on at once only once, in whatever order it is told, and gaps not at all', () => {
    expect(
      lengthOf([
        [50, 60],
        [0, 10],
        [5, 20],
        [6, 7],
      ]),
    ).toBe(30);
  });

  it('is nothing of nothing, and never negative', () => {
    expect(lengthOf([])).toBe(0);
    expect(lengthOf([[10, 5]])).toBe(0);
  });
});
