/** PagerDuty's webhook against the real journal. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { type LinksHarness, linksHarness, PAGERDUTY_SECRET, pagerDutyEvent } from '../../support/links.ts';

let world: EngineWorld;
let links: LinksHarness;
let names = 0;

beforeAll(async () => {
  world = await openEngineWorld();
  links = linksHarness(world.store);
});
afterAll(() => world?.close());

async function incident(): Promise<string> {
  const outcome = await world.deliver(numberAlarm(`paged-${++names}`, 'ALARM', { id: `event-${names}` }));
  if (outcome.kind !== 'remediated') throw new Error(`unexpected: ${JSON.stringify(outcome)}`);
  return outcome.incidentId;
}
const told = async (id: string) =>
  ((await readIncident(world.store, id))?.timeline ?? [])
    .filter(({ by }) => by.startsWith('person:'))
    .map(({ kind, summary }) => `${kind}: ${summary}`);

describe('a webhook of PagerDuty', () => {
  it('acknowledges in the name that PagerDuty gives, once however often it comes', async () => {
    const id = await incident();
    const event = pagerDutyEvent('incident.acknowledged', id);
    const replies = await Promise.all(Array.from({ length: 5 }, () => links.pagerDuty(event)));
    expect(replies.map(({ statusCode }) => statusCode).every((status) => status === 202 || status === 503)).toBe(true);
    expect(await links.pagerDuty(event)).toMatchObject({
      statusCode: 202,
      body: expect.stringContaining('taken before'),
    });
    expect(await told(id)).toEqual(['acknowledged: Tenex Engineer is looking at it (acknowledged in PagerDuty)']);
    expect(await readIncident(world.store, id)).toMatchObject({ acknowledgedBy: 'person:Tenex Engineer (PagerDuty)' });
  });

  it('that resolves there acknowledges here and ends nothing', async () => {
    const id = await incident();
    await links.pagerDuty(pagerDutyEvent('incident.resolved', id));
    const now = await readIncident(world.store, id);
    expect(now?.state).not.toBe('resolved');
    expect(now?.acknowledgedBy).toBe('person:Tenex Engineer (PagerDuty)');
  });

  it('notes who gave it to whom', async () => {
    const id = await incident();
    await links.pagerDuty(pagerDutyEvent('incident.reassigned', id));
    expect(await told(id)).toEqual(['note: Tenex Engineer gave it to User 123 in PagerDuty']);
  });

  it('is believed with any of several signatures and any of two secrets', async () => {
    const id = await incident();
    const rotated = linksHarness(world.store, {
      secrets: { get: async () => `another-secret ${PAGERDUTY_SECRET}`, forget: () => {} },
    });
    const text = JSON.stringify(pagerDutyEvent('incident.acknowledged', id));
    const good = createHmac('sha256', PAGERDUTY_SECRET).update(text).digest('hex');
    const bad = createHmac('sha256', 'an old secret').update(text).digest('hex');
    expect(await rotated.pagerDuty(text, { signature: `v1=${bad},v1=${good}` })).toMatchObject({ statusCode: 202 });
    expect(await told(id)).toHaveLength(1);
  });

  it.each([
    ['a wrong secret', (event: object) => links.pagerDuty(event, { secret: 'guessed' }), 401],
    ['no signature', (event: object) => links.pagerDuty(event, { signature: '' }), 401],
    ['a signature of another version', (event: object) => links.pagerDuty(event, { signature: 'v2=00' }), 401],
  ])('with %s is refused without a look at the journal', async (_what, send, status) => {
    const id = await incident();
    const { next } = world.gateway.callsSince(0);
    expect(await send(pagerDutyEvent('incident.acknowledged', id))).toMatchObject({ statusCode: status });
    expect(world.gateway.callsSince(next).calls).toEqual([]);
    expect(await told(id)).toEqual([]);
  });

  it.each([
    ['of an integration, such as our own resolve', { agent: { type: 'service_reference', summary: 'Events API' } }],
    ['of nobody', { agent: null }],
    ['of yesterday', { occurred_at: '2020-10-02T18:45:22.169Z' }],
    ['of a time that is none', { occurred_at: 'soon' }],
  ])('%s changes nothing, and PagerDuty isn’t told that it failed', async (_what, over) => {
    const id = await incident();
    expect(await links.pagerDuty(pagerDutyEvent('incident.acknowledged', id, over))).toMatchObject({ statusCode: 202 });
    expect(await told(id)).toEqual([]);
  });

  it.each(['', 'inc-NOSUCHINCIDENT', 'nightshift-test-storm-2026-11-20T03', 'inc-1#ENTRY', '../inc-1'])(
    'about the alert %j isn’t one of ours',
    async (key) => {
      expect(await links.pagerDuty(pagerDutyEvent('incident.acknowledged', key))).toMatchObject({ statusCode: 202 });
    },
  );

  it('is asked for again while the journal can’t be written', async () => {
    const id = await incident();
    const event = pagerDutyEvent('incident.acknowledged', id);
    world.gateway.faults.add({
      name: 'no-writes',
      match: { service: 'dynamodb', operation: 'TransactWriteItems' },
      kind: 'throttled',
    });
    try {
      expect(await links.pagerDuty(event)).toMatchObject({ statusCode: 503 });
    } finally {
      world.gateway.faults.remove('no-writes');
    }
    expect(await links.pagerDuty(event)).toMatchObject({ statusCode: 202 });
    expect(await told(id)).toHaveLength(1);
  });
});
