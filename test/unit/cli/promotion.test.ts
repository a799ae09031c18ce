import { describe, expect, it } from '@jest/globals';
import { promotionOf } from '../../../cli/commands/runbooks.ts';

const score = (wouldHaveActed: number, clearedAlone: number) => ({
  wouldHaveActed,
  clearedAlone,
  sameByPerson: 0,
  escalated: 0,
});

describe('promotion', () => {
  it('is offered with the line to change, once most of at least three incidents did not clear alone', () => {
    expect(promotionOf('scale-out-service', 'observe', score(4, 1))).toEqual({
      to: 'approve',
      line: "runbooks: { 'scale-out-service': { mode: 'approve' } }",
    });
    expect(promotionOf('r', 'observe', score(3, 1))).toBeDefined();
  });

  it.each([
    ['on too little evidence', 'observe', score(2, 0)],
    ['when half of them cleared alone', 'observe', score(4, 2)],
    ['when all of them did', 'observe', score(9, 9)],
    ['of what asks or acts already', 'approve', score(9, 0)],
    ['of what acts already', 'auto', score(9, 0)],
    ['of what is switched off', 'off', score(9, 0)],
  ] as const)('is not offered %s', (_, mode, seen) => {
    expect(promotionOf('r', mode, seen)).toBeUndefined();
  });
});
