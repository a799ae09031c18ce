import { describe, expect, it } from '@jest/globals';
import { command } from '../../../events/command.ts';
import type { Signal } from '../../../events/signal.ts';
import {
  nextFor,
  nextIn,
  nextRung,
  nothingLeft,
  runbookOfEvent,
  severityOf,
} from '../../../functions/engine/ladder.ts';
import type { Ladder } from '../../../functions/engine/runbook.ts';
import { readSignal, remediationFor } from '../../../functions/engine/sources/index.ts';
import { type EventSource, eventSubject, malformed } from '../../../functions/engine/sources/source.ts';
import { signal as alarmSignal, config as base } from '../../support/fixtures.ts';

const ladder = (change: Partial<Ladder> = {}): Ladder => ({
  rungs: ['first', 'second', 'third'],
  startedBy: [{ source: 'ecs-deployment', what: ['SERVICE_DEPLOYMENT_FAILED'] }],
  severity: 'P2',
  guards: [],
  ...change,
});
const config = { ...base, ladders: { three: ladder(), one: ladder({ rungs: ['only'], startedBy: [] }) } };
const signal: Signal = { ...alarmSignal, runbook: 'three' };

describe('the next rung', () => {
  it.each([
    ['first', 'second'],
    ['second', 'third'],
    ['third', undefined],
    ['stranger', undefined],
  ])('after %s is %s', (from, to) => {
    expect(nextRung(ladder(), from)).toBe(to);
  });

  it('gets the same signal under an identity of its own, the same each time', () => {
    const next = nextFor(config, { ...signal, id: 'event-1#recheck-5', recheck: 2 }, 'first');
    expect(next).toMatchObject({ remediation: 'second', runbook: 'three' });
    expect(next?.command.signal).toEqual({ ...signal, id: 'event-1#rung-1', rung: 1, recheck: 3 });
    expect(nextFor(config, { ...signal, id: 'event-1#rung-1', rung: 1 }, 'second')?.command.signal.id).toBe(
      'event-1#rung-2',
    );
  });

  it('is given by an order that a function takes', () => {
    const next = nextFor(config, signal, 'first');
    expect(command.parse(JSON.parse(JSON.stringify(next?.command)))).toEqual(next?.command);
  });

  it.each([
    ['the last rung', { ...signal, rung: 2 }, 'third'],
    ['a ladder of one', { ...signal, runbook: 'one' }, 'only'],
    ['a runbook that is no longer deployed', { ...signal, runbook: 'gone' }, 'first'],
    ['a signal of no runbook', { ...alarmSignal }, 'first'],
  ])('does not exist for %s', (_what, from, remediation) => {
    expect(nextFor(config, from, remediation)).toBeUndefined();
  });

  it('is found in the entry that names it', () => {
    const next = nextFor(config, signal, 'first');
    expect(nextIn({ data: JSON.parse(JSON.stringify({ next })) })).toEqual(next);
    expect(nextIn({ data: { actionId: 'act-1' } })).toBeUndefined();
  });
});

it('says that nothing is left only after several rungs', () => {
  expect(nothingLeft(config, signal)).toBe('; nothing is left of runbook three (first, second, third)');
  expect(nothingLeft(config, { ...signal, runbook: 'one' })).toBe('');
});

describe('an incident', () => {
  it.each([
    ['P1', 'P2'],
    ['P2', 'P2'],
    ['P3', 'P3'],
    [undefined, 'P2'],
  ] as const)('on a target of severity %s is %s under a runbook of P2', (own, expected) => {
    expect(severityOf(config, signal, own)).toBe(expected);
  });
});

const source: EventSource = {
  name: 'ecs-deployment',
  eventPattern: (what) => ({
    source: ['aws.ecs'],
    'detail-type': ['ECS Deployment State Change'],
    detail: { eventName: [...what] },
  }),
  toSignal: (event) => {
    const { id, detail } = event as { id: string; detail?: { eventName: string } };
    if (!detail) return malformed(event, { issues: [{ path: ['detail'], message: 'is missing' }] });
    const target = 'ecs-service/orders/backend';
    return {
      ...alarmSignal,
      id,
      source: 'ecs-deployment',
      name: detail.eventName,
      target,
      subject: eventSubject('ecs-deployment', target, detail.eventName),
    };
  },
};
const event = (eventName?: string) => ({
  id: 'e-1',
  source: 'aws.ecs',
  'detail-type': 'ECS Deployment State Change',
  ...(eventName && { detail: { eventName } }),
});
const first = { name: 'first', targetKind: 'ecs-service' } as const;

describe('an event without a level', () => {
  it('starts the runbook that listens to it, on its first rung', () => {
    expect(readSignal(event('SERVICE_DEPLOYMENT_FAILED'), first, config, [source])).toMatchObject({
      runbook: 'three',
      rung: 0,
      subject: 'ecs-deployment:ecs-service/orders/backend:SERVICE_DEPLOYMENT_FAILED',
    });
    expect(remediationFor(event('SERVICE_DEPLOYMENT_FAILED'), config, [source])).toBe('first');
  });
  it.each([
    ['that nobody listens to', event('SERVICE_DEPLOYMENT_COMPLETED'), first, 'foreign-event'],
    ['for another remediation', event('SERVICE_DEPLOYMENT_FAILED'), { ...first, name: 'second' }, 'foreign-event'],
    [
      'for another kind of target',
      event('SERVICE_DEPLOYMENT_FAILED'),
      { ...first, targetKind: 'rds-instance' as const },
      'no-target',
    ],
    ['without its detail', event(), first, 'malformed'],
    ['of an unknown source', { ...event('X'), source: 'aws.unknown' }, first, 'malformed'],
  ])('%s is rejected', (_what, given, manifest, rejected) => {
    expect(readSignal(given, manifest, config, [source])).toMatchObject({ rejected, id: 'e-1' });
  });
  it('starts nothing where no runbook listens', () => {
    expect(remediationFor(event('SERVICE_DEPLOYMENT_COMPLETED'), config, [source])).toBeUndefined();
    expect(runbookOfEvent(config, { source: 'rds-event', name: 'SERVICE_DEPLOYMENT_FAILED' })).toBeUndefined();
  });
});
