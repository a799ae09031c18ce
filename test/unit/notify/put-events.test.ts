import type { EventBridgeClient, PutEventsCommand, PutEventsResultEntry } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from '@jest/globals';
import { PermissionError } from '../../../functions/engine/errors.ts';
import type { Announcement } from '../../../functions/incidents/announcer/event.ts';
import { putAnnouncements } from '../../../functions/incidents/announcer/put-events.ts';
import { incidentEvent } from '../../support/notify/fixtures.ts';

const announcements = (count: number): Announcement[] =>
  Array.from({ length: count }, (_, index) => ({
    detailType: 'Incident Updated',
    time: new Date(0),
    detail: incidentEvent('updated', { entry: { id: `E${index}` } }),
  }));

const ok: PutEventsResultEntry = { EventId: 'id' };
const throttled: PutEventsResultEntry = { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' };
const malformed: PutEventsResultEntry = { ErrorCode: 'MalformedDetail', ErrorMessage: 'no' };

/** A bus that answers each request by what `answer` says of each entry's id, on its n-th try. */
function busThat(answer: (id: string, attempt: number) => PutEventsResultEntry) {
  const attempts = new Map<string, number>();
  const requests: string[][] = [];
  const send = async (command: PutEventsCommand) => {
    const ids = (command.input.Entries ?? []).map(
      ({ Detail }) => (JSON.parse(Detail ?? '{}') as { entry: { id: string } }).entry.id,
    );
    requests.push(ids);
    const Entries = ids.map((id) => {
      attempts.set(id, (attempts.get(id) ?? 0) + 1);
      return answer(id, attempts.get(id) ?? 0);
    });
    return { Entries, FailedEntryCount: Entries.filter(({ EventId }) => !EventId).length };
  };
  return {
    client: { send } as unknown as Pick<EventBridgeClient, 'send'>,
    bus: 'bus',
    pause: async () => {},
    requests,
  };
}

describe('putting events', () => {
  it('keeps to ten entries a request, in order', async () => {
    const bus = busThat(() => ok);
    expect(await putAnnouncements(announcements(23), bus)).toEqual({ accepted: 23 });
    expect(bus.requests.map((ids) => ids.length)).toEqual([10, 10, 3]);
    expect(bus.requests.flat()).toEqual(Array.from({ length: 23 }, (_, index) => `E${index}`));
  });

  it('puts again only what failed in passing', async () => {
    const bus = busThat((id, attempt) => (id === 'E1' && attempt < 3 ? throttled : ok));
    expect(await putAnnouncements(announcements(3), bus)).toEqual({ accepted: 3 });
    expect(bus.requests).toEqual([['E0', 'E1', 'E2'], ['E1'], ['E1']]);
  });

  it('stops at the first that stays refused, and does not count what came after it', async () => {
    const bus = busThat((id) => (id === 'E4' ? throttled : ok));
    const { accepted, error } = await putAnnouncements(announcements(25), bus);
    expect(accepted).toBe(4);
    expect(error).toMatchObject({ retryable: true });
    expect(bus.requests.flat()).not.toContain('E10');
  });

  it('never counts one as told that failed in passing before another that failed for good', async () => {
    const bus = busThat((id) => (id === 'E2' ? throttled : id === 'E5' ? malformed : ok));
    expect((await putAnnouncements(announcements(10), bus)).accepted).toBe(2);
  });

  it('tries what failed for good only once', async () => {
    const bus = busThat((id) => (id === 'E1' ? malformed : ok));
    const { accepted, error } = await putAnnouncements(announcements(3), bus);
    expect([accepted, error?.retryable]).toEqual([1, false]);
    expect(bus.requests).toHaveLength(1);
  });

  it('tells from which on nothing is known when a whole request fails', async () => {
    const bus = busThat(() => ok);
    let requests = 0;
    const client = {
      send: async (command: PutEventsCommand) => {
        if (++requests === 2)
          throw Object.assign(new Error('no'), { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } });
        return bus.client.send(command);
      },
    } as unknown as Pick<EventBridgeClient, 'send'>;
    const { accepted, error } = await putAnnouncements(announcements(15), { ...bus, client });
    expect(accepted).toBe(10);
    expect(error).toBeInstanceOf(PermissionError);
  });
});
