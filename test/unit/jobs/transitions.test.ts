import { describe, expect, it } from '@jest/globals';
import { type HeadItem, newHead } from '../../../functions/engine/job-head.ts';
import type { RunItem } from '../../../functions/jobs/items.ts';
import {
  afterCleanUp,
  afterRun,
  afterStep,
  broken,
  CLEANING_MS,
  newRun,
  overdue,
  renewed,
} from '../../../functions/jobs/transitions.ts';

const NOW = Date.parse('2026-11-21T02:00:00Z');
const identity = { job: 'back-up-database', subject: 'orders-db', scheduledAt: '2026-11-21T02:00:00Z' };
const manifest = {
  name: 'back-up-database',
  severity: 'P2' as const,
  deadlineSeconds: 600,
  overdueAfterSeconds: 100_000,
};
const FIRST = newHead(identity, NOW);
const head = (more: Partial<HeadItem>): HeadItem => ({ ...FIRST, ...more });
const run = newRun(identity, { step: 1 }, manifest, NOW);
const passed = { kind: 'passed', summary: 'a snapshot', report: { sizeGib: 20 } } as const;
const failed = { kind: 'failed', check: 'recovery-point', summary: 'logs are late', report: {} } as const;
const over = (verdict: RunItem['verdict']): RunItem => ({ ...run, phase: 'ended', ...(verdict && { verdict }) });

describe('a run', () => {
  it('keeps what a step says that it waits for', () => {
    const next = afterStep(run, { kind: 'wait', seconds: 30, state: { step: 2 }, note: 'creating' });
    expect(next).toMatchObject({ phase: 'working', state: { step: 2 }, note: 'creating' });
  });

  it('cleans up after its verdict', () => {
    const waiting = { ...run, note: 'creating' };
    const next = afterStep(waiting, { kind: 'verdict', state: { step: 2 }, verdict: passed });
    expect(next).toMatchObject({ phase: 'cleaning', verdict: passed });
    expect(next).not.toHaveProperty('note');
  });

  it('has failed at its deadline, not a moment before, and says what it waited for', () => {
    const waiting = { ...run, note: 'the snapshot is being made' };
    expect(overdue(waiting, NOW + 599_999)).toBeUndefined();
    expect(overdue(waiting, NOW + 600_000)).toMatchObject({
      phase: 'cleaning',
      verdict: {
        kind: 'failed',
        check: 'deadline',
        summary: 'not done within 10 minutes; it waited for this: the snapshot is being made',
      },
    });
    expect(overdue({ ...waiting, phase: 'cleaning' }, NOW + 600_000)).toBeUndefined();
  });

  it('has all of its time again after it was stopped', () => {
    expect(renewed(run, manifest, NOW + 900_000)).toMatchObject({ phase: 'working', deadlineAt: NOW + 1_500_000 });
  });

  it('is over when it is clean, and fails when it can never be cleaned', () => {
    const cleaning: RunItem = { ...run, phase: 'cleaning', verdict: passed };
    expect(afterCleanUp(cleaning, { kind: 'clean' }, NOW)).toMatchObject({
      phase: 'ended',
      endedAt: NOW,
      verdict: passed,
    });
    const stuck = { kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' } as const;
    const giveUp = NOW + 600_000 + CLEANING_MS;
    expect(afterCleanUp(cleaning, stuck, giveUp - 1)).toBeUndefined();
    expect(afterCleanUp(cleaning, stuck, giveUp)?.verdict).toMatchObject({ kind: 'failed', check: 'clean-up' });
  });
});

describe('the end of a run', () => {
  const end = (head: Parameters<typeof afterRun>[0], verdict: RunItem['verdict']) => {
    const found = afterRun(head, over(verdict), manifest, NOW + 1000);
    if (!found) throw new Error('it tells nothing');
    return found;
  };

  it('tells nothing when it passed and nothing was wrong', () => {
    expect(end(FIRST, passed)).toEqual({
      entries: [],
      next: {
        ...FIRST,
        overdueAt: NOW + 1000 + 100_000_000,
        lastRunAt: identity.scheduledAt,
        lastKind: 'passed',
        lastSummary: 'a snapshot',
        lastPassedAt: NOW + 1000,
      },
    });
  });

  it('opens an incident and calls a person when it failed, naming the check', () => {
    const { next, entries } = end(head({ version: 3, lastPassedAt: 5 }), failed);
    expect(entries.map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
    expect(entries[0]?.data).toMatchObject({ target: 'job/back-up-database/orders-db', severity: 'P2' });
    expect(entries[1]?.summary).toBe('back-up-database failed for orders-db: recovery-point: logs are late');
    expect(next).toMatchObject({ lastKind: 'failed', lastPassedAt: 5, openIncidentId: entries[0]?.incidentId });
  });

  it('adds to the incident while runs go on failing, and resolves it with the next that passes', () => {
    const second = end(head({ version: 4, openIncidentId: 'inc-1' }), failed);
    expect(second.entries.map(({ kind, incidentId }) => [kind, incidentId])).toEqual([['escalated', 'inc-1']]);
    const third = end(second.next, passed);
    expect(third.entries.map(({ kind, incidentId }) => [kind, incidentId])).toEqual([['resolved', 'inc-1']]);
    expect(third.next).not.toHaveProperty('openIncidentId');
  });

  it('says nothing of the job when a person named what it was about, or a later run has ended', () => {
    const open = head({ version: 3, openIncidentId: 'inc-1', lastRunAt: '2026-11-21T02:00:00.000Z' });
    for (const verdict of [passed, failed]) {
      expect(afterRun(open, { ...over(verdict), wanted: 'an-old-backup' }, manifest, NOW)).toBeUndefined();
      const earlier = { ...over(verdict), scheduledAt: '2026-11-21T01:59:59Z' };
      expect(afterRun(open, earlier, manifest, NOW)).toBeUndefined();
    }
    expect(end(open, passed).entries.map(({ kind }) => kind)).toEqual(['resolved']);
  });

  it('tells a person what is left behind by a run that broke off', () => {
    const { entries } = end(FIRST, broken(run, 'stopped', 'Lambda.TooManyRequestsException').verdict);
    expect(entries[1]?.summary).toContain('stopped: Lambda.TooManyRequestsException');
  });
});
