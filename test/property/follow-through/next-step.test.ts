/** Whatever a timeline holds: steps lead forward, calls come in order, and every loop ends. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ENTRY_KINDS, type EntryKind } from '../../../events/journal.ts';
import { callableAt, nextCall, standingOf } from '../../../functions/engine/escalation.ts';
import { alarmsInJournal, nextStep } from '../../../functions/incidents/follow-through/next-step.ts';
import { config } from '../../support/fixtures.ts';
import { ALARM, incidentOf, type Line, MINUTE, START } from '../../support/timeline.ts';

const severity = fc.constantFrom('P1', 'P2', 'P3', 'P4' as const);
const kind = fc.constantFrom<EntryKind>(...ENTRY_KINDS.filter((each) => each !== 'opened'));
const data = fc.record(
  {
    level: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant('management')),
    until: fc.integer({ min: 0, max: 2_000 }).map((minutes) => START + minutes * MINUTE),
    for: fc.integer({ min: 0, max: 20 }).map((index) => String(index).padStart(8, '0')),
    severity,
    actionId: fc.constantFrom('act-1', 'act-2'),
    remediation: fc.constant('scale-out-service'),
    subject: fc.constant(ALARM),
    next: fc.constantFrom({ remediation: 'restart-service' }, { remediation: 'unknown' }),
  },
  { requiredKeys: [] },
);
const lines = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 600 }), kind, data), { maxLength: 15 })
  .map((each): Line[] => each.sort(([a], [b]) => a - b));
const now = fc.integer({ min: 600, max: 3_000 }).map((minutes) => START + minutes * MINUTE);

describe('the follow-through, of any timeline', () => {
  it('waits into the future, and never longer than an hour', () => {
    fc.assert(
      fc.property(lines, severity, now, (entries, level, at) => {
        const incident = incidentOf(entries, { severity: level });
        const step = nextStep(incident, alarmsInJournal(incident), { round: 0 }, config, at);
        if (step.kind !== 'wait-for-ok' && step.kind !== 'snooze') return;
        expect(step.until).toBeGreaterThan(at);
        expect(step.until).toBeLessThanOrEqual(at + 3_600_000 + 1000);
      }),
    );
  });

  it('calls nobody who has it in hand, nobody of an incident that is over, and P3 and P4 only when they may be called', () => {
    fc.assert(
      fc.property(lines, severity, now, (entries, level, at) => {
        const incident = incidentOf(entries, { severity: level });
        const call = nextCall(incident, config, at);
        if (standingOf(incident, config, at).kind !== 'unattended') expect(call).toBeUndefined();
        if (!call) return;
        expect(callableAt(incident.severity, incident.target, call.at, config)).toBe(call.at);
      }),
    );
  });

  it('climbs level by level to the top when nobody answers, and ends when somebody does', () => {
    fc.assert(
      fc.property(severity, fc.integer({ min: 1, max: 12 }), (level, answeredAfter) => {
        const story: Line[] = [[0, 'escalated']];
        const called: number[] = [];
        let minutes = 0;
        for (let calls = 0; calls < answeredAfter; calls++) {
          const call = nextCall(incidentOf(story, { severity: level }), config, START + minutes * MINUTE);
          if (!call || typeof call.level !== 'number') throw new Error('nobody is called any more');
          minutes = Math.max(minutes, (call.at - START) / MINUTE);
          called.push(call.level);
          story.push([minutes, 'called', { level: call.level }]);
        }
        expect(called).toEqual([...called].sort((a, b) => a - b));
        expect(Math.max(1, ...called)).toBeLessThanOrEqual(config.escalation.levels.length);
        if (answeredAfter >= 8) expect(called.at(-1)).toBe(config.escalation.levels.length);
        story.push([minutes, 'acknowledged']);
        expect(nextCall(incidentOf(story, { severity: level }), config, START + minutes * MINUTE)).toBeUndefined();
      }),
    );
  });

  it('comes to wait or end after a few deeds, each of which is written down', () => {
    fc.assert(
      fc.property(lines, severity, now, (entries, level, at) => {
        const story = [...entries];
        const rungs: string[] = [];
        let settledAt: number | undefined;
        for (let deeds = 0; deeds < 20; deeds++) {
          const incident = incidentOf(story, { severity: level });
          const step = nextStep(
            incident,
            alarmsInJournal(incident),
            { round: 0, rungs, settledAt, settles: 1 },
            config,
            at,
          );
          if (step.kind === 'wait-for-ok' || step.kind === 'snooze' || step.kind === 'end') return;
          if (step.kind === 'settle') settledAt = at;
          else if (step.kind === 'next-rung') rungs.push(step.key);
          else if (step.kind === 'escalate')
            story.push([
              (at - START) / MINUTE,
              'called',
              { level: step.call.level, ...(step.isLast && { isLast: true }) },
            ]);
        }
        throw new Error('it never comes to an end');
      }),
    );
  });
});
