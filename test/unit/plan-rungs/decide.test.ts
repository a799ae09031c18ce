/** What every rung that is a recovery plan decides; test/unit/remediations has what a rung says of its own. */
import { describe, expect, it } from '@jest/globals';
import {
  alreadyStarted,
  decideStart,
  type RunSeen,
  type Start,
  startOf,
  verifyRun,
} from '../../../functions/plan-rungs/decide.ts';

const SINCE = 1_000_000;
const start: Start = {
  plan: 'database-restore',
  input: { database: 'orders-db' },
  about: 'orders-db',
  wayBack: 'The old instance is kept.',
};
const run: RunSeen = { run: 'inc-1-restore', incidentId: 'inc-2', phase: 'ended', verdict: 'recovered' };
const recoveredAt = (endedAt?: number) =>
  decideStart({ run: { ...run, ...(endedAt !== undefined && { endedAt }) } }, SINCE, start);

describe('a rung that is a recovery plan', () => {
  it('starts the plan with its input, and says how to stop it and what can’t be taken back', () => {
    expect(decideStart({}, SINCE, start)).toEqual({
      kind: 'act',
      change: {
        summary: 'start the recovery plan database-restore for orders-db',
        before: { plan: 'database-restore', run: 'none of this incident' },
        after: { plan: 'database-restore', input: { database: 'orders-db' } },
        undo: '"nightshift stop <run>" has the run backed out. The old instance is kept.',
      },
    });
  });

  it('keeps in its change all that the start needs', () => {
    const decision = decideStart({}, SINCE, start);
    expect(decision.kind === 'act' && startOf(decision.change)).toEqual({ plan: start.plan, input: start.input });
  });

  it.each(['working', 'backing-out'] as const)('holds while its run is %s, and looks again in a minute', (phase) => {
    expect(decideStart({ run: { ...run, phase } }, SINCE, start)).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
      recheckAfterSeconds: 60,
    });
    expect(verifyRun({ run: { ...run, phase } }, start).kind).toBe('not-yet');
  });

  it('takes trouble for answered by a run that recovered after it began, and by no earlier one', () => {
    expect([recoveredAt(SINCE).kind, recoveredAt(SINCE - 1).kind, recoveredAt().kind]).toEqual([
      'fine',
      'escalate',
      'escalate',
    ]);
  });

  it.each(['rehearsed', 'backed-out', 'needs-person', 'refused', undefined] as const)(
    'calls a person after a run that ended as %s, and tries nothing else for an hour',
    (verdict) => {
      const { verdict: _, ...ended } = run;
      const seen = { run: { ...ended, ...(verdict && { verdict }), endedAt: SINCE + 1 } };
      expect(decideStart(seen, SINCE, start)).toEqual({
        kind: 'escalate',
        reason: `run inc-1-restore of database-restore ended as ${verdict ?? 'needs-person'}; its report is that of inc-2, and it is started once in an incident`,
      });
      expect(verifyRun(seen, start)).toMatchObject({ kind: 'bad', stopForSeconds: 3_600 });
    },
  );

  it('has helped once its run has recovered, and waits for one that has not begun', () => {
    expect(verifyRun({ run: { ...run, summary: 'in 3 s' } }, start)).toEqual({
      kind: 'good',
      detail: 'run inc-1-restore of database-restore ended as recovered (in 3 s); its report is that of inc-2',
    });
    expect(verifyRun({}, start)).toEqual({ kind: 'not-yet', detail: 'its run of database-restore has not begun yet' });
    expect([alreadyStarted({ run }), alreadyStarted({})]).toEqual(['yes', 'no']);
  });
});
