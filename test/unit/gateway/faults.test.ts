import { describe, expect, it } from '@jest/globals';
import { faultMatches } from '../../../local/gateway/faults.ts';
import type { Fault } from '../../../local/world/types.ts';

const call = (caller: string) => ({ service: 'ecs', operation: 'UpdateService', region: 'us-west-2', caller });
const meets = (wanted: string, caller: string) => {
  const fault: Fault = { name: 'test', match: { caller: wanted }, kind: 'cut-off' };
  return faultMatches(fault, call(caller), '');
};

describe('a fault of certain callers', () => {
  it('meets the one of that name and no other', () => {
    expect(meets('nightshift-demo-links', 'nightshift-demo-links')).toBe(true);
    expect(meets('nightshift-demo-links', 'nightshift-demo-links-2')).toBe(false);
  });

  it('meets all whose names begin as it says, such as a deployment’s', () => {
    expect(meets('nightshift-west-*', 'nightshift-west-region-failover')).toBe(true);
    expect(meets('nightshift-west-*', 'nightshift-demo-reconciler')).toBe(false);
  });
});
