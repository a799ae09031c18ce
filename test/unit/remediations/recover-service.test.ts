import { describe, expect, it } from '@jest/globals';
import type { PlanSeen, RunSeen } from '../../../functions/plan-rungs/decide.ts';
import { alreadyApplied, decide, verify } from '../../../functions/remediations/recover-service/decide.ts';
import { manifest } from '../../../functions/remediations/recover-service/manifest.ts';
import { config, signal, service as target } from '../../support/fixtures.ts';

const AT = Date.parse(signal.at);
const run: RunSeen = { run: 'inc-1-recover-service', incidentId: 'inc-2', phase: 'ended', verdict: 'recovered' };
const on = (observation: PlanSeen) => decide({ signal, target, observation, hold: undefined, config });
const started = on({});
const change = started.kind === 'act' ? started.change : { summary: '', before: null, after: null, undo: '' };
const judged = (seen?: Partial<RunSeen>) => verify({ change, observation: seen ? { run: { ...run, ...seen } } : {} });

describe('recover-service', () => {
  it('starts the plan for the service, with the time at which the trouble began', () => {
    expect(change).toMatchObject({
      summary: 'start the recovery plan service-recovery for backend',
      after: { plan: 'service-recovery', input: { service: 'backend', before: signal.at } },
    });
    expect(change.undo).toContain('nightshift stop');
    expect(manifest.approval).toEqual({ people: 1 });
  });

  it.each([
    ['waits while its run is under way', { phase: 'working' }, 'hold', 'is under way'],
    ['waits while its run is backed out', { phase: 'backing-out' }, 'hold', 'being backed out'],
    ['is content once it has recovered', { endedAt: AT }, 'fine', 'ended as recovered'],
    ['starts no second run for trouble that came after it', { endedAt: AT - 1 }, 'escalate', 'once in an incident'],
    ['starts none after one that was backed out', { verdict: 'backed-out', endedAt: AT }, 'escalate', 'backed-out'],
    [
      'starts none after one that was refused',
      { verdict: 'refused', summary: 'paused', incidentId: '' },
      'escalate',
      'refused (paused), ',
    ],
    ['starts none after one whose end is unknown', { verdict: undefined }, 'escalate', 'needs-person'],
  ] as const)('%s', (_, seen, kind, said) => {
    const { verdict, ...rest } = { ...run, ...seen };
    const decision = on({ run: { ...rest, ...(verdict && { verdict }) } });
    expect(decision.kind).toBe(kind);
    expect(JSON.stringify(decision)).toContain(said);
  });

  it('knows its run once it is in the journal', () => {
    expect([alreadyApplied(change, { run }), alreadyApplied(change, {})]).toEqual(['yes', 'no']);
  });

  it('has helped only when its run has recovered', () => {
    expect(judged()).toMatchObject({ kind: 'not-yet', detail: expect.stringContaining('not begun') });
    expect(judged({ phase: 'working' }).kind).toBe('not-yet');
    expect(judged({ phase: 'backing-out' }).kind).toBe('not-yet');
    expect(judged({ summary: 'in 3 s' })).toEqual({
      kind: 'good',
      detail: 'run inc-1-recover-service of service-recovery ended as recovered (in 3 s); its report is that of inc-2',
    });
    for (const verdict of ['backed-out', 'needs-person', 'refused', 'rehearsed'] as const)
      expect(judged({ verdict }).kind).toBe('bad');
  });
});
