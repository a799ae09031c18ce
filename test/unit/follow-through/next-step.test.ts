import { describe, expect, it } from '@jest/globals';
import {
  type AlarmsSeen,
  alarmsInJournal,
  FOLLOWED_MS,
  nextStep,
  type Progress,
  ROUNDS,
  untilTurn,
} from '../../../functions/incidents/follow-through/next-step.ts';
import { config } from '../../support/fixtures.ts';
import { ALARM, incidentOf, type Line, MINUTE, START } from '../../support/timeline.ts';

const ACTED: readonly Line[] = [
  [1, 'intent', { actionId: 'act-1', remediation: 'scale-out-service', change: 'raise from 2 to 3' }],
  [1, 'acted', { actionId: 'act-1' }],
];
const FIRST: Progress = { round: 0 };
const step = (
  lines: readonly Line[],
  minutes: number,
  progress: Progress = FIRST,
  alarms?: AlarmsSeen,
  alarm?: string,
) => {
  const incident = incidentOf(lines, alarm ? { alarm } : {});
  return nextStep(incident, alarms ?? alarmsInJournal(incident), progress, config, START + minutes * MINUTE);
};
const at = (minutes: number) => START + minutes * MINUTE;
const okSince = (minutes: number): AlarmsSeen => ({ [ALARM]: { state: 'OK', since: at(minutes) } });

describe('a turn to look', () => {
  it('is waited for', () => {
    expect(untilTurn(incidentOf([]), at(7), config, at(5))).toEqual({
      kind: 'wait-for-ok',
      until: at(7),
      turnAt: at(7),
      why: 'waits for its turn to look',
    });
  });

  it('holds back no call of people', () => {
    const incident = incidentOf([[0, 'escalated']]);
    const found = untilTurn(incident, at(600), config, at(1));
    const [, second] = config.escalation.levels;
    expect(found.until).toBe(at(second?.afterMinutes ?? 0));
    expect(found.turnAt).toBe(at(600));
  });
});

describe('the next step', () => {
  it('of an incident that has just begun is to wait until proof of a change would be due', () => {
    expect(step([], 0)).toEqual({ kind: 'wait-for-ok', until: at(10), why: 'waits for its alarms to be OK' });
  });

  it('looks again within the hour, whatever is expected', () => {
    expect(step([], 20)).toMatchObject({ kind: 'wait-for-ok', until: at(80) });
  });

  it('has a change verified at its deadline, by the remediation that made it', () => {
    expect(step(ACTED, 10)).toMatchObject({ kind: 'wait-for-ok', until: at(11) });
    expect(step(ACTED, 11)).toMatchObject({ kind: 'settle', remediations: ['scale-out-service'] });
  });

  it('has it verified again later when nothing came of it, less and less often', () => {
    const after = (settles: number) => {
      const found = step(ACTED, 20, { round: 1, settledAt: at(20), settles });
      return found.kind === 'wait-for-ok' ? (found.until - at(20)) / 1000 : found.kind;
    };
    expect([1, 2, 3, 4, 9].map(after)).toEqual([60, 120, 240, 300, 300]);
  });

  it('ends what is quiet, when its own event has had its time', () => {
    const quiet: Line[] = [[5, 'alarm-ok', { subject: ALARM }]];
    expect(step(quiet, 5)).toMatchObject({ kind: 'wait-for-ok', until: at(5.5) });
    expect(step(quiet, 5.5)).toMatchObject({ kind: 'settle', remediations: ['scale-out-service'] });
  });

  it('believes CloudWatch when it says OK and the journal knows nothing of it', () => {
    expect(step([], 7, FIRST, okSince(5))).toMatchObject({ kind: 'settle' });
    expect(step([], 7, FIRST, { [ALARM]: { state: 'GONE', since: at(5) } })).toMatchObject({ kind: 'settle' });
    expect(step([], 7, FIRST, { [ALARM]: { state: 'INSUFFICIENT_DATA', since: at(5) } })).toMatchObject({
      kind: 'wait-for-ok',
    });
    expect(step([], 7, FIRST, {})).toMatchObject({ kind: 'wait-for-ok' });
  });

  it('has an event without a level verified soon after its change, because no alarm will tell', () => {
    expect(step(ACTED, 2, FIRST, {}, 'ecs-deployment:ecs-service/orders/backend:x')).toMatchObject({ kind: 'settle' });
  });

  it('is the next rung that an entry names, once', () => {
    const failed: Line[] = [
      ...ACTED,
      [11, 'not-verified', { actionId: 'act-1', next: { remediation: 'restart-service' } }],
    ];
    const key = '00000004:restart-service';
    expect(step(failed, 11)).toMatchObject({ kind: 'next-rung', remediation: 'restart-service', key });
    expect(step(failed, 11, { round: 1, rungs: [key] }).kind).toBe('wait-for-ok');
    expect(step([...failed, [12, 'signal', { by: 'restart-service' }]], 12).kind).toBe('wait-for-ok');
  });

  it('calls people before it does anything else', () => {
    expect(step([...ACTED, [1, 'escalated']], 16.5)).toMatchObject({ kind: 'escalate', call: { level: 2 } });
  });

  it('waits for a person until the next call', () => {
    expect(step([[1, 'escalated']], 12)).toMatchObject({ kind: 'wait-for-ok', until: at(16) });
  });

  it('leaves people in peace while it is snoozed, and says so', () => {
    expect(
      step(
        [
          [1, 'escalated'],
          [2, 'snoozed', { by: 'person:ann', until: at(45) }],
        ],
        12,
      ),
    ).toEqual({
      kind: 'snooze',
      until: at(45),
      why: 'ann snoozed its calls',
    });
  });

  it('is the end when it is resolved and no person is needed', () => {
    expect(step([[3, 'resolved']], 4)).toEqual({ kind: 'end', why: 'it is resolved' });
    expect(
      step(
        [
          [3, 'resolved'],
          [9, 'escalated'],
        ],
        10,
      ),
    ).toMatchObject({ kind: 'wait-for-ok', why: 'waits for a person' });
    expect(
      step(
        [
          [3, 'resolved'],
          [9, 'escalated'],
          [12, 'left-as-is'],
        ],
        13,
      ),
    ).toMatchObject({ kind: 'end' });
  });

  it('continues as a new execution after so many looks', () => {
    expect(step([], 0, { round: ROUNDS - 1 }).kind).toBe('wait-for-ok');
    expect(step([], 0, { round: ROUNDS }).kind).toBe('continue-as-new');
  });

  it('calls people a last time after thirty days, and ends', () => {
    const month = FOLLOWED_MS / MINUTE;
    expect(step([[1, 'acknowledged']], month)).toMatchObject({ kind: 'escalate', isLast: true });
    expect(step([[month, 'called', { level: 1, isLast: true }]], month + 1)).toMatchObject({ kind: 'end' });
  });
});
