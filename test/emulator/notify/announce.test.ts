import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { PublishCommand } from '@aws-sdk/client-sns';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { eventsOf, writtenIn } from '../../../cli/stream-failures.ts';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { HAPPENINGS, type IncidentEvent, incidentEvent } from '../../../events/published/notification.ts';
import { checkChain } from '../../../functions/engine/chain-check.ts';
import { readChain } from '../../../functions/engine/chain-store.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { entryKey } from '../../../functions/engine/items.ts';
import { readEntries } from '../../../functions/engine/journal-reader.ts';
import { Store } from '../../../functions/engine/store.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { announce } from '../../../functions/incidents/announcer/handler.ts';
import { handle } from '../../../functions/incidents/notify/handler.ts';
import { type PublisherContext, publish } from '../../../functions/incidents/publisher/handler.ts';
import { config } from '../../support/fixtures.ts';
import { type NotifyWorld, openNotifyWorld } from './support.ts';

let world: NotifyWorld;
beforeAll(async () => {
  world = await openNotifyWorld();
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await world?.close();
});

const journalClient = () =>
  new DynamoDBClient({
    endpoint: world.gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

/** Writes an incident of these kinds, one a second, and gives its records as the stream would. */
async function story(incidentId: string, kinds: readonly EntryKind[]): Promise<DynamoDBRecord[]> {
  const records: DynamoDBRecord[] = [];
  for (const [index, kind] of kinds.entries()) {
    const data = kind === 'opened' ? { title: incidentId, target: 'rds-instance/orders-db', severity: 'P1' } : {};
    const entry = entryMaker(incidentId, 'test', Date.now() + index * 1000)(kind, `${kind} happened`, data);
    await world.store.transact([{ label: 'entry', item: putEntry(world.store.table, entry).item }]);
    records.push(recordOf(entry, `${incidentId}-${index}`));
  }
  return records;
}

const recordOf = (entry: JournalEntry, SequenceNumber: string): DynamoDBRecord => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber,
    ApproximateCreationDateTime: Date.parse(entry.at) / 1000,
    NewImage: marshall({ ...entryKey(entry.incidentId, entry.id), ...entry }) as never,
  },
});

/** Can't read what is kept of one incident. */
class BlindStore extends Store {
  readonly #incident: string;
  constructor(incident: string) {
    super(world.store.table, journalClient());
    this.#incident = incident;
  }
  override query(...[input, limit]: Parameters<Store['query']>) {
    if (JSON.stringify(input).includes(this.#incident)) throw new RetryableError(`${this.#incident} is unreadable`);
    return super.query(input, limit);
  }
}

/** Dies before or after the effect of its nth call: no call after it gets an answer. */
class DyingStore extends Store {
  readonly #last: number;
  readonly #when: 'before' | 'after';
  #calls = 0;
  constructor(last: number, when: 'before' | 'after') {
    super(world.store.table, journalClient());
    [this.#last, this.#when] = [last, when];
  }
  async #live<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    const isLast = this.#calls === this.#last;
    if (this.#calls > this.#last || (isLast && this.#when === 'before'))
      throw new RetryableError('the function is dead');
    const reply = await call();
    if (isLast) throw new RetryableError('the function is dead');
    return reply;
  }
  override query(...args: Parameters<Store['query']>) {
    return this.#live(() => super.query(...args));
  }
  override transact(...args: Parameters<Store['transact']>) {
    return this.#live(() => super.transact(...args));
  }
}

/** A bus that takes everything but what `refuses` names. */
function bus(refuses: (kind: string) => boolean = () => false) {
  const put: { kind: string; type: string | undefined; id: string; detail: IncidentEvent }[] = [];
  const send = async ({ input }: PutEventsCommand) => {
    const Entries = (input.Entries ?? []).map(({ Detail, DetailType }) => {
      const detail = incidentEvent.parse(JSON.parse(Detail ?? ''));
      const { entry } = detail;
      if (refuses(entry.kind)) return { ErrorCode: 'InternalFailure' };
      put.push({ kind: entry.kind, type: DetailType, id: entry.id, detail });
      return { EventId: entry.id };
    });
    return { Entries, FailedEntryCount: 0 };
  };
  const client = { send } as unknown as Pick<EventBridgeClient, 'send'>;
  const place = { bus: 'nightshift-test', deployment: 'test', region: 'us-east-1', rules: config };
  return { put, context: { client, store: world.store, pause: async () => {}, ...place } };
}

describe('a batch of the stream', () => {
  it('is told in its order, without what is for the record only', async () => {
    const records = await story('inc-order', [
      'opened',
      'signal',
      'intent',
      'acted',
      'alarm-ok',
      'verified',
      'resolved',
    ]);
    const { put, context } = bus();
    expect(await announce(records, context)).toEqual({ batchItemFailures: [] });
    expect(put.map(({ type }) => type)).toEqual([
      'Incident Opened',
      'Incident Updated',
      'Incident Updated',
      'Incident Resolved',
    ]);
    expect(put.map(({ kind }) => kind)).toEqual(['opened', 'acted', 'verified', 'resolved']);
  });

  it('is reported from the first event that the bus refuses, and told with the same ids when it comes again', async () => {
    const records = await story('inc-refused', ['opened', 'signal', 'acted', 'escalated', 'resolved']);
    const broken = bus((kind) => kind === 'acted');
    expect(await announce(records, broken.context)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'inc-refused-2' }],
    });
    const again = bus();
    expect(await announce(records.slice(2), again.context)).toEqual({ batchItemFailures: [] });
    expect(again.put.map(({ kind }) => kind)).toEqual(['acted', 'escalated', 'resolved']);
    const told = [...broken.put, ...again.put];
    expect(new Set(told.map(({ id }) => id)).size).toBe(4);
  });

  it('is reported from the first entry whose incident cannot be read, and what comes before it is told', async () => {
    const readable = await story('inc-readable', ['opened', 'acted']);
    const records = [...readable, ...(await story('inc-unreadable', ['opened', 'resolved']))];
    const { put, context } = bus();
    const store = new BlindStore('inc-unreadable');
    expect(await announce(records, { ...context, store })).toEqual({
      batchItemFailures: [{ itemIdentifier: 'inc-unreadable-0' }],
    });
    expect(put.map(({ kind }) => kind)).toEqual(['opened', 'acted']);
  });

  it('without anything for people asks nothing of the bus', async () => {
    const { put, context } = bus();
    const records = await story('inc-silent', ['signal', 'intent', 'note', 'paged']);
    const removed: DynamoDBRecord[] = [{ eventName: 'REMOVE', dynamodb: { SequenceNumber: '9' } }];
    expect(await announce([...records, ...removed], context)).toEqual({ batchItemFailures: [] });
    expect(put).toEqual([]);
  });
});

describe('a stream that nobody read for an hour', () => {
  const HOUR = 3_600_000;

  /** What three incidents left behind meanwhile, as Lambda delivers it: oldest first, and once more from the middle on. */
  async function backlog() {
    const since = Date.now() - HOUR;
    const verifyBy = new Date(since + 300_000).toISOString();
    const records: DynamoDBRecord[] = [];
    for (const id of ['inc-hour-1', 'inc-hour-2', 'inc-hour-3']) {
      const title = `backend-cpu of ${id}`;
      const lines: readonly [EntryKind, string, object][] = [
        ['opened', title, { title, target: 'ecs-service/orders/backend', severity: 'P1' }],
        ['signal', 'alarm backend-cpu is firing', { subject: 'arn:alarm' }],
        ['intent', 'will raise', { actionId: id, remediation: 'scale-out', change: 'raise from 2 to 4', verifyBy }],
        ['acted', 'desired count is 4', { actionId: id }],
        ['escalated', 'it did not help', {}],
        ['acknowledged', 'jane is looking at it', {}],
        ['resolved', 'all alarms OK', {}],
      ];
      for (const [index, [kind, summary, data]] of lines.entries()) {
        const at = since + index * 1000;
        const entry = entryMaker(id, kind === 'acknowledged' ? 'person:jane' : 'test', at)(kind, summary, { ...data });
        await world.store.transact([putEntry(world.store.table, entry)]);
        records.push(recordOf(entry, `${id}-${index}`));
      }
    }
    return records;
  }

  it('is told once by every channel, with what the templates ask for [3d/notify-on-call, 7b/template-initial, 7b/template-update, 7b/template-resolved]', async () => {
    const records = await backlog();
    const { put, context } = bus();
    for (const batch of [records, records.slice(10), records])
      expect(await announce(batch, context)).toEqual({ batchItemFailures: [] });
    const { slack, pagerduty } = world.channels;
    const everything = { severities: ['P1'], events: HAPPENINGS.filter((each) => each !== 'updated') } as const;
    const notifier = world.notifier({ slack, pagerduty }, [
      { ...everything, channels: ['slack', 'pagerduty'] },
      { severities: ['P1'], events: ['updated'], channels: ['slack'] },
    ]);
    // The bus delivers each at least once; here always twice or more.
    for (const { detail, type } of put)
      await handle({ id: 'e', source: 'nightshift', 'detail-type': type, detail }, notifier);

    const slackTexts = world.receiver.taken.filter(({ vendor }) => vendor === 'slack').map(({ body }) => body.text);
    const words = ['Incident', 'Update', 'Needs a person', 'In hand', 'Resolved'];
    const titles = (id: string) => words.map((word) => `[P1] ${word}: backend-cpu of ${id}`);
    expect(slackTexts.sort()).toEqual(['inc-hour-1', 'inc-hour-2', 'inc-hour-3'].flatMap(titles).sort());
    const alerts = world.receiver.taken.filter(({ vendor }) => vendor === 'pagerduty');
    expect(alerts.map(({ body }) => `${body.event_action} ${body.dedup_key}`).sort()).toEqual(
      ['inc-hour-1', 'inc-hour-2', 'inc-hour-3']
        .flatMap((id) => ['trigger', 'trigger', 'acknowledge', 'resolve'].map((action) => `${action} ${id}`))
        .sort(),
    );
    expect(world.receiver.refused).toEqual([]);

    const said = (word: string) =>
      JSON.stringify(
        world.receiver.taken.find(({ body }) => body.text === `[P1] ${word}: backend-cpu of inc-hour-1`)?.body,
      );
    const since = records[0]?.dynamodb?.NewImage?.at?.S ?? '';
    const proved = new Date(Date.parse(since) + 300_000).toISOString();
    const opened = said('Incident');
    for (const field of ['Service', 'Impact', 'Started', 'Status', 'Owner', 'Expected end', 'Next update'])
      expect(opened).toContain(`*${field}*`);
    const updated = said('Update');
    for (const field of ['Time', 'Service', 'Status', 'Changes', 'Next step', 'Next update'])
      expect(updated).toContain(`*${field}*`);
    expect(updated).toContain(`*Next update*\\nwith the next change, or after ${proved}`);
    expect(updated).toContain('*Owner*\\nNightshift; nobody was called');
    // Whoever is called hears what was done before.
    for (const word of ['Update', 'Needs a person', 'Resolved']) expect(said(word)).toContain('raise from 2 to 4');
    expect(said('In hand')).toContain('*Owner*\\njane');
    const resolved = said('Resolved');
    for (const field of ['Time', 'Service', 'Cause', 'Resolution', 'Duration', 'Review due'])
      expect(resolved).toContain(`*${field}*`);
    expect(resolved).toContain('*Cause*\\nalarm backend-cpu is firing');
  });
});

describe('a batch that was given up on', () => {
  it('is told from the journal when it is redriven: each event with its own id, the chain whole, and the page once', async () => {
    // Long ago, so that no other test's entries are among them.
    const at = Date.now() - 20 * 86_400_000;
    const incidentId = 'inc-given-up';
    const kinds: readonly EntryKind[] = ['opened', 'acted', 'escalated', 'resolved'];
    for (const kind of kinds) {
      const data = kind === 'opened' ? { title: 'lost', target: 'rds-instance/orders-db', severity: 'P1' } : {};
      await world.store.transact([putEntry(world.store.table, entryMaker(incidentId, 'test', at)(kind, kind, data))]);
    }
    const entries = await writtenIn(world.store, { from: at, to: at + 1000, records: kinds.length });
    expect(entries.map(({ kind }) => kind)).toEqual(kinds);
    expect(await writtenIn(world.store, { from: at + 16 * 60_000, to: at + 16 * 60_000, records: 1 })).toEqual([]);
    const records = eventsOf(entries).flatMap((event) => (JSON.parse(event) as DynamoDBStreamEvent).Records);

    const first = bus();
    expect(await announce(records, first.context)).toEqual({ batchItemFailures: [] });
    expect(first.put.map(({ kind }) => kind)).toEqual(kinds);
    const { links } = await readChain(world.store, incidentId);
    expect(links.map(({ entryId }) => entryId)).toEqual(entries.map(({ id }) => id));
    const again = bus();
    expect(await announce(records, again.context)).toEqual({ batchItemFailures: [] });
    expect(again.put).toEqual(first.put);
    expect((await readChain(world.store, incidentId)).links).toEqual(links);

    const pages: unknown[] = [];
    const context: PublisherContext = {
      ...{ deployment: 'test', store: world.store, rules: config, now: Date.now, remaining: () => 30_000 },
      topics: { everybody: 'arn:aws:sns:us-east-1:000000000000:pages', own: {} },
      sns: { send: async ({ input }: PublishCommand) => void pages.push(input) } as unknown as PublisherContext['sns'],
      machine: { sfn: { send: async () => ({}) } as never, arn: 'arn:aws:states:::stateMachine:follow' },
    };
    for (let time = 0; time < 2; time++) expect(await publish(records, context)).toEqual({ batchItemFailures: [] });
    expect(pages).toHaveLength(1);
  });
});

describe('the chain behind the stream', () => {
  const KINDS: readonly EntryKind[] = ['opened', 'signal', 'intent', 'acted', 'verified', 'resolved'];
  const check = async (incidentId: string) => {
    const [entries, { head, links }] = await Promise.all([
      readEntries(world.store, incidentId),
      readChain(world.store, incidentId),
    ]);
    return { ...checkChain({ incidentId, entries, links, end: head }, Date.now() + 3_600_000), head };
  };
  const takeAll = (records: readonly DynamoDBRecord[]) => announce(records, bus().context);

  it('has a link for each entry, and a head that says how the incident stands', async () => {
    await takeAll(await story('inc-chained', KINDS));
    const { head, ...checked } = await check('inc-chained');
    expect(checked).toMatchObject({ intact: true, count: 6, findings: [] });
    expect(head).toMatchObject({ count: 6, hash: checked.hash, incident: { state: 'resolved', severity: 'P1' } });
    expect(head?.incident).not.toHaveProperty('timeline');
  });

  it('is the same when batches come again, halved, or late', async () => {
    const records = await story('inc-again', KINDS);
    await takeAll(records.slice(2));
    const before = await check('inc-again');
    expect(before.count).toBe(4);
    for (const batch of [records, records.slice(0, 3), records.slice(3), [...records, ...records]])
      await takeAll(batch);
    expect(await check('inc-again')).toMatchObject({ intact: true, count: 6, findings: [] });
    const { links } = await readChain(world.store, 'inc-again');
    // What came late has its place behind: that is the order in which it was told.
    expect(links.map(({ entryId }) => entryId)).toEqual(
      [2, 3, 4, 5, 0, 1].map((place) => records[place]?.dynamodb?.NewImage?.id?.S),
    );
  });

  it('is one chain when two readers write it at the same time', async () => {
    const records = await story('inc-two-readers', [...KINDS, 'note', 'note', 'handed-back']);
    const batches = [records.slice(0, 6), records.slice(3), records, records.slice(5, 8)];
    const answers = await Promise.all(batches.map(takeAll));
    // Who lost too often says so, and is delivered again.
    for (const [index, { batchItemFailures }] of answers.entries())
      if (batchItemFailures.length > 0) await takeAll(batches[index] ?? []);
    expect(await check('inc-two-readers')).toMatchObject({ intact: true, count: 9, findings: [] });
  });

  it('is written in pieces that fit into a transaction', async () => {
    const records = await story('inc-long', ['opened', ...Array.from({ length: 99 }, () => 'note' as const)]);
    await takeAll(records);
    expect(await check('inc-long')).toMatchObject({ intact: true, count: 100, findings: [] });
  });

  it('that cannot be written is reported and tried again, and people are told meanwhile', async () => {
    const records = await story('inc-unwritable', ['opened', 'acted']);
    const { put, context } = bus();
    const write = { service: 'dynamodb', operation: 'TransactWriteItems' };
    world.gateway.faults.add({ name: 'unwritable', match: write, kind: 'throttled' });
    try {
      const { batchItemFailures } = await announce(records, context);
      expect(batchItemFailures).toEqual([{ itemIdentifier: 'inc-unwritable-0' }]);
    } finally {
      world.gateway.faults.remove('unwritable');
    }
    expect(put.map(({ kind }) => kind)).toEqual(['opened', 'acted']);
    await takeAll(records);
    expect(await check('inc-unwritable')).toMatchObject({ intact: true, count: 2 });
  });

  it('that is refused for a moment is written all the same, without a delivery more', async () => {
    const write = { service: 'dynamodb', operation: 'TransactWriteItems' };
    const records = await story('inc-refused-once', ['opened', 'acted']);
    world.gateway.faults.add({ name: 'forbidden', match: write, kind: 'refused', times: 1 });
    try {
      expect(await announce(records, bus().context)).toEqual({ batchItemFailures: [] });
    } finally {
      world.gateway.faults.remove('forbidden');
    }
    expect(await check('inc-refused-once')).toMatchObject({ intact: true, count: 2, findings: [] });
  });

  it('that is refused for good holds nobody up, and the gap is named', async () => {
    const records = await story('inc-refused-chain', ['opened', 'acted']);
    const { put, context } = bus();
    const write = { service: 'dynamodb', operation: 'TransactWriteItems' };
    world.gateway.faults.add({ name: 'forbidden', match: write, kind: 'refused' });
    try {
      expect(await announce(records, context)).toEqual({ batchItemFailures: [] });
    } finally {
      world.gateway.faults.remove('forbidden');
    }
    expect(put).toHaveLength(2);
    const { intact, findings } = await check('inc-refused-chain');
    expect({ intact, kinds: findings.map(({ kind }) => kind) }).toEqual({
      intact: false,
      kinds: ['inserted', 'inserted'],
    });
  });

  it.each(['before', 'after'] as const)(
    'is whole, and everything told, when the function dies %s any of its calls and the batch comes again',
    async (when) => {
      for (let call = 1; ; call++) {
        const id = `inc-dies-${when}-${call}`;
        const records = await story(id, KINDS);
        const store = new DyingStore(call, when);
        const dying = bus();
        const died = await announce(records, { ...dying.context, store }).then(
          ({ batchItemFailures }) => batchItemFailures.length > 0,
          () => true,
        );
        const again = bus();
        expect(await announce(records, again.context)).toEqual({ batchItemFailures: [] });
        expect({ call, ...(await check(id)) }).toMatchObject({ call, intact: true, count: 6, findings: [] });
        const told = new Set([...dying.put, ...again.put].map(({ kind }) => kind));
        expect([...told].sort()).toEqual(['acted', 'opened', 'resolved', 'verified']);
        if (!died) {
          // So many calls it makes, and each was its last once.
          expect(call).toBeGreaterThan(3);
          break;
        }
      }
    },
  );
});
