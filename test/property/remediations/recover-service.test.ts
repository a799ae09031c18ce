import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunSeen } from '../../../functions/plan-rungs/decide.ts';
import { decide, verify } from '../../../functions/remediations/recover-service/decide.ts';
import { config, service, signal } from '../../support/fixtures.ts';

const run: fc.Arbitrary<RunSeen> = fc.record(
  {
    run: fc.string(),
    incidentId: fc.string(),
    phase: fc.constantFrom('working' as const, 'backing-out' as const, 'ended' as const),
    verdict: fc.constantFrom(
      'recovered' as const,
      'rehearsed' as const,
      'backed-out' as const,
      'needs-person' as const,
      'refused' as const,
    ),
    summary: fc.string(),
    endedAt: fc.integer({ min: 0 }),
  },
  { requiredKeys: ['run', 'incidentId', 'phase'] },
);
const change = { summary: '', before: null, after: { plan: 'service-recovery', input: {} }, undo: '' };

it('starts a run only where the incident has none, and only for the target of the signal', () => {
  fc.assert(
    fc.property(fc.option(run, { nil: undefined }), fc.string({ minLength: 1 }), (seen, name) => {
      const target = { ...service, name };
      const decision = decide({ signal, target, observation: seen ? { run: seen } : {}, hold: undefined, config });
      expect(decision.kind === 'act').toBe(seen === undefined);
      if (decision.kind === 'act') expect(decision.change.after).toMatchObject({ input: { service: name } });
    }),
  );
});

it('never calls it a success before the run has recovered', () => {
  fc.assert(
    fc.property(run, (seen) => {
      const good = seen.phase === 'ended' && seen.verdict === 'recovered';
      expect(verify({ change, observation: { run: seen } }).kind === 'good').toBe(good);
    }),
  );
});
