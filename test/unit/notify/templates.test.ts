import { describe, expect, it } from '@jest/globals';
import type { Happening } from '../../../events/published/notification.ts';
import { duration } from '../../../functions/incidents/notify/facts.ts';
import { channelsFor } from '../../../functions/incidents/notify/routing.ts';
import { digestOf, foldedLine, messageFor } from '../../../functions/incidents/notify/templates.ts';
import { AT, delivered, incidentEvent } from '../../support/notify/fixtures.ts';

const facts = (
  happening: Happening,
  ...rest: Parameters<typeof incidentEvent> extends [unknown, ...infer R] ? R : never
) =>
  Object.fromEntries(
    messageFor(happening, incidentEvent(happening, ...rest)).facts.map(({ label, value }) => [label, value]),
  );

describe('the first message', () => {
  it('says what is broken, how badly, since when, why, and what is being done', () => {
    const message = messageFor('opened', incidentEvent('opened'));
    expect(message.title).toBe('[P2] Incident: backend-cpu on ecs-service/orders/backend');
    expect(message.headline).toBe('alarm backend-cpu is firing: 81 > 70');
    expect(facts('opened')).toMatchObject({
      Service: 'ecs-service/orders/backend',
      Severity: 'P2',
      Started: '2026-11-20T02:50:00.000Z',
      Status: 'monitoring',
      Changes: 'raise desired count from 2 to 4 (done)',
      Incident: 'inc-01KAG0000000000000000000AA',
    });
  });

  it('names commander and bridge only when they are configured', () => {
    const labels = (options: object) =>
      messageFor('opened', incidentEvent('opened'), options).facts.map(({ label }) => label);
    expect(labels({ commander: 'Ada', bridge: 'room 1' })).toEqual(expect.arrayContaining(['Commander', 'Bridge']));
    expect(labels({})).not.toContain('Commander');
  });
});

describe('what the templates of the runbooks ask for', () => {
  const outlook = {
    calledLevel: 'secondary',
    alsoConcerned: ['ecs-service/orders/front'],
    provedBy: '2026-11-20T03:05:00.000Z',
    next: { at: '2026-11-20T03:05:00.000Z', what: 'looks by then whether the change helped' },
  };

  it('is in the first message: impact, owner, the end that is expected, the next update', () => {
    expect(facts('opened', { incident: { outlook } })).toMatchObject({
      Impact:
        '1 alarm firing on ecs-service/orders/backend, and on ecs-service/orders/front; how many people notice is unknown',
      Owner: 'nobody yet; secondary was called',
      'Expected end': '2026-11-20T03:05:00.000Z, if the change helps',
      'Next update': 'with the next change, or after 2026-11-20T03:05:00.000Z',
    });
  });

  it('is in an update: who has it, what comes next and when', () => {
    expect(facts('updated', { incident: { outlook: { ...outlook, inHandOf: 'person:jane' } } })).toMatchObject({
      Owner: 'jane',
      'Next step': 'Nightshift looks by then whether the change helped',
      'Next update': 'with the next change, or after 2026-11-20T03:05:00.000Z',
    });
  });

  it('is called unknown where it is, and never made up', () => {
    expect(facts('opened')).toMatchObject({
      Owner: 'unknown',
      'Expected end': 'unknown',
      'Next step': 'unknown',
      'Next update': 'with the next change; when is unknown',
    });
    expect(facts('opened', { incident: { outlook: {} } }).Owner).toBe('Nightshift; nobody was called');
    expect(facts('resolved', { incident: { cause: undefined } })).toMatchObject({ Cause: 'unknown', Time: AT });
  });
});

describe('where the last message leads', () => {
  const told = (event: Parameters<typeof incidentEvent>[1]) =>
    messageFor('resolved', incidentEvent('resolved', event), { archiveBucket: 'kept' }).facts;

  it('is the draft of the post-mortem of severe incidents, and the report of others', () => {
    const severe = told({ incident: { severity: 'P1' } }).find(({ label }) => label.startsWith('Report'));
    expect(severe?.label).toBe('Report and draft of the post-mortem');
    expect(severe?.value).toBe(
      'https://us-east-1.console.aws.amazon.com/s3/buckets/kept?region=us-east-1&prefix=incidents%2F2026%2F11%2Finc-01KAG0000000000000000000AA%2F',
    );
    expect(told({ incident: { severity: 'P4' } }).map(({ label }) => label)).toContain('Report');
    const chinese = { ...incidentEvent('resolved'), region: 'cn-north-1' };
    const elsewhere = messageFor('resolved', chinese, { archiveBucket: 'kept' }).facts.find(({ label }) =>
      label.startsWith('Report'),
    );
    expect(elsewhere?.value).toMatch(/^s3:\/\/kept\/incidents\/2026\/11\//);
    const none = messageFor('resolved', incidentEvent('resolved')).facts.map(({ label }) => label);
    expect(none.filter((label) => label.startsWith('Report'))).toEqual([]);
  });
});

describe('the message when a person is needed', () => {
  it('says so first, and how to undo what was done', () => {
    const event = incidentEvent('escalated', {
      entry: { summary: 'CPU is still 90 %', undo: 'set desired count to 2' },
    });
    const message = messageFor('escalated', event);
    expect(message.headline).toBe("Nightshift can't mend this by itself: CPU is still 90 %");
    expect(message.facts).toContainEqual({ label: 'To undo', value: 'set desired count to 2' });
  });
});

describe('the message when somebody has it in hand', () => {
  it('says who, and what was done so far', () => {
    const event = incidentEvent('acknowledged', { entry: { by: 'person:jane', summary: 'jane is looking at it' } });
    const message = messageFor('acknowledged', event);
    expect(message.title).toBe('[P2] In hand: backend-cpu on ecs-service/orders/backend');
    expect(message.headline).toBe('jane is looking at it');
    expect(message.facts[0]).toEqual({ label: 'In the hands of', value: 'jane' });
  });
});

describe('the last message', () => {
  it('says cause, resolution and duration, and when the review of a severe incident is due', () => {
    expect(facts('resolved')).toMatchObject({
      Cause: 'alarm backend-cpu is firing: 81 > 70',
      Resolution: 'raise desired count from 2 to 4 (done)',
      Duration: '10 min',
      'Review due': new Date(Date.parse(AT) + 48 * 3_600_000).toISOString(),
    });
    expect(facts('resolved', { incident: { severity: 'P3' } })).not.toHaveProperty('Review due');
  });

  it('does not claim a change that was not made', () => {
    expect(facts('resolved', { incident: { actions: [] } }).Resolution).toBe('without a change by Nightshift');
  });
});

it.each([
  [0, '0 s'],
  [45_000, '45 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [90_061_000, '1 d 1 h'],
  [-5, '0 s'],
])('%i ms is told as %s', (milliseconds, expected) => {
  expect(duration(milliseconds)).toBe(expected);
});

describe('a digest', () => {
  const lines = (['updated', 'opened', 'resolved', 'escalated', 'opened'] as const).map((happening, index) =>
    foldedLine(
      happening,
      incidentEvent(happening, {
        incident: { id: `inc-${index % 3}`, severity: index === 3 ? 'P1' : 'P3' },
        entry: { id: `E${index}` },
      }),
    ),
  );

  it('tells what needs a person first, counts everything, and is as severe as the worst', () => {
    const message = digestOf(lines, 'test');
    expect(message.title).toBe('[P1] Digest: 5 events of 3 incidents');
    expect(message.lines.map((line) => line.split(' ')[2])).toEqual([
      'escalated:',
      'opened:',
      'opened:',
      'resolved:',
      'updated:',
    ]);
    expect(message.facts).toContainEqual({ label: 'Incident', value: '2' });
  });

  it('counts what it does not show', () => {
    const many = Array.from({ length: 45 }, (_, index) =>
      foldedLine('opened', incidentEvent('opened', { entry: { id: `E${100 + index}` } })),
    );
    const message = digestOf(many, 'test');
    expect(message.lines).toHaveLength(21);
    expect(message.lines.at(-1)).toBe('and 25 more');
  });
});

describe('routing', () => {
  const all = ['P1', 'P2', 'P3', 'P4'] as const;
  const event = delivered('opened');

  it('tells each channel once, however many routes name it', () => {
    const route = { severities: all, events: ['opened'] as const };
    expect(
      channelsFor(
        [
          { ...route, channels: ['a', 'b'] },
          { ...route, channels: ['b', 'c'] },
        ],
        event,
      ),
    ).toEqual(['a', 'b', 'c']);
  });

  it.each(['opened', 'approval', 'escalated', 'acknowledged'] as const)(
    'tells who has it in hand by a route that tells of %s, and by the channels of all levels that were called',
    (happening) => {
      const taken = delivered('acknowledged', { entry: { called: [1, 'management'] } });
      const route = { severities: all, events: [happening], channels: ['a'] };
      const levels = { '1': ['b'], '2': ['c'], management: ['a', 'd'] };
      expect(channelsFor([route], taken, levels)).toEqual(['a', 'b', 'd']);
    },
  );

  it.each(['updated', 'resolved'] as const)('tells nobody who has it in hand by a route of %s alone', (happening) => {
    const route = { severities: all, events: [happening], channels: ['a'] };
    expect(channelsFor([route], delivered('acknowledged'))).toEqual([]);
  });

  it.each([
    ['another severity', { severities: ['P1'], events: ['opened'], channels: ['a'] }],
    ['another happening', { severities: all, events: ['resolved'], channels: ['a'] }],
    ['another target', { severities: all, events: ['opened'], channels: ['a'], targets: ['ecs-service/orders/back'] }],
    ['other targets', { severities: all, events: ['opened'], channels: ['a'], targets: ['rds-instance/*'] }],
  ] as const)('leaves out a route for %s', (_, route) => {
    expect(channelsFor([route], event)).toEqual([]);
  });
});
