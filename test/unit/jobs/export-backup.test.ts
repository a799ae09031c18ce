import { describe, expect, it } from '@jest/globals';
import { readInfo, readTables, tableFiles, UnreadableExport } from '../../../functions/databases/export-files.ts';
import { exportIdOf, type Task, whyNotExported } from '../../../functions/databases/export-task.ts';
import type { KeptSnapshot } from '../../../functions/databases/snapshot-id.ts';
import {
  type Chosen,
  choose,
  completeOf,
  judge,
  MOST_AT_ONCE,
  nextStep,
  type State,
  type Written,
} from '../../../functions/jobs/export-backup/decide.ts';
import { provedRows } from '../../../functions/jobs/verify-backup/history.ts';

const arnOf = (id: string) => `arn:aws:rds:us-east-1:123456789012:snapshot:${id}`;
const snapshot = (id: string, day: number, more: Partial<KeptSnapshot> = {}): KeptSnapshot => ({
  ...{ id, arn: arnOf(id), status: 'available', encrypted: true, sizeGib: 20, progressPercent: 100 },
  ...{ takenAt: Date.UTC(2026, 10, day), isAutomated: false, instanceResourceId: 'db-A', madeBy: 'main', ...more },
});
const nothing: State = { wanted: null, chosen: null, exportId: null };
const rows = { 'public.orders': 5, 'public.empty': 0 };

describe('which backup is exported', () => {
  const proved = new Map([
    ['older', rows],
    ['newer', rows],
  ]);
  const step = (snapshots: readonly KeptSnapshot[], wanted: string | null = null) =>
    choose({ ...nothing, wanted }, { snapshots, proved }, 'main');

  it('is the newest that is proved, not a newer one that nobody proved', () => {
    const found = step([snapshot('older', 1), snapshot('newer', 2), snapshot('unproved', 3)]);
    expect(found).toMatchObject({
      kind: 'wait',
      state: { chosen: { snapshotId: 'newer', arn: arnOf('newer'), rows } },
    });
  });

  it.each([
    ['somebody else’s', snapshot('newer', 2, { madeBy: 'other' })],
    ['a copy from another region', snapshot('newer', 2, { copyOf: arnOf('x') })],
    ['RDS’s own', snapshot('newer', 2, { isAutomated: true })],
    ['one that is still being made', snapshot('newer', 2, { status: 'creating' })],
  ])('is never %s', (_what, other) => {
    expect(step([snapshot('older', 1), other])).toMatchObject({ state: { chosen: { snapshotId: 'older' } } });
    expect(step([other])).toMatchObject({ kind: 'verdict', verdict: { kind: 'failed', check: 'backup' } });
  });

  it('is the one that a person named, if that is proved', () => {
    const all = [snapshot('older', 1), snapshot('newer', 2), snapshot('unproved', 3)];
    expect(step(all, 'older')).toMatchObject({ state: { chosen: { snapshotId: 'older' } } });
    expect(step(all, 'unproved')).toMatchObject({
      verdict: { check: 'backup', summary: expect.stringContaining('nightshift verify unproved') },
    });
    expect(step(all, 'none')).toMatchObject({ verdict: { check: 'backup' } });
  });

  it('counts as proved while the last run about it says so, with what was counted then', () => {
    const run = (snapshotId: string, kind: 'passed' | 'failed', found: Record<string, number>) => ({
      ...{ endedAt: 1, wanted: undefined as never },
      verdict: {
        ...{ kind, summary: '' },
        report: {
          snapshotId,
          takenAt: '2026-11-21T02:00:00Z',
          systemId: '1',
          majorVersion: 18,
          nextXid: '1',
          rows: found,
        },
        ...(kind === 'failed' && { check: 'rows' }),
      },
    });
    const runs = [
      run('a', 'passed', { t: 2 }),
      run('b', 'failed', {}),
      run('a', 'passed', { t: 1 }),
      run('b', 'passed', { t: 9 }),
    ];
    expect([...provedRows(runs)]).toEqual([['a', { t: 2 }]]);
  });
});

const chosen: Chosen = { snapshotId: 'newer', arn: arnOf('newer'), takenAt: '2026-11-02T00:00:00.000Z', rows };
const idOf = (attempt: number) => exportIdOf('main', chosen.arn, attempt);
const task = (more: Partial<Task> = {}): Task => ({
  ...{ id: idOf(0), sourceArn: chosen.arn, status: 'IN_PROGRESS', progressPercent: 40, sizeGb: 3 },
  ...{ failure: undefined, warning: undefined, startedAt: 0, endedAt: 90_000, ...more },
});

describe('an export', () => {
  const state: State = { ...nothing, chosen };
  const next = (tasks: readonly Task[], exportId: string | null = null, gone: readonly string[] = []) =>
    nextStep({ ...state, exportId }, chosen, tasks, idOf, new Set(gone));

  it('has a name that follows from its snapshot, of at most 60 letters, digits and single hyphens', () => {
    expect(idOf(0)).toBe(idOf(0));
    const names = [
      exportIdOf('a-name-of-20-letters', chosen.arn, 0),
      exportIdOf('a-name-of-20-letters', chosen.arn, 99),
      idOf(0),
      idOf(1),
    ];
    for (const name of names) expect(name).toMatch(/^[A-Za-z](?:-?[A-Za-z0-9]){0,59}$/);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(60);
    expect(new Set([...names, exportIdOf('main', arnOf('older'), 0)]).size).toBe(5);
  });

  it('has its name written down before it is asked for', () => {
    expect(next([])).toMatchObject({ kind: 'wait', state: { exportId: idOf(0) } });
    expect(next([], idOf(0))).toEqual({ kind: 'start', exportId: idOf(0) });
  });

  it('is made once of one snapshot: one that is under way or complete is gone on with', () => {
    for (const status of ['STARTING', 'IN_PROGRESS', 'COMPLETE'])
      expect(next([task({ status })])).toMatchObject({ kind: 'wait', state: { exportId: idOf(0) } });
    expect(next([task({ status: 'FAILED' }), task({ id: idOf(1), status: 'COMPLETE' })])).toMatchObject({
      state: { exportId: idOf(1) },
    });
  });

  it('takes another name after one that failed or was cancelled, because the first is never free again', () => {
    expect(next([task({ status: 'FAILED' })])).toMatchObject({ state: { exportId: idOf(1) } });
    expect(next([task({ status: 'FAILED' }), task({ id: idOf(1), status: 'CANCELED' })])).toMatchObject({
      state: { exportId: idOf(2) },
    });
  });

  it('takes another name after one whose files are gone, because RDS goes on calling it complete', () => {
    const first = task({ status: 'COMPLETE' });
    expect(completeOf(chosen, [first, task({ id: 'by-hand', status: 'COMPLETE' })], idOf(0))).toEqual([idOf(0)]);
    expect(next([first], null, [idOf(0)])).toMatchObject({ state: { exportId: idOf(1) } });
    const second = task({ id: idOf(1), status: 'COMPLETE' });
    expect(next([first, second], null, [idOf(0)])).toMatchObject({ state: { exportId: idOf(1) } });
    // One that this run has begun is judged as it is.
    expect(next([first], idOf(0))).toMatchObject({ kind: 'look' });
  });

  it('waits while somebody else exports the same snapshot, and while five are under way', () => {
    expect(next([task({ id: 'by-hand' })])).toMatchObject({
      kind: 'wait',
      state: { exportId: null },
      note: expect.stringContaining('by-hand'),
    });
    const others = Array.from({ length: MOST_AT_ONCE }, (_, index) =>
      task({ id: `other-${index}`, sourceArn: arnOf(`o${index}`) }),
    );
    expect(next(others)).toMatchObject({ kind: 'wait', state: { exportId: null } });
    expect(next(others.slice(1))).toMatchObject({ state: { exportId: idOf(0) } });
  });

  it('is waited for, and failed with what RDS says of it', () => {
    expect(next([task()], idOf(0))).toMatchObject({ kind: 'wait', note: expect.stringContaining('40 %') });
    expect(next([task({ status: 'COMPLETE' })], idOf(0))).toMatchObject({ kind: 'look' });
    expect(next([task({ status: 'FAILED', failure: 'KMS key check failed.' })], idOf(0))).toMatchObject({
      verdict: { kind: 'failed', check: 'export', summary: expect.stringContaining('KMS key check failed.') },
    });
  });

  it.each([
    ['ExportTaskAlreadyExistsFault', undefined],
    ['InvalidExportSourceStateFault', true],
    ['ExportTaskLimitExceededFault', true],
    ['KMSKeyNotAccessibleFault', false],
    ['IamRoleMissingPermissionsFault', false],
    ['InvalidS3BucketFault', false],
  ])('takes %s for what it is', (name, retryable) => {
    expect(whyNotExported('export', Object.assign(new Error('says'), { name }))?.retryable).toBe(retryable);
  });
});

describe('what an export is judged by', () => {
  const place = { bucket: 'b', folder: 'orders-db/id', database: 'orders' };
  const whole: Written = {
    tables: [
      { target: 'orders.public.orders', status: 'COMPLETE' },
      { target: 'orders.public.empty', status: 'COMPLETE' },
      { target: 'postgres.public.more', status: 'COMPLETE' },
    ],
    withoutData: [],
  };
  const verdict = (written: Partial<Written>, more: Partial<Task> = {}) =>
    judge(chosen, task(more), { ...whole, ...written }, place);

  it('passes with every table complete, and says where it is', () => {
    expect(verdict({})).toMatchObject({
      kind: 'passed',
      report: { tables: 3, seconds: 90, bucket: 'b', folder: 'orders-db/id' },
    });
    // As "Monitoring snapshot exports" shows it of one that left nothing out.
    expect(verdict({}, { warning: '{"skippedTables":[],"skippedObjectives":[],"general":[]}' }).kind).toBe('passed');
  });

  it.each<[string, Partial<Written>, Partial<Task>, string]>([
    [
      'a table isn’t whole',
      { tables: [...whole.tables, { target: 'orders.public.more', status: 'FAILED' }] },
      {},
      'tables',
    ],
    ['a table that was counted is missing', { tables: whole.tables.slice(1) }, {}, 'tables'],
    [
      'a table of another database stands in for it',
      { tables: [{ target: 'other.public.orders', status: 'COMPLETE' }, ...whole.tables.slice(1)] },
      {},
      'tables',
    ],
    ['RDS left tables out', {}, { warning: '{"skippedTables":["orders.public.wide"]}' }, 'skipped'],
    [
      'RDS warns of something else',
      {},
      { warning: '{"general":[{"reason":"FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE"}]}' },
      'skipped',
    ],
    ['RDS warns in another form', {}, { warning: 'some tables' }, 'skipped'],
    ['a table that had rows has no data', { withoutData: ['public.orders'] }, {}, 'data'],
    ['RDS’s own word of it can’t be read', { unreadable: 'export_info is missing', tables: [] }, {}, 'files'],
  ])('fails when %s', (_what, written, more, check) => {
    expect(verdict(written, more)).toMatchObject({ kind: 'failed', check });
  });
});

describe('the files that RDS writes about an export', () => {
  const info = { exportTaskIdentifier: 'id', status: 'COMPLETE', percentProgress: 100 };

  it('are believed when they are of this export and say that it is complete', () => {
    expect(() => readInfo(JSON.stringify(info), 'id')).not.toThrow();
    for (const wrong of [
      { ...info, exportTaskIdentifier: 'other' },
      { ...info, status: 'FAILED' },
      { ...info, percentProgress: 99 },
      {},
      'text',
    ])
      expect(() => readInfo(JSON.stringify(wrong), 'id')).toThrow(UnreadableExport);
    expect(() => readInfo('<Error/>', 'id')).toThrow(UnreadableExport);
  });

  it('about tables are read in their order, and none of them may be missing', () => {
    const key = (from: number, to: number) => `f/export_tables_info_id_from_${from}_to_${to}.json`;
    expect(tableFiles([key(101, 130), key(1, 100)])).toEqual([key(1, 100), key(101, 130)]);
    expect(() => tableFiles([key(101, 130)])).toThrow(UnreadableExport);
    expect(() => tableFiles([key(1, 100), key(201, 210)])).toThrow(UnreadableExport);
    expect(() => tableFiles([])).toThrow(UnreadableExport);
  });

  it('tell the status of each table', () => {
    const file = {
      perTableStatus: [{ tableStatistics: {}, status: 'COMPLETE', sizeGB: 0.1, target: 'orders.public.orders' }],
    };
    expect(readTables(JSON.stringify(file), 'k')).toEqual([{ target: 'orders.public.orders', status: 'COMPLETE' }]);
    expect(() => readTables('{}', 'k')).toThrow(UnreadableExport);
  });
});
