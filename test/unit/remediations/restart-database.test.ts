import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  notAsSeen,
  type Observation,
  verify,
} from '../../../functions/remediations/restart-database/decide.ts';
import { examine } from '../../../functions/remediations/restart-database/examine.ts';
import { SHUT_OUT } from '../../support/connected.ts';
import { config, database, signal } from '../../support/fixtures.ts';

type Seen = Extract<Observation, { kind: 'instance' }>;
const AT = '2026-11-20T03:00:00.000Z';
const minutesLater = (minutes: number) => new Date(Date.parse(AT) + minutes * 60_000).toISOString();
const event = (minutes: number, message: string) => ({ at: minutesLater(minutes), message });
const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  at: AT,
  status: 'available',
  parametersPending: false,
  events: [],
  connected: SHUT_OUT,
  ...change,
});
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const judge = (observation: Observation, runbook?: string) =>
  decide({
    signal: { ...signal, ...(runbook && { runbook }) },
    target: database,
    observation,
    hold: undefined,
    config,
  });

function planned(): Change {
  const decision = judge(seen());
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${decision.kind}`);
  return decision.change;
}

describe('deciding on a restart', () => {
  it('restarts an available instance, and says what that costs', () => {
    expect(planned()).toMatchObject({
      before: { seenAt: AT },
      summary: expect.stringContaining('every connection drops'),
    });
  });

  it.each<[string, Observation, RegExp]>([
    ['does not exist', MISSING, /does not exist/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), /cluster orders/],
    ['has failed', seen({ status: 'failed' }), /is failed/],
    ['has parameter changes that wait for a restart', seen({ parametersPending: true }), /parameter changes/],
    ['restarted within the hour', seen({ events: [event(-30, 'DB instance restarted')] }), /would not last/],
  ])('calls a person when the instance %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });

  it.each<[string, Observation]>([
    ['is being changed', seen({ status: 'modifying' })],
    ['restarted just now', seen({ events: [event(-9, 'DB instance restarted.')] })],
    ['shut down just now, and its restart has not been told', seen({ events: [event(-1, 'DB instance shutdown.')] })],
  ])('waits while the instance %s', (_, observation) => {
    expect(judge(observation)).toMatchObject({ kind: 'hold' });
  });
});

describe('a database that is said to be down', () => {
  const down = (change: Partial<Seen>) => judge(seen(change), 'database-down');

  it('is restarted where nobody is connected', () => {
    expect(down({})).toMatchObject({ kind: 'act' });
  });

  it.each<[string, Partial<Seen>, RegExp]>([
    ['while clients are connected', { connected: { ...SHUT_OUT, most: 12 } }, /12 clients are connected/],
    ['while nobody can tell', { connected: { kind: 'unknown', why: 'it is throttled' } }, /not known: it is throttled/],
    ['that may be idle and well', { connected: { ...SHUT_OUT, before: 2 } }, /no client was connected when/],
    ['that failed', { status: 'failed' }, /is failed/],
    ['that is down again within the hour', { events: [event(-30, 'DB instance restarted')] }, /would not last/],
  ])('is left to a person, who is told what is left, %s', (_, change, reason) => {
    expect(down(change)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
    expect(down(change)).toMatchObject({ reason: expect.stringContaining('nightshift recover database-restore') });
  });

  it('is the only one whose clients count', () => {
    expect(judge(seen({ connected: { ...SHUT_OUT, most: 12 } }))).toMatchObject({ kind: 'act' });
  });

  it('is let recover from its crash before anything is done, whatever the alarm', () => {
    const began = event(
      -5,
      'Recovery of the DB instance has started. Recovery time will vary with the amount of data.',
    );
    expect(down({ events: [began] })).toMatchObject({ kind: 'hold', reason: 'change-under-way' });
    expect(judge(seen({ events: [began] }))).toMatchObject({ kind: 'hold' });
    expect(down({ events: [began, event(-1, 'Recovery of the DB instance is complete.')] })).toMatchObject({
      kind: 'act',
    });
  });
});

describe('whether a restart already happened', () => {
  it('is told by the status or by an event since', () => {
    expect(alreadyApplied(planned(), seen({ status: 'rebooting' }))).toBe('yes');
    expect(alreadyApplied(planned(), seen({ events: [event(1, 'DB instance restarted')] }))).toBe('yes');
    expect(alreadyApplied(planned(), seen({ events: [event(1, 'DB instance shutdown')] }))).toBe('yes');
  });

  it('is never denied, because events can be missing', () => {
    expect(alreadyApplied(planned(), seen())).toBe('unclear');
    expect(alreadyApplied(planned(), seen({ events: [event(-30, 'DB instance restarted')] }))).toBe('unclear');
    expect(alreadyApplied(planned(), MISSING)).toBe('unclear');
  });
});

describe('the look directly before', () => {
  it.each<[string, Observation, string | undefined]>([
    ['as it was', seen(), undefined],
    ['being changed', seen({ status: 'modifying' }), 'modifying'],
    ['gone', MISSING, 'DB instance orders-db does not exist'],
    ['given new parameters', seen({ parametersPending: true }), 'parameter changes that wait for a restart'],
    ['restarted', seen({ events: [event(1, 'DB instance restarted')] }), `restarted at ${minutesLater(1)}`],
  ])('finds it %s', (_, observation, found) => {
    expect(notAsSeen(planned(), observation)).toBe(found);
  });
});

describe('verifying a restart', () => {
  it('is good once it is available and RDS told of the restart', () => {
    const verified = (observation: Observation) => verify({ change: planned(), observation }).kind;
    expect(verified(seen({ status: 'rebooting' }))).toBe('not-yet');
    expect(verified(seen())).toBe('not-yet');
    expect(verified(MISSING)).toBe('not-yet');
    expect(verified(seen({ events: [event(1, 'DB instance restarted')] }))).toBe('good');
  });
});

describe('what doctor says', () => {
  it.each<[Observation, string]>([
    [seen(), 'ok'],
    [seen({ parametersPending: true }), 'wrong'],
    [seen({ cluster: 'orders' }), 'wrong'],
    [MISSING, 'wrong'],
  ])('%j is %s', (observation, verdict) => {
    expect(examine(database, observation)[0]).toMatchObject({ verdict });
  });
});
