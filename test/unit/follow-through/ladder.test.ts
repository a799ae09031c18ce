import { describe, expect, it } from '@jest/globals';
import type { Severity } from '../../../events/journal.ts';
import {
  callableAt,
  type EscalationRules,
  isKnownToWhoeverHasIt,
  managementCall,
  nextCall,
  pageWaitsUntil,
  standingOf,
} from '../../../functions/engine/escalation.ts';
import { config } from '../../support/fixtures.ts';
import { incidentOf, type Line, MINUTE, START } from '../../support/timeline.ts';

const rules: EscalationRules = config;
const called = (minutes: number, level: number | 'management'): Line => [minutes, 'called', { level }];
const next = (lines: readonly Line[], minutes: number, severity: Severity = 'P2') => {
  const call = nextCall(incidentOf(lines, { severity }), rules, START + minutes * MINUTE);
  return call && [call.level, (call.at - START) / MINUTE];
};
const NEEDED: Line = [1, 'escalated'];

describe('the next call of the ladder', () => {
  it.each<[string, readonly Line[], Severity, number, unknown]>([
    ['nobody while no person is needed', [], 'P1', 60, undefined],
    ['the first level a second time when it was not heard of in time', [NEEDED], 'P1', 2, [1, 6]],
    ['the second level after that', [NEEDED, called(6, 1)], 'P1', 7, [2, 16]],
    ['the second level when its time is that of acknowledging', [NEEDED], 'P2', 2, [2, 16]],
    ['the third and the fourth', [NEEDED, called(16, 2)], 'P2', 17, [3, 31]],
    ['the fourth', [NEEDED, called(16, 2), called(31, 3)], 'P2', 32, [4, 46]],
    ['the top once more when it was not heard of', [NEEDED, called(46, 4)], 'P2', 47, [4, 61]],
    ['the top again and again', [NEEDED, called(46, 4), called(61, 4)], 'P2', 62, [4, 121]],
    ['no level before the one before it had its hour', [NEEDED], 'P3', 2, [2, 61]],
    ['nobody once it is acknowledged', [NEEDED, [3, 'acknowledged']], 'P1', 60, undefined],
    ['the first level when the acknowledgement is long ago', [NEEDED, [3, 'acknowledged']], 'P1', 484, [1, 483]],
    ['nobody while it is taken over', [NEEDED, [3, 'taken-over', { until: START + 90 * MINUTE }]], 'P1', 60, undefined],
    [
      'the first level when the take-over is over',
      [NEEDED, [3, 'taken-over', { until: START + 90 * MINUTE }]],
      'P1',
      91,
      [1, 90],
    ],
    [
      'the first level when it was given back',
      [NEEDED, [3, 'taken-over', { until: START + 90 * MINUTE }], [20, 'released']],
      'P1',
      21,
      [1, 20],
    ],
    [
      'nobody while it is snoozed',
      [NEEDED, called(16, 2), [20, 'snoozed', { until: START + 80 * MINUTE }]],
      'P2',
      60,
      undefined,
    ],
    [
      'the first level after the snooze',
      [NEEDED, called(16, 2), [20, 'snoozed', { until: START + 80 * MINUTE }]],
      'P2',
      81,
      [1, 80],
    ],
    ['nobody once it is resolved', [NEEDED, [5, 'resolved']], 'P1', 60, undefined],
    [
      'people for what fails after its end, whoever acknowledged before',
      [NEEDED, [2, 'acknowledged'], [5, 'resolved'], [9, 'escalated']],
      'P2',
      10,
      [2, 24],
    ],
    [
      'nobody when that was handed back after all',
      [
        [5, 'resolved'],
        [9, 'escalated'],
        [12, 'handed-back'],
      ],
      'P2',
      60,
      undefined,
    ],
    [
      'the same ladder when the engine says again that a person is needed',
      [NEEDED, [10, 'escalated']],
      'P2',
      12,
      [2, 16],
    ],
    [
      'the next level at once when one could not be reached',
      [NEEDED, [2, 'undelivered', { for: '00000002' }]],
      'P2',
      3,
      [2, 1],
    ],
    [
      'nobody sooner when the top could not be reached',
      [NEEDED, called(46, 4), called(61, 4), [61, 'undelivered', { for: '00000003' }]],
      'P2',
      62,
      [4, 121],
    ],
    ['by the new severity when it was raised', [NEEDED, [4, 'severity-changed', { severity: 'P1' }]], 'P3', 5, [1, 6]],
  ])('is %s', (_what, lines, severity, minutes, expected) => {
    expect(next(lines, minutes, severity)).toEqual(expected);
  });

  it('has the name of the level and says why', () => {
    expect(nextCall(incidentOf([NEEDED]), rules, START)).toMatchObject({
      name: 'secondary',
      why: 'nobody acknowledged within 15 min',
    });
  });
});

describe('P3 and P4', () => {
  const night = Date.parse('2026-11-20T22:00:00.000Z');
  const monday = Date.parse('2026-11-23T09:00:00.000Z');
  const entry = (severity: Severity, data = {}) => incidentOf([[1, 'escalated', data]], { severity, start: night });
  const waits = (severity: Severity, data = {}) => {
    const incident = entry(severity, data);
    const last = incident.timeline.at(-1);
    return last && pageWaitsUntil(last, incident, rules);
  };

  it('call nobody before the next business day, P1 and P2 at any hour', () => {
    expect((['P1', 'P2', 'P3', 'P4'] as const).map((each) => waits(each))).toEqual([
      undefined,
      undefined,
      monday,
      monday,
    ]);
    expect(nextCall(entry('P3'), rules, night + 2 * MINUTE)).toMatchObject({ level: 1, at: monday });
  });

  it('call at once when a storm is told, which is more than the incident it is told in', () => {
    expect(waits('P4', { headline: 'storm' })).toBeUndefined();
  });

  it('call at once when they are raised at night', () => {
    const raised = incidentOf(
      [
        [1, 'escalated'],
        [5, 'severity-changed', { severity: 'P1' }],
      ],
      { severity: 'P3', start: night },
    );
    expect(nextCall(raised, rules, night + 6 * MINUTE)).toMatchObject({ level: 1, at: night + MINUTE });
  });

  it('wait for the end of a quiet window, too', () => {
    const quiet = {
      name: 'move',
      kind: 'quiet',
      begins: '2026-11-20T10:00:00Z',
      ends: '2026-11-20T11:00:00Z',
    } as const;
    const found = callableAt('P3', 'ecs-service/orders/backend', START, { ...rules, windows: [quiet] });
    expect(found).toBe(START + 60 * MINUTE);
    const elsewhere = { ...quiet, targets: ['rds-instance/other'] };
    expect(callableAt('P3', 'ecs-service/orders/backend', START, { ...rules, windows: [elsewhere] })).toBe(START);
  });

  it('call all the same when their hours never come', () => {
    const never = {
      name: 'always',
      kind: 'quiet',
      begins: '2026-01-01T00:00:00Z',
      ends: '2027-01-01T00:00:00Z',
    } as const;
    const found = callableAt('P4', 'x', START, { ...rules, windows: [never] });
    expect(found - START).toBeLessThanOrEqual(8 * 24 * 60 * MINUTE);
  });
});

describe('management', () => {
  const told: EscalationRules = {
    ...config,
    escalation: { ...config.escalation, management: { afterMinutes: 30, channels: [] } },
  };
  it('is told of a P1 after half an hour, once, also when somebody acknowledged it', () => {
    const lines: Line[] = [NEEDED, [2, 'acknowledged']];
    expect(managementCall(incidentOf(lines, { severity: 'P1' }), told)).toMatchObject({
      level: 'management',
      at: START + 30 * MINUTE,
    });
    expect(managementCall(incidentOf([...lines, called(30, 'management')], { severity: 'P1' }), told)).toBeUndefined();
  });
  it('is not told of anything else, nor without being configured', () => {
    expect(managementCall(incidentOf([NEEDED]), told)).toBeUndefined();
    expect(managementCall(incidentOf([[9, 'resolved']], { severity: 'P1' }), told)).toBeUndefined();
    expect(managementCall(incidentOf([NEEDED], { severity: 'P1' }), rules)).toBeUndefined();
  });
});

describe('an escalation that says again what was said before', () => {
  const again = (lines: readonly Line[]) => {
    const incident = incidentOf(lines);
    const last = incident.timeline.at(-1);
    return last && isKnownToWhoeverHasIt(last, incident, rules);
  };
  it('is known to whoever acknowledged it, and to nobody otherwise', () => {
    const said: Line = [1, 'escalated', { summary: 'at its maximum' }];
    const repeated: Line = [61, 'escalated', { summary: 'at its maximum' }];
    expect(again([said, [2, 'acknowledged'], repeated])).toBe(true);
    expect(again([said, repeated])).toBe(false);
    expect(again([said, [2, 'acknowledged'], [61, 'escalated', { summary: 'hand-back failed' }]])).toBe(false);
  });
});

describe('who has it in hand', () => {
  it('is whoever holds it longest', () => {
    const until = START + 20 * 60 * MINUTE;
    const incident = incidentOf([
      NEEDED,
      [2, 'acknowledged', { by: 'person:ann' }],
      [3, 'taken-over', { by: 'person:bob', until }],
    ]);
    expect(standingOf(incident, rules, START + 5 * MINUTE)).toEqual({
      kind: 'attended',
      how: 'taken-over',
      by: 'person:bob',
      until,
    });
  });
});
