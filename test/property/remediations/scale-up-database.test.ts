import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  classOf,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/scale-up-database/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const CLASSES = ['db.t4g.micro', 'db.t4g.small', 'db.m7g.large', 'db.m7g.xlarge', 'db.r8g.large'];
const AT = Date.parse('2026-11-20T09:00:00.000Z');
const observation = fc
  .record({
    status: fc.constantFrom('available', 'storage-full', 'modifying', 'maintenance', 'failed'),
    instanceClass: fc.constantFrom(...CLASSES),
    multiAz: fc.boolean(),
    parametersPending: fc.boolean(),
    pending: fc.subarray(['AllocatedStorage', 'MultiAZ', 'DBInstanceClass']),
    minutesAgo: fc.option(fc.integer({ min: 0, max: 60 })),
  })
  .map(
    ({ minutesAgo, ...rest }): Extract<Observation, { kind: 'instance' }> => ({
      kind: 'instance',
      at: new Date(AT).toISOString(),
      ...rest,
      events:
        minutesAgo === null
          ? []
          : [
              {
                at: new Date(AT - minutesAgo * 60_000).toISOString(),
                message: 'Finished applying modification to DB instance class.',
              },
            ],
    }),
  );
const ladder = fc.shuffledSubarray(CLASSES).map((names) => names.map((name) => ({ name })));
const approvals = fc.constantFrom(0 as const, 1 as const, 2 as const);

describe('scale-up-database, whatever it sees', () => {
  it('goes one step up its ladder, takes nothing along that waits, and always asks those it has to', () => {
    fc.assert(
      fc.property(observation, ladder, approvals, (seen, instanceClasses, costApprovals) => {
        const target = { ...database, instanceClasses, costApprovals };
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        const { change, approval } = decision;
        const place = (wanted: string) => instanceClasses.findIndex(({ name }) => name === wanted);
        expect(place(classOf(change, 'before'))).toBe(place(seen.instanceClass));
        expect(place(classOf(change, 'after'))).toBe(place(seen.instanceClass) + 1);
        expect(place(seen.instanceClass)).toBeGreaterThanOrEqual(0);
        expect(seen).toMatchObject({ status: 'available', pending: [], parametersPending: false });
        expect(approval?.people ?? 0).toBe(costApprovals);
        expect(alreadyApplied(change, seen)).toBe('no');
        const after = { ...seen, instanceClass: classOf(change, 'after') };
        expect(alreadyApplied(change, after)).toBe('yes');
        expect(verify({ change, observation: after }).kind).toBe('good');
      }),
    );
  });
});
