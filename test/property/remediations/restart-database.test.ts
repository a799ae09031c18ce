import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/restart-database/decide.ts';
import { anyConnected, provesDown } from '../../support/connected.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const AT = Date.parse('2026-11-20T03:00:00.000Z');
const event = fc
  .record({
    minutes: fc.integer({ min: -60, max: 10 }),
    message: fc.constantFrom('DB instance restarted', 'DB instance shutdown.', 'Multi-AZ instance failover started.'),
  })
  .map(({ minutes, message }) => ({ at: new Date(AT + minutes * 60_000).toISOString(), message }));
const observation: fc.Arbitrary<Observation> = fc
  .record({
    status: fc.constantFrom('available', 'rebooting', 'modifying', 'failed', 'unheard-of'),
    parametersPending: fc.boolean(),
    connected: anyConnected,
    cluster: fc.option(fc.constant('orders'), { freq: 5 }),
    events: fc.array(event, { maxLength: 4 }),
  })
  .map(({ cluster, ...rest }) => ({
    kind: 'instance' as const,
    at: new Date(AT).toISOString(),
    ...rest,
    ...(cluster && { cluster }),
  }));

describe('restart-database, whatever it sees', () => {
  it('never restarts twice, and calls nothing good that is not available', () => {
    fc.assert(
      fc.property(observation, observation, fc.boolean(), (first, later, isDown) => {
        const told = isDown ? { ...signal, runbook: 'database-down' } : signal;
        const decision = decide({ signal: told, target: database, observation: first, hold: undefined, config });
        if (decision.kind !== 'act' || first.kind !== 'instance' || later.kind !== 'instance') return;
        expect(first).toMatchObject({ status: 'available', parametersPending: false });
        expect(first.events.filter(({ message }) => message.startsWith('DB instance'))).toEqual([]);
        if (isDown) expect(provesDown(first.connected)).toBe(true);
        expect(['yes', 'unclear']).toContain(alreadyApplied(decision.change, later));
        if (verify({ change: decision.change, observation: later }).kind === 'good')
          expect(later.status).toBe('available');
      }),
    );
  });
});
