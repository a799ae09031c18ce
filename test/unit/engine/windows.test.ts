import { describe, expect, it } from '@jest/globals';
import {
  changeForbidden,
  isOpen,
  type SingleWindow,
  type WeeklyWindow,
  type Window,
} from '../../../functions/engine/windows.ts';

const at = (iso: string) => Date.parse(iso);
const weekly = (change: Partial<WeeklyWindow> = {}): WeeklyWindow => ({
  name: 'nights',
  kind: 'freeze',
  timeZone: 'Europe/Paris',
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  from: '22:00',
  to: '06:00',
  ...change,
});

describe('a weekly window', () => {
  // 2026-11-20 is a Friday; Paris is one hour ahead of UTC in winter.
  it.each<[string, boolean]>([
    ['2026-11-20T20:59:59Z', false],
    ['2026-11-20T21:00:00Z', true],
    ['2026-11-21T04:59:59Z', true],
    ['2026-11-21T05:00:00Z', false],
    ['2026-11-21T21:00:00Z', false],
    ['2026-11-22T04:00:00Z', false],
    ['2026-11-23T04:00:00Z', false],
    ['2026-11-23T21:00:00Z', true],
  ])('over midnight at %s is open: %s', (instant, open) => {
    expect(isOpen(weekly(), at(instant))).toBe(open);
  });

  it('over a whole day from midnight to midnight', () => {
    const saturday = weekly({ days: ['sat'], from: '00:00', to: '00:00' });
    expect(isOpen(saturday, at('2026-11-20T22:59:59Z'))).toBe(false);
    expect(isOpen(saturday, at('2026-11-20T23:00:00Z'))).toBe(true);
    expect(isOpen(saturday, at('2026-11-21T22:59:59Z'))).toBe(true);
    expect(isOpen(saturday, at('2026-11-21T23:00:00Z'))).toBe(false);
  });

  it('keeps to the wall clock when clocks go forward', () => {
    // Paris, 29 March 2026: 01:59:59 is followed by 03:00:00.
    const sunday = weekly({ days: ['sun'], from: '02:30', to: '04:00' });
    expect(isOpen(sunday, at('2026-03-29T00:59:59Z'))).toBe(false);
    expect(isOpen(sunday, at('2026-03-29T01:00:00Z'))).toBe(true);
    expect(isOpen(sunday, at('2026-03-29T01:59:59Z'))).toBe(true);
    expect(isOpen(sunday, at('2026-03-29T02:00:00Z'))).toBe(false);
  });

  it('is open in both of the hours that come twice when clocks go back', () => {
    // Paris, 25 October 2026: 02:59:59 summer time is followed by 02:00:00 winter time.
    const sunday = weekly({ days: ['sun'], from: '02:00', to: '03:00' });
    expect(isOpen(sunday, at('2026-10-24T23:59:59Z'))).toBe(false);
    expect(isOpen(sunday, at('2026-10-25T00:00:00Z'))).toBe(true);
    expect(isOpen(sunday, at('2026-10-25T01:59:59Z'))).toBe(true);
    expect(isOpen(sunday, at('2026-10-25T02:00:00Z'))).toBe(false);
  });

  it('knows the leap day', () => {
    // 29 February 2028 is a Tuesday.
    const tuesdays = weekly({ days: ['tue'], from: '10:00', to: '11:00', timeZone: 'UTC' });
    expect(isOpen(tuesdays, at('2028-02-29T10:30:00Z'))).toBe(true);
    expect(isOpen(tuesdays, at('2028-03-01T10:30:00Z'))).toBe(false);
  });

  it('follows zones that are not a whole hour away', () => {
    const kathmandu = weekly({ days: ['mon'], from: '09:00', to: '10:00', timeZone: 'Asia/Kathmandu' });
    expect(isOpen(kathmandu, at('2026-11-23T03:15:00Z'))).toBe(true);
    expect(isOpen(kathmandu, at('2026-11-23T04:15:00Z'))).toBe(false);
  });
});

describe('whether a change is forbidden', () => {
  const TARGET = 'ecs-service/orders/backend';
  const night = at('2026-11-20T23:00:00Z');
  const noon = at('2026-11-20T12:00:00Z');
  const change = weekly({ name: 'office', kind: 'change', from: '09:00', to: '17:00' });
  const forbidden = (windows: Window[], instant: number, target = TARGET) => changeForbidden(windows, target, instant);

  it('by nothing where there is no window', () => {
    expect(forbidden([], night)).toBeUndefined();
  });
  it('by an open freeze window, until it closes', () => {
    expect(forbidden([weekly()], night)).toMatchObject({ until: at('2026-11-21T05:00:00Z') });
    expect(forbidden([weekly()], noon)).toBeUndefined();
  });
  it('outside every change window, until the next one opens after the weekend', () => {
    expect(forbidden([change], night)).toMatchObject({ until: at('2026-11-23T08:00:00Z') });
    expect(forbidden([change], noon)).toBeUndefined();
  });
  it('by a freeze even within a change window', () => {
    const freeze: SingleWindow = {
      name: 'sale',
      kind: 'freeze',
      begins: '2026-11-20T11:00:00Z',
      ends: '2026-11-20T13:00:00Z',
    };
    expect(forbidden([change, freeze], noon)).toMatchObject({
      detail: expect.stringContaining('sale'),
      until: at('2026-11-20T13:00:00Z'),
    });
  });
  it('never by a quiet window, nor by one for other targets', () => {
    expect(forbidden([weekly({ kind: 'quiet' })], night)).toBeUndefined();
    expect(forbidden([weekly({ targets: ['rds-instance/orders-db'] })], night)).toBeUndefined();
    expect(forbidden([weekly({ targets: ['rds-instance/orders-db'] })], night, 'rds-instance/orders-db')).toBeDefined();
  });
  it('to the minute in which it opens, whatever second it is now', () => {
    const now = at('2026-11-21T04:58:31.250Z');
    expect(forbidden([weekly()], now)).toMatchObject({ until: at('2026-11-21T05:00:00Z') });
  });
  it('only outside all of its change windows: one that is open is enough, and all are named when none is', () => {
    const evening = { ...change, name: 'evenings', from: '20:00', to: '21:00' };
    expect(forbidden([evening, change], noon)).toBeUndefined();
    expect(forbidden([evening, change], night)?.detail).toContain(`${evening.name}, ${change.name}`);
  });
  it('for as long as eight days when it never opens', () => {
    const never = weekly({ days: [], kind: 'change' });
    expect(forbidden([never], noon)?.until).toBeGreaterThan(noon + 7 * 86_400_000);
  });
});
