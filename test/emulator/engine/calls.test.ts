/** Who is called about an incident, from the journal to the topic: levels with topics of their own, what can't be told, hours, snoozes and severities. */
import { PublishCommand } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JournalEntry, Severity } from '../../../events/journal.ts';
import { type EscalationRules, nextCall, standingOf } from '../../../functions/engine/escalation.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { changeSeverity, NoSuchIncidentError, NotPossibleError, snooze } from '../../../functions/engine/operator.ts';
import { entryMaker, newId, putEntry } from '../../../functions/engine/writes.ts';
import { type CallContext, callFor } from '../../../functions/incidents/publisher/call.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Friday, 20 November 2026: in business hours, and after them. */
const MORNING = Date.parse('2026-11-20T10:00:00.000Z');
const NIGHT = Date.parse('2026-11-20T22:00:00.000Z');
const MONDAY = Date.parse('2026-11-23T09:00:00.000Z');
const TOPICS = { everybody: 'arn:everybody', own: { '1': 'arn:first', '3': 'arn:third', management: 'arn:heads' } };
const ANN = { by: 'person:ann', reason: 'after the release' };

let world: EngineWorld;
let rules: EscalationRules;
const published: string[] = [];
/** What SNS answers with, instead of taking the page. */
let refusal: Error | undefined;
beforeAll(async () => {
  world = await openEngineWorld();
  rules = world.config;
});
afterAll(() => world?.close());
beforeEach(() => {
  published.length = 0;
  refusal = undefined;
});

/** As the SDK throws it. */
const refusalOf = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } });

const context = (at: number): CallContext => ({
  deployment: 'test',
  store: world.store,
  sns: {
    send: async (command: unknown) => {
      if (refusal) throw refusal;
      if (command instanceof PublishCommand) published.push(String(command.input.TopicArn));
      return {};
    },
  } as CallContext['sns'],
  topics: TOPICS,
  rules,
  now: () => at,
});

/** Opens an incident of its own and has a person needed. @returns its id, with the entry that calls. */
async function open(severity: Severity, at: number): Promise<{ id: string; escalated: JournalEntry }> {
  const id = `inc-${newId(at)}`;
  const data = { title: 'backend-cpu', target: 'ecs-service/orders/backend', severity, remediation: 'raise-number' };
  await write(id, at, 'opened', data);
  return { id, escalated: await write(id, at + MINUTE, 'escalated', {}) };
}
async function write(id: string, at: number, kind: JournalEntry['kind'], data: object): Promise<JournalEntry> {
  const entry = entryMaker(id, 'raise-number', at)(kind, kind, { ...data });
  await world.store.transact([putEntry(world.store.table, entry)]);
  return entry;
}
async function incidentOf(id: string) {
  const found = await readIncident(world.store, id);
  if (!found) throw new Error(`no incident ${id}`);
  return found;
}
const kindsOf = async (id: string) => (await incidentOf(id)).timeline.map(({ kind }) => kind);
const next = async (id: string, at: number) => {
  const call = nextCall(await incidentOf(id), rules, at);
  return call && { level: call.level, at: call.at };
};

describe('a call', () => {
  it('goes to the topic that its level has of its own, and to everybody where it has none', async () => {
    const { id, escalated } = await open('P1', MORNING);
    await callFor(escalated, context(MORNING));
    for (const level of [2, 3, 'management'])
      await callFor(await write(id, MORNING + HOUR, 'called', { level, name: 'somebody' }), context(MORNING + HOUR));
    expect(published).toEqual(['arn:first', 'arn:everybody', 'arn:third', 'arn:heads']);
    const paged = (await incidentOf(id)).timeline.filter(({ kind }) => kind === 'paged');
    expect(paged.map(({ data }) => data.level)).toEqual([1, 2, 3, 'management']);
    expect(JSON.stringify(paged)).not.toContain('arn:');
  });

  it('is made once, however often its entry is read', async () => {
    const { escalated } = await open('P1', MORNING);
    expect(await callFor(escalated, context(MORNING))).toBe(true);
    expect(await callFor(escalated, context(MORNING))).toBe(false);
    expect(published).toHaveLength(1);
  });

  it('that can not be made is written down once and has the next level called at once, and is tried again', async () => {
    const { id, escalated } = await open('P2', MORNING);
    refusal = refusalOf('AuthorizationErrorException', 403);
    for (let times = 0; times < 2; times++)
      await expect(callFor(escalated, context(MORNING))).rejects.toThrow('AuthorizationErrorException');
    expect(await kindsOf(id)).toEqual(['opened', 'escalated', 'undelivered']);
    expect(await next(id, MORNING + 2 * MINUTE)).toEqual({ level: 2, at: MORNING + MINUTE });
    refusal = undefined;
    expect(await callFor(escalated, context(MORNING))).toBe(true);
  });

  it('that is throttled is tried again for 20 s before the next level is called at once', async () => {
    const { id, escalated } = await open('P2', MORNING);
    const needed = Date.parse(escalated.at);
    refusal = refusalOf('ThrottledException', 429);
    await expect(callFor(escalated, context(needed + 19_999))).rejects.toThrow('ThrottledException');
    expect(await kindsOf(id)).toEqual(['opened', 'escalated']);
    expect(await next(id, needed + 19_999)).toEqual({ level: 2, at: needed + 15 * MINUTE });
    await expect(callFor(escalated, context(needed + 20_000))).rejects.toThrow('ThrottledException');
    expect(await kindsOf(id)).toEqual(['opened', 'escalated', 'undelivered']);
    expect(await next(id, needed + 20_000)).toEqual({ level: 2, at: needed });
  });
});

describe('hours', () => {
  it.each(['P3', 'P4'] as const)(
    'hold back the calls of a %s until the next business day, told in its timeline [7a/severity-P4]',
    async (severity) => {
      const { id, escalated } = await open(severity, NIGHT);
      expect(await callFor(escalated, context(NIGHT + MINUTE))).toBe(false);
      expect(published).toEqual([]);
      const { timeline } = await incidentOf(id);
      expect(timeline.at(-1)).toMatchObject({
        kind: 'note',
        summary: `nobody is paged: ${severity} waits for business hours, until 2026-11-23T09:00:00.000Z`,
      });
      expect(await next(id, NIGHT + 2 * MINUTE)).toEqual({ level: 1, at: MONDAY });
      // The follow-through's call when the time has come.
      expect(await callFor(await write(id, MONDAY, 'called', { level: 1, name: 'primary' }), context(MONDAY))).toBe(
        true,
      );
      expect(published).toEqual(['arn:first']);
    },
  );

  it.each(['P1', 'P2'] as const)('hold back nothing of a %s', async (severity) => {
    const { escalated } = await open(severity, NIGHT);
    expect(await callFor(escalated, context(NIGHT + MINUTE))).toBe(true);
  });
});

describe('a snooze', () => {
  it('leaves people in peace until its end, and then begins with the first level', async () => {
    const { id } = await open('P1', MORNING);
    const until = MORNING + 2 * HOUR;
    await snooze(world.store, id, { ...ANN, until }, MORNING + 5 * MINUTE);
    expect(await next(id, until - 1)).toBeUndefined();
    expect(standingOf(await incidentOf(id), rules, until - 1)).toMatchObject({
      how: 'snoozed',
      by: 'person:ann',
      until,
    });
    expect(await next(id, until)).toEqual({ level: 1, at: until });
    expect((await incidentOf(id)).timeline.at(-1)).toMatchObject({
      by: 'person:ann',
      summary: 'nobody is called until 2026-11-20T12:00:00.000Z: after the release',
    });
  });

  it('of an incident that is over is refused', async () => {
    const { id } = await open('P1', MORNING);
    await write(id, MORNING + 2 * MINUTE, 'resolved', {});
    const snoozing = snooze(world.store, id, { ...ANN, until: MORNING + HOUR }, MORNING + 5 * MINUTE);
    await expect(snoozing).rejects.toBeInstanceOf(NotPossibleError);
    expect(await kindsOf(id)).not.toContain('snoozed');
  });

  it('of an incident that does not exist is refused', async () => {
    await expect(snooze(world.store, 'inc-none', { ...ANN, until: NIGHT }, MORNING)).rejects.toBeInstanceOf(
      NoSuchIncidentError,
    );
  });
});

describe('a severity that a person changes', () => {
  it('has people called at once who would have waited for Monday', async () => {
    const { id, escalated } = await open('P3', NIGHT);
    await callFor(escalated, context(NIGHT + MINUTE));
    expect(await next(id, NIGHT + 2 * MINUTE)).toEqual({ level: 1, at: MONDAY });
    await changeSeverity(world.store, id, { ...ANN, severity: 'P1' }, NIGHT + 5 * MINUTE);
    expect(await incidentOf(id)).toMatchObject({ severity: 'P1' });
    expect(await next(id, NIGHT + 6 * MINUTE)).toEqual({ level: 1, at: NIGHT + MINUTE });
    expect((await incidentOf(id)).timeline.at(-1)?.summary).toBe('P3 becomes P1: after the release');
  });

  it('gives people their time when it is lowered [7a/severity-P1, 7a/severity-P2, 7a/severity-P3]', async () => {
    const { id, escalated } = await open('P1', MORNING);
    await callFor(escalated, context(MORNING));
    expect((await next(id, MORNING + 2 * MINUTE))?.at).toBe(MORNING + 6 * MINUTE);
    await changeSeverity(world.store, id, { ...ANN, severity: 'P2' }, MORNING + 2 * MINUTE);
    expect((await next(id, MORNING + 3 * MINUTE))?.at).toBe(MORNING + 16 * MINUTE);
    await changeSeverity(world.store, id, { ...ANN, severity: 'P3' }, MORNING + 3 * MINUTE);
    expect((await next(id, MORNING + 4 * MINUTE))?.at).toBe(MORNING + 61 * MINUTE);
  });

  it('is refused for an incident that is over', async () => {
    const { id } = await open('P1', MORNING);
    await write(id, MORNING + 2 * MINUTE, 'resolved', {});
    const changing = changeSeverity(world.store, id, { ...ANN, severity: 'P4' }, MORNING + 5 * MINUTE);
    await expect(changing).rejects.toBeInstanceOf(NotPossibleError);
  });
});
