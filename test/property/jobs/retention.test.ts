import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Backup, planRetention } from '../../../functions/jobs/retention.ts';

const HOUR = 3_600_000;
const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);
/** The Monday of its week. */
function weekOf(at: number): string {
  const day = new Date(at);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

/** What happens to backups over time; pruning in between. */
const happening = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('routine' as const),
      days: fc.integer({ min: 1, max: 30 }),
      proved: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('backup' as const),
      status: fc.constantFrom('available' as const, 'available' as const, 'failed' as const, 'creating' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('verify' as const), which: fc.nat(50), passes: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.nat(24 * 3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), hours: fc.integer({ min: -24 * 60, max: 24 * 60 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('prune' as const) }) },
);
const policies = fc.record({
  keepDays: fc.integer({ min: 1, max: 30 }),
  keepWeeks: fc.nat(8),
  keepMonths: fc.nat(12),
  keepAtLeast: fc.integer({ min: 1, max: 5 }),
  everySeconds: fc.constantFrom(3600, 86_400),
});

describe('retention, over any history of backups, failures and clock jumps', () => {
  it('never loses the last verified backup, touches nothing foreign, and removes only what has a verified successor', () => {
    let removals = 0;
    fc.assert(
      fc.property(policies, fc.array(happening, { maxLength: 40 }), (policy, history) => {
        let now = Date.parse('2026-01-01T00:00:00Z');
        let backups: Backup[] = [];
        for (const [step, event] of history.entries()) {
          const id = `b${step}`;
          if (event.kind === 'routine') {
            for (let day = 0; day < event.days; day++) {
              const verifiedAt = event.proved ? now : undefined;
              backups.push({ id: `${id}-${day}`, createdAt: now, status: 'available', madeBy: 'main', verifiedAt });
              now += 24 * HOUR;
            }
          } else if (event.kind === 'wait') now += event.hours * HOUR;
          else if (event.kind === 'clock') now += event.hours * HOUR;
          else if (event.kind === 'backup') backups.push({ id, createdAt: now, status: event.status, madeBy: 'main' });
          else if (event.kind === 'foreign')
            backups.push({ id, createdAt: now, status: 'available', madeBy: undefined });
          else if (event.kind === 'verify') {
            const usable = backups.filter(({ status, madeBy }) => status === 'available' && madeBy === 'main');
            const chosen = usable[event.which % Math.max(1, usable.length)];
            const proof = event.passes ? { verifiedAt: now, isBad: false } : { verifiedAt: undefined, isBad: true };
            backups = backups.map((each) => (each === chosen ? { ...each, ...proof } : each));
          } else {
            const plan = planRetention(backups, policy, 'main', now);
            const gone = new Set(plan.remove.map((each) => each.id));
            const verified = backups
              .filter(({ status, madeBy, verifiedAt }) => status === 'available' && madeBy === 'main' && verifiedAt)
              .sort((a, b) => b.createdAt - a.createdAt);
            expect(plan.keep.length + plan.remove.length).toBe(backups.length);
            if (verified[0]) expect(gone).not.toContain(verified[0].id);
            for (const backup of backups.filter((each) => gone.has(each.id))) {
              expect(backup.madeBy).toBe('main');
              expect(backup.status).not.toBe('creating');
              expect(verified.some(({ id, createdAt }) => createdAt >= backup.createdAt && !gone.has(id))).toBe(true);
            }
            const left = backups.filter((each) => !gone.has(each.id));
            const usable = (list: readonly Backup[]) =>
              list.filter(({ status, madeBy, isBad }) => status === 'available' && madeBy === 'main' && !isBad).length;
            expect(usable(left)).toBeGreaterThanOrEqual(Math.min(policy.keepAtLeast, usable(backups)));
            // A week or month that loses its verified backups keeps none that stands for it instead.
            for (const { id, why } of plan.keep.filter((each) => each.why.startsWith('the best of'))) {
              const kept = backups.find((each) => each.id === id);
              expect(kept?.isBad ?? false).toBe(false);
              if (kept?.verifiedAt !== undefined) continue;
              const periodOf = why.endsWith('week') ? weekOf : monthOf;
              const same = verified.filter((each) => periodOf(each.createdAt) === periodOf(kept?.createdAt ?? 0));
              expect(same).toEqual([]);
            }
            removals += gone.size;
            backups = left;
          }
        }
      }),
      { numRuns: 1000 },
    );
    expect(removals).toBeGreaterThan(1000);
  });
});
