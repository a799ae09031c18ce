/** Runs of a job against the real journal: killed, late, twice at once, paused. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { jobs } from '../../../cli/commands/jobs.ts';
import { main } from '../../../cli/main.ts';
import { jobsDocument } from '../../../events/published/jobs.ts';
import { ActionFailedError, RetryableError } from '../../../functions/engine/errors.ts';
import { type HeadItem, headKey } from '../../../functions/engine/job-head.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { watchJobs } from '../../../functions/incidents/reconciler/overdue-jobs.ts';
import type { CleanUp, Job, Step } from '../../../functions/jobs/job.ts';
import { defineJob } from '../../../functions/jobs/manifest.ts';
import { type Turn, takeTurn } from '../../../functions/jobs/run.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';
import { LOCAL_PLACE, recorder } from '../../unit/cli/harness.ts';

type State = { readonly taken: number };
const manifest = defineJob({
  name: 'count-to-three',
  summary: 'Counts.',
  permissions: [],
  runsFor: 'database',
  schedule: { cron: '0 2 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 0,
  deadlineSeconds: 600,
  overdueAfterSeconds: 100_000,
  effect: 'removes',
  severity: 'P2',
  timeoutSeconds: 30,
  memoryMegabytes: 128,
});

let world: EngineWorld;
let subject = '';
let made = new Set<string>();
let stepFreezes = false;
let stepHook: (taken: number) => void = () => {};
let cleanHook: () => CleanUp = () => ({ kind: 'clean' });
let verdict: 'passed' | 'failed' = 'passed';
let clock = Date.now();

/** Makes one thing, named by the run; three turns. */
const job: Job<State> = {
  manifest,
  begin: () => ({ taken: 0 }),
  async step({ run }, { taken }): Promise<Step<State>> {
    made.add(`${run.subject}-${run.scheduledAt}`);
    stepHook(taken);
    if (stepFreezes) await setSwitch(world.store, 'freeze', 'person:jane', 'test');
    const state = { taken: taken + 1 };
    if (state.taken < 3) return { kind: 'wait', seconds: 5, state, note: `counted to ${state.taken}` };
    return { kind: 'verdict', state, verdict: { kind: verdict, summary: 'counted to 3', report: {} } };
  },
  async cleanUp() {
    const result = cleanHook();
    if (result.kind === 'clean') made = new Set();
    return result;
  },
};

async function during(state: 'pause' | 'freeze', does: () => Promise<void>): Promise<void> {
  await setSwitch(world.store, state, 'person:jane', 'test');
  try {
    await does();
  } finally {
    await setSwitch(world.store, 'run', 'person:jane', 'test');
  }
}
const order = (scheduledAt = '2026-11-21T02:00:00Z'): Parameters<typeof takeTurn>[2] => ({
  job: manifest.name,
  subject,
  scheduledAt,
});
const turn = (given: Parameters<typeof takeTurn>[2] = order()): Promise<Turn> =>
  takeTurn({ store: world.store, config: world.config, now: () => clock, remaining: () => 30_000 }, job, given);
/** As the state machine does: until it has ended. */
async function toItsEnd(given = order()): Promise<Turn> {
  for (let turns = 0; turns < 20; turns++) {
    const result = await turn(given);
    if (result.kind === 'ended') return result;
  }
  throw new Error('it never ended');
}
const head = async () => (await world.store.read(headKey({ job: manifest.name, subject }))) as HeadItem | undefined;
const timeline = async () => {
  const id = (await head())?.openIncidentId;
  return id ? ((await readIncident(world.store, id))?.timeline ?? []) : [];
};

beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
let runs = 0;
beforeEach(() => {
  subject = `db-${runs++}`;
  made = new Set();
  stepFreezes = false;
  stepHook = () => {};
  cleanHook = () => ({ kind: 'clean' });
  verdict = 'passed';
  clock = Date.now();
});

describe('a run of a job', () => {
  it('goes on turn by turn to its verdict, cleans up, and is over', async () => {
    expect(await turn()).toEqual({ kind: 'wait', seconds: 5, note: 'counted to 1' });
    expect(made.size).toBe(1);
    expect(await toItsEnd()).toEqual({ kind: 'ended', verdict: 'passed', summary: 'counted to 3' });
    expect(made.size).toBe(0);
    expect(await turn()).toMatchObject({ kind: 'ended', verdict: 'passed' });
    expect(await head()).toMatchObject({ lastKind: 'passed', lastRunAt: '2026-11-21T02:00:00Z' });
  });

  it('takes the same step again when its function died in it', async () => {
    const dies = new Set([0, 1, 2]);
    stepHook = (taken) => {
      if (dies.delete(taken)) throw new RetryableError('killed');
    };
    let deaths = 0;
    let result: Turn = { kind: 'wait', seconds: 0, note: '' };
    while (result.kind !== 'ended')
      result = await turn().catch((): Turn => {
        deaths++;
        return { kind: 'wait', seconds: 0, note: 'died' };
      });
    expect([deaths, result.verdict]).toEqual([3, 'passed']);
  });

  it('lets one of two turns at once write, and the other try again', async () => {
    await turn();
    const results = await Promise.allSettled([turn(), turn()]);
    const won = results.filter(({ status }) => status === 'fulfilled');
    expect(won.length).toBeGreaterThanOrEqual(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'InFlightError', retryable: true });
    expect(await toItsEnd()).toMatchObject({ verdict: 'passed' });
  });

  it('fails at its deadline, and still removes what it made', async () => {
    await turn();
    clock += 600_000;
    expect(await turn()).toMatchObject({ kind: 'ended', verdict: 'failed' });
    expect(made.size).toBe(0);
    expect((await timeline()).map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
  });

  it('fails at once on what repeating can not mend', async () => {
    stepHook = () => {
      throw new ActionFailedError('SnapshotQuotaExceeded');
    };
    expect(await turn()).toMatchObject({ kind: 'ended', verdict: 'failed', summary: 'SnapshotQuotaExceeded' });
  });

  it('fails when the state machine says that its function can not be asked', async () => {
    await turn();
    expect(await turn({ ...order(), broken: 'Lambda.ResourceNotFoundException' })).toMatchObject({ verdict: 'failed' });
    expect(made.size).toBe(0);
  });

  it('[M22] opens one incident for runs that fail one after the other, and resolves it with the next that passes', async () => {
    verdict = 'failed';
    await toItsEnd(order('2026-11-21T02:00:00Z'));
    const opened = (await head())?.openIncidentId ?? '';
    await toItsEnd(order('2026-11-22T02:00:00Z'));
    expect((await timeline()).map(({ kind }) => kind)).toEqual(['opened', 'escalated', 'escalated']);
    verdict = 'passed';
    await toItsEnd(order('2026-11-23T02:00:00Z'));
    expect((await head())?.openIncidentId).toBeUndefined();
    expect(await readIncident(world.store, opened)).toMatchObject({ state: 'resolved' });
  });

  it('asks again while something is left, and calls a person when it stays', async () => {
    cleanHook = () => ({ kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' });
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(await turn()).toEqual({ kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' });
    clock += 600_000 + 3_600_000;
    expect(await turn()).toMatchObject({ kind: 'ended', verdict: 'failed' });
    expect((await timeline())[1]?.summary).toContain('what it made is still there: the scratch instance is deleting');
  });

  it('calls a person at once when it is broken, goes on cleaning up, and tells that once', async () => {
    await turn();
    cleanHook = () => ({ kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' });
    const broken = { ...order(), broken: 'Lambda.Unknown' };
    expect(await turn(broken)).toEqual({ kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' });
    expect((await timeline()).map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
    cleanHook = () => ({ kind: 'clean' });
    expect(await turn(broken)).toMatchObject({ kind: 'ended', verdict: 'failed', summary: 'Lambda.Unknown' });
    expect((await timeline()).map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
  });

  it('removes nothing once Nightshift is frozen, not even when it is late, broken, or had just been taking a step', async () => {
    for (const given of [order(), { ...order('2026-11-22T02:00:00Z'), broken: 'Lambda.Unknown' }]) {
      await turn({ ...given, broken: undefined });
      clock += 600_000;
      await during('freeze', async () => {
        expect(await turn(given)).toMatchObject({ kind: 'wait', note: 'Nightshift is set to freeze' });
        expect(made.size).toBeGreaterThan(0);
      });
    }
    const third = order('2026-11-23T02:00:00Z');
    await turn(third);
    await turn(third);
    const count = made.size;
    stepFreezes = true;
    expect(await turn(third)).toMatchObject({ kind: 'wait', note: 'Nightshift is set to freeze' });
    stepFreezes = false;
    expect(made.size).toBe(count);
    await setSwitch(world.store, 'run', 'person:jane', 'test');
    expect(await toItsEnd(third)).toMatchObject({ verdict: 'passed' });
  });

  it('has all of its time again after a pause, when it takes something away', async () => {
    await turn();
    await during('pause', async () => {
      clock += 600_000;
      expect(await turn()).toMatchObject({ kind: 'wait', note: 'Nightshift is set to pause' });
    });
    expect(await toItsEnd()).toMatchObject({ verdict: 'passed' });
  });

  it('leaves the incident of the newest alone when a person named what it was about', async () => {
    verdict = 'failed';
    await toItsEnd(order('2026-11-21T02:00:00Z'));
    const before = await head();
    verdict = 'passed';
    expect(await toItsEnd({ ...order('2026-11-22T02:00:00Z'), wanted: 'an-old-backup' })).toMatchObject({
      verdict: 'passed',
    });
    expect(await head()).toEqual(before);
  });

  it('waits while Nightshift is paused, when it takes something away', async () => {
    await during('pause', async () => {
      expect(await turn()).toMatchObject({ kind: 'wait', note: 'Nightshift is set to pause' });
      expect(made.size).toBe(0);
    });
    expect(await toItsEnd()).toMatchObject({ verdict: 'passed' });
  });

  it('that is missing opens an incident once its time is over, once, and the next that passes resolves it', async () => {
    const expected = [{ job: manifest.name, subject, overdueAfterSeconds: 100_000, severity: 'P2' as const }];
    expect(await watchJobs(world.store, expected, clock)).toBe(0);
    expect(await watchJobs(world.store, expected, clock + 99_999_999)).toBe(0);
    clock += 100_000_000;
    expect(await watchJobs(world.store, expected, clock)).toBe(1);
    expect(await watchJobs(world.store, expected, clock)).toBe(0);
    expect((await timeline())[1]?.summary).toContain('it has never passed');
    await toItsEnd();
    expect(await head()).toMatchObject({ lastKind: 'passed', overdueAt: clock + 100_000_000 });
    expect((await head())?.openIncidentId).toBeUndefined();
  });
});

describe('a job whose incident a person resolved', () => {
  const expected = () => [{ job: manifest.name, subject, overdueAfterSeconds: 100_000, severity: 'P2' as const }];
  it('is watched again: the next failure and the next absence open new ones', async () => {
    verdict = 'failed';
    await toItsEnd(order('2026-11-21T02:00:00Z'));
    const first = (await head())?.openIncidentId ?? '';
    const entry = entryMaker(first, 'person:jane', clock)('resolved', 'mended by hand', {});
    await world.store.transact([putEntry(world.store.table, entry)]);
    expect(await watchJobs(world.store, expected(), clock)).toBe(0);
    expect(await head()).not.toHaveProperty('openIncidentId');
    // Not at once, although the run before failed: it has its time again.
    expect(await watchJobs(world.store, expected(), clock + 99_999_999)).toBe(0);
    clock += 100_000_000;
    expect(await watchJobs(world.store, expected(), clock)).toBe(1);
    const second = (await head())?.openIncidentId;
    expect(second).not.toBe(first);
    await toItsEnd(order('2026-11-23T02:00:00Z'));
    expect((await timeline()).map(({ kind }) => kind)).toEqual(['opened', 'escalated', 'escalated']);
  });
});

describe('nightshift jobs', () => {
  const typed = async (...words: string[]) => {
    const io = recorder();
    const run = { commands: [jobs(() => world.store)], find: async () => LOCAL_PLACE };
    expect(await main(['jobs', ...words, '--json'], io, run)).toBe(0);
    return jobsDocument.parse(JSON.parse(io.stdout[0] ?? '')).jobs.find((each) => each.subject === subject);
  };

  it('tells what came of the last run, and with a name of the runs before', async () => {
    await toItsEnd(order('2026-11-21T02:00:00Z'));
    verdict = 'failed';
    await toItsEnd(order('2026-11-22T02:00:00Z'));
    expect(await typed()).toMatchObject({
      state: 'failed',
      lastRunAt: '2026-11-22T02:00:00Z',
      lastSummary: 'counted to 3',
    });
    const { runs = [] } = (await typed(manifest.name)) ?? {};
    expect(runs.map(({ scheduledAt, verdict: each }) => [scheduledAt, each])).toEqual([
      ['2026-11-22T02:00:00Z', 'failed'],
      ['2026-11-21T02:00:00Z', 'passed'],
    ]);
  });

  it('says that it does not know a job of that name', async () => {
    const io = recorder();
    const run = { commands: [jobs(() => world.store)], find: async () => LOCAL_PLACE };
    expect(await main(['jobs', 'back-up-databse'], io, run)).toBe(2);
  });
});
