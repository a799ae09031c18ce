/** Runs of a recovery plan against the real journal: failing at each step, killed, stopped, frozen, started twice, late. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, RetryableError } from '../../../functions/engine/errors.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { putTarget } from '../../../functions/engine/writes.ts';
import { readRuns } from '../../../functions/recovery/items.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { Player, STEPS } from '../../support/plan-player.ts';

let world: EngineWorld;
let plan: Player;
let count = 0;
const RUN = 'run-1';
const NOTHING = Object.fromEntries(STEPS.map((name) => [name, 0]));
const ALL = Object.fromEntries(STEPS.map((name) => [name, 7]));

beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
beforeEach(() => {
  plan = new Player(world, `plan-${count++}`);
});

const incidentOf = async (run = RUN) => readIncident(world.store, (await plan.run(run))?.incidentId ?? '');
const kindsOf = async (run = RUN) => (await incidentOf(run))?.timeline.map(({ kind }) => kind) ?? [];
const stop = () =>
  world.store.transact([
    requestStop(
      world.store.table,
      { plan: plan.code.manifest.name, run: RUN },
      { by: 'person:jane', at: plan.clock, reason: 'wrong service' },
    ),
  ]);
const nobodyHasIt = async () => {
  expect(await readTarget(world.store, plan.target)).not.toHaveProperty('leaseHolder');
  expect(await new Player(world, plan.code.manifest.name).play('after')).toBe('done');
};

describe('a run of a recovery plan', () => {
  it('takes its steps, tells them in one incident, and gives back what it had in hand', async () => {
    let holder: string | undefined;
    const seen = async () => {
      holder = (await readTarget(world.store, plan.target)).leaseHolder;
    };
    expect(await plan.play(RUN, { to: 7, startedBy: 'person:jane' }, seen)).toBe('done');
    expect(plan.numbers).toEqual(ALL);
    expect(holder).toBe(`plan:${RUN}`);
    expect(await plan.run(RUN)).toMatchObject({ phase: 'ended', verdict: 'recovered', startedBy: 'person:jane' });
    expect((await incidentOf())?.state).toBe('resolved');
    expect((await kindsOf()).filter((kind) => kind === 'intent')).toHaveLength(4);
    expect(plan.writes).toEqual(Object.fromEntries(STEPS.map((name) => [name, 1])));
    await nobodyHasIt();
  });

  it.each(STEPS)('ends as it began when %s fails, and calls a person once', async (failing) => {
    plan.hooks.before = (step, way) => {
      if (step === failing && way === 'forward') throw new ActionFailedError('it was refused');
    };
    expect(await plan.play(RUN)).toBe('backed-out');
    expect(plan.numbers).toEqual(NOTHING);
    expect(await plan.run(RUN)).toMatchObject({ verdict: 'backed-out', why: `${failing}: it was refused` });
    expect((await kindsOf()).filter((kind) => kind === 'escalated')).toHaveLength(1);
    expect((await incidentOf())?.state).toBe('escalated');
    expect((await incidentOf())?.timeline.at(-1)?.data.recovery).toMatchObject({ verdict: 'backed-out' });
    await nobodyHasIt();
  });

  it.each(STEPS)('does not make the change of %s again when its function died right after it', async (dying) => {
    const dies = new Set([dying as string]);
    plan.hooks.after = (step, way) => {
      if (way === 'forward' && dies.delete(step)) throw new RetryableError('the answer was lost');
    };
    expect(await plan.play(RUN)).toBe('done');
    expect(plan.numbers).toEqual(ALL);
    expect(plan.writes[dying]).toBe(1);
  });

  it('makes a change that was written down and not made', async () => {
    const dies = new Set(['left']);
    plan.hooks.before = (step) => {
      if (dies.delete(step)) throw new RetryableError('killed');
    };
    expect(await plan.play(RUN)).toBe('done');
    expect([plan.numbers.left, plan.writes.left]).toEqual([7, 1]);
  });

  it('leaves alone, and to a person, what may or may not have been done', async () => {
    plan.hooks.before = (step, way) => {
      if (step !== 'first' || way !== 'forward') return;
      plan.numbers.first = 3;
      throw new RetryableError('the answer was lost');
    };
    expect(await plan.play(RUN)).toBe('backed-out');
    expect((await plan.run(RUN))?.why).toMatch(/can't be told/);
    expect(plan.writes.first).toBe(1);
    expect(plan.numbers.first).toBe(0);
  });

  it('asks for a person when a compensation fails, and keeps remediations away for an hour', async () => {
    plan.hooks.before = (step, way) => {
      if (step === 'last' || (step === 'left' && way === 'undo')) throw new ActionFailedError('no');
    };
    expect(await plan.play(RUN)).toBe('needs-person');
    expect(await plan.run(RUN)).toMatchObject({ verdict: 'needs-person' });
    expect((await readTarget(world.store, plan.target)).handsOffUntil).toBeGreaterThan(plan.clock);
    expect((await kindsOf()).at(-1)).toBe('escalated');
    expect((await incidentOf())?.timeline.at(-1)?.data.recovery).toMatchObject({ verdict: 'needs-person' });
  });

  it('is refused while another run of the plan is under way, and says which', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    await expect(plan.play('run-2')).rejects.toThrow(/another run of this plan is under way: run-1/);
    expect(await plan.run('run-2')).toMatchObject({ verdict: 'refused', phase: 'ended' });
    expect((await readRuns(world.store, plan.code.manifest.name)).map(({ run }) => run)).toEqual(['run-2', RUN]);
    // Delivered again, it finds its own run.
    expect(await plan.ask({ do: 'open', run: RUN, input: { to: 7 } })).toEqual({ kind: 'done' });
  });

  it.each([
    ['input that is wrong', { to: 'x' }, /to: expected a number/],
    ['input it does not know', { to: 1, more: 2 }, /to: expected a number/],
    ['a rehearsal that is neither true nor false', { to: 1, rehearse: 'yes' }, /rehearse/],
  ])('is refused with %s, before anything is begun', async (_what, input, why) => {
    await expect(plan.play(RUN, input)).rejects.toThrow(why);
    expect(plan.numbers).toEqual(NOTHING);
    await nobodyHasIt();
  });

  it('is refused while a remediation has its target in hand', async () => {
    const present = await readTarget(world.store, plan.target);
    const held = { ...present, leaseHolder: 'act-1', leaseUntil: plan.clock + 60_000 };
    await world.store.transact([putTarget(world.store.table, plan.target, present.version, held)]);
    await expect(plan.play(RUN)).rejects.toThrow(/act-1 has it in hand/);
  });

  it('keeps remediations of its target waiting until it is over', async () => {
    const name = plan.target.split('/')[2] ?? '';
    let during: string | undefined;
    await plan.play(RUN, { to: 7 }, async (step) => {
      if (step === 'last') during = (await world.deliver(numberAlarm(name, 'ALARM', { id: `during-${name}` }))).kind;
    });
    expect(during).toBe('held');
    expect(world.target(name).changes).toBe(0);
    // Brought forward from when the lease would have been over.
    const waiting = (await world.due(plan.clock)).filter(({ target }) => target === plan.target);
    expect(waiting.map(({ kind }) => kind)).toEqual(['recheck']);
    const after = await world.deliver(numberAlarm(name, 'ALARM', { id: `after-${name}` }));
    expect(after.kind).toBe('remediated');
  });

  it('is backed out when a person stops it, who is not called for that', async () => {
    expect(
      await plan.play(RUN, { to: 7 }, async (step) => {
        if (step === 'last') await stop();
      }),
    ).toBe('backed-out');
    expect(plan.numbers).toEqual(NOTHING);
    expect(plan.writes.last).toBeUndefined();
    expect(await plan.run(RUN)).toMatchObject({ why: 'stopped by jane: wrong service' });
    expect(await kindsOf()).not.toContain('escalated');
    expect((await incidentOf())?.state).toBe('resolved');
  });

  it('can be stopped by another execution when its own was aborted', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    await stop();
    expect(await plan.play(`${RUN}.2`)).toBe('backed-out');
    expect(plan.numbers).toEqual(NOTHING);
  });

  it('waits while Nightshift is frozen, which no budget counts, and goes on', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    plan.stuck = 'left';
    expect(await plan.take({ do: 'step', run: RUN, step: 'left' })).toEqual({ kind: 'wait', seconds: 1 });
    await setSwitch(world.store, 'freeze', 'person:jane', 'looking');
    try {
      for (let minute = 0; minute < 20; minute++) {
        expect(await plan.take({ do: 'step', run: RUN, step: 'right' })).toMatchObject({ kind: 'wait' });
        plan.clock += 60_000;
      }
      expect(plan.numbers.right).toBe(0);
    } finally {
      await setSwitch(world.store, 'run', 'person:jane', 'seen');
    }
    plan.stuck = undefined;
    expect(await plan.play(RUN)).toBe('done');
    expect((await plan.run(RUN))?.frozenMs).toBeGreaterThanOrEqual(19 * 60_000);
    expect(await kindsOf()).not.toContain('escalated');
  });

  it('takes nothing back either while Nightshift is frozen', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    await setSwitch(world.store, 'freeze', 'person:jane', 'looking');
    try {
      expect(await plan.take({ do: 'back-out', run: RUN, why: 'PlanStepError' })).toMatchObject({ seconds: 60 });
      expect(plan.numbers.first).toBe(7);
    } finally {
      await setSwitch(world.store, 'run', 'person:jane', 'seen');
    }
    expect(await plan.ask({ do: 'back-out', run: RUN, why: 'PlanStepError' })).toEqual({ kind: 'backed-out' });
    expect(plan.numbers.first).toBe(0);
  });

  it('fails a step that is not done within its budget, and says what it waited for', async () => {
    plan.stuck = 'right';
    expect(await plan.play(RUN)).toBe('backed-out');
    expect((await plan.run(RUN))?.why).toMatch(/right: not done within its time budget of 100 s.*it never is/);
    expect(plan.numbers).toEqual(NOTHING);
  });

  it('takes nothing back while a function may still be making a change', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    let during: unknown;
    plan.hooks.before = (step) => {
      if (step === 'left') during ??= plan.take({ do: 'back-out', run: RUN, why: 'PlanStepError' });
    };
    await plan.take({ do: 'step', run: RUN, step: 'left' }).catch(() => {});
    expect(await during).toMatchObject({ kind: 'wait' });
  });

  it('changes nothing more once its target was taken from it', async () => {
    await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
    const present = await readTarget(world.store, plan.target);
    const { leaseHolder: _gone, leaseUntil: _until, ...free } = present;
    await world.store.transact([putTarget(world.store.table, plan.target, present.version, free)]);
    plan.clock += 10 * 60_000;
    await expect(plan.ask({ do: 'step', run: RUN, step: 'first' })).rejects.toThrow(/no longer has/);
    expect(plan.numbers).toEqual(NOTHING);
  });

  it('changes nothing in a rehearsal, and says what it would do', async () => {
    expect(await plan.play(RUN, { to: 7, rehearse: true })).toBe('done');
    expect(plan.numbers).toEqual(NOTHING);
    expect((await plan.run(RUN))?.verdict).toBe('rehearsed');
    expect((await plan.run(RUN))?.steps.first?.forward?.note).toBe('a rehearsal: would set first to 7');
    expect(await readTarget(world.store, plan.target)).not.toHaveProperty('leaseHolder');
  });
});
