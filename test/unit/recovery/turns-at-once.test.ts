/** Turns of a run that overlap, and hands that reach into it from outside, on the model of the table: no network, the order of things is the test's own. */
import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, ChangedBySomeoneElseError, RetryableError } from '../../../functions/engine/errors.ts';
import { type WorkItem, workKey } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { takeOver, underWay } from '../../../functions/engine/operator.ts';
import { planLockKey, runsUnderWay } from '../../../functions/engine/plan-items.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { Store } from '../../../functions/engine/store.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { putTarget, putWork } from '../../../functions/engine/writes.ts';
import { LEFT_AFTER_MS, watchPlans } from '../../../functions/incidents/reconciler/left-plans.ts';
import { leaveToPerson } from '../../../functions/incidents/reconciler/orphan.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { runOf } from '../../../functions/recovery/order.ts';
import { MOST_TARGETS } from '../../../functions/recovery/plan.ts';
import { frozenWaitSeconds } from '../../../functions/recovery/transitions.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';
import { Player, STEPS } from '../../support/plan-player.ts';

const RUN = 'run-1';
const NOTHING = Object.fromEntries(STEPS.map((name) => [name, 0]));
let store: Store;
let plan: Player;

beforeEach(() => {
  const table = new TableModel();
  store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
  plan = new Player({ store, config }, 'tested');
});

const opened = () => plan.take({ do: 'open', run: RUN, input: { to: 7 } });
const step = (name: string) => plan.take({ do: 'step', run: RUN, step: name });
const backOut = () => plan.take({ do: 'back-out', run: RUN, why: 'PlanStepError' });
const backedOut = () => plan.ask({ do: 'back-out', run: RUN, why: 'PlanStepError' });
const stop = () =>
  store.transact([
    requestStop('journal', { plan: 'tested', run: RUN }, { by: 'person:jane', at: plan.clock, reason: 'no' }),
  ]);
const kinds = async () =>
  (await readIncident(store, (await plan.run(RUN))?.incidentId ?? ''))?.timeline.map(({ kind }) => kind) ?? [];
const stateOf = async () => (await readIncident(store, (await plan.run(RUN))?.incidentId ?? ''))?.state;

/** Holds the first turn of a step after its look; `go` lets it go on, and ends when it has. */
async function heldTurn(name: string) {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  plan.hooks.looking = async (looking) => {
    if (looking !== name) return;
    delete plan.hooks.looking;
    begun.resolve();
    await gate.promise;
  };
  const turn = step(name);
  await begun.promise;
  return async () => {
    gate.resolve();
    return turn;
  };
}

async function loseLease(): Promise<void> {
  const { leaseHolder: _holder, leaseUntil: _until, ...free } = await readTarget(store, plan.target);
  await store.transact([putTarget('journal', plan.target, free.version, { ...free, leaseHolder: 'act-1' })]);
}

describe('a look that its function dies of', () => {
  it('is over with the budget of its step, and nothing is left but to back out', async () => {
    await opened();
    let looks = 0;
    plan.hooks.looking = () => {
      looks++;
      throw new Error('the function died');
    };
    await expect(step('first')).rejects.toThrow(/died/);
    plan.clock += 1_000_000;
    await expect(step('first')).rejects.toThrow(/first: not done within its time budget/);
    expect(looks).toBe(1);
    plan.hooks = {};
    expect(await backedOut()).toEqual({ kind: 'backed-out' });
    expect(plan.numbers).toEqual(NOTHING);
  });
});

describe('a turn that is slower than its run', () => {
  it('is answered as done when a faster turn of its step has ended that since it read the run', async () => {
    const { slow, go } = slowerBeside();
    await opened();
    const first = slow.take({ do: 'step', run: RUN, step: 'first' });
    expect(await plan.ask({ do: 'step', run: RUN, step: 'first' })).toEqual({ kind: 'done' });
    go();
    expect(await first).toEqual({ kind: 'done' });
    expect(slow.writes).toEqual({});
  });

  it('changes nothing once the run was stopped, backed out and ended', async () => {
    await opened();
    const go = await heldTurn('first');
    await stop();
    expect(await backedOut()).toEqual({ kind: 'backed-out', isStopped: true });
    await expect(go()).rejects.toMatchObject({ name: 'InFlightError' });
    expect(plan.numbers).toEqual(NOTHING);
    expect(await plan.run(RUN)).toMatchObject({ phase: 'ended', verdict: 'backed-out' });
  });

  it('changes nothing once the run is being backed out', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    const go = await heldTurn('left');
    // The compensation's change is made, and not proved yet.
    expect(await backOut()).toMatchObject({ kind: 'wait' });
    await expect(go()).rejects.toMatchObject({ name: 'InFlightError' });
    expect(plan.numbers.left).toBe(0);
    expect(await backedOut()).toEqual({ kind: 'backed-out' });
    expect(plan.numbers).toEqual(NOTHING);
  });

  it('changes nothing once a person has stopped the run', async () => {
    await opened();
    const go = await heldTurn('first');
    await stop();
    await expect(go()).rejects.toMatchObject({ name: 'InFlightError' });
    expect(plan.numbers).toEqual(NOTHING);
  });

  it('doesn’t erase what a faster turn of its step wrote down', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    const go = await heldTurn('left');
    plan.hooks.after = (name) => {
      if (name === 'left') throw new Error('the function died');
    };
    await expect(step('left')).rejects.toThrow(/died/);
    plan.hooks = {};
    await expect(go()).rejects.toMatchObject({ name: 'InFlightError' });
    expect((await plan.run(RUN))?.steps.left?.forward).toHaveProperty('change');
    expect(await backedOut()).toEqual({ kind: 'backed-out' });
    expect(plan.numbers).toEqual(NOTHING);
  });

  it.each(['done', 'failed'])('doesn’t call %s what a faster turn has just begun', async (what) => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    // Seen to be done, nothing is left to do; seen too late, it fails.
    plan.numbers.left = what === 'done' ? 7 : 0;
    const go = await heldTurn('left');
    plan.numbers.left = 0;
    plan.hooks.after = () => {
      throw new Error('the function died');
    };
    await expect(step('left')).rejects.toThrow(/died/);
    plan.hooks = {};
    if (what === 'failed') plan.clock += 101_000;
    await expect(go()).rejects.toMatchObject({ name: 'InFlightError' });
    expect((await plan.run(RUN))?.steps.left).toMatchObject({ status: 'begun', forward: { attempt: 1 } });
    expect((await plan.run(RUN))?.steps.left?.forward).not.toHaveProperty('endedAt');
  });
});

describe('runs and rehearsals at once', () => {
  const about = (target: string): Player => {
    const player = new Player({ store, config }, 'tested');
    player.target = target;
    return player;
  };

  it('of one plan are as many as there are things, and one about each', async () => {
    await opened();
    expect(await about('ecs-service/orders/other').take({ do: 'open', run: 'run-2', input: { to: 7 } })).toEqual({
      kind: 'done',
    });
    expect([...(await runsUnderWay(store, 'tested'))].sort()).toEqual([RUN, 'run-2']);
    await expect(plan.take({ do: 'open', run: 'run-3', input: { to: 7 } })).rejects.toThrow(
      /another run of this plan is under way: run-1/,
    );
  });

  it('of two plans never have one thing in hand', async () => {
    await opened();
    const other = new Player({ store, config }, 'second');
    other.target = plan.target;
    await expect(other.take({ do: 'open', run: 'run-2', input: { to: 7 } })).rejects.toThrow(
      /the run run-1 of a recovery plan has it in hand/,
    );
  });

  it('a rehearsal takes nothing in hand, and another rehearsal about the same thing waits for it', async () => {
    const open = (run: string) => plan.take({ do: 'open', run, input: { to: 7, rehearse: true } });
    await open('rehearsal');
    expect(await readTarget(store, plan.target)).not.toHaveProperty('leaseHolder');
    expect(await plan.run('rehearsal')).toMatchObject({ targets: [], about: [plan.target] });
    await expect(open('rehearsal-2')).rejects.toThrow(/another run of this plan is under way: rehearsal/);
  });

  it('a rehearsal makes way for a real run that begins, of whichever plan, and calls nobody', async () => {
    await plan.take({ do: 'open', run: 'rehearsal', input: { to: 7, rehearse: true } });
    await plan.ask({ do: 'step', run: 'rehearsal', step: 'first' });
    const other = new Player({ store, config }, 'second');
    other.target = plan.target;
    expect(await other.take({ do: 'open', run: RUN, input: { to: 7 } })).toEqual({ kind: 'done' });
    await expect(plan.take({ do: 'step', run: 'rehearsal', step: 'left' })).rejects.toMatchObject({
      name: 'PlanStepError',
      message: expect.stringMatching(/makes way.*the run run-1/),
    });
    expect(await plan.ask({ do: 'back-out', run: 'rehearsal', why: 'PlanStepError' })).toEqual({
      kind: 'backed-out',
      isStopped: true,
    });
    const { why, incidentId = '', calledPerson } = (await plan.run('rehearsal')) ?? {};
    expect([why, calledPerson]).toEqual([
      `stopped by nightshift: ${plan.target}: the run run-1 of a recovery plan has it in hand`,
      false,
    ]);
    expect((await readIncident(store, incidentId))?.state).toBe('resolved');
    expect((await readTarget(store, plan.target)).leaseHolder).toBe(`plan:${RUN}`);
    expect(await runsUnderWay(store, 'tested')).toEqual([]);
  });

  it('a rehearsal isn’t begun while a real run is under way about the same thing', async () => {
    await opened();
    await expect(plan.take({ do: 'open', run: 'rehearsal', input: { to: 7, rehearse: true } })).rejects.toThrow(
      /the run run-1 of a recovery plan has it in hand/,
    );
  });
});

describe('a run that lost a lease', () => {
  it.each([0, 600_000])('changes nothing more, %d ms after the last renewal', async (laterMs) => {
    await opened();
    await loseLease();
    plan.clock += laterMs;
    await expect(step('first')).rejects.toMatchObject({
      name: 'PlanStepError',
      message: expect.stringMatching(/no longer has/),
    });
    expect(plan.numbers).toEqual(NOTHING);
  });

  it.each([0, 600_000])('ends with a call for a person and gives its lock back, %d ms later', async (laterMs) => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    await loseLease();
    plan.clock += laterMs;
    expect(await backedOut()).toEqual({ kind: 'needs-person' });
    expect(plan.numbers.first).toBe(7);
    expect((await plan.run(RUN))?.summary).toMatch(/no longer has .* in hand, so nothing more was taken back/);
    expect(await stateOf()).toBe('escalated');
    expect(await store.read(planLockKey({ plan: 'tested', rehearse: false }, plan.target))).toBeUndefined();
    expect((await readTarget(store, plan.target)).leaseHolder).toBe('act-1');
  });

  it('can still be closed when all its steps are done', async () => {
    await opened();
    for (const name of STEPS) await plan.ask({ do: 'step', run: RUN, step: name });
    await loseLease();
    expect(await plan.ask({ do: 'close', run: RUN })).toEqual({ kind: 'done' });
    expect(await store.read(planLockKey({ plan: 'tested', rehearse: false }, plan.target))).toBeUndefined();
  });
});

it('work of a remediation that is no longer deployed lets go of no target that a plan has in hand', async () => {
  await opened();
  const work: WorkItem = {
    ...workKey('recheck', 'gone'),
    ...({ kind: 'recheck', id: 'gone', remediation: 'gone', target: plan.target } as const),
    ...{ dueAt: plan.clock, attempts: 0 },
  };
  await store.transact([putWork('journal', work)]);
  await leaveToPerson(store, work, plan.clock);
  expect((await readTarget(store, plan.target)).leaseHolder).toBe(`plan:${RUN}`);
  expect(await plan.play(RUN)).toBe('done');
});

describe('a person who takes a target over', () => {
  const takenOver = (forMs: number) =>
    takeOver(
      store,
      plan.target,
      { by: 'person:jane', reason: 'by hand', until: plan.clock + forMs } as never,
      plan.clock,
    );

  it('has the run wait, which no budget counts, until it is over', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    await takenOver(7_200_000);
    for (let turn = 0; turn < 5; turn++) {
      expect(await step('left')).toMatchObject({ kind: 'wait' });
      expect(plan.numbers.left).toBe(0);
      plan.clock += 60_000;
    }
    expect((await kinds()).filter((kind) => kind === 'note')).toHaveLength(2);
    plan.clock += 7_200_000;
    expect(await plan.play(RUN)).toBe('done');
    expect((await plan.run(RUN))?.frozenMs).toBeGreaterThan(7_200_000);
  });

  it('is left alone also when the turn had looked before', async () => {
    await opened();
    const go = await heldTurn('first');
    await takenOver(7_200_000);
    await expect(go()).rejects.toThrow(/jane has taken it over/);
    expect(plan.numbers).toEqual(NOTHING);
  });
});

describe('what is taken back', () => {
  it('is not what a person changed meanwhile', async () => {
    await opened();
    plan.hooks.before = (name, way) => {
      if (name !== 'first' || way !== 'forward') return;
      plan.numbers.first = 7; // a person does the same
      throw new ChangedBySomeoneElseError('first', '0', '7');
    };
    await expect(step('first')).rejects.toThrow(/somebody else/);
    expect(await backedOut()).toEqual({ kind: 'backed-out' });
    expect(plan.numbers.first).toBe(7);
  });

  it('is left a person’s when the run had failed before somebody stopped it', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    plan.hooks.before = (name) => {
      if (name === 'left') throw new ActionFailedError('no');
    };
    await expect(step('left')).rejects.toThrow(/no/);
    expect(await backOut()).toMatchObject({ kind: 'wait' });
    await stop();
    expect(await backedOut()).toEqual({ kind: 'backed-out' });
    expect(await stateOf()).toBe('escalated');
  });
});

describe('a run that nobody takes turns of any more', () => {
  const look = () => watchPlans(store, ['other', 'tested'], plan.clock);

  it('is told once, in its incident, and can be stopped afterwards', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    plan.clock += 120_000 + LEFT_AFTER_MS - 60_000;
    expect(await look()).toBe(0);
    plan.clock += 61_000;
    expect([await look(), await look()]).toEqual([1, 0]);
    expect((await kinds()).at(-1)).toBe('escalated');
    expect(await stateOf()).toBe('escalated');
    await stop();
    expect(await backedOut()).toEqual({ kind: 'backed-out', isStopped: true });
    expect(await stateOf()).toBe('resolved');
    plan.clock += 2 * LEFT_AFTER_MS;
    expect(await look()).toBe(0);
  });

  it('is told again when it was taken up, and left again', async () => {
    await opened();
    await plan.ask({ do: 'step', run: RUN, step: 'first' });
    plan.clock += 120_000 + LEFT_AFTER_MS;
    expect([await look(), await look()]).toEqual([1, 0]);
    await stop();
    plan.hooks.looking = async () => {
      throw new RetryableError('throttled');
    };
    await expect(backOut()).rejects.toThrow(/throttled/);
    expect(await look()).toBe(0);
    plan.clock += 120_000 + LEFT_AFTER_MS;
    expect([await look(), await look()]).toEqual([1, 0]);
  });

  it('is not told while it waits for days', async () => {
    await opened();
    await setSwitch(store, 'freeze', 'person:jane', 'looking');
    for (let turn = 0; turn < 60; turn++) {
      const answer = await step('first');
      plan.clock += answer.kind === 'wait' ? answer.seconds * 1000 : 0;
      expect(await look()).toBe(0);
    }
  });

  it('is named when a person ends an incident of its target, with what ends it', async () => {
    await opened();
    const present = await readTarget(store, plan.target);
    const ending = (now: number) => underWay(plan.target, present, now);
    expect(ending(plan.clock)).toMatch(/the run run-1 of a recovery plan has it in hand/);
    expect(ending(plan.clock + 600_000)).toMatch(
      /was left unfinished at .*: "nightshift stop run-1" has it backed out/,
    );
  });
});

it('a change whose answer was lost is not made again before the function that made it is known to be gone', async () => {
  await opened();
  const dies = new Set(['first']);
  plan.hooks.before = (name) => {
    if (dies.delete(name)) throw new RetryableError('no answer');
  };
  await expect(step('first')).rejects.toThrow(/no answer/);
  expect(await step('first')).toEqual({ kind: 'wait', seconds: 35 });
  plan.clock += 35_000;
  await plan.ask({ do: 'step', run: RUN, step: 'first' });
  expect(plan.writes.first).toBe(1);
});

it('a change that was of no help is told as such, and orders no next rung', async () => {
  const code = plan.code.steps.first;
  if (!code) throw new Error('there is no step first');
  const noHelp: typeof code = { ...code, whenLate: 'go-on', verify: () => ({ kind: 'bad', detail: 'still sick' }) };
  plan = new Player({ store, config }, 'tested', { first: noHelp });
  expect(await plan.play(RUN)).toBe('done');
  const { timeline = [] } = (await readIncident(store, (await plan.run(RUN))?.incidentId ?? '')) ?? {};
  const proofs = timeline.filter(({ kind }) => kind === 'verified' || kind === 'not-verified');
  expect(proofs.map(({ kind, data }) => [kind, data.step, 'next' in data])).toEqual([
    ['not-verified', 'first', false],
    ...['left', 'right', 'last'].map((name) => ['verified', name, false]),
  ]);
});

it('a step that failed is not tried again when its function died before it could say so', async () => {
  await opened();
  plan.hooks.before = () => {
    throw new ActionFailedError('no');
  };
  await expect(step('first')).rejects.toThrow(/first: no/);
  plan.hooks = {};
  await expect(step('first')).rejects.toThrow(/first: no/);
  expect(plan.writes.first).toBeUndefined();
});

/** `plan` becomes the faster of two that share a journal; the slower one has read the run, and looks at its targets only once `go` was called. */
function slowerBeside(): { readonly slow: Player; go(): void } {
  const table = new TableModel();
  const gate = Promise.withResolvers<void>();
  const send = async (command: never) => {
    if ((command as object) instanceof BatchGetItemCommand) await gate.promise;
    return table.execute(command);
  };
  const slow = new Player({ store: new Store('journal', { send } as never), config }, 'tested');
  store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
  plan = new Player({ store, config }, 'tested');
  return { slow, go: () => gate.resolve() };
}

describe('opening', () => {
  it('twice at once is one run', async () => {
    const { slow, go } = slowerBeside();
    const first = slow.take({ do: 'open', run: RUN, input: { to: 7 } });
    expect(await opened()).toEqual({ kind: 'done' });
    go();
    expect(await first).toEqual({ kind: 'done' });
    expect(await plan.run(RUN)).toMatchObject({ phase: 'working' });
  });

  it('a run about more than one transaction can take in hand is refused before anything is begun, and says how many', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => `ecs-service/orders/s${at}`);
    const take = (run: string, count: number) => {
      const code = { ...plan.code, targetsOf: () => ({ kind: 'targets', targets: many(count) }) as const };
      return takeOrder({ ...plan.around(), code }, { do: 'open', run, input: { to: 7 } });
    };
    await expect(take('too-many', MOST_TARGETS + 1)).rejects.toThrow(/49 targets in hand, and a run can take 48/);
    expect(await plan.run('too-many')).toMatchObject({ verdict: 'refused', phase: 'ended' });
    expect(await take('as-many', MOST_TARGETS)).toEqual({ kind: 'done' });
  });

  it('says of a refusal whether it passes by itself', async () => {
    await opened();
    await expect(plan.take({ do: 'open', run: 'second', input: { to: 7 } })).rejects.toMatchObject({
      name: 'PlanRefusedError',
    });
    await expect(plan.take({ do: 'open', run: 'wrong', input: {} })).rejects.toMatchObject({
      name: 'PlanRefusedError',
    });
    expect(await plan.run('second')).toMatchObject({ verdict: 'refused', passes: true });
    expect(await plan.run('wrong')).not.toHaveProperty('passes');
  });

  it('is no refusal when another delivery opened the run while this one was being refused', async () => {
    const table = new TableModel();
    const ask = async (command: never) => table.execute(command);
    store = new Store('journal', { send: ask } as never);
    plan = new Player({ store, config }, 'tested');
    const other = new Player({ store, config }, 'tested');
    await other.take({ do: 'open', run: 'other', input: { to: 7 } });
    // After the slower delivery has looked for the run a second time, and before it writes its refusal.
    let looks = 0;
    const beside = new Store('journal', {
      send: async (command: never) => {
        const { input } = command as { readonly input: { readonly Key?: { readonly sk?: { readonly S?: string } } } };
        const answer = await ask(command);
        if (input.Key?.sk?.S === `RUN#${RUN}` && ++looks === 2) {
          await other.ask({ do: 'back-out', run: 'other', why: 'PlanStepError' });
          await opened();
        }
        return answer;
      },
    } as never);
    const slow = new Player({ store: beside, config }, 'tested');
    expect(await slow.take({ do: 'open', run: RUN, input: { to: 7 } })).toEqual({ kind: 'done' });
    expect(await plan.run(RUN)).toMatchObject({ phase: 'working' });
  });

  it('a run that exists with other input is refused, and leaves it as it is', async () => {
    await opened();
    const open = (input: object) => plan.take({ do: 'open', run: `${RUN}.2`, input });
    await expect(open({ to: 8 })).rejects.toMatchObject({ name: 'PlanRefusedError' });
    await expect(open({ to: 7, rehearse: true })).rejects.toMatchObject({ name: 'PlanRefusedError' });
    await expect(open({ rehearse: true })).rejects.toMatchObject({ name: 'PlanRefusedError' });
    expect(await open({})).toEqual({ kind: 'done' });
    expect(await open({ to: 7, startedBy: 'person:joe' })).toEqual({ kind: 'done' });
    expect(await plan.run(RUN)).toMatchObject({ phase: 'working' });
  });

  it('takes up a run only by a number behind its name', () => {
    expect(['a', 'a.2', 'a.b', 'a.b.12', 'a.2b'].map(runOf)).toEqual(['a', 'a', 'a.b', 'a.b', 'a.2b']);
  });
});

it('a wait of days takes few turns, and is hardly longer than what it waits for', async () => {
  let [now, turns] = [0, 0];
  for (; now < 7 * 24 * 3_600_000; turns++) now += frozenWaitSeconds({ frozenSince: 0 }, now) * 1000;
  expect(turns).toBeLessThan(500);
  expect(frozenWaitSeconds({ frozenSince: 0 }, 3_600_000)).toBe(360);
  await opened();
  await setSwitch(store, 'freeze', 'person:jane', 'looking');
  expect(await step('first')).toEqual({ kind: 'wait', seconds: 60 });
  const { leaseUntil = 0 } = await readTarget(store, plan.target);
  expect(leaseUntil).toBeGreaterThan(plan.clock + 60_000);
});
