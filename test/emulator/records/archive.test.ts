/** The archiver, and the commands that prove and report, on the real emulator: journal, chain, secret and bucket over the wire. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { incident } from '../../../cli/commands/incidents.ts';
import { report } from '../../../cli/commands/report.ts';
import { verifyArchive, verifyJournal } from '../../../cli/commands/verify.ts';
import { main } from '../../../cli/main.ts';
import type { JournalEntry } from '../../../events/journal.ts';
import { type ArchiveDocument, archiveDocument } from '../../../events/published/archive.ts';
import { archiveCheckDocument, chainDocument, chainsDocument } from '../../../events/published/chains.ts';
import type { IncidentEvent } from '../../../events/published/notification.ts';
import { linkEntries, listSummaries } from '../../../functions/engine/chain-store.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import { putEntry } from '../../../functions/engine/writes.ts';
import { type ArchiverContext, archive } from '../../../functions/incidents/archiver/handler.ts';
import { Secrets } from '../../../functions/incidents/secrets.ts';
import { statementOf } from '../../../functions/records/document.ts';
import { putNew } from '../../../functions/records/s3.ts';
import { isSigned } from '../../../functions/records/sign.ts';
import { incidentEvent } from '../../support/notify/fixtures.ts';
import { storyEntries } from '../../support/story.ts';
import { LOCAL_PLACE, type Recorded, recorder } from '../../unit/cli/harness.ts';
import { type NotifyWorld, openNotifyWorld } from '../notify/support.ts';

const BUCKET = 'nightshift-archive-test';
const KEY_PARAMETER = 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/archive-key';
const SECRET = 'planted-archive-key-0123456789abcdefghij';

let world: NotifyWorld;
const logged: string[] = [];
beforeAll(async () => {
  world = await openNotifyWorld();
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => logged.push(String(line)) > 0);
  await fetch(`${world.emulatorUrl}/${BUCKET}`, {
    method: 'PUT',
    headers: { 'x-amz-bucket-object-lock-enabled': 'true' },
  });
  const ssm = new SSMClient({ endpoint: world.gateway.url, region: 'us-east-1' });
  await ssm.send(new PutParameterCommand({ Name: '/nightshift/archive-key', Type: 'SecureString', Value: SECRET }));
  ssm.destroy();
});
afterAll(async () => {
  jest.restoreAllMocks();
  await world?.close();
});

/** The story under another id, in the journal; `linked` of its entries have their link. */
async function written(incidentId: string, count = 12, linked = count): Promise<JournalEntry[]> {
  const entries = storyEntries()
    .slice(0, count)
    .map((entry) => ({ ...entry, incidentId }));
  for (const entry of entries) await world.store.transact([putEntry(world.store.table, entry)]);
  await linkEntries(
    world.store,
    incidentId,
    entries.slice(0, linked).map((entry) => ({ entry, writtenAt: entry.at })),
  );
  return entries;
}

function eventOf(entries: readonly JournalEntry[]): IncidentEvent {
  const last = entries.at(-1);
  if (!last) throw new Error('no entry');
  const over = entries.find(({ kind }) => kind === 'resolved');
  return incidentEvent(over ? 'resolved' : 'opened', {
    incident: { id: last.incidentId, ...(over && { resolvedAt: over.at }) },
    entry: { id: last.id, at: last.at, kind: last.kind },
  });
}

function contextAt(now: number): ArchiverContext {
  const secrets = new Secrets();
  return {
    store: world.store,
    deployment: 'test',
    region: 'us-east-1',
    secret: () => secrets.get(KEY_PARAMETER),
    put: (key, contentType, body) => putNew({ bucket: BUCKET, key, contentType, body }, { region: 'us-east-1' }),
    now: () => now,
  };
}
const SOON = Date.parse('2026-11-20T03:10:01.000Z');

async function kept(folder: string | undefined): Promise<{ json: ArchiveDocument; markdown: string; html: string }> {
  const read = async (file: string) => (await fetch(`${world.emulatorUrl}/${BUCKET}/${folder}/${file}`)).text();
  const json = archiveDocument.parse(JSON.parse(await read('incident.json')));
  return { json, markdown: await read('report.md'), html: await read('report.html') };
}

describe('an incident that is over', () => {
  it('is kept as JSON, Markdown and HTML, with its chain, signed [D63]', async () => {
    const result = await archive(eventOf(await written('inc-archived')), contextAt(SOON));
    expect(result.written).toBe(3);
    const { json, markdown, html } = await kept(result.folder);
    expect(json.incident).toMatchObject({ id: 'inc-archived', state: 'resolved' });
    expect(json.chain).toMatchObject({ count: 12, findings: [] });
    expect(json.signature && isSigned(statementOf(json as Parameters<typeof statementOf>[0]), json.signature)).toBe(
      true,
    );
    expect(markdown).toContain('# Incident report: backend-cpu');
    expect(html).toContain('<!doctype html>');
  });

  it('[9/report-incident, 7b/postmortem-template] is the draft of its review: what the journal knows is there, what only people know is marked', async () => {
    const { folder } = await archive(eventOf(await written('inc-reviewed')), contextAt(SOON));
    const { markdown, html } = await kept(folder);
    for (const part of ['Summary', 'Timeline', 'What was changed', 'Cause', 'Lessons', 'Follow-up'])
      expect([part, markdown.includes(`## ${part}`), html.includes(`>${part}<`)]).toEqual([part, true, true]);
    const factOf = (label: string) => markdown.split('\n').find((line) => line.startsWith(`| **${label}** |`));
    const byPerson = 'To be written by a person';
    for (const known of ['Began', 'Resolved', 'Duration (recovery time achieved)', 'Time to acknowledge', 'Review due'])
      expect(factOf(known)).toMatch(/\d/);
    for (const unknown of ['Impact on users', 'Commander']) expect(factOf(unknown)).toContain(byPerson);
    for (const task of ['Prevention', 'Monitoring', 'Runbook and documents', 'Training'])
      expect(markdown).toMatch(new RegExp(`${task}: .?${byPerson}`));
  });

  it('is kept once, however often its end is told', async () => {
    const event = eventOf(await written('inc-told-again'));
    const results = [];
    for (let times = 0; times < 2; times++) results.push(await archive(event, contextAt(SOON)));
    expect(results.map(({ written: count }) => count)).toEqual([3, 0]);
    const both = await Promise.all([archive(event, contextAt(SOON)), archive(event, contextAt(SOON))]);
    expect(both.map(({ written: count }) => count)).toEqual([0, 0]);
  });

  it.each(['before', 'after'] as const)(
    'is kept whole and once when the function dies %s any of its calls',
    async (when) => {
      for (let last = 1; last <= 4; last++) {
        const event = eventOf(await written(`inc-dies-${when}-${last}`));
        const context = contextAt(SOON);
        let calls = 0;
        const live = async <T>(call: () => Promise<T>): Promise<T> => {
          calls += 1;
          if (calls > last || (calls === last && when === 'before')) throw new RetryableError('dead');
          const reply = await call();
          if (calls === last) throw new RetryableError('dead');
          return reply;
        };
        const dying: ArchiverContext = {
          ...context,
          secret: () => live(context.secret),
          put: (...args) => live(() => context.put(...args)),
        };
        await expect(archive(event, dying)).rejects.toThrow('dead');
        const { folder, written: count } = await archive(event, context);
        // The first call reads the secret; each after it writes one object.
        expect({ last, count }).toEqual({ last, count: when === 'before' ? Math.min(3, 5 - last) : 4 - last });
        expect((await kept(folder)).json.chain).toMatchObject({ count: 12, findings: [] });
      }
    },
  );

  it('gets a second edition after the hand-back, and the first one stays', async () => {
    const first = await archive(eventOf(await written('inc-editions', 11)), contextAt(SOON));
    const second = await archive(eventOf(await written('inc-editions', 12)), contextAt(SOON));
    expect([first.written, second.written]).toEqual([3, 3]);
    expect((await kept(first.folder)).json.incident.timeline).toHaveLength(11);
    expect((await kept(second.folder)).json.incident.timeline).toHaveLength(12);
    const [before, after] = [(await kept(first.folder)).json.chain, (await kept(second.folder)).json.chain];
    expect(after.links.slice(0, 11)).toEqual(before.links);
  });

  it('waits for its last link, and is kept with the gap when that does not come', async () => {
    const event = eventOf(await written('inc-gap', 12, 11));
    await expect(archive(event, contextAt(SOON))).rejects.toThrow(RetryableError);
    const late = await archive(event, contextAt(SOON + 180_000));
    expect((await kept(late.folder)).json).toMatchObject({ chain: { count: 11 }, incident: { state: 'resolved' } });
  });

  it('that was tampered with before is kept with what was found, and the log says so', async () => {
    const entries = await written('inc-tampered');
    const [, second] = entries;
    if (!second) throw new Error('no second entry');
    const { item } = putEntry(world.store.table, { ...second, summary: 'nothing fired' });
    const { ConditionExpression: _condition, ...Put } = item.Put ?? { TableName: '', Item: {} };
    await world.store.transact([{ label: 'tamper', item: { Put } }]);
    const { folder } = await archive(eventOf(entries), contextAt(SOON));
    expect((await kept(folder)).json.chain.findings).toMatchObject([{ kind: 'altered', entryId: second.id }]);
    expect(logged.some((line) => line.includes("isn't as it was written"))).toBe(true);
  });
});

describe('nothing', () => {
  it('is kept of an incident that is not over, whatever the event says', async () => {
    const open = eventOf(await written('inc-open', 10));
    expect(await archive(open, contextAt(SOON))).toEqual({ written: 0 });
    const invented = { ...open, incident: { ...open.incident, resolvedAt: '2026-11-20T03:05:00.000Z' } };
    await expect(archive(invented, contextAt(SOON))).rejects.toThrow(/doesn't say that it is over/);
  });

  it('is lost when the bucket refuses: the error says what, and repeats no secret', async () => {
    const event = eventOf(await written('inc-refused'));
    world.gateway.faults.add({ name: 'full', match: { service: 's3' }, kind: 'refused' });
    try {
      await expect(archive(event, contextAt(SOON))).rejects.toThrow(
        /write incidents\/2026\/11\/inc-refused.*report\.md/,
      );
    } finally {
      world.gateway.faults.remove('full');
    }
    expect(await archive(event, contextAt(SOON))).toMatchObject({ written: 3 });
    expect(logged.join('')).not.toContain(SECRET);
  });
});

describe('the command line', () => {
  /** Runs a command against the journal of these tests. @returns what it printed. */
  async function run(...argv: string[]): Promise<Recorded & { readonly code: number }> {
    const io = recorder();
    const open = () => world.store;
    const none = () => {
      throw new Error('not in these tests');
    };
    const commands = [incident(none, open), verifyJournal(open), verifyArchive, report(open)];
    const code = await main(argv, io, { commands, find: async () => LOCAL_PLACE });
    return { ...io, code };
  }

  it('says that an incident is as it was written, or what is not', async () => {
    const whole = await run('incident', 'inc-archived', '--verify');
    expect(whole).toMatchObject({ code: 0, stdout: [expect.stringContaining('as it was written  12 linked')] });
    const broken = await run('incident', 'inc-tampered', '--verify', '--json');
    expect(broken.code).toBe(1);
    const { check } = chainDocument.parse(JSON.parse(broken.stdout.at(-1) ?? ''));
    expect(check).toMatchObject({ intact: false, findings: [{ kind: 'altered' }] });
    expect(await run('incident', 'inc-nowhere', '--verify')).toMatchObject({ code: 2 });
  });

  it('verifies the whole journal, and counts', async () => {
    const { code, stdout } = await run('verify-journal', '--json');
    expect(code).toBe(1);
    const { checks } = chainsDocument.parse(JSON.parse(stdout.at(-1) ?? ''));
    expect(
      checks
        .filter(({ intact }) => !intact)
        .map(({ incidentId }) => incidentId)
        .sort(),
    ).toEqual(['inc-gap', 'inc-tampered']);
    expect((await run('verify-journal')).stdout.at(-1)).toMatch(/^\d+ incidents, \d+ as they were written$/);
  });

  it('verifies an archived incident by itself, and sees each of its parts', async () => {
    const { folder } = await archive(eventOf(await written('inc-verified')), contextAt(SOON));
    const { json } = await kept(folder);
    const file = join(mkdtempSync(join(tmpdir(), 'nightshift-archive-')), 'incident.json');
    const verified = async (document: unknown) => {
      writeFileSync(file, JSON.stringify(document));
      const { code, stdout } = await run('verify-archive', file, '--json');
      const { intact, signature } = archiveCheckDocument.parse(JSON.parse(stdout.at(-1) ?? '{}'));
      return { code, intact, signature };
    };
    try {
      expect(await verified(json)).toEqual({ code: 0, intact: true, signature: 'signed' });
      const [first, ...rest] = json.incident.timeline;
      const altered = { ...json, incident: { ...json.incident, timeline: [{ ...first, by: 'eve' }, ...rest] } };
      expect(await verified(altered)).toEqual({ code: 1, intact: false, signature: 'signed' });
      expect(await verified({ ...json, deployment: 'other' })).toEqual({ code: 1, intact: true, signature: 'forged' });
      const { signature: _signature, ...unsigned } = json;
      expect(await verified(unsigned)).toEqual({ code: 0, intact: true, signature: 'unsigned' });
      expect((await run('verify-archive', file)).stdout).toContain(
        'not signed: who may write the bucket may have made it',
      );
      writeFileSync(file, '{"version":2}');
      expect(await run('verify-archive', file)).toMatchObject({ code: 2 });
      expect(await run('verify-archive', `${file}.none`)).toMatchObject({ code: 2 });
    } finally {
      rmSync(dirname(file), { recursive: true });
    }
  });

  it('prints a report, or writes it as a page', async () => {
    const { code, stdout } = await run('report', 'inc-archived');
    expect({ code, first: stdout[0]?.split('\n')[0] }).toEqual({
      code: 0,
      first: '# Incident report: backend-cpu on ecs-service/orders/backend',
    });
    const folder = mkdtempSync(join(tmpdir(), 'nightshift-report-'));
    try {
      expect(await run('report', 'inc-archived', '--html', join(folder, 'a.html'))).toMatchObject({
        code: 0,
        stdout: [],
      });
      expect(readFileSync(join(folder, 'a.html'), 'utf8')).toContain('<!doctype html>');
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(await run('report', 'inc-nowhere')).toMatchObject({ code: 2 });
  });

  it('lists incidents that are over from their heads, and the others from their entries', async () => {
    const listing = { limit: 100, months: 1, now: new Date(SOON) };
    const whole = await listIncidents(world.store, listing);
    const listed = await listSummaries(world.store, listing);
    expect(listed).toEqual(whole.map(({ timeline: _timeline, ...rest }) => rest));
    expect(listed.map(({ state }) => state)).toEqual(expect.arrayContaining(['resolved', 'escalated']));
  });
});
