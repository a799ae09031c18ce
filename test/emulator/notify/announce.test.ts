import type { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { incidentEvent } from '../../../events/published/notification.ts';
import { entryKey } from '../../../functions/engine/items.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { announce } from '../../../functions/incidents/announcer/handler.ts';
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
  dynamodb: { SequenceNumber, NewImage: marshall({ ...entryKey(entry.incidentId, entry.id), ...entry }) as never },
});

/** A bus that takes everything but what `refuses` names. */
function bus(refuses: (kind: string) => boolean = () => false) {
  const put: { kind: string; type: string | undefined; id: string }[] = [];
  const send = async ({ input }: PutEventsCommand) => {
    const Entries = (input.Entries ?? []).map(({ Detail, DetailType }) => {
      const { entry } = incidentEvent.parse(JSON.parse(Detail ?? ''));
      if (refuses(entry.kind)) return { ErrorCode: 'InternalFailure' };
      put.push({ kind: entry.kind, type: DetailType, id: entry.id });
      return { EventId: entry.id };
    });
    return { Entries, FailedEntryCount: 0 };
  };
  const client = { send } as unknown as Pick<EventBridgeClient, 'send'>;
  const place = { bus: 'nightshift-test', deployment: 'test', region: 'us-east-1' };
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
    const records = await story('inc-unreadable', ['opened', 'acted', 'resolved']);
    const { put, context } = bus();
    world.gateway.faults.add({
      name: 'blind',
      match: { service: 'dynamodb', operation: 'Query' },
      kind: 'refused',
      after: 1,
    });
    try {
      expect(await announce(records, context)).toEqual({ batchItemFailures: [{ itemIdentifier: 'inc-unreadable-1' }] });
    } finally {
      world.gateway.faults.remove('blind');
    }
    expect(put.map(({ kind }) => kind)).toEqual(['opened']);
  });

  it('without anything for people asks nothing of the bus', async () => {
    const { put, context } = bus();
    const records = await story('inc-silent', ['signal', 'intent', 'note', 'paged']);
    const removed: DynamoDBRecord[] = [{ eventName: 'REMOVE', dynamodb: { SequenceNumber: '9' } }];
    expect(await announce([...records, ...removed], context)).toEqual({ batchItemFailures: [] });
    expect(put).toEqual([]);
  });
});
