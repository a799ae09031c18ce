import { describe, expect, it } from '@jest/globals';
import { peopleNeeded, standingOf } from '../../../functions/engine/consent.ts';
import { approval } from '../../support/approvals.ts';

const NOW = Date.parse('2026-11-21T03:00:00Z');
const times = { handsOffMs: 3_600_000, graceMs: 600_000 };

describe('who is asked', () => {
  it.each([
    ['auto', 'low', undefined, undefined, 0],
    ['auto', 'high', undefined, undefined, 0],
    ['approve', 'low', undefined, undefined, 1],
    ['approve', 'high', undefined, undefined, 2],
    ['auto', 'low', { people: 1 }, undefined, 1],
    ['auto', 'low', undefined, { people: 2, why: 'the class changes' }, 2],
    ['approve', 'low', undefined, { people: 2, why: 'the class changes' }, 2],
    ['approve', 'high', { people: 1 }, undefined, 1],
    ['approve', 'high', { people: 1 }, { people: 2, why: 'the class changes' }, 2],
  ] as const)('in mode %s, risk %s, manifest %j, decision %j: %d', (mode, risk, ofManifest, ofDecision, people) => {
    const manifest = { risk, ...(ofManifest && { approval: ofManifest }) };
    expect(peopleNeeded(mode, manifest, ofDecision ? { approval: ofDecision } : {})).toBe(people);
  });
});

describe('an approval that was asked for', () => {
  it.each([
    ['is waited for', { status: 'waiting', validUntil: NOW + 1 }, true, 'wait'],
    ['expires at its end', { status: 'waiting', validUntil: NOW }, true, 'expire'],
    ['expires also where the target differs: nobody answered', { status: 'waiting', validUntil: NOW }, false, 'expire'],
    ['is void where the target differs', { status: 'waiting', validUntil: NOW + 1 }, false, 'void'],
    ['is given', { status: 'approved', validUntil: NOW + 1 }, true, 'given'],
    ['is void where the target differs, also when given', { status: 'approved', validUntil: NOW + 1 }, false, 'void'],
    [
      'may be used a little after its end, for it was given before',
      { status: 'approved', validUntil: NOW - 599_999 },
      true,
      'given',
    ],
    ['isn’t used long after its end', { status: 'approved', validUntil: NOW - 600_000 }, true, 'expire'],
    ['stands as a no for a while', { status: 'denied', decidedAt: NOW - 3_599_999 }, true, 'escalate'],
    ['is asked anew after that', { status: 'denied', decidedAt: NOW - 3_600_000 }, true, 'ask'],
    ['that nobody answered stands as a no for a while', { status: 'expired', decidedAt: NOW - 1 }, true, 'escalate'],
    ['is used once', { status: 'used', decidedAt: NOW - 1 }, true, 'ask'],
    ['that is void is asked anew', { status: 'void', decidedAt: NOW - 1 }, true, 'ask'],
  ] as const)('%s', (_what, over, isSame, standing) => {
    expect(standingOf(approval(over), NOW, isSame, times)).toBe(standing);
  });
});
