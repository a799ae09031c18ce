import { describe, expect, it } from '@jest/globals';
import { outlookOf } from '../../../functions/incidents/announcer/outlook.ts';
import { config } from '../../support/fixtures.ts';
import { incidentOf, type Line, MINUTE, START } from '../../support/timeline.ts';

const minute = (minutes: number) => new Date(START + minutes * MINUTE).toISOString();
const at = (lines: readonly Line[], minutes: number) => outlookOf(incidentOf(lines), config, START + minutes * MINUTE);
const INTENT: Line = [
  0,
  'intent',
  { actionId: 'a', remediation: 'scale-out-service', change: 'x', verifyBy: minute(10) },
];
const ACTED: Line = [1, 'acted', { actionId: 'a' }];
const NEEDED: Line = [1, 'escalated'];

describe('how an incident goes on', () => {
  it.each<[string, readonly Line[], number, object]>([
    ['nothing is known when nothing was written', [], 0, {}],
    [
      'a change is proved by its deadline',
      [INTENT, ACTED],
      2,
      { provedBy: minute(10), next: { at: minute(10), what: 'looks by then whether the change helped' } },
    ],
    ['nothing comes of a deadline that has passed', [INTENT, ACTED], 11, {}],
    ['nothing comes of a change that is proved', [INTENT, ACTED, [3, 'verified', { actionId: 'a' }]], 3, {}],
    [
      'what was held is looked at again',
      [[1, 'decided', { outcome: { kind: 'held', recheckAt: minute(5) } }]],
      1,
      { next: { at: minute(5), what: 'looks at the target again' } },
    ],
    [
      'an answer is waited for',
      [[1, 'approval-requested', { validUntil: minute(60) }]],
      1,
      { next: { at: minute(60), what: 'waits so long for the answer' } },
    ],
    [
      'the next level is called when a person is needed',
      [NEEDED],
      1,
      { calledLevel: 'primary', next: { at: minute(16), what: 'calls secondary unless somebody acknowledges' } },
    ],
    [
      'who acknowledged has it, until the acknowledgement lapses',
      [NEEDED, [2, 'acknowledged', { by: 'person:jane' }]],
      2,
      { inHandOf: 'person:jane', next: { at: minute(482), what: 'calls people again unless it is over' } },
    ],
    [
      'who acknowledged has it, although nobody was called',
      [[2, 'acknowledged', { by: 'person:jane' }]],
      2,
      { inHandOf: 'person:jane' },
    ],
    [
      'who gave it back has it no more',
      [
        [2, 'taken-over', { by: 'person:jane', until: START + 90 * MINUTE }],
        [3, 'released'],
      ],
      3,
      {},
    ],
    [
      'targets of the same trouble are named once',
      [
        [1, 'joined', { target: 'ecs-service/orders/front' }],
        [2, 'joined', { target: 'ecs-service/orders/front' }],
        [2, 'joined', { target: 'ecs-service/orders/backend' }],
      ],
      2,
      { alsoConcerned: ['ecs-service/orders/front'] },
    ],
    ['nothing comes after the end', [INTENT, ACTED, NEEDED, [4, 'resolved']], 4, {}],
  ])('%s', (_what, lines, minutes, expected) => {
    expect(at(lines, minutes)).toEqual(expected);
  });
});
