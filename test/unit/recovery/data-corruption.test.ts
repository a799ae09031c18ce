/** What `data-corruption` decides: of the writers, the evidence, the comparison and the question. */
import { describe, expect, it } from '@jest/globals';
import { evidenceIdOf, makerOf } from '../../../functions/databases/snapshot-id.ts';
import type { RunningService } from '../../../functions/ecs/types.ts';
import type { Approval, ApprovalStatus } from '../../../functions/engine/approval.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import type { Answer, Ask } from '../../../functions/jobs/verify-backup/reading.ts';
import { answerPollSeconds, proveAgreed } from '../../../functions/recovery/agreement.ts';
import type { TableDifference } from '../../../functions/recovery/data-corruption/compare.ts';
import { compareNext } from '../../../functions/recovery/data-corruption/comparing.ts';
import {
  type Compared,
  decideAgree,
  decideCompared,
  decideEvidence,
  evidenceApplied,
  NOTHING_COMPARED,
  proveEvidence,
} from '../../../functions/recovery/data-corruption/decide.ts';
import { code } from '../../../functions/recovery/data-corruption/handler.ts';
import { manifest } from '../../../functions/recovery/data-corruption/manifest.ts';
import {
  decideResume,
  decideStop,
  decideTakeBack,
  proveResume,
  proveStop,
  sizesApplied,
  startApplied,
  unchanged,
  type Writer,
  writesAgain,
} from '../../../functions/recovery/data-corruption/writers.ts';
import { stagesOf, wayBack } from '../../../functions/recovery/plan.ts';
import type { StepDecision } from '../../../functions/recovery/step.ts';
import { MOST_TURNS } from '../../../infra/constructs/plan-definition.ts';
import { service } from '../../support/fixtures.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const writer = (name: string, desired: number, more: { running?: number; stopping?: number } = {}): Writer => {
  const running: Partial<RunningService> = {
    ...{ kind: 'service', desired, running: more.running ?? desired, pending: 0, deployments: [], controller: 'ECS' },
  };
  return {
    target: { ...service, cluster: 'orders', service: name },
    seen: { service: running as RunningService, unhealthyTasks: 0, guards: {} },
    stopping: more.stopping ?? 0,
  };
};
const changeOf = (decision: StepDecision): Change => {
  if (decision.kind !== 'act') throw new Error(`expected a change, found ${JSON.stringify(decision)}`);
  return decision.change;
};

describe('writers', () => {
  const before = [writer('shop', 6), writer('reports', 2), writer('idle', 0)];
  const stop = changeOf(decideStop(before, NOW));
  const stopped = [writer('shop', 0), writer('reports', 0), writer('idle', 0)];

  it('are all stopped, and what they were is kept [D148]', () => {
    expect(stop).toMatchObject({
      before: { sizes: { 'orders/shop': 6, 'orders/reports': 2 } },
      after: { sizes: { 'orders/shop': 0, 'orders/reports': 0 } },
    });
    expect(proveStop(stop, stopped, NOW)).toMatchObject({
      kind: 'good',
      result: { writtenUntil: NOW, sizes: { 'orders/shop': 6, 'orders/reports': 2 } },
    });
  });

  it.each([
    ['a task runs', { running: 1 }],
    ['a task is being stopped', { running: 0, stopping: 1 }],
  ])('may still write while %s', (_why, more) => {
    const seen = [writer('shop', 0, more), ...stopped.slice(1)];
    expect(proveStop(stop, seen, NOW).kind).toBe('not-yet');
    expect(decideStop(seen, NOW).kind).toBe('wait');
    expect(writesAgain(seen)).toMatch(/orders\/shop/);
  });

  it('that somebody starts again end the run', () => {
    const again = [writer('shop', 3), ...stopped.slice(1)];
    expect(proveStop(stop, again, NOW).kind).toBe('bad');
    expect(writesAgain(again)).toMatch(/started again by somebody, with 3 tasks/);
    expect(decideResume({ 'orders/shop': 6 }, again).kind).toBe('fail');
    expect(writesAgain(stopped)).toBeUndefined();
  });

  it('are told by what is done of the change, half of it, or something else', () => {
    expect(sizesApplied(stop, stopped)).toBe('yes');
    expect(sizesApplied(stop, before)).toBe('no');
    const half = [writer('shop', 0), ...before.slice(1)];
    expect(sizesApplied(stop, half)).toBe('no');
    expect(unchanged(stop, half).map(({ target }) => target.service)).toEqual(['reports']);
    expect(sizesApplied(stop, [writer('shop', 4), ...before.slice(1)])).toBe('unclear');
  });

  it('write again at their former size, each of its own [D152]', () => {
    const sizes = { 'orders/shop': 6, 'orders/reports': 2 };
    const resume = changeOf(decideResume(sizes, stopped));
    expect(resume).toMatchObject({ after: { sizes } });
    expect(proveResume(resume, before).kind).toBe('good');
    expect(proveResume(resume, [writer('shop', 6, { running: 5 }), ...before.slice(1)]).kind).toBe('not-yet');
    expect(proveResume(resume, [writer('shop', 0), ...before.slice(1)]).kind).toBe('bad');
    expect(decideResume({}, stopped).kind).toBe('done');
  });

  it('that auto scaling gave more tasks meanwhile are back at work: the others are started, and nothing is taken back', () => {
    const resume = changeOf(decideResume({ 'orders/shop': 6, 'orders/reports': 2 }, stopped));
    const scaled = [writer('shop', 9), writer('reports', 0)];
    expect(startApplied(resume, scaled)).toBe('no');
    expect(unchanged(resume, scaled).map(({ target }) => target.service)).toEqual(['reports']);
    expect(startApplied(resume, [writer('shop', 9), writer('reports', 2)])).toBe('yes');
    expect(proveResume(resume, [writer('shop', 9), writer('reports', 2)]).kind).toBe('good');
  });

  it.each(['prove', 'admit', 'restore'])(
    'are started again before any copy is removed, which may fail, when %s fails',
    (failed) => {
      const at = stagesOf(manifest).findIndex((stage) => stage.some(({ name }) => name === failed));
      const begun = stagesOf(manifest)
        .slice(0, at + 1)
        .flat()
        .map(({ name }) => name);
      const order = wayBack(manifest).flatMap(({ name, undo }) =>
        begun.includes(name) && undo.kind === 'compensate' ? name : [],
      );
      const wanted = ['switch', 'stop-writers', 'examine', 'restore'];
      expect(order).toEqual(wanted.filter((name) => begun.includes(name)));
    },
  );

  it('that are stopped still are started again when the run is backed out, and no others', () => {
    const half = [writer('shop', 6), writer('reports', 0)];
    expect(changeOf(decideTakeBack(half, stop))).toMatchObject({ after: { sizes: { 'orders/reports': 2 } } });
    expect(decideTakeBack(before, stop).kind).toBe('done');
    expect(decideTakeBack(stopped, undefined).kind).toBe('done');
  });

  it('without tasks are nothing to stop', () => {
    expect(decideStop(stopped, NOW)).toMatchObject({ kind: 'done', result: { writtenUntil: NOW, sizes: {} } });
  });
});

describe('the evidence', () => {
  it('is nobody’s backup, whatever tags RDS copied to it: it is neither pruned nor restored as a good point', () => {
    expect(makerOf(evidenceIdOf('prod', 'orders-db', '0123456789ab'), 'prod')).toBeUndefined();
    expect(makerOf('nightshift-prod-orders-db-2026-11-21-10-00', 'prod')).toBe('prod');
  });

  const snapshot = {
    ...{ id: 'evidence', status: 'available', encrypted: true, sizeGib: 1, progressPercent: 100, takenAt: NOW },
    ...{ isAutomated: false, instanceResourceId: 'db-A', madeBy: undefined },
  };
  const none = { snapshot: undefined, writers: [writer('shop', 0)] };

  it('is taken once nobody writes', () => {
    expect(changeOf(decideEvidence(none, 'evidence', 'orders-db'))).toMatchObject({ after: { snapshot: 'evidence' } });
    expect(decideEvidence({ ...none, writers: [writer('shop', 1)] }, 'evidence', 'orders-db').kind).toBe('fail');
    expect(decideEvidence({ ...none, snapshot }, 'evidence', 'orders-db').kind).toBe('fail');
  });

  it('is there when RDS says so', () => {
    expect([evidenceApplied(none), evidenceApplied({ ...none, snapshot })]).toEqual(['no', 'yes']);
    expect(proveEvidence(none, 5).kind).toBe('not-yet');
    expect(proveEvidence({ ...none, snapshot: { ...snapshot, status: 'creating' } }, 5).kind).toBe('not-yet');
    expect(proveEvidence({ ...none, snapshot: { ...snapshot, status: 'failed' } }, 5).kind).toBe('bad');
    expect(proveEvidence({ ...none, snapshot }, 5)).toMatchObject({
      kind: 'good',
      result: { snapshotId: 'evidence', takenAt: NOW },
    });
  });
});

const table = (more: Partial<TableDifference> = {}): TableDifference => ({
  ...{ table: 'public.orders', rows: { damaged: 9, restored: 9 } },
  ...{ onlyDamaged: 0, onlyRestored: 0, changed: 0, notCompared: 0 },
  keys: { onlyDamaged: [], onlyRestored: [], changed: [] },
  ...more,
});
const POINT = { evidence: 'evidence', restoredTo: NOW };
const OF = { run: 'run-1', remediation: 'data-corruption', target: 'rds-instance/orders-db', state: 'hash' };
const approvalOf = (more: object): Approval => {
  const approval: object = { ...OF, approvalId: 'apr-run-1', validUntil: NOW + 1000, approvedBy: ['person:jane'] };
  return { ...approval, ...more } as Approval;
};
const compared = (more: Partial<Compared>): Compared => ({ ...NOTHING_COMPARED, ...more });

describe('the comparison', () => {
  const verify = {
    ...{ subnetGroup: 's', securityGroupId: 'sg', user: 'u', fullReadMib: 0, queries: { named: 'SELECT true' } },
    tables: ['public.orders', 'public.customers'].map((name) => ({ name, minRows: 0, shrinksAtMostShare: 1 })),
  };
  const copies = {
    ...{ database: 'orders-db', deployment: 'test' },
    ...{ damaged: { host: 'damaged', port: 1 }, restored: { host: 'restored', port: 2 } },
  };
  const overview: Answer = {
    ...{ kind: 'overview', systemId: '1', majorVersion: 18, nextXid: '1', checksums: true, amcheck: true },
    ...{ heartbeatAt: 1, invalidConstraints: ['orders.fk'], invalidIndexes: [] },
  };
  const answers = (host: string, ask: Ask): Answer => {
    const isDamaged = host === 'damaged';
    switch (ask.kind) {
      case 'overview':
        return overview;
      case 'query':
        return { kind: 'query', name: ask.name, good: false, why: 'not true' };
      case 'indexes':
        return { kind: 'indexes', checked: 1, next: null, damage: 'orders_pkey: lower index bound' };
      case 'digest':
        if (ask.table === 'public.customers') return { kind: 'unreadable', damaged: true, why: 'invalid page' };
        return { kind: 'digest', table: ask.table, key: ['id'], buckets: [{ bucket: 3, rows: 1, hash: host }] };
      case 'rows':
        return { kind: 'rows', table: ask.table, rows: [{ key: isDamaged ? '[1]' : '[2]', hash: '1' }] };
      default:
        throw new Error(`not asked here: ${ask.kind}`);
    }
  };

  it('asks each question once, in turns, of copies alone, and tells what is damaged [D149]', async () => {
    const asked: string[] = [];
    let state = NOTHING_COMPARED;
    for (let turns = 0; turns < 20; turns++) {
      const seen = await compareNext(
        async ({ host, ask }) => {
          asked.push(`${host} ${ask.kind}`);
          return answers(host, ask);
        },
        copies,
        verify,
        state,
      );
      if (seen.kind !== 'read') throw new Error(seen.why);
      state = seen.compared;
      if (seen.left === 0) break;
    }
    expect(new Set(asked).size).toBe(asked.length - 2);
    expect(state.tables).toEqual([
      table({
        rows: { damaged: 1, restored: 1 },
        ...{ onlyDamaged: 1, onlyRestored: 1, keys: { onlyDamaged: ['[1]'], onlyRestored: ['[2]'], changed: [] } },
      }),
    ]);
    expect(state.damage).toEqual([
      expect.stringMatching(/orders\.fk/),
      expect.stringMatching(/named isn't true/),
      expect.stringMatching(/orders_pkey/),
      expect.stringMatching(/not compared: public\.customers: invalid page/),
    ]);
  });

  it('waits for a copy that lets nobody in yet, and fails when it never will', async () => {
    for (const passing of [true, false]) {
      const lost = { kind: 'no-connection', passing, why: 'it starts' } as const;
      const seen = await compareNext(async () => lost, copies, verify, NOTHING_COMPARED);
      expect(decideCompared(seen, 5).kind).toBe(passing ? 'wait' : 'fail');
    }
  });

  it('fails when nothing differs: the point is too late', () => {
    const read = (more: Partial<Compared>, left = 0) =>
      decideCompared({ kind: 'read', compared: compared(more), left }, 5);
    expect(read({ tables: [table()] })).toMatchObject({ kind: 'fail', reason: expect.stringMatching(/same rows/) });
    expect(read({ tables: [table({ changed: 1 })] }).kind).toBe('done');
    expect(read({ tables: [table()], damage: ['an index'] }).kind).toBe('done');
    expect(read({ tables: [table()] }, 1).kind).toBe('wait');
  });
});

describe('the question', () => {
  it('is asked when rows are given up, with how many of which table, and where they stay', () => {
    const tables = [table({ onlyDamaged: 2, changed: 1 }), table({ table: 'public.customers', onlyRestored: 4 })];
    expect(changeOf(decideAgree(compared({ tables }), 'orders-db', POINT))).toMatchObject({
      summary: expect.stringMatching(/^give up 3 rows of orders-db .*public\.orders: 2 rows/),
      undo: expect.stringContaining('evidence'),
    });
  });

  it('is asked also when every compared row is in the restored one: other tables go back, too, and nobody counted them', () => {
    expect(changeOf(decideAgree(compared({ tables: [table({ onlyRestored: 4 })] }), 'orders-db', POINT))).toMatchObject(
      {
        summary: expect.stringMatching(
          /^give up 0 rows .*compared were public\.orders: whatever else is in it goes back to 2026-11-21T10:00:00\.000Z uncounted$/,
        ),
      },
    );
  });

  it('is asked when a table could not be compared', () => {
    const damage = ['not compared: public.orders: invalid page'];
    expect(changeOf(decideAgree(compared({ damage }), 'orders-db', POINT)).summary).toMatch(/invalid page/);
  });

  it.each<[ApprovalStatus, number, string]>([
    ['approved', NOW, 'good'],
    ['denied', NOW, 'bad'],
    ['waiting', NOW, 'not-yet'],
    ['waiting', NOW + 1000, 'bad'],
    ['expired', NOW, 'bad'],
    ['void', NOW, 'bad'],
  ])('%s at %d: %s', (status, now, kind) => {
    expect(proveAgreed(approvalOf({ status }), OF, now).kind).toBe(kind);
    expect(proveAgreed(undefined, OF, now).kind).toBe('bad');
  });

  it.each<[string, object]>([
    ['another run', { run: 'run-2' }],
    ['no run, but a remediation', { run: undefined, remediation: 'resize' }],
    ['another database', { target: 'rds-instance/other' }],
    ['another loss', { state: 'other' }],
  ])('of %s lets nothing through, whatever its id is', (_what, other) => {
    expect(proveAgreed(approvalOf({ status: 'approved', ...other }), OF, NOW)).toMatchObject({
      kind: 'bad',
      detail: expect.stringMatching(/of something else/),
    });
  });
});

it('is looked for soon after it was asked, later at longer intervals, and for as long as people have within the step’s share of turns', () => {
  expect([0, 20_000, 100_000, 3_000_000].map(answerPollSeconds)).toEqual([5, 5, 10, 45]);
  let turns = 1;
  for (let waitedMs = 0; waitedMs < 3_500_000; turns++) waitedMs += answerPollSeconds(waitedMs) * 1000;
  expect(turns).toBeLessThan(MOST_TURNS / manifest.steps.length - 10);
});

it.each([
  ['since without a zone', { since: '2026-11-21T09:00:00' }],
  ['a snapshot and a moment', { snapshot: 's', at: '2026-11-21T09:00:00Z' }],
])('is wrong input: %s', (_what, given) => {
  expect(code.readInput({ database: 'orders-db', ...given }).ok).toBe(false);
  expect(code.readInput({ database: 'orders-db', since: '2026-11-21T09:00:00Z' }).ok).toBe(true);
});
