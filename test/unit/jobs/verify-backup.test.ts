import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { troubleOf } from '../../../functions/databases/ask-function.ts';
import type { KeptSnapshot } from '../../../functions/databases/snapshot-id.ts';
import type { BackupConfig, VerifyConfig } from '../../../functions/engine/config.ts';
import type { RunItem } from '../../../functions/jobs/items.ts';
import type { Step } from '../../../functions/jobs/job.ts';
import type { Scratch } from '../../../functions/jobs/scratch-id.ts';
import { claimOf, isScratchOf, scratchIdOf, scratchTags } from '../../../functions/jobs/scratch-id.ts';
import {
  type Chosen,
  checkOrigin,
  checkOverview,
  checkTable,
  type Verified,
} from '../../../functions/jobs/verify-backup/checks.ts';
import {
  afterAnswer,
  choose,
  type Known,
  newState,
  nextAsk,
  nextStep,
  type State,
} from '../../../functions/jobs/verify-backup/decide.ts';
import { lastProofs, readUpTo, takenTimes, verifiedBackups } from '../../../functions/jobs/verify-backup/history.ts';
import { fullRead, unreadable } from '../../../functions/jobs/verify-backup/reader/read.ts';
import type { Answer, Ask, Overview } from '../../../functions/jobs/verify-backup/reading.ts';

const NOW = Date.parse('2026-11-21T04:00:00Z');
const HOUR = 3_600_000;
const verify: VerifyConfig = {
  subnetGroup: 'isolated',
  securityGroupId: 'sg-1',
  user: 'nightshift_verify',
  tables: [
    { name: 'public.orders', minRows: 10, shrinksAtMostShare: 0.1, newest: { column: 'at', withinSeconds: 60 } },
  ],
  queries: { totals: 'SELECT true' },
  fullReadMib: 100,
};
const backup: BackupConfig = {
  ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, verify },
  ...{ keepDays: 30, keepWeeks: 8, keepMonths: 12, keepAtLeast: 3 },
};
const snapshot: KeptSnapshot = {
  id: 'nightshift-main-orders-db-2026-11-21-02-00',
  status: 'available',
  encrypted: true,
  sizeGib: 20,
  progressPercent: 100,
  takenAt: NOW - 2 * HOUR,
  isAutomated: false,
  instanceResourceId: 'db-A',
  madeBy: 'main',
};
const chosen: Chosen = { id: snapshot.id, takenAt: NOW - 2 * HOUR, instanceResourceId: 'db-A' };
const before: Verified = {
  snapshotId: 'earlier',
  takenAt: NOW - 26 * HOUR,
  instanceResourceId: 'db-A',
  systemId: '7',
  majorVersion: 18,
  nextXid: '1000',
  rows: { 'public.orders': 100 },
};
const overview: Overview = {
  kind: 'overview',
  systemId: '7',
  majorVersion: 18,
  nextXid: '1200',
  checksums: true,
  amcheck: true,
  heartbeatAt: chosen.takenAt - 5_000,
  invalidConstraints: [],
  invalidIndexes: [],
};
const known: Known = {
  snapshots: [snapshot],
  instanceResourceId: 'db-A',
  noted: new Map([[snapshot.id, NOW - 2 * HOUR]]),
  before,
  readUpTo: undefined,
};
const bad = (findings: readonly { check: string; ok: boolean }[]) =>
  findings.filter(({ ok }) => !ok).map(({ check }) => check);
const stateOf = (step: Step<State>): State => step.state;
const checkOf = (step: Step<State>): string | undefined =>
  step.kind === 'verdict' ? (step.verdict.check ?? step.verdict.kind) : undefined;

describe('what a backup says of itself', () => {
  it('is the right instance and the time that the journal noted', () => {
    expect(bad(checkOrigin(chosen, 'db-A', chosen.takenAt))).toEqual([]);
    expect(bad(checkOrigin(chosen, undefined, undefined))).toEqual([]);
    expect(bad(checkOrigin(chosen, 'db-B', chosen.takenAt))).toEqual(['instance']);
    expect(bad(checkOrigin(chosen, 'db-A', chosen.takenAt - HOUR))).toEqual(['time']);
  });
});

describe('what is read of the restored server', () => {
  const checks = (more: Partial<Overview>, of: Partial<Chosen> = {}) =>
    bad(checkOverview({ ...overview, ...more }, { ...chosen, ...of }, before));
  it('is of the same server, later than the one before, and up to date', () => {
    expect(checks({})).toEqual([]);
    expect(checks({ systemId: '8' })).toEqual(['server']);
    expect(checks({ systemId: '8', majorVersion: 19 })).toEqual([]);
    expect(checks({ nextXid: '999' })).toEqual(['order']);
  });

  it('may be of an earlier time than the one before only if the backup is, too', () => {
    const earlier = { takenAt: before.takenAt - HOUR };
    expect(checks({ nextXid: '900', heartbeatAt: null }, earlier)).toEqual([]);
    expect(checks({ nextXid: '1100', heartbeatAt: null }, earlier)).toEqual(['order']);
  });

  it('has a heartbeat from when it was taken, whole constraints and valid indexes', () => {
    expect(checks({ heartbeatAt: chosen.takenAt - HOUR })).toEqual(['heartbeat']);
    expect(checks({ heartbeatAt: chosen.takenAt + 2 * HOUR })).toEqual(['heartbeat']);
    expect(checks({ heartbeatAt: null })).toEqual([]);
    expect(checks({ invalidConstraints: ['public.c'] })).toEqual(['constraints']);
    expect(checks({ invalidIndexes: ['public.i'] })).toEqual(['indexes-valid']);
  });
});

describe('a table', () => {
  const [table] = verify.tables;
  const checks = (rows: number | null, newestAt: number | null = chosen.takenAt) =>
    table ? bad(checkTable(table, { kind: 'count', table: table.name, rows, newestAt }, chosen, before)) : [];
  it('has its rows, about as many as before, and new ones', () => {
    expect(checks(95)).toEqual([]);
    expect(checks(null)).toEqual(['rows']);
    expect(checks(9)).toEqual(['rows']);
    expect(checks(89)).toEqual(['rows']);
    expect(checks(100, null)).toEqual(['newest']);
    expect(checks(100, chosen.takenAt - 61_000)).toEqual(['newest']);
  });
});

describe('when a backup was taken', () => {
  it('is known from its run, also while it is copied and when its copy was never there', () => {
    const state = { snapshotId: 'a', takenAt: '2026-11-21T02:09:00.000Z' };
    const at = Date.parse(state.takenAt);
    const broken = { kind: 'failed', check: 'deadline', summary: 'late', report: {} } as const;
    const done = { kind: 'passed', summary: 'there', report: { ...state } } as const;
    expect(takenTimes([{ state }]).get('a')).toBe(at);
    expect(takenTimes([{ state, verdict: broken }]).get('a')).toBe(at);
    expect(takenTimes([{ state: { snapshotId: 'a' }, verdict: done }]).get('a')).toBe(at);
    expect(takenTimes([{ state: { snapshotId: 'a' }, verdict: broken }]).size).toBe(0);
  });
});

describe('choosing a backup', () => {
  const chooses = (more: Partial<Known>, wanted?: string) =>
    choose(newState('scratch', wanted), { ...known, ...more }, backup, 'main', NOW);
  it('takes the newest of this deployment that is available', () => {
    const others: KeptSnapshot[] = [
      { ...snapshot, id: 'older', takenAt: NOW - 26 * HOUR },
      { ...snapshot, id: 'foreign', takenAt: NOW, madeBy: 'other' },
      { ...snapshot, id: 'by-hand', takenAt: NOW, madeBy: undefined },
      { ...snapshot, id: 'automated', takenAt: NOW, isAutomated: true },
      { ...snapshot, id: 'copy-of-elsewhere', takenAt: NOW, copyOf: 'arn:aws:rds:eu-west-1:1:snapshot:x' },
    ];
    expect(stateOf(chooses({ snapshots: [...others, snapshot] })).chosen?.id).toBe(snapshot.id);
    expect(stateOf(chooses({ snapshots: [...others, snapshot] }, 'older')).chosen?.id).toBe('older');
    expect(checkOf(chooses({ snapshots: others }, 'foreign'))).toBe('backup');
    expect(checkOf(chooses({ snapshots: [] }))).toBe('backup');
  });

  it('waits for one that is being made, not for ever, and not when another was named', () => {
    const making: KeptSnapshot = { ...snapshot, id: 'making', takenAt: undefined, status: 'creating' };
    const both = { ...known, snapshots: [snapshot, making] };
    const first = choose(newState('scratch', undefined), both, backup, 'main', NOW);
    expect(first).toMatchObject({ kind: 'wait', note: 'making is being made', state: { chosen: null } });
    const later = (ms: number) => stateOf(choose(stateOf(first), both, backup, 'main', NOW + ms)).chosen?.id;
    expect([later(2 * HOUR - 1), later(2 * HOUR)]).toEqual([undefined, snapshot.id]);
    expect(stateOf(chooses(both, snapshot.id)).chosen?.id).toBe(snapshot.id);
  });

  it('compares it with the one before only when both are of one instance', () => {
    const compared = (instanceResourceId: string | null) =>
      stateOf(chooses({ before: { ...before, instanceResourceId } })).before?.snapshotId;
    expect([compared('db-A'), compared(null), compared('db-B')]).toEqual(['earlier', 'earlier', undefined]);
  });

  it('writes down when it asks for the restore before it does', () => {
    expect(chooses({})).toMatchObject({ kind: 'wait', state: { restoreAskedAt: NOW, wasThere: false } });
  });

  it('restores nothing of another instance, and remembers that the newest is too old', () => {
    expect(checkOf(chooses({ instanceResourceId: 'db-B' }))).toBe('instance');
    const old = chooses({ snapshots: [{ ...snapshot, takenAt: NOW - 26 * HOUR }], noted: new Map() });
    expect(bad(stateOf(old).findings)).toEqual(['age']);
  });
});

describe('the restored instance', () => {
  const state = { ...newState('scratch', undefined), chosen, restoreAskedAt: NOW };
  const scratch: Scratch = { id: 'scratch', status: 'available', endpoint: { host: 'h', port: 1 }, tags: {} };
  const next = (seen: Partial<Scratch> | undefined, more: Partial<State> = {}, isOurs = true) =>
    nextStep({ ...state, ...more }, seen && { ...scratch, ...seen }, isOurs, verify);
  const verdictOf = (step: ReturnType<typeof next>) => (step.kind === 'verdict' ? step.verdict.check : step.kind);

  it('is asked for while it is missing, waited for, then asked', () => {
    expect(next(undefined)).toEqual({ kind: 'restore' });
    expect(next({ status: 'creating' })).toMatchObject({ kind: 'wait', state: { wasThere: true } });
    expect(next({})).toEqual({ kind: 'ask', ask: { kind: 'overview' }, host: 'h', port: 1 });
  });

  it('fails when no server comes of it, when it vanishes, and when it is somebody else’s', () => {
    for (const status of ['failed', 'incompatible-restore', 'storage-full'])
      expect(verdictOf(next({ status }))).toBe('start');
    expect(verdictOf(next(undefined, { wasThere: true }))).toBe('scratch');
    expect(verdictOf(next({ status: 'deleting' }))).toBe('scratch');
    expect(verdictOf(next({}, {}, false))).toBe('scratch');
  });

  /** Answers every question as `reply` says, until the verdict. */
  function toItsEnd(reply: (ask: Ask) => Answer): { verdict: Step<State>; asked: string[] } {
    let now: State = state;
    const asked: string[] = [];
    for (;;) {
      const ask = nextAsk(now, verify);
      if (!ask) throw new Error('there was no verdict');
      asked.push(ask.kind);
      const step = afterAnswer(now, ask, reply(ask), verify, NOW + 60_000);
      if (step.kind === 'verdict') return { verdict: step, asked };
      now = step.state;
    }
  }
  const wellAnswered = (ask: Ask): Answer => {
    switch (ask.kind) {
      case 'overview':
        return overview;
      case 'count':
        return { kind: 'count', table: ask.table, rows: 100, newestAt: chosen.takenAt };
      case 'query':
        return { kind: 'query', name: ask.name, good: true, why: 'true' };
      case 'full-read':
        return { kind: 'full-read', next: ask.from ? null : { table: 't', block: 4 }, mib: 40, damage: null };
      case 'indexes':
        return { kind: 'indexes', checked: 2, next: ask.after === null ? 'i' : null, damage: null };
      default:
        throw new Error(`the job doesn't ask for ${ask.kind}`);
    }
  };

  it('is asked everything once, in parts where that takes long, and passes', () => {
    const { verdict, asked } = toItsEnd(wellAnswered);
    expect(asked).toEqual(['overview', 'count', 'query', 'full-read', 'full-read', 'indexes', 'indexes']);
    expect(verdict).toMatchObject({
      verdict: {
        kind: 'passed',
        report: { restoreSeconds: 60, fullReadMib: 80, indexesChecked: 4, recoveryPointSeconds: 7205 },
      },
    });
  });

  it.each<[string, Ask['kind'], Answer]>([
    ['query:totals', 'query', { kind: 'query', name: 'totals', good: false, why: 'not true' }],
    ['full-read', 'full-read', { kind: 'full-read', next: null, mib: 1, damage: { table: 't', why: 'invalid page' } }],
    ['full-read', 'count', { kind: 'unreadable', damaged: true, why: 'invalid page' }],
    ['count:public.orders', 'count', { kind: 'unreadable', damaged: false, why: 'permission denied' }],
    ['indexes', 'indexes', { kind: 'indexes', checked: 1, next: null, damage: 'item order' }],
    ['overview', 'overview', { kind: 'unreadable', damaged: false, why: 'no such function' }],
    ['login', 'overview', { kind: 'no-connection', passing: false, why: 'no such login' }],
  ])('fails by the check %s', (check, kind, reply) => {
    const { verdict } = toItsEnd((ask) => (ask.kind === kind ? reply : wellAnswered(ask)));
    expect(checkOf(verdict)).toBe(check);
  });

  it('is waited for when it lets nobody in yet, but not for ever', () => {
    const shut: Answer = { kind: 'no-connection', passing: true, why: 'starting up' };
    const first = afterAnswer(state, { kind: 'overview' }, shut, verify, NOW);
    expect(first).toMatchObject({ kind: 'wait', state: { unreachableSince: NOW } });
    expect(checkOf(afterAnswer(stateOf(first), { kind: 'overview' }, shut, verify, NOW + 600_000))).toBe('login');
  });

  it('stops reading where it was told to, and goes on there the next time', () => {
    const part: Answer = { kind: 'full-read', next: { table: 't', block: 9 }, mib: 100, damage: null };
    const { verdict } = toItsEnd((ask) => (ask.kind === 'full-read' ? part : wellAnswered(ask)));
    if (verdict.kind !== 'verdict') throw new Error('no verdict');
    const runs: Pick<RunItem, 'verdict' | 'endedAt'>[] = [{ verdict: verdict.verdict, endedAt: NOW }];
    expect(readUpTo(runs)).toEqual({ table: 't', block: 9 });
    expect(verifiedBackups(runs)).toEqual([
      expect.objectContaining({ snapshotId: snapshot.id, nextXid: '1200', at: NOW, takenAt: chosen.takenAt }),
    ]);
  });
});

describe('a full read', () => {
  /** A table of 10 000 pages, page 5000 damaged. */
  const server = {
    query: async (_text: string, [from, to]: readonly string[] = []) => {
      if (to === undefined) return { rows: [{ name: 'public.t', blocks: '10000' }] };
      const [first, last] = [from, to].map((tid) => Number(/\d+/.exec(tid ?? '')?.[0]));
      if ((first ?? 0) <= 5000 && 5000 < (last ?? 0))
        throw Object.assign(new pg.DatabaseError('invalid page in block 5000', 0, 'error'), { code: 'XX001' });
      return { rows: [] };
    },
  } as unknown as Pick<pg.Client, 'query'>;

  it('begins with the pages that were damaged in the run before', async () => {
    const first = await fullRead(server, null, 100, () => 0);
    expect(first).toMatchObject({ damage: { table: 'public.t' }, next: { table: 'public.t', block: 4096 } });
    const from = readUpTo([
      { verdict: { kind: 'failed', summary: '', report: { fullReadNext: first.next } }, endedAt: NOW },
    ]);
    expect(await fullRead(server, from ?? null, 100, () => 0)).toMatchObject({ damage: { table: 'public.t' } });
  });
});

describe('an error of PostgreSQL', () => {
  const error = (code: string, message: string) =>
    Object.assign(new pg.DatabaseError(message, 0, 'error'), { code }) as pg.DatabaseError;
  it('is told by its code alone, because its message may quote a row, unless it is about damage', () => {
    const told = unreadable(error('22P02', 'invalid input syntax for type integer: "jane@example.com"'));
    expect(told).toMatchObject({ damaged: false, why: expect.stringContaining('22P02') });
    expect(JSON.stringify(told)).not.toContain('jane');
    expect(unreadable(error('XX001', 'invalid page in block 7'))).toMatchObject({
      damaged: true,
      why: 'invalid page in block 7',
    });
  });

  it('that ends the reader is told by its type alone', () => {
    const text = JSON.stringify({ errorType: 'ZodError', errorMessage: 'jane@example.com' });
    expect(troubleOf(text)).toBe('ZodError: its log says more');
    for (const other of ['jane@example.com', '{"errorType":"jane@example.com"}'])
      expect(troubleOf(other)).not.toContain('jane');
  });
});

describe('runs about a backup that a person named', () => {
  it('are nothing that the next is compared with', () => {
    const report = { snapshotId: 'old', fullReadNext: { table: 't', block: 1 } };
    const runs = [{ verdict: { kind: 'passed' as const, summary: '', report }, endedAt: NOW, wanted: 'old' }];
    expect([verifiedBackups(runs), readUpTo(runs)]).toEqual([[], undefined]);
    expect([...lastProofs(runs).verified.keys()]).toEqual(['old']);
  });
});

describe('reports of other versions', () => {
  it('tell nothing', () => {
    const runs = [{ verdict: { kind: 'passed' as const, summary: '', report: { snapshotId: 7 } }, endedAt: NOW }];
    expect([verifiedBackups(runs), readUpTo(runs), takenTimes(runs).size]).toEqual([[], undefined, 0]);
  });
});

describe('a scratch instance', () => {
  const run = { job: 'verify-backup', subject: 'orders-db', scheduledAt: '2026-11-21T04:00:00Z' };
  const id = scratchIdOf('main', run);
  const tags = scratchTags('main', run, NOW);

  it('is known by its name and all of its tags together', () => {
    expect(id).toMatch(/^nightshift-main-scratch-[0-9a-f]{16}$/);
    expect(claimOf('main', { id, tags })).toEqual({ run, leaseUntil: NOW });
    expect(isScratchOf('main', run, { id, tags })).toBe(true);
    expect(isScratchOf('main', { ...run, subject: 'other' }, { id, tags })).toBe(false);
  });

  it('is nobody’s when a tag is missing or of another run', () => {
    for (const key of Object.keys(tags)) {
      const { [key]: _gone, ...rest } = tags;
      expect(claimOf('main', { id, tags: rest })).toBeUndefined();
    }
    expect(claimOf('other', { id, tags })).toBeUndefined();
    expect(claimOf('main', { id: 'orders-db', tags })).toBeUndefined();
    expect(claimOf('main', { id, tags: { ...tags, 'nightshift:subject': 'other' } })).toBeUndefined();
    expect(claimOf('main', { id, tags: { ...tags, 'nightshift:lease-until': 'soon' } })).toBeUndefined();
  });
});
