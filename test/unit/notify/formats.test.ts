import { describe, expect, it } from '@jest/globals';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { HAPPENINGS } from '../../../events/published/notification.ts';
import { webhookBody as webhookSchema } from '../../../events/published/notification-webhook.ts';
import type { Content } from '../../../functions/incidents/notify/content.ts';
import { pagerDutyEvent } from '../../../functions/incidents/notify/formats/pagerduty.ts';
import { slackMessage } from '../../../functions/incidents/notify/formats/slack.ts';
import { teamsMessage } from '../../../functions/incidents/notify/formats/teams.ts';
import { mailOf, snsMessageOf } from '../../../functions/incidents/notify/formats/text.ts';
import { signed, webhookBody } from '../../../functions/incidents/notify/formats/webhook.ts';
import { digestOf, foldedLine, reportMessage } from '../../../functions/incidents/notify/templates.ts';
import { content, incidentEvent, reportEventOf } from '../../support/notify/fixtures.ts';
import { pagerDutyRules, slackRules, snsRules, teamsRules } from '../../support/notify/vendor-rules.ts';

const ROUTING_KEY = 'R0123456789ABCDEFGHIJKLMNOPQRSTU';
const SIGNING_SECRET = `whsec_${Buffer.from('a-key-of-thirty-two-bytes-exact!').toString('base64')}`;

const folded = Array.from({ length: 300 }, (_, index) =>
  foldedLine(
    index % 3 === 0 ? 'escalated' : 'opened',
    incidentEvent('opened', { incident: { id: `inc-${index}` }, entry: { id: `E${1000 + index}` } }),
  ),
);
const digest: Content = {
  kind: 'digest',
  id: 'digest-team-E1299',
  at: '2026-11-20T03:14:00.000Z',
  deployment: 'test',
  folded,
  message: digestOf(folded, 'test'),
};
const contents = [...HAPPENINGS.map((each) => content(each)), digest];

/** An incident with everything as long as it can be, and full of what vendors give a meaning. */
const hostile = content('escalated', {
  incident: {
    title: '<!channel> & *bold* [click](http://evil.example) '.repeat(50),
    cause: '\u{1F525}<script>"\\\n'.repeat(80),
    actions: Array.from({ length: 5 }, () => ({
      remediation: 'x'.repeat(60),
      change: '&<>"'.repeat(100),
      status: 'done',
    })),
  },
  entry: { summary: '\u{1F525}"\\&'.repeat(100), undo: '<'.repeat(400) },
  timeline: Array.from({ length: 12 }, () => ({
    at: '2026-11-20T02:50:00.000Z',
    kind: 'acted' as const,
    summary: '"\\<&'.repeat(100),
  })),
});

describe('Slack', () => {
  it('shows every fact, ten to a section', () => {
    const facts = Array.from({ length: 23 }, (_, index) => ({ label: `f${index}`, value: 'x' }));
    const { blocks } = slackMessage({ ...content('opened').message, facts });
    const sections = blocks.flatMap((block) => ('fields' in block ? [block.fields.length] : []));
    expect(sections).toEqual([10, 10, 3]);
  });

  it.each([...contents, hostile].map((each) => [each.message.happening, each] as const))(
    'takes the message for %s',
    (_, each) => {
      expect(slackRules.safeParse(slackMessage(each.message)).error).toBeUndefined();
    },
  );

  it('shows text from outside as text: no mention, no link', () => {
    const body = JSON.stringify(slackMessage(hostile.message));
    expect(body).not.toContain('<!channel>');
    expect(body).toContain('&lt;!channel&gt;');
    const fields = slackMessage(hostile.message).blocks.flatMap((block) => ('fields' in block ? block.fields : []));
    expect(fields.length).toBeGreaterThan(3);
    expect(fields.every((field) => field.verbatim)).toBe(true);
  });
});

describe('Microsoft Teams', () => {
  it.each([...contents, hostile].map((each) => [each.message.happening, each] as const))(
    'takes the card for %s',
    (_, each) => {
      expect(teamsRules.safeParse(teamsMessage(each.message)).error).toBeUndefined();
    },
  );

  it('loses the oldest lines first when they are too many, never the facts', () => {
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index} ${'x'.repeat(300)}`);
    const card = teamsMessage({ ...content('escalated').message, lines });
    expect(teamsRules.safeParse(card).error).toBeUndefined();
    const text = JSON.stringify(card);
    expect(text).toContain('line 199');
    expect(text).not.toContain('line 0 ');
    expect(text).toContain('ecs-service/orders/backend');
  });
});

describe('PagerDuty', () => {
  it.each(
    [...contents, hostile]
      .filter((each) => each.message.happening !== 'updated')
      .map((each) => [each.message.happening, each] as const),
  )('takes the event for %s', (_, each) => {
    expect(pagerDutyRules.safeParse(pagerDutyEvent(each, ROUTING_KEY)).error).toBeUndefined();
  });

  it('is one alert for each incident: triggered when opened and escalated, acknowledged by a person, resolved when it is over', () => {
    const keyed = (each: Content) => {
      const event = pagerDutyEvent(each, ROUTING_KEY);
      return [event?.event_action, event?.dedup_key];
    };
    const id = 'inc-01KAG0000000000000000000AA';
    expect(keyed(content('opened'))).toEqual(['trigger', id]);
    expect(keyed(content('escalated'))).toEqual(['trigger', id]);
    expect(keyed(content('acknowledged'))).toEqual(['acknowledge', id]);
    expect(keyed(content('resolved'))).toEqual(['resolve', id]);
  });

  it('is never acknowledged by automation, and not bothered by updates', () => {
    expect(pagerDutyEvent(content('updated'), ROUTING_KEY)).toBeUndefined();
    const byItself = [...contents, hostile].filter((each) => each.message.happening !== 'acknowledged');
    const actions = byItself.map((each) => pagerDutyEvent(each, ROUTING_KEY)?.event_action);
    expect(actions).not.toContain('acknowledge');
  });

  it.each([
    ['P1', 'critical'],
    ['P2', 'error'],
    ['P3', 'warning'],
    ['P4', 'info'],
  ] as const)('hears of a %s as %s', (severity, expected) => {
    expect(pagerDutyEvent(content('opened', { incident: { severity } }), ROUTING_KEY)).toMatchObject({
      payload: { severity: expected },
    });
  });

  it('gets one alert for all digests of an hour', () => {
    const key = (at: string) => pagerDutyEvent({ ...digest, at }, ROUTING_KEY)?.dedup_key;
    expect(key('2026-11-20T03:14:00.000Z')).toBe(key('2026-11-20T03:59:00.000Z'));
    expect(key('2026-11-20T03:59:00.000Z')).not.toBe(key('2026-11-20T04:00:00.000Z'));
  });
});

describe('the webhook', () => {
  it.each(contents.map((each) => [each.message.happening, each] as const))(
    'posts the published shape for %s',
    (_, each) => {
      expect(webhookSchema.safeParse(webhookBody(each)).error).toBeUndefined();
    },
  );

  it("is accepted by the standard's own library, and only unchanged, with this secret, and now", () => {
    const now = Date.now();
    const { body, headers } = signed('entry-1', webhookBody(content('opened')), SIGNING_SECRET, now);
    const receiver = new Webhook(SIGNING_SECRET);
    expect(receiver.verify(body, headers)).toMatchObject({ type: 'incident.opened' });
    const refuses = (secret: string, changedBody: string, changed: Record<string, string>) =>
      expect(() => new Webhook(secret).verify(changedBody, { ...headers, ...changed })).toThrow(
        WebhookVerificationError,
      );
    refuses(SIGNING_SECRET, body.replace('P2', 'P1'), {});
    refuses(`whsec_${Buffer.from('another-key-of-thirty-two-bytes!').toString('base64')}`, body, {});
    refuses(SIGNING_SECRET, body, { 'webhook-id': 'entry-2' });
    const old = signed('entry-1', webhookBody(content('opened')), SIGNING_SECRET, now - 6 * 60_000);
    expect(() => receiver.verify(old.body, { ...old.headers })).toThrow(WebhookVerificationError);
  });

  it.each([
    ['plain text', 'hunter2-hunter2-hunter2'],
    ['a key that is too short', `whsec_${Buffer.from('short').toString('base64')}`],
  ])('refuses %s as a signing secret without repeating it', (_, secret) => {
    const body = webhookBody(content('opened'));
    expect(() => signed('e', body, secret, 0)).toThrow('signing secret');
    expect(() => signed('e', body, secret, 0)).not.toThrow(secret);
  });
});

describe('plain text', () => {
  it.each([...contents, hostile].map((each) => [each.message.happening, each] as const))(
    'fits SNS for %s',
    (_, each) => {
      const { subject, text } = snsMessageOf(each.message);
      expect(snsRules.safeParse({ Subject: subject, Message: text }).error).toBeUndefined();
    },
  );

  it('keeps a line break in a name out of the header', () => {
    const { subject } = mailOf(content('opened', { incident: { title: 'a\r\nBcc: everyone@example.com' } }).message);
    expect(subject).not.toMatch(/[\r\n]/);
    expect(subject).toContain('a Bcc:');
  });
});

describe('word of a report', () => {
  const many = Array.from({ length: 20 }, (_, index) => ({ label: `<!here> ${index}`, value: '"\\<&'.repeat(100) }));
  const told = (more: Parameters<typeof reportEventOf>[0] = {}): Content => {
    const report = reportEventOf(more);
    return { kind: 'report', id: report.id, at: report.at, report, message: reportMessage(report) };
  };

  it('is in a form that every vendor accepts, with its page first, and is none for PagerDuty', () => {
    for (const each of [told(), told({ headline: many })]) {
      expect(() => slackRules.parse(slackMessage(each.message))).not.toThrow();
      expect(() => teamsRules.parse(teamsMessage(each.message))).not.toThrow();
      const { subject, text } = snsMessageOf(each.message);
      expect(() => snsRules.parse({ Subject: subject, Message: text })).not.toThrow();
      expect(webhookSchema.parse(webhookBody(each))).toMatchObject({ type: 'report.written' });
      expect(pagerDutyEvent(each, ROUTING_KEY)).toBeUndefined();
      expect(each.message.facts[0]?.label).toBe('Page');
    }
  });

  it('says its figures and how many things could not be found out, and names the page where there is no link', () => {
    const mail = mailOf(told().message);
    expect(mail.subject).toBe('Daily operations: 2026-11-20');
    expect(mail.text).toContain('1 thing could not be found out');
    expect(mail.text).toMatch(/Incidents opened: +3/);
    expect(mailOf(told({ link: undefined, unknown: 0 }).message).text).toMatch(/Page: +s3:\/\/nightshift-test/);
    expect(mailOf(told({ unknown: 0 }).message).text).not.toContain('found out');
  });
});
