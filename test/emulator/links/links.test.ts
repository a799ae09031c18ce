/** Signed links against the real journal: who opens one changes nothing, who presses its button does one thing once. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { readTargets } from '../../../functions/engine/operator.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { type LinksHarness, linksHarness } from '../../support/links.ts';

let world: EngineWorld;
let links: LinksHarness;
let names = 0;

beforeAll(async () => {
  world = await openEngineWorld();
  links = linksHarness(world.store);
});
afterAll(() => world?.close());

/** A new incident on a target of its own. */
async function incident(): Promise<{ id: string; target: string }> {
  const name = `linked-${++names}`;
  const outcome = await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}` }));
  if (outcome.kind !== 'remediated') throw new Error(`unexpected: ${JSON.stringify(outcome)}`);
  return { id: outcome.incidentId, target: `ecs-service/orders/${name}` };
}

/** Calls of the journal that `work` makes. */
async function calls(work: () => Promise<unknown>) {
  const { next } = world.gateway.callsSince(0);
  await work();
  return world.gateway.callsSince(next).calls;
}

const lines = async (id: string) =>
  ((await readIncident(world.store, id))?.timeline ?? []).map(({ kind, by }) => `${kind} ${by}`);

describe('opening a link', () => {
  it('shows what would happen and in whose name, and changes nothing, however often', async () => {
    const { id, target } = await incident();
    for (const operation of ['ack', 'take-over', 'resolve'] as const) {
      const token = links.token({ operation, subject: id });
      const made = await calls(async () => {
        for (let times = 0; times < 3; times++) {
          const page = await links.get(token);
          expect(page.statusCode).toBe(200);
          expect(page.body).toContain(target);
          expect(page.body).toContain(`as jane`);
          expect(page.body).toContain('Nothing has happened yet');
          expect(page.body).not.toContain(token);
        }
      });
      expect(made.length).toBeGreaterThan(0);
      expect(made.filter(({ changing }) => changing)).toEqual([]);
    }
    expect(await lines(id)).not.toContainEqual(expect.stringContaining('jane'));
  });

  it('by its headers only doesn’t even read', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    expect(await calls(async () => expect((await links.head(token)).statusCode).toBe(200))).toEqual([]);
  });

  it('that is altered, expired or of another key is refused without a read, and says why', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    const expired = links.token({ operation: 'ack', subject: id, expiresAt: Math.floor(Date.now() / 1000) - 1 });
    const made = await calls(async () => {
      expect(await links.get(`${token.slice(0, -4)}AAAA`)).toMatchObject({
        statusCode: 403,
        body: expect.stringContaining('was altered'),
      });
      expect(await links.get(expired)).toMatchObject({ statusCode: 410, body: expect.stringContaining('has expired') });
      expect(await links.get(`00000000${token.slice(8)}`)).toMatchObject({
        statusCode: 403,
        body: expect.stringContaining('key that it was signed with'),
      });
      expect(await links.post(expired, { confirm: 'x' })).toMatchObject({ statusCode: 410 });
    });
    expect(made).toEqual([]);
  });
});

describe('pressing the button', () => {
  it('acknowledges once, by name; a second press says what came of the first', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    expect(await links.press(token)).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('jane is looking at it'),
    });
    expect(await readIncident(world.store, id)).toMatchObject({ acknowledgedBy: 'person:jane' });
    for (const again of [() => links.get(token), () => links.press(token)]) {
      const page = await again();
      expect(page.statusCode).toBeGreaterThanOrEqual(400);
      expect(page.body).toContain(page.statusCode === 410 ? 'used before' : 'Please press the button');
    }
    expect((await lines(id)).filter((line) => line.startsWith('acknowledged'))).toEqual(['acknowledged person:jane']);
  });

  it('acknowledges again when an earlier acknowledgement is some minutes old: it may have lapsed', async () => {
    const { id } = await incident();
    await links.press(links.token({ operation: 'ack', subject: id }));
    const at = (minutes: number) => linksHarness(world.store, { now: () => Date.now() + minutes * 60_000 });
    const [soon, later] = [at(1), at(6)];
    expect(await soon.get(soon.token({ operation: 'ack', subject: id }))).toMatchObject({
      statusCode: 410,
      body: expect.stringContaining('jane acknowledged it'),
    });
    const token = later.token({ operation: 'ack', subject: id, recipient: 'john' });
    expect(await later.press(token)).toMatchObject({ statusCode: 200 });
    expect((await lines(id)).filter((line) => line.startsWith('acknowledged'))).toHaveLength(2);
  });

  it('of one link twenty times at once has one effect', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'take-over', subject: id });
    const confirm = /name="confirm" value="([^"]+)"/.exec((await links.get(token)).body)?.[1] ?? '';
    const replies = await Promise.all(Array.from({ length: 20 }, () => links.post(token, { confirm })));
    expect(replies.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    for (const { statusCode, body } of replies.filter((each) => each.statusCode !== 200)) {
      expect([409, 503]).toContain(statusCode);
      expect(body).toMatch(/used before|try|again/i);
    }
    expect((await lines(id)).filter((line) => line.startsWith('taken-over'))).toEqual(['taken-over person:jane']);
  });

  it('without the page’s confirmation, or from another site, does nothing', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    const other = links.token({ operation: 'ack', subject: id });
    const confirm = /name="confirm" value="([^"]+)"/.exec((await links.get(token)).body)?.[1] ?? '';
    expect((await links.post(token, {})).statusCode).toBe(400);
    expect((await links.post(other, { confirm })).statusCode).toBe(400);
    expect((await links.post(token, { confirm }, { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect((await links.post(token, { confirm }, { 'content-type': 'text/plain' })).statusCode).toBe(400);
    expect(await readIncident(world.store, id)).not.toHaveProperty('acknowledgedBy');
  });

  it('takes a target over for two hours, with the reason', async () => {
    const { id, target } = await incident();
    expect(
      (await links.press(links.token({ operation: 'take-over', subject: id }), { reason: 'migrating\u0007 it' }))
        .statusCode,
    ).toBe(200);
    const taken = (await readTargets(world.store, [target])).get(target)?.takenOver;
    expect(taken).toMatchObject({ by: 'person:jane', reason: 'migrating it' });
    expect(taken?.until).toBeGreaterThan(Date.now() + 7_190_000);
  });

  it('ends an incident only with a reason; afterwards its other links have nothing left to do', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'resolve', subject: id });
    const ack = links.token({ operation: 'ack', subject: id });
    expect(await links.press(token)).toMatchObject({ statusCode: 409, body: expect.stringContaining('why') });
    expect(await links.press(token, { reason: 'a load test' })).toMatchObject({ statusCode: 200 });
    expect(await readIncident(world.store, id)).toMatchObject({ state: 'resolved' });
    expect(await links.get(ack)).toMatchObject({ statusCode: 410, body: expect.stringContaining('is over since') });
  });

  it('whose answer is lost is told afterwards what came of it', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    const confirm = /name="confirm" value="([^"]+)"/.exec((await links.get(token)).body)?.[1] ?? '';
    await links.post(token, { confirm });
    expect(await links.post(token, { confirm })).toMatchObject({
      statusCode: 409,
      body: expect.stringContaining('jane used it at'),
    });
  });

  it('does nothing while the journal can’t be written, and works afterwards', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    const confirm = /name="confirm" value="([^"]+)"/.exec((await links.get(token)).body)?.[1] ?? '';
    world.gateway.faults.add({
      name: 'no-writes',
      match: { service: 'dynamodb', operation: 'TransactWriteItems' },
      kind: 'throttled',
    });
    try {
      expect(await links.post(token, { confirm })).toMatchObject({
        statusCode: 503,
        body: expect.stringContaining('Open the link again'),
      });
    } finally {
      world.gateway.faults.remove('no-writes');
    }
    expect(await links.post(token, { confirm })).toMatchObject({ statusCode: 200 });
  });
});

describe('what is kept', () => {
  it('never holds a token', async () => {
    const { id } = await incident();
    const token = links.token({ operation: 'ack', subject: id });
    await links.press(token);
    const client = new DynamoDBClient({
      endpoint: world.gateway.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const { Items: items } = await client.send(new ScanCommand({ TableName: world.store.table }));
    client.destroy();
    expect(JSON.stringify(items)).toContain('LINK#');
    const [, body = '', mac = ''] = token.split('.');
    for (const secret of [token, body, mac]) expect(JSON.stringify(items)).not.toContain(secret);
  });
});
