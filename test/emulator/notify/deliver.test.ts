import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DeliveredEvent, Happening } from '../../../events/published/notification.ts';
import { nextCall } from '../../../functions/engine/escalation.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { deliver, type NotifyContext, sendDigests } from '../../../functions/incidents/notify/deliver.ts';
import { LEASE_MS } from '../../../functions/incidents/notify/deliveries.ts';
import { NotTold } from '../../../functions/incidents/notify/errors.ts';
import { handle } from '../../../functions/incidents/notify/handler.ts';
import type { LevelChannels } from '../../../functions/incidents/notify/manifest.ts';
import { config } from '../../support/fixtures.ts';
import { delivered, reportEventOf } from '../../support/notify/fixtures.ts';
import { EVERYTHING, type NotifyWorld, openNotifyWorld } from './support.ts';

let world: NotifyWorld;
let logged = '';
beforeAll(async () => {
  world = await openNotifyWorld();
});
afterAll(() => world?.close());
beforeEach(() => {
  world.receiver.taken.length = 0;
  world.receiver.refused.length = 0;
  world.clock.now += 10 * 60_000;
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    logged += String(chunk);
    return true;
  });
});
afterEach(() => {
  world.receiver.answers.length = 0;
  world.receiver.onTaken = undefined;
  jest.restoreAllMocks();
});

const NIGHT = { name: 'night', kind: 'quiet', begins: '2026-11-20T00:00:00Z', ends: '2026-11-21T00:00:00Z' } as const;

let ids = 0;
/** An event of its own: entry ids grow. */
const event = (happening: Happening, incident = `inc-${++ids}`) =>
  delivered(happening, { incident: { id: incident }, entry: { id: `E${String(1_000_000 + ++ids)}` } });
const vendors = () => world.receiver.taken.map(({ vendor }) => vendor).sort();
const actions = () => world.receiver.taken.map(({ body }) => `${body.event_action} ${body.dedup_key}`);

/** Writes an entry into the journal, and gives the event that tells it. */
async function told(incident: string, kind: 'opened' | 'escalated', data: object = {}): Promise<DeliveredEvent> {
  const entry = entryMaker(incident, 'test', world.clock.now + ++ids)(kind, kind, { ...data });
  await world.store.transact([putEntry(world.store.table, entry)]);
  return delivered(kind, { incident: { id: incident }, entry: { id: entry.id, at: entry.at, level: 1 } });
}
const withLevels = (notifier: NotifyContext, levels: LevelChannels): NotifyContext => ({
  ...notifier,
  config: { ...notifier.config, levels },
});

describe('word of a report', () => {
  const arrived = (detail = reportEventOf()) => ({
    ...{ id: 'e', source: 'nightshift', 'detail-type': 'Report Written', detail },
  });

  it('is told once by the channels of reports and by no other, and again after a failure', async () => {
    const { slack, teams, webhook } = world.channels;
    const notifier = world.notifier({ slack, teams, webhook });
    const telling = { ...notifier, config: { ...notifier.config, reports: ['slack', 'webhook'] } };
    expect(await handle(arrived(), telling)).toEqual({ slack: 'sent', webhook: 'sent' });
    expect(vendors()).toEqual(['slack', 'webhook']);
    expect(await handle(arrived(), telling)).toEqual({ slack: 'duplicate', webhook: 'duplicate' });
    expect(await handle(arrived(reportEventOf({ id: 'none' })), notifier)).toEqual({});

    const next = arrived(reportEventOf({ id: 'report-next' }));
    const only = { ...notifier, config: { ...notifier.config, reports: ['slack'] } };
    world.receiver.answers.push({ status: 400, body: 'no' });
    await expect(handle(next, only)).rejects.toBeInstanceOf(NotTold);
    expect(await handle(next, only)).toEqual({ slack: 'sent' });
  });
});

describe('an event', () => {
  it('is told by every channel in a form that its vendor accepts [D42]', async () => {
    const notifier = world.notifier(world.channels);
    for (const happening of ['opened', 'updated', 'escalated', 'resolved'] as const) {
      world.receiver.taken.length = 0;
      const told = await deliver(event(happening), notifier);
      const expected =
        happening === 'updated' ? ['slack', 'teams', 'webhook'] : ['pagerduty', 'slack', 'teams', 'webhook'];
      expect(vendors()).toEqual(expected);
      expect(told).toMatchObject({ slack: 'sent', pagerduty: happening === 'updated' ? 'nothing' : 'sent' });
    }
    expect(world.receiver.refused).toEqual([]);
  });

  it('is told only by the channels of routes that fit its severity, happening and target [7b/alert-routing, M15]', async () => {
    const { slack, teams, webhook, pagerduty } = world.channels;
    const notifier = world.notifier({ slack, teams, webhook, pagerduty }, [
      { severities: ['P1'], events: ['opened'], channels: ['slack'] },
      { severities: ['P2'], events: ['resolved'], channels: ['teams'] },
      { severities: ['P2'], events: ['opened'], channels: ['webhook'], targets: ['ecs-service/orders/*'] },
      { severities: ['P2'], events: ['opened'], channels: ['pagerduty'], targets: ['rds-instance/*'] },
    ]);
    expect(await deliver(event('opened'), notifier)).toEqual({ webhook: 'sent' });
    expect(vendors()).toEqual(['webhook']);
  });

  it('delivered again, by any process, is not told again', async () => {
    const once = event('opened');
    const { slack, webhook } = world.channels;
    await deliver(once, world.notifier({ slack, webhook }));
    expect(await deliver(once, world.notifier({ slack, webhook }))).toEqual({
      slack: 'duplicate',
      webhook: 'duplicate',
    });
    expect(vendors()).toEqual(['slack', 'webhook']);
  });

  it('delivered ten times at once is told once; the others fail retryably instead of calling it done', async () => {
    const once = event('opened');
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => deliver(once, world.notifier({ slack: world.channels.slack }))),
    );
    expect(vendors()).toEqual(['slack']);
    const told = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value.slack] : []));
    expect(told.filter((each) => each === 'sent')).toHaveLength(1);
    expect(told.every((each) => each === 'sent' || each === 'duplicate')).toBe(true);
    for (const each of results)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ name: 'NotTold', retryable: true });
  });

  it('whose sender died before it wrote that it had sent is told again once its lease has run out: twice is better than never', async () => {
    const once = event('escalated');
    const notifier = world.notifier({ slack: world.channels.slack });
    expect(await notifier.deliveries.claim('slack', once.detail.entry.id)).toEqual({ state: 'claimed', attempts: 1 });
    await expect(deliver(once, notifier)).rejects.toThrow(NotTold);
    expect(vendors()).toEqual([]);
    world.clock.now += LEASE_MS;
    expect(await deliver(once, notifier)).toEqual({ slack: 'sent' });
  });

  it('leaves a line in the journal: who was told, by what, of what', async () => {
    const incident = `inc-note-${++ids}`;
    await deliver(event('escalated', incident), world.notifier({ team: world.channels.webhook }));
    const lines = (await world.items()).filter(({ pk }) => pk === `INCIDENT#${incident}`);
    expect(lines).toMatchObject([{ kind: 'note', by: 'notify', summary: 'told team by webhook: a person is needed' }]);
  });

  it('of another shape fails, so that the failure queue keeps it', async () => {
    const notifier = world.notifier({ slack: world.channels.slack });
    const { detail, ...envelope } = event('opened');
    await expect(handle({ ...envelope, detail: { ...detail, version: 2 } }, notifier)).rejects.toThrow();
    expect(vendors()).toEqual([]);
  });
});

describe('a channel in trouble', () => {
  it('that is throttling or broken for a moment is tried again', async () => {
    world.receiver.answers.push({ status: 429, headers: { 'retry-after': '1' } }, { status: 503 });
    expect(await deliver(event('opened'), world.notifier({ slack: world.channels.slack }))).toEqual({ slack: 'sent' });
    expect(vendors()).toEqual(['slack']);
  });

  it('that stays broken fails the delivery, keeps the others waiting for nothing, and is told by the next delivery at once', async () => {
    const once = event('opened');
    const { slack } = world.channels;
    const dead = {
      ...world.channels.teams,
      webhookSecretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:gone-AbCdEf',
    } as const;
    const error = await deliver(once, world.notifier({ dead, slack })).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(NotTold);
    expect(vendors()).toEqual(['slack']);
    expect(await deliver(once, world.notifier({ dead: world.channels.teams, slack }))).toEqual({
      dead: 'sent',
      slack: 'duplicate',
    });
    expect(vendors()).toEqual(['slack', 'teams']);
  });

  it('that is away for all three deliveries is told in the first digest after it is back, once', async () => {
    const once = event('escalated');
    const notifier = world.notifier({ slack: world.channels.slack });
    const away = (times: number) =>
      world.receiver.answers.push(...Array.from({ length: times }, () => ({ status: 503 })));
    away(9);
    await expect(deliver(once, notifier)).rejects.toThrow('answered 503');
    await expect(deliver(once, notifier)).rejects.toThrow('answered 503');
    expect(await deliver(once, notifier)).toEqual({ slack: 'folded' });
    away(3);
    await expect(sendDigests(notifier, 'test')).rejects.toThrow('answered 503');
    expect(await sendDigests(notifier, 'test')).toEqual({ slack: 1 });
    expect(world.receiver.taken.map(({ body }) => body.text)).toEqual(['[P2] Digest: 1 event of 1 incident']);
    expect(await deliver(once, notifier)).toEqual({ slack: 'duplicate' });
  });

  it.each([
    ['for the moment', { status: 503 }, 3],
    ['for good', { status: 403 }, 1],
  ])(
    '%s although it calls a level has the next level called at once, not only after the last delivery',
    async (_how, answer, times) => {
      const incident = `inc-unreached-${++ids}`;
      const { webhook, slack } = world.channels;
      const notifier = withLevels(
        world.notifier({ first: webhook, team: slack }, [{ ...EVERYTHING, channels: ['team'] }]),
        {
          '1': ['first'],
        },
      );
      await told(incident, 'opened', { title: 'x', target: 'x', severity: 'P2' });
      const call = await told(incident, 'escalated');
      const levelNow = async () => {
        const found = await readIncident(world.store, incident);
        const next = found && nextCall(found, config, Date.parse(call.detail.entry.at) + 1000);
        return next && [next.level, next.at - Date.parse(call.detail.entry.at)];
      };
      expect(await levelNow()).toEqual([2, 15 * 60_000]);
      // Both are asked side by side: the answer is for whichever comes first, so both get it.
      world.receiver.answers.push(...Array.from({ length: times * 2 }, () => answer));
      for (let delivery = 1; delivery <= 2; delivery++) {
        await expect(deliver(call, notifier)).rejects.toThrow(NotTold);
        expect(await levelNow()).toEqual([2, 0]);
        world.receiver.answers.push(...Array.from({ length: times * 2 }, () => answer));
      }
      const lines = (await readIncident(world.store, incident))?.timeline ?? [];
      expect(lines.filter(({ kind }) => kind === 'undelivered').map(({ data }) => data)).toEqual([
        { channel: 'first', for: call.detail.entry.id },
      ]);
    },
  );

  it('that only informs, or that calls another level, has nobody else called', async () => {
    const incident = `inc-informed-${++ids}`;
    const { webhook, slack } = world.channels;
    const notifier = withLevels(
      world.notifier({ lead: webhook, team: slack }, [{ ...EVERYTHING, channels: ['team', 'lead'] }]),
      {
        '2': ['lead'],
      },
    );
    await told(incident, 'opened', { title: 'x', target: 'x', severity: 'P2' });
    const call = await told(incident, 'escalated');
    world.receiver.answers.push(...Array.from({ length: 2 }, () => ({ status: 403 })));
    await expect(deliver(call, notifier)).rejects.toThrow(NotTold);
    const lines = (await readIncident(world.store, incident))?.timeline ?? [];
    expect(lines.map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
  });

  it('that keeps a state is never told of an incident by a digest: its event goes to the failure queue', async () => {
    const once = event('opened');
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    world.receiver.answers.push(...Array.from({ length: 9 }, () => ({ status: 503 })));
    for (let delivery = 0; delivery < 3; delivery++) await expect(deliver(once, notifier)).rejects.toThrow(NotTold);
    expect(await sendDigests(notifier, 'test')).toEqual({});
  });

  it('whose answer was lost may have been told twice; a webhook recognises it by its id', async () => {
    world.receiver.answers.push('hang up after');
    await deliver(event('opened'), world.notifier({ webhook: world.channels.webhook }));
    const [first, second] = world.receiver.taken;
    expect(world.receiver.taken).toHaveLength(2);
    expect(first?.id).toBe(second?.id);
  });

  it('that refuses the message is not tried again within the delivery', async () => {
    world.receiver.answers.push({ status: 400, body: 'invalid_blocks' });
    await expect(deliver(event('opened'), world.notifier({ slack: world.channels.slack }))).rejects.toThrow(
      'invalid_blocks',
    );
    expect(vendors()).toEqual([]);
  });
});

describe('a storm', () => {
  const few = () => ({ ...world.channels.slack, perMinute: 3 });

  it('of 40 events at once sends as many as a minute allows, and one digest of the rest: none is lost, none comes twice', async () => {
    const storm = Array.from({ length: 40 }, () => event('opened'));
    const notifier = world.notifier({ slack: few() });
    const told = await Promise.all(storm.map((each) => deliver(each, notifier)));
    expect(told.filter(({ slack }) => slack === 'sent')).toHaveLength(3);
    expect(told.filter(({ slack }) => slack === 'folded')).toHaveLength(37);
    expect(world.receiver.taken).toHaveLength(3);
    expect(await handle({ nightshift: 1, command: 'send-digests' }, notifier)).toEqual({ slack: 37 });
    expect(world.receiver.taken).toHaveLength(4);
    expect(world.receiver.taken[3]?.body.text).toContain('37 events of 37 incidents');
    expect(await sendDigests(notifier, 'test')).toEqual({});
    expect(world.receiver.taken).toHaveLength(4);
    for (const each of storm) expect(await deliver(each, notifier)).toEqual({ slack: 'duplicate' });
    expect(world.receiver.refused).toEqual([]);
  });

  it('is over with the next minute', async () => {
    const notifier = world.notifier({ slack: { ...world.channels.slack, perMinute: 1 } });
    expect(await deliver(event('opened'), notifier)).toEqual({ slack: 'sent' });
    expect(await deliver(event('opened'), notifier)).toEqual({ slack: 'folded' });
    world.clock.now += 60_000;
    expect(await deliver(event('opened'), notifier)).toEqual({ slack: 'sent' });
    await sendDigests(notifier, 'test');
  });

  it('of updates leaves room for what needs a person', async () => {
    const notifier = world.notifier({ slack: { ...world.channels.slack, perMinute: 4 } });
    const updates = [];
    for (let index = 0; index < 6; index++) updates.push(await deliver(event('updated'), notifier));
    expect(updates.filter(({ slack }) => slack === 'sent')).toHaveLength(2);
    expect(await deliver(event('escalated'), notifier)).toEqual({ slack: 'sent' });
    await sendDigests(notifier, 'test');
  });

  it('keeps the lines of a digest that could not be sent for the next minute, and sends them once', async () => {
    const notifier = world.notifier({ webhook: { ...world.channels.webhook, perMinute: 1 } });
    for (let index = 0; index < 4; index++) await deliver(event('opened'), notifier);
    world.receiver.taken.length = 0;
    world.receiver.answers.push({ status: 400 });
    await expect(sendDigests(notifier, 'test')).rejects.toThrow(NotTold);
    const both = await Promise.all([
      sendDigests(notifier, 'test'),
      sendDigests(world.notifier(notifier.config.channels), 'test'),
    ]);
    expect(both.map(({ webhook = 0 }) => webhook).sort()).toEqual([0, 3]);
    expect(world.receiver.taken.map(({ body }) => [body.type, body.data.events.length])).toEqual([
      ['incident.digest', 3],
    ]);
  });

  it('folds no call for a person: PagerDuty would add it to an alert that somebody acknowledged, a level would not be called', async () => {
    const { pagerduty, slack, webhook } = world.channels;
    const channels = {
      pagerduty: { ...pagerduty, perMinute: 1 },
      first: { ...webhook, perMinute: 1 },
      team: { ...slack, perMinute: 1 },
    };
    const notifier = withLevels(world.notifier(channels), { '1': ['first'] });
    const calls = Array.from({ length: 3 }, () => event('escalated'));
    const ended = [];
    for (const { detail, ...rest } of calls)
      ended.push(await deliver({ ...rest, detail: { ...detail, entry: { ...detail.entry, level: 1 } } }, notifier));
    expect(ended.map(({ pagerduty: alert, first, team }) => [alert, first, team])).toEqual([
      ['sent', 'sent', 'sent'],
      ['sent', 'sent', 'folded'],
      ['sent', 'sent', 'folded'],
    ]);
    const alerts = world.receiver.taken.filter(({ vendor }) => vendor === 'pagerduty');
    expect(alerts.map(({ body }) => body.dedup_key)).toEqual(calls.map(({ detail }) => detail.incident.id));
    await sendDigests(notifier, 'test');
  });

  it('pages once through PagerDuty, and still resolves every alert that was opened', async () => {
    const notifier = world.notifier({ pagerduty: { ...world.channels.pagerduty, perMinute: 2 } });
    const incidents = Array.from({ length: 6 }, () => `inc-storm-${++ids}`);
    for (const incident of incidents) await deliver(event('opened', incident), notifier);
    await sendDigests(notifier, 'test');
    for (const incident of incidents)
      expect(await deliver(event('resolved', incident), notifier)).toEqual({ pagerduty: 'sent' });
    const triggers = actions().filter((each) => each.startsWith('trigger'));
    expect(triggers.slice(0, 2)).toEqual([`trigger ${incidents[0]}`, `trigger ${incidents[1]}`]);
    expect(triggers[2]).toMatch(/^trigger nightshift-test-storm-/);
    expect(triggers).toHaveLength(3);
    expect(actions().filter((each) => each.startsWith('resolve'))).toHaveLength(6);
  });
});

describe('PagerDuty', () => {
  it('is not told of an opening that comes after the end', async () => {
    const incident = `inc-late-${++ids}`;
    const [opened, resolved] = [event('opened', incident), event('resolved', incident)];
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    await deliver(resolved, notifier);
    expect(await deliver(opened, notifier)).toEqual({ pagerduty: 'overtaken' });
    expect(actions()).toEqual([`resolve ${incident}`]);
  });

  it('is told of the end once more when it was told of the opening at the same time', async () => {
    const incident = `inc-race-${++ids}`;
    const [opened, resolved] = [event('opened', incident), event('resolved', incident)];
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    let raced = false;
    world.receiver.onTaken = async ({ body }) => {
      if (raced || body.event_action !== 'trigger') return;
      raced = true;
      await deliver(resolved, world.notifier({ pagerduty: world.channels.pagerduty }));
    };
    await deliver(opened, notifier);
    expect(actions().at(-1)).toBe(`resolve ${incident}`);
    expect(actions()).toHaveLength(3);
  });

  it('is told that a person took the incident in hand, in a quiet window too, and beyond what a minute allows', async () => {
    const incident = `inc-ack-${++ids}`;
    const notifier = world.notifier({ pagerduty: { ...world.channels.pagerduty, perMinute: 1 } });
    await deliver(event('opened', incident), notifier);
    expect(await deliver(event('acknowledged', incident), { ...notifier, windows: [NIGHT] })).toEqual({
      pagerduty: 'sent',
    });
    expect(actions()).toEqual([`trigger ${incident}`, `acknowledge ${incident}`]);
  });

  it('is not told what was said there, unless it may have been said to another of its services', async () => {
    const incident = `inc-ack-there-${++ids}`;
    const { pagerduty, slack } = world.channels;
    const said = () => {
      const found = event('acknowledged', incident);
      return { ...found, detail: { ...found.detail, entry: { ...found.detail.entry, via: 'pagerduty' as const } } };
    };
    expect(await deliver(said(), world.notifier({ pagerduty, slack }))).toEqual({
      pagerduty: 'nothing',
      slack: 'sent',
    });
    expect(await deliver(said(), world.notifier({ pagerduty, other: pagerduty }))).toEqual({
      pagerduty: 'sent',
      other: 'sent',
    });
  });

  it('is called by a new alert once somebody had the incident in hand, because the old one is silent', async () => {
    const incident = `inc-anew-${++ids}`;
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    await deliver(event('escalated', incident), notifier);
    await deliver(event('acknowledged', incident), notifier);
    const again = event('escalated', incident);
    const repeated = { ...again.detail, entry: { ...again.detail.entry, saidBefore: true as const } };
    await deliver({ ...again, detail: repeated }, notifier);
    expect(actions().slice(2)).toEqual([`trigger ${incident}`]);

    const [called, next] = [event('escalated', incident), event('escalated', incident)];
    await deliver(called, notifier);
    await deliver(next, notifier);
    expect(actions().slice(3)).toEqual([`resolve ${incident}`, `trigger ${incident}`, `trigger ${incident}`]);
  });

  it('is acknowledged once more when the call reached it late', async () => {
    const incident = `inc-late-${++ids}`;
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    const [called, taken] = [event('escalated', incident), event('acknowledged', incident)];
    await deliver(taken, notifier);
    await deliver(called, notifier);
    expect(actions()).toEqual([`acknowledge ${incident}`, `trigger ${incident}`, `acknowledge ${incident}`]);
  });

  it('is not silenced by what somebody said before it called anew', async () => {
    const incident = `inc-said-before-${++ids}`;
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    const [called, taken, again] = [
      event('escalated', incident),
      event('acknowledged', incident),
      event('escalated', incident),
    ];
    await deliver(again, notifier);
    await deliver(called, notifier);
    expect(await deliver(taken, notifier)).toEqual({ pagerduty: 'overtaken' });
    expect(actions()).toEqual([`trigger ${incident}`, `trigger ${incident}`]);
    expect(await deliver(event('acknowledged', incident), notifier)).toEqual({ pagerduty: 'sent' });
  });

  it('is told when a person is needed after the end', async () => {
    const incident = `inc-after-${++ids}`;
    const notifier = world.notifier({ pagerduty: world.channels.pagerduty });
    await deliver(event('resolved', incident), notifier);
    expect(await deliver(event('escalated', incident), notifier)).toEqual({ pagerduty: 'sent' });
  });
});

describe('a quiet window', () => {
  it('lets through what needs a person and the end of an alert, nothing else', async () => {
    const { slack, pagerduty } = world.channels;
    const notifier = {
      ...world.notifier({ slack, pagerduty }, [{ ...EVERYTHING, channels: ['slack', 'pagerduty'] }]),
      windows: [NIGHT],
    };
    expect(await deliver(event('opened'), notifier)).toEqual({ slack: 'quiet', pagerduty: 'quiet' });
    expect(await deliver(event('escalated'), notifier)).toEqual({ slack: 'sent', pagerduty: 'sent' });
    expect(await deliver(event('resolved'), notifier)).toEqual({ slack: 'quiet', pagerduty: 'sent' });
  });
});

describe('channels of AWS', () => {
  it('e-mail reaches the mailbox by SES, with the message in plain text', async () => {
    const mail = { kind: 'email', from: 'nightshift@example.com', to: ['ops@example.com'], perMinute: 10 } as const;
    expect(await deliver(event('escalated'), world.notifier({ mail }))).toEqual({ mail: 'sent' });
    const sent = await (await fetch(`${world.emulatorUrl}/_ministack/ses/messages`)).text();
    expect(sent).toContain('ops@example.com');
    expect(sent).toContain("Nightshift can't mend this by itself");
  });

  it('SNS hands it to what is subscribed', async () => {
    const settings = { endpoint: world.gateway.url, region: 'us-east-1' };
    const [sns, sqs] = [new SNSClient(settings), new SQSClient(settings)];
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'ops' }));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'ops' }));
    const Endpoint = 'arn:aws:sqs:us-east-1:000000000000:ops';
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
    expect(
      await deliver(event('opened'), world.notifier({ ops: { kind: 'sns', topicArn: TopicArn, perMinute: 10 } })),
    ).toEqual({
      ops: 'sent',
    });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(JSON.parse(Messages[0]?.Body ?? '{}')).toMatchObject({
      Subject: '[P2] Incident: backend-cpu on ecs-service/orders/backend',
    });
  });
});

describe('secrets', () => {
  it('in a parameter that is not encrypted are refused [D29]', async () => {
    const ssm = new SSMClient({ endpoint: world.gateway.url, region: 'us-east-1' });
    await ssm.send(
      new PutParameterCommand({
        Name: '/nightshift/plain',
        Type: 'String',
        Value: 'https://hooks.example.com/plain-secret',
      }),
    );
    const webhookSecretArn = 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/plain';
    const told = deliver(event('opened'), world.notifier({ team: { kind: 'slack', webhookSecretArn, perMinute: 10 } }));
    await expect(told).rejects.toThrow('must be a SecureString');
  });

  it('a rotated secret is fetched again as soon as the vendor refuses the old one', async () => {
    const { slack } = world.channels;
    const notifier = world.notifier({ slack });
    const right = await notifier.sending.secrets.get((slack as { webhookSecretArn: string }).webhookSecretArn);
    const values = [`${right}-revoked`, right];
    const { Secrets } = await import('../../../functions/incidents/secrets.ts');
    const secrets = new Secrets(async () => values.shift() ?? right);
    world.receiver.answers.push({ status: 404, body: 'no_service' });
    expect(await deliver(event('opened'), { ...notifier, sending: { ...notifier.sending, secrets } })).toEqual({
      slack: 'sent',
    });
  });

  it('appear in no log, no error and no item of the journal, whatever the vendor answers', async () => {
    const errors: string[] = [];
    for (const [name, channel] of Object.entries(world.channels))
      for (const body of [...world.planted, world.planted.join(' ')]) {
        world.receiver.answers.push({ status: 400, body });
        await deliver(event('opened'), world.notifier({ [name]: channel })).catch((error: Error) =>
          errors.push(`${error.message} ${error.stack} ${String(error.cause)}`),
        );
      }
    expect(errors).toHaveLength(20);
    const items = JSON.stringify(await world.items());
    expect(items.length).toBeGreaterThan(10_000);
    expect(logged.length).toBeGreaterThan(1_000);
    expect(Object.keys(world.channels)).toEqual(['slack', 'teams', 'pagerduty', 'webhook']);
    for (const secret of world.planted) {
      expect(items).not.toContain(secret);
      expect(logged).not.toContain(secret);
      expect(
        world.receiver.taken
          .filter(({ vendor }) => vendor !== 'pagerduty')
          .map(({ body }) => JSON.stringify(body))
          .join(),
      ).not.toContain(secret);
    }
    // A vendor can only repeat what it was given: each channel's errors are looked through for its own secret.
    const perChannel = world.planted.length + 1;
    for (const [index, error] of errors.entries())
      expect(error).not.toContain(world.planted[Math.floor(index / perChannel)]);
  });
});
