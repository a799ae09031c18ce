import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { heldOf, valueWithout, withHold, withoutHold } from '../../../functions/engine/holds.ts';
import type { Hold } from '../../../functions/engine/remediation.ts';

/** Remediations raise and hand back one field in any order; each reads the live value before it raises it. */
const step = fc.record({
  remediation: fc.constantFrom('a', 'b', 'c'),
  field: fc.constantFrom('desiredCount', 'minCapacity'),
  raise: fc.boolean(),
  by: fc.integer({ min: 1, max: 5 }),
});

type Live = Record<string, number>;
const START: Live = { desiredCount: 2, minCapacity: 1 };

function play(steps: readonly { remediation: string; field: string; raise: boolean; by: number }[]) {
  let holds: readonly Hold[] = [];
  const live: Live = { ...START };
  const seen: { live: Live; holds: readonly Hold[] }[] = [];
  for (const { remediation, field, raise, by } of steps) {
    const now = live[field] ?? 0;
    const mine = holds.find((hold) => hold.remediation === remediation && hold.field === field);
    if (raise) {
      const value = now + by;
      const more = { remediation, field, baseline: now, value, stabiliseForSeconds: 1, incidentId: '', since: '' };
      holds = withHold(holds, more);
      live[field] = value;
    } else if (mine) {
      live[field] = valueWithout(holds, mine);
      holds = withoutHold(holds, remediation, field);
    }
    seen.push({ live: { ...live }, holds });
  }
  return { live, holds, seen };
}

describe('holds of several remediations', () => {
  it('always come to the live value, which is the baseline where nothing is held', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        for (const { live, holds } of play(steps).seen)
          for (const field of Object.keys(START)) expect(live[field]).toBe(heldOf(holds, field)?.value ?? START[field]);
      }),
    );
  });

  it('end at what was there before the first, in whatever order they are handed back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.boolean(), (steps, backwards) => {
        const { holds } = play(steps);
        const order = backwards ? [...holds].reverse() : holds;
        const back = order.map(({ remediation, field }) => ({ remediation, field, raise: false, by: 1 }));
        expect(play([...steps, ...back])).toMatchObject({ live: START, holds: [] });
      }),
    );
  });

  it('are one for each remediation and field', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const keys = play(steps).holds.map(({ remediation, field }) => `${remediation} ${field}`);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});
