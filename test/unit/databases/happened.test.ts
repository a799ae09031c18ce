import { describe, expect, it } from '@jest/globals';
import { happened, underWay } from '../../../functions/databases/happened.ts';
import { notAvailable } from '../../../functions/databases/status.ts';

const at = (minute: number) => `2026-11-20T03:${String(minute).padStart(2, '0')}:00.000Z`;
const STARTED = { at: at(1), message: 'Multi-AZ instance failover started.' };
const COMPLETED = { at: at(2), message: 'Multi-AZ instance failover completed' };

describe('what RDS says it did', () => {
  it('is known by its message, with and without a full stop', () => {
    expect(happened([STARTED, COMPLETED], 'failover-started')).toEqual([at(1)]);
    expect(happened([STARTED, COMPLETED], 'failover-completed')).toEqual([at(2)]);
    for (const message of [
      'Multi-AZ failover to standby complete - DNS propagation may take a few minutes.',
      'A Multi-AZ failover has completed.',
      'Multi-AZ instance activation completed.',
      'Recovered from partial failover.',
    ])
      expect([message, happened([{ at: at(1), message }], 'failover-completed')]).toEqual([message, [at(1)]]);
    expect(happened([COMPLETED], 'failover-started')).toEqual([]);
    expect(happened([STARTED], 'failover-completed')).toEqual([]);
  });

  it('counts from a time on, that time included', () => {
    expect(happened([STARTED], 'failover-started', at(1))).toEqual([at(1)]);
    expect(happened([STARTED], 'failover-started', at(2))).toEqual([]);
  });

  it('is under way from its begin to its end, in whatever order it is told', () => {
    expect(underWay([STARTED], 'failover-started', 'failover-completed')).toBe(at(1));
    expect(underWay([COMPLETED, STARTED], 'failover-started', 'failover-completed')).toBeUndefined();
    expect(underWay([COMPLETED, { ...STARTED, at: at(3) }], 'failover-started', 'failover-completed')).toBe(at(3));
  });
});

describe('a status', () => {
  it('is fine, passes, or is a person’s matter', () => {
    expect(notAvailable('orders-db', 'available')).toBeUndefined();
    for (const status of ['rebooting', 'modifying', 'backing-up', 'storage-optimization'])
      expect(notAvailable('orders-db', status)).toMatchObject({ kind: 'hold', reason: 'maintenance' });
    for (const status of ['failed', 'storage-full', 'stopped', 'a status of next year'])
      expect(notAvailable('orders-db', status)).toMatchObject({ kind: 'escalate' });
  });
});
