import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EntryKind } from '../../../events/journal.ts';
import { newHead } from '../../../functions/engine/job-head.ts';
import { putHead } from '../../../functions/engine/job-head-writes.ts';
import { Store } from '../../../functions/engine/store.ts';
import { newId, putEntry } from '../../../functions/engine/writes.ts';
import type { RunItem } from '../../../functions/jobs/items.ts';
import { gather } from '../../../functions/jobs/write-report/gather.ts';
import { putRun } from '../../../functions/jobs/writes.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';

const AT = Date.parse('2026-11-01T08:30:00Z');
const BACKUP = { job: 'back-up-database', subject: 'orders-db' };
const silent = {
  send: async () => {
    throw new Error('nothing may be asked of CloudWatch');
  },
} as unknown as Pick<CloudWatchClient, 'send'>;

let store: Store;
beforeEach(() => {
  const table = new TableModel();
  store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
});

const read = (name: 'on-call-handoff' | 'backups-and-drills', now = AT, at = AT) =>
  gather(name, { store, cloudwatch: silent, config: { ...config, databases: {} }, jobs: [BACKUP] }, at, now);

type Line = readonly [at: string, kind: EntryKind, data?: Record<string, unknown>];

async function incident(title: string, lines: readonly Line[], target = 'ecs-service/orders/backend') {
  const [first] = lines;
  const incidentId = `inc-${newId(Date.parse(first?.[0] ?? ''))}`;
  for (const [at, kind, data = {}] of lines) {
    const all = kind === 'opened' ? { title, target, severity: 'P2', ...data } : data;
    const entry = { id: newId(Date.parse(at)), incidentId, at, kind, by: 'test', summary: kind, data: all };
    await store.transact([putEntry('journal', entry)]);
  }
}

const titles = async (...args: Parameters<typeof read>) => (await read(...args)).incidents.map(({ title }) => title);

describe('a handoff', () => {
  it('has what needs a person though it was over, and not what is over for long', async () => {
    const long = [
      ['2026-10-10T00:00:00.000Z', 'opened'],
      ['2026-10-10T01:00:00.000Z', 'resolved'],
    ] as const;
    await incident('over', long);
    await incident('called again', [...long, ['2026-10-11T00:00:00.000Z', 'escalated']]);
    expect(await titles('on-call-handoff')).toEqual(['called again']);
  });

  it('has what was opened after it was due, while it is open', async () => {
    await incident('open', [['2026-11-01T08:40:00.000Z', 'opened']]);
    await incident('over', [
      ['2026-11-01T08:40:00.000Z', 'opened'],
      ['2026-11-01T08:41:00.000Z', 'resolved'],
    ]);
    expect(await titles('on-call-handoff', AT + 1_800_000)).toEqual(['open']);
  });
});

describe('how many incidents are read', () => {
  it('is told when there are more, and not when there are exactly so many', async () => {
    for (let index = 0; index < 1000; index++) await incident('many', [['2026-11-01T00:00:00.000Z', 'opened']]);
    const exact = await read('on-call-handoff');
    expect([exact.incidents.length, exact.unread]).toEqual([1000, []]);
    await incident('one more', [['2026-10-20T00:00:00.000Z', 'opened']]);
    const more = await read('on-call-handoff');
    expect(more.incidents).toHaveLength(1000);
    expect(more.unread).toEqual(['There are more than 1000 incidents: only the newest are counted.']);
  });
});

describe('scheduled jobs', () => {
  const run = async (scheduledAt: string, kind: 'passed' | 'failed', more: Partial<RunItem> = {}) => {
    const at = Date.parse(scheduledAt);
    const item: RunItem = {
      ...{ ...BACKUP, scheduledAt, version: 0, phase: 'ended', state: null, startedAt: at, deadlineAt: at + 1 },
      ...{ endedAt: at + 1, verdict: { kind, summary: kind, report: {} }, ...more },
    };
    await store.transact([putRun('journal', item)]);
  };

  it('are those that are deployed', async () => {
    for (const subject of ['orders-db', 'gone-db'])
      await store.transact([putHead('journal', 0, newHead({ ...BACKUP, subject }, 0))]);
    expect((await read('on-call-handoff')).jobs.map(({ subject }) => subject)).toEqual(['orders-db']);
  });

  it('count without what a person named, and know of the last that passed before', async () => {
    await store.transact([putHead('journal', 0, newHead(BACKUP, 0))]);
    await run('2026-09-27T02:00:00Z', 'passed');
    await run('2026-09-28T02:00:00Z', 'passed', { wanted: 'an old one' });
    await run('2026-09-29T02:00:00Z', 'failed');
    await run('2026-10-05T02:00:00Z', 'passed', { wanted: 'an old one' });
    await run('2026-10-06T02:00:00Z', 'passed');
    const { jobs, runs } = await read('backups-and-drills');
    expect(runs.map(({ scheduledAt }) => scheduledAt)).toEqual(['2026-10-06T02:00:00Z']);
    expect(jobs[0]?.passedBeforeAt).toBe(Date.parse('2026-09-27T02:00:00Z'));
  });
});

describe('runs of recovery plans', () => {
  it('count in the month in which they began, and nothing else counts as one', async () => {
    const recovery = {
      ...{ run: 'r', verdict: 'recovered', recoveryTimeMs: 1, frozenMs: 0 },
      targetRecoveryTimeMs: 2,
      steps: [],
    };
    const plan = async (title: string, began: string) =>
      incident(
        title,
        [
          [began, 'opened'],
          ['2026-10-02T00:00:00.000Z', 'resolved', { recovery }],
        ],
        'plan/service-recovery',
      );
    await plan('before', '2026-09-30T23:00:00.000Z');
    await plan('within', '2026-10-01T23:00:00.000Z');
    await incident('no plan', [['2026-10-03T00:00:00.000Z', 'opened']]);
    expect((await read('backups-and-drills')).drills).toEqual([
      expect.objectContaining({ title: 'within', recovery: expect.objectContaining({ verdict: 'recovered' }) }),
    ]);
  });
});
