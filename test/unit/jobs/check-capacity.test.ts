import { describe, expect, it } from '@jest/globals';
import type { CapacityChecks } from '../../../functions/engine/config.ts';
import { type DatabaseDays, ofDatabase, ofService } from '../../../functions/jobs/check-capacity/decide.ts';
import { type Days, projectionOf } from '../../../functions/jobs/check-capacity/projection.ts';
import { database, service } from '../../support/fixtures.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const limits: CapacityChecks = { withinDays: 30, storagePercent: 90, cpuPercent: 80, memoryFreeMib: 256 };
const days = (value: (day: number) => number | undefined, count = 30): Days =>
  Array.from({ length: count }, (_, day) => value(day));
/** Day 0 is a Monday. */
const isWeekend = (day: number) => day % 7 >= 5;
const rising = { limit: 80, level: 'busiest' as const };

describe('a projection', () => {
  it('tells the days left of a steady growth', () => {
    expect(
      projectionOf(
        days((day) => 20 + day),
        rising,
      ),
    ).toEqual({ kind: 'grows', now: 49, perDay: 1, daysLeft: 31 });
  });

  it.each<[string, Days, object]>([
    ['the same each day', days(() => 50), { kind: 'steady', now: 50 }],
    ['less and less', days((day) => 60 - day), { kind: 'steady', now: 37 }],
    ['busy on weekdays only', days((day) => (isWeekend(day) ? 5 : 70)), { kind: 'steady', now: 70 }],
    ['up and down', days((day) => 60 + (day % 2 ? 9 : -9)), { kind: 'steady', now: 69 }],
    ['one wild day', days((day) => (day === 12 ? 79 : 40)), { kind: 'steady', now: 40 }],
    ['over the limit on one day of this week', days((day) => (day === 25 ? 80 : 40)), { kind: 'reached', now: 80 }],
    ['over the limit long ago', days((day) => (day === 5 ? 99 : 40)), { kind: 'steady', now: 40 }],
    ['a few days', days((day) => 10 * day, 7), { kind: 'too-little', now: 60, days: 7 }],
    ['two weeks', days((day) => 20 + day, 14), { kind: 'grows', now: 33 }],
    ['a third of the days missing', days((day) => (day % 3 ? 20 + day : undefined)), { kind: 'grows', now: 49 }],
    ['every other day missing', days((day) => (day % 2 ? 20 + day : undefined)), { kind: 'too-little', days: 15 }],
    ['every other week missing', days((day) => (day % 14 < 7 ? undefined : 20)), { kind: 'too-little', now: 20 }],
    ['silent since yesterday', days((day) => (day === 29 ? undefined : 20 + day)), { kind: 'grows', now: 48 }],
    ['silent over a weekend', days((day) => (day > 27 ? undefined : 20 + day)), { kind: 'grows', now: 47 }],
    ['silent for a week', days((day) => (day > 22 ? undefined : 20)), { kind: 'unknown' }],
    ['told of on weekdays only', days((day) => (isWeekend(day) ? undefined : 20 + day)), { kind: 'grows', now: 49 }],
    ['nothing', days(() => undefined), { kind: 'unknown' }],
    ['growing on weekdays', days((day) => (isWeekend(day) ? 5 : 20 + day)), { kind: 'grows', now: 49, perDay: 1 }],
  ])('of %s', (_, seen, expected) => {
    expect(projectionOf(seen, rising)).toMatchObject(expected);
  });

  it('is none of what is stored and was not told of for two days', () => {
    const stored = { limit: 90, level: 'newest' as const };
    expect(
      projectionOf(
        days((day) => (day > 27 ? undefined : 20)),
        stored,
      ),
    ).toEqual({ kind: 'unknown' });
    expect(
      projectionOf(
        days((day) => (day > 28 ? undefined : 20)),
        stored,
      ),
    ).toEqual({ kind: 'steady', now: 20 });
  });

  it('goes on with the trend over a fall that is none of it', () => {
    const grownOnce = days((day) => (day < 20 ? 60 + day : 30 + day));
    expect(projectionOf(grownOnce, { limit: 90, level: 'newest', fallAbove: 10 })).toEqual({
      ...{ kind: 'grows', now: 59, perDay: 1, daysLeft: 31 },
    });
  });
});

describe('the outlook of a database', () => {
  const calm: DatabaseDays = {
    cpu: days(() => 30),
    freeMemory: days(() => 900 * MIB),
    connections: days(() => 20),
    freeStorage: days(() => 60 * GIB),
  };
  const of = (more: Partial<DatabaseDays>) =>
    ofDatabase(database, { ...calm, ...more }, { instanceClass: 'db.m7g.large', storageGib: 100 }, limits);
  const failed = (more: Partial<DatabaseDays>) =>
    of(more).flatMap(({ check, result }) => (result === 'passed' ? [] : [`${check} ${result}`]));

  it('has a finding for each resource, and passes over what lasts', () => {
    expect(of({}).map(({ check, result }) => `${check} ${result}`)).toEqual([
      ...['storage passed', 'cpu passed', 'memory passed', 'connections passed'],
    ]);
  });

  it.each<[Partial<DatabaseDays>, string[]]>([
    [{ freeStorage: days((day) => (60 - day) * GIB) }, ['storage failed']],
    [{ freeStorage: days((day) => (60 - day / 10) * GIB) }, []],
    [{ freeStorage: days(() => 9 * GIB) }, ['storage failed']],
    [{ freeStorage: days(() => 0) }, ['storage failed']],
    [{ freeMemory: days((day) => (900 - 20 * day) * MIB) }, ['memory failed']],
    [{ freeMemory: days((day) => (300 + 20 * day) * MIB) }, []],
    [{ connections: days((day) => 10 + day) }, ['connections failed']],
    // A database that was made hours ago.
    [{ cpu: days(() => undefined) }, []],
  ])('%#: names what runs out', (more, expected) => {
    expect(failed(more)).toEqual(expected);
  });

  it.each([
    ['db.t4g.micro', 60, 'passed'],
    ['db.t4g.micro', 51, 'failed'],
    ['db.t3.small', 110, 'passed'],
    ['db.t3.small', 102, 'failed'],
    ['db.t3.medium', 210, 'passed'],
    ['db.t3.medium', 204, 'failed'],
    ['db.t4g.large', 260, 'passed'],
    ['db.t4g.large', 256, 'failed'],
    ['', 256, 'failed'],
  ])('on %s, takes %i MiB of free memory as %s', (instanceClass, mib, result) => {
    const seen = { ...calm, freeMemory: days(() => mib * MIB) };
    expect(ofDatabase(database, seen, { instanceClass, storageGib: 100 }, limits)[2]).toMatchObject({
      ...{ check: 'memory', result },
    });
    const lower = ofDatabase(database, seen, { instanceClass, storageGib: 100 }, { ...limits, memoryFreeMib: 10 });
    expect(lower[2]?.result).toBe('passed');
  });

  it('says how much, of what, until when', () => {
    expect(of({ freeStorage: days((day) => (60 - day) * GIB) })[0]).toMatchObject({
      subject: 'orders-db',
      daysLeft: 21,
      says: 'storage: 69.0 of 100 GiB; at 90.0 of 100 GiB in 21 days, if it goes on as in the last weeks',
    });
    expect(of({ freeMemory: days(() => 200 * MIB) })[2]?.says).toBe(
      'memory: 200 MiB free, and 256 MiB free is as far as it may go',
    );
    expect(of({ cpu: days(() => undefined) })[1]?.says).toMatch(/^cpu: CloudWatch tells of too few hours/);
    expect(of({ cpu: days(() => 10, 5) })[1]?.says).toBe('cpu: 10.0 %; 5 days are told of, too few for a projection');
  });
});

describe('the outlook of a service', () => {
  it('goes by the limits of its own alarms', () => {
    const seen = { cpu: days((day) => 30 + day), memory: days(() => 20) };
    const limited = { ...service, cpuAbovePercent: 70, memoryAbovePercent: 20 };
    expect(ofService(limited, seen, limits).map(({ result }) => result)).toEqual(['failed', 'failed']);
    expect(ofService({ ...limited, memoryAbovePercent: 21 }, seen, { ...limits, withinDays: 11 })).toMatchObject([
      { result: 'passed', daysLeft: 11 },
      { result: 'passed', says: 'memory: 20.0 %, and it does not grow' },
    ]);
  });
});
