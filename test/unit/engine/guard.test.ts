import { describe, expect, it } from '@jest/globals';
import { type GuardInput, preflight } from '../../../functions/engine/guard.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import { config, limits, NOW, signal } from '../../support/fixtures.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NAME = 'scale-out-service';

const allowed: GuardInput = {
  signal,
  remediation: NAME,
  limits,
  target: NEW_TARGET,
  alarm: undefined,
  switchState: 'run',
  upstreamsInTrouble: [],
  storm: undefined,
  config,
  now: NOW,
};
const UPSTREAM = { target: 'rds-instance/orders-db', incidentId: 'inc-1', severity: 'P2' } as const;
const with_ = (change: Partial<GuardInput>): GuardInput => ({ ...allowed, ...change });
const target = (change: Partial<GuardInput['target']>) => with_({ target: { ...NEW_TARGET, ...change } });
const at = (secondsAgo: number) => ({ ...signal, at: new Date(NOW - secondsAgo * 1000).toISOString() });

describe('preflight', () => {
  it('lets a fresh signal for an untouched target pass', () => {
    expect(preflight(allowed)).toBeUndefined();
  });

  it.each<[string, GuardInput, object]>([
    ['paused', with_({ switchState: 'pause' }), { kind: 'held', reason: 'paused', recheckAt: NOW + 30_000 }],
    ['frozen', with_({ switchState: 'freeze' }), { kind: 'held', reason: 'paused' }],
    ['recovered since', with_({ alarm: { state: 'OK', stateAt: NOW } }), { kind: 'recovered' }],
    [
      'recovered at the same moment',
      with_({ alarm: { state: 'OK', stateAt: Date.parse(signal.at) } }),
      { kind: 'recovered' },
    ],
    [
      'actions disabled',
      with_({ alarm: { state: 'INSUFFICIENT_DATA', stateAt: 0, actionsDisabledUntil: NOW + 1 } }),
      { kind: 'held', reason: 'actions-disabled', recheckAt: NOW + 30_000 },
    ],
    [
      'actions disabled between two rungs of a ladder',
      with_({
        signal: { ...signal, rung: 1, recheck: 1 },
        alarm: { state: 'ALARM', stateAt: 0, actionsDisabledUntil: NOW + 1 },
      }),
      { kind: 'held', reason: 'actions-disabled' },
    ],
    [
      'muted by a rule',
      with_({ signal: { ...signal, recheck: 1, mutedUntil: new Date(NOW + 1).toISOString() } }),
      {
        ...{ kind: 'held', reason: 'actions-disabled', recheckAt: NOW + 1 },
        detail: `${signal.name} is muted until ${new Date(NOW + 1).toISOString()} (alarm mute rule or suppressor)`,
      },
    ],
    ['stale', with_({ signal: at(901) }), { kind: 'held', reason: 'stale', recheckAt: NOW }],
    [
      'first evaluation',
      with_({ signal: { ...signal, firstEvaluation: true } }),
      { kind: 'held', reason: 'first-evaluation', recheckAt: NOW + 2 * MINUTE },
    ],
    [
      'within a freeze window',
      with_({
        config: {
          ...config,
          windows: [{ name: 'sale', kind: 'freeze', begins: '2026-11-20T00:00:00Z', ends: '2026-11-20T04:00:00Z' }],
        },
      }),
      { kind: 'refused', guardrail: 'window', recheckAt: NOW + HOUR },
    ],
    [
      'leased, no incident',
      target({ leaseHolder: 'a', leaseUntil: NOW + 1 }),
      { kind: 'held', reason: 'lease', recheckAt: NOW + 1 },
    ],
    [
      'leased by an action that never ended',
      target({ leaseHolder: 'a', leaseUntil: NOW }),
      { kind: 'held', reason: 'lease', recheckAt: NOW + 30_000 },
    ],
    [
      'leased by a plan that was left, also within an incident: it must call somebody',
      target({ leaseHolder: 'plan:run-1', leaseUntil: NOW, openIncidentId: 'inc-1' }),
      { kind: 'held', reason: 'lease', recheckAt: NOW + 30_000 },
    ],
    [
      'leased by a plan that goes on, within an incident',
      target({ leaseHolder: 'plan:run-1', leaseUntil: NOW + 1, openIncidentId: 'inc-1' }),
      { kind: 'joined', recheckAt: NOW + 1 },
    ],
    [
      'leased within an incident',
      target({ leaseHolder: 'a', leaseUntil: NOW + 1, openIncidentId: 'inc-1' }),
      { kind: 'joined', recheckAt: NOW + 1 },
    ],
    [
      'taken over by a person, by name and with the reason',
      target({ takenOver: { by: 'person:jane', since: signal.at, until: NOW + 1, reason: 'load test' } }),
      {
        kind: 'held',
        reason: 'hands-off',
        detail: `jane has taken it over until ${new Date(NOW + 1).toISOString()}: load test`,
        recheckAt: NOW + 1,
      },
    ],
    [
      'kept away because what the remediation did made nothing better',
      target({ keptAway: { [NAME]: NOW + 1 } }),
      { kind: 'held', reason: 'hands-off', detail: expect.stringContaining(NAME), recheckAt: NOW + 1 },
    ],
    ['hands off', target({ handsOffUntil: NOW + 1 }), { kind: 'held', reason: 'hands-off', recheckAt: NOW + 1 }],
    [
      'cooling down',
      target({ cooldownUntil: { [NAME]: NOW + 1 } }),
      { kind: 'refused', guardrail: 'cooldown', recheckAt: NOW + 1 },
    ],
    [
      'cooling down, and says how long ago the last change was',
      target({ cooldownUntil: { [NAME]: NOW + (limits.cooldownSeconds - 20) * 1000 } }),
      { guardrail: 'cooldown', present: 'last change 20 s ago' },
    ],
    [
      'target budget spent',
      target({ recent: { [NAME]: [NOW - 50 * MINUTE, NOW - 40 * MINUTE, NOW - 30 * MINUTE] } }),
      { kind: 'refused', guardrail: 'target-budget', recheckAt: NOW + 10 * MINUTE },
    ],
    [
      'upstream in trouble',
      with_({ target: { ...NEW_TARGET, openIncidentId: 'inc-2' }, upstreamsInTrouble: [UPSTREAM] }),
      {
        kind: 'held',
        reason: 'upstream-in-trouble',
        detail: expect.stringContaining('rds-instance/orders-db'),
        recheckAt: NOW + 30_000,
      },
    ],
    [
      'upstream in trouble, with no incident of its own: it joins that one',
      with_({ upstreamsInTrouble: [UPSTREAM], severity: 'P2' }),
      { kind: 'joined', upstream: UPSTREAM, recheckAt: NOW + 30_000 },
    ],
    [
      'upstream in trouble that is less urgent than its own would be: nobody would be called in time',
      with_({ upstreamsInTrouble: [UPSTREAM], severity: 'P1' }),
      { kind: 'held', reason: 'upstream-in-trouble' },
    ],
    [
      'upstream in trouble of which nobody was told: it takes nothing in',
      with_({ upstreamsInTrouble: [{ ...UPSTREAM, unattended: true }], severity: 'P2' }),
      { kind: 'held', reason: 'upstream-in-trouble' },
    ],
    [
      'two upstreams in trouble, of which one is urgent enough',
      with_({ upstreamsInTrouble: [{ ...UPSTREAM, severity: 'P4' }, UPSTREAM], severity: 'P2' }),
      { kind: 'joined', upstream: UPSTREAM },
    ],
  ])('stops when %s', (_, input, stop) => {
    expect(preflight(input)).toMatchObject(stop);
  });

  it.each<[string, GuardInput]>([
    ['an OK that is older than the signal', with_({ alarm: { state: 'OK', stateAt: Date.parse(signal.at) - 1 } })],
    [
      'disabled actions of which nobody has told for a while',
      with_({ alarm: { state: 'INSUFFICIENT_DATA', stateAt: 0, actionsDisabledUntil: NOW } }),
    ],
    ['a mute that ends now', with_({ signal: { ...signal, mutedUntil: new Date(NOW).toISOString() } })],
    ['an event exactly at the limit of age', with_({ signal: at(900) })],
    [
      'a take-over that ends now',
      target({ takenOver: { by: 'person:jane', since: signal.at, until: NOW, reason: 'load test' } }),
    ],
    ['keeping away that ends now', target({ keptAway: { [NAME]: NOW } })],
    ['another remediation being kept away', target({ keptAway: { other: NOW + HOUR } })],
    ['hands off that ends now', target({ handsOffUntil: NOW })],
    ['a cooldown that ends now', target({ cooldownUntil: { [NAME]: NOW } })],
    ['the cooldown of another remediation', target({ cooldownUntil: { other: NOW + HOUR } })],
    ['one change fewer than the budget', target({ recent: { [NAME]: [NOW - 2, NOW - 1] } })],
    ['changes that are an hour old', target({ recent: { [NAME]: [NOW - HOUR, NOW - HOUR, NOW - HOUR] } })],
  ])('lets pass %s', (_, input) => {
    expect(preflight(input)).toBeUndefined();
  });

  it('judges a signal that was brought up again although it is old or was a first evaluation', () => {
    expect(preflight(with_({ signal: { ...at(86_400), firstEvaluation: true, recheck: 1 } }))).toBeUndefined();
  });

  it('names the switch before anything else that would refuse too', () => {
    const everything = with_({
      ...target({ handsOffUntil: NOW + 1, cooldownUntil: { [NAME]: NOW + 1 } }),
      switchState: 'pause',
    });
    expect(preflight(everything)).toMatchObject({ reason: 'paused' });
  });
});
