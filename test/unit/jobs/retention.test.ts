import { describe, expect, it } from '@jest/globals';
import { type Backup, planRetention, type RetentionPolicy } from '../../../functions/jobs/retention.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.parse('2026-03-31T12:00:00Z');
const policy: RetentionPolicy = { keepDays: 7, keepWeeks: 4, keepMonths: 3, keepAtLeast: 2, everySeconds: 86_400 };
const backup = (daysAgo: number, more: Partial<Backup> = {}): Backup => ({
  id: `b${daysAgo}`,
  createdAt: NOW - daysAgo * DAY,
  status: 'available',
  madeBy: 'main',
  verifiedAt: NOW - daysAgo * DAY + 3_600_000,
  ...more,
});
const days = (count: number) => Array.from({ length: count }, (_, day) => backup(day));
const removed = (backups: readonly Backup[], now = NOW) =>
  planRetention(backups, policy, 'main', now).remove.map(({ id }) => id);

describe('retention', () => {
  it('keeps a week of days, the newest of four weeks and of three months, and lets the rest go', () => {
    const plan = planRetention(days(100), policy, 'main', NOW);
    const kept = plan.keep.map(({ id }) => Number(id.slice(1)));
    // Days 0..6; Sundays 2, 9, 16 (with this week's newest, 0); the last days of January and February: 59 and 31.
    expect(kept).toEqual([0, 1, 2, 3, 4, 5, 6, 9, 16, 31, 59]);
    expect(plan.remove).toHaveLength(89);
  });

  it.each([
    ['made by somebody else', { madeBy: undefined }],
    ['made by another deployment', { madeBy: 'other' }],
    ['that is being made', { status: 'creating' as const }],
  ])('never touches one %s', (_, more) => {
    expect(removed([...days(3), backup(90, more)])).toEqual([]);
  });

  it('lets a failed one go once a newer one is verified, and not before', () => {
    expect(removed([backup(0), backup(1, { status: 'failed' })])).toEqual(['b1']);
    expect(removed([backup(0, { verifiedAt: undefined }), backup(1, { status: 'failed' })])).toEqual([]);
  });

  it('keeps the last verified one and all that came after it, however old', () => {
    const backups = [...Array.from({ length: 40 }, (_, day) => backup(day, { verifiedAt: undefined })), backup(300)];
    expect(removed(backups)).toEqual([]);
  });

  it.each([
    ['two backups in a row are missing', NOW + 2 * DAY + 1, 'two in a row are missing'],
    ['the clock went back', NOW - DAY, 'a clock is wrong'],
  ])('removes nothing when %s', (_, now, why) => {
    const plan = planRetention(days(100), policy, 'main', now);
    expect(plan.remove).toEqual([]);
    expect(plan.halted).toContain(why);
  });

  it('goes on at exactly two periods without a backup', () => {
    expect(removed(days(100), NOW + 2 * DAY).length).toBeGreaterThan(0);
  });

  it('keeps the verified one of a week or month, not a newer one that is not, and none that is known to be bad', () => {
    // Days 9 and 16 are Sundays, 31 and 59 the last days of their months.
    const backups = days(100).map((each, day) => {
      if (![9, 16, 31, 59].includes(day)) return each;
      return { ...each, verifiedAt: undefined, isBad: day === 9 || day === 31 };
    });
    const plan = planRetention(backups, policy, 'main', NOW);
    expect(plan.keep.map(({ id }) => Number(id.slice(1)))).toEqual([0, 1, 2, 3, 4, 5, 6, 10, 17, 32, 60]);
  });

  it('keeps at least so many that are not known to be bad', () => {
    const old = [backup(40), backup(41, { isBad: true, verifiedAt: undefined }), backup(42), backup(43)];
    const none = { ...policy, keepWeeks: 0, keepMonths: 0, everySeconds: 60 * 86_400 };
    const plan = planRetention(old, none, 'main', NOW);
    expect(plan.remove.map(({ id }) => id)).toEqual(['b41', 'b43']);
  });

  it('removes nothing when none was verified', () => {
    const plan = planRetention(
      days(100).map(({ verifiedAt: _, ...each }) => each),
      policy,
      'main',
      NOW,
    );
    expect(plan).toMatchObject({ remove: [], halted: 'no backup has been verified' });
  });

  it('has nothing to say where nothing of ours is', () => {
    expect(planRetention([], policy, 'main', NOW)).toEqual({ remove: [], keep: [] });
  });
});
