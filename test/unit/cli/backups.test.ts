/** `backups` and `verify` over a journal that is only answers: what they read, start and print. */
import { describe, expect, it } from '@jest/globals';
import { backupCommands, chosen, NotProved } from '../../../cli/commands/backups.ts';
import { backupRunDocument, backupsDocument, verifyDocument } from '../../../events/published/backups.ts';
import type { Store } from '../../../functions/engine/store.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const NOW = Date.parse('2026-11-21T10:00:00.000Z');
const report = { snapshotId: 'nightshift-demo-orders-db-2026-11-21-02-00', takenAt: '2026-11-21T02:00:05.000Z' };
const run = (job: string, verdict: object, scheduledAt = '2026-11-21T04:00:00Z') => ({
  ...{ job, subject: 'orders-db', scheduledAt, version: 1, phase: 'ended', state: {}, startedAt: 0, deadlineAt: 0 },
  verdict,
});
const taken = run('back-up-database', { kind: 'passed', summary: 'ok', report: { ...report, sizeGib: 20 } });
const proved = run('verify-backup', {
  ...{ kind: 'passed', summary: 'restored in 400 s' },
  report: { ...report, restoreSeconds: 400, recoveryPointSeconds: 7200 },
});
const heads = [
  { job: 'back-up-database', subject: 'orders-db' },
  { job: 'verify-backup', subject: 'orders-db' },
  { job: 'export-backup', subject: 'orders-db' },
];

/** Answers queries by their partition key. */
function storeOf(runs: Record<string, readonly object[]>): Store {
  const query = async (input: { ExpressionAttributeValues?: Record<string, { S?: string }> }) => {
    const pk = input.ExpressionAttributeValues?.[':pk']?.S ?? '';
    return pk === 'JOBS' ? heads : (runs[pk] ?? []);
  };
  return { query } as unknown as Store;
}

async function type(
  words: readonly string[],
  runs: Record<string, readonly object[]>,
  options: { json?: boolean; reason?: string } = {},
) {
  const io = recorder(true);
  const started: object[] = [];
  const asked: string[] = [];
  const commands = backupCommands({
    open: () => storeOf(runs),
    machines: () => ({ start: async (machine, _name, input) => void started.push({ machine, ...input }) }),
    person: async () => 'person:jane',
    now: () => NOW,
    everyMs: 1,
  });
  const [name, ...rest] = words;
  const command = commands.find((each) => each.name === name);
  const context = { io, place: async () => LOCAL_PLACE, confirm: async (what: string) => void asked.push(what) };
  const error = await command
    ?.run(rest, { ...options, json: options.json === true, yes: false }, context)
    .catch((thrown: Error) => thrown);
  return { io, started, asked, error };
}

describe('nightshift backups', () => {
  const runs = { 'JOB#back-up-database#orders-db': [taken], 'JOB#verify-backup#orders-db': [proved] };

  it('lists each backup with what came of restoring it', async () => {
    const { io } = await type(['backups'], runs, { json: true });
    const { databases } = backupsDocument.parse(JSON.parse(io.stdout.join('')));
    expect(databases[0]?.backups).toMatchObject([
      { name: report.snapshotId, sizeGib: 20, proof: { verdict: 'passed', restoreSeconds: 400 } },
    ]);
    expect((await type(['backups'], runs)).io.stdout[1]).toMatch(/orders-db.*passed.*400 s.*7200 s/);
    expect((await type(['backups'], { ...runs, 'JOB#verify-backup#orders-db': [] })).io.stdout[1]).toMatch(
      /not proved/,
    );
  });

  it('says when it knows no such database', async () => {
    expect((await type(['backups', 'other'], runs)).error).toMatchObject({ name: 'UsageError' });
  });
});

describe('nightshift verify', () => {
  const runsOf = (verdict: object) => ({
    'JOB#verify-backup#orders-db': [run('verify-backup', verdict, new Date(NOW).toISOString())],
  });

  it('asks, starts a run as the schedule does, for the named backup, and prints the proof', async () => {
    const { io, started, asked } = await type(['verify', report.snapshotId], runsOf(proved.verdict), { json: true });
    expect(asked).toEqual([expect.stringContaining(report.snapshotId)]);
    expect(started).toEqual([
      {
        ...{
          machine: 'jobs',
          functionName: 'nightshift-demo-verify-backup',
          job: 'verify-backup',
          subject: 'orders-db',
        },
        ...{ scheduledAt: '2026-11-21T10:00:00.000Z', startedBy: 'person:jane', wanted: report.snapshotId },
      },
    ]);
    expect(verifyDocument.parse(JSON.parse(io.stdout.join('')))).toMatchObject({ proof: { verdict: 'passed' } });
  });

  it('fails when the backup is not good, naming the check', async () => {
    const failed = { kind: 'failed', check: 'rows', summary: 'too few', report };
    const { error } = await type(['verify'], runsOf(failed));
    expect(error).toBeInstanceOf(NotProved);
    expect(error?.message).toBe('rows: too few');
  });

  it('understands a database and a backup of one, and names the choices otherwise', () => {
    const two = ['orders', 'orders-db'];
    expect(chosen(undefined, ['orders'], 'demo')).toEqual({ database: 'orders' });
    expect(chosen('orders-db', two, 'demo')).toEqual({ database: 'orders-db' });
    const backup = 'nightshift-demo-orders-db-2026-11-21-02-00';
    expect(chosen(backup, two, 'demo')).toEqual({ database: 'orders-db', backup });
    expect(() => chosen(undefined, two, 'demo')).toThrow('there are orders, orders-db');
    expect(() => chosen('elsewhere', two, 'demo')).toThrow('neither');
    expect(() => chosen(undefined, [], 'demo')).toThrow('backup.verify');
  });
});

describe.each([
  ['back-up', 'back-up-database', 'orders-db', 'before the new schema'],
  ['export', 'export-backup', report.snapshotId, report.snapshotId],
])('nightshift %s', (command, job, word, wanted) => {
  const runsOf = (verdict: object) => ({
    [`JOB#${job}#orders-db`]: [run(job, verdict, new Date(NOW).toISOString())],
  });
  const options = { json: true, ...(command === 'back-up' && { reason: wanted }) };

  it('asks, starts a run as the schedule does, follows it, and prints what came of it', async () => {
    const { io, started, asked } = await type(
      [command, word],
      runsOf({ kind: 'passed', summary: 'done', report }),
      options,
    );
    expect(asked).toEqual([expect.stringContaining(wanted)]);
    expect(started).toEqual([
      {
        ...{ machine: 'jobs', functionName: `nightshift-demo-${job}`, job, subject: 'orders-db' },
        ...{ scheduledAt: '2026-11-21T10:00:00.000Z', startedBy: 'person:jane', wanted },
      },
    ]);
    expect(backupRunDocument.parse(JSON.parse(io.stdout.join('')))).toMatchObject({
      verdict: 'passed',
      summary: 'done',
    });
  });

  it('fails when the run does, naming the check', async () => {
    const { error } = await type(
      [command, word],
      runsOf({ kind: 'failed', check: 'copy', summary: 'no key', report }),
      options,
    );
    expect(error).toBeInstanceOf(NotProved);
    expect(error?.message).toBe('copy: no key');
  });
});

it('back-up takes a database, no backup', async () => {
  expect((await type(['back-up', report.snapshotId], {})).error).toMatchObject({ name: 'UsageError' });
});

it.each([undefined, '', '  '])('back-up with the reason %j is no run of the schedule', async (reason) => {
  const runs = {
    'JOB#back-up-database#orders-db': [
      run('back-up-database', { kind: 'passed', summary: 'done', report }, new Date(NOW).toISOString()),
    ],
  };
  const { started } = await type(['back-up', 'orders-db'], runs, reason === undefined ? {} : { reason });
  expect(started).toEqual([expect.objectContaining({ wanted: 'on demand' })]);
});
