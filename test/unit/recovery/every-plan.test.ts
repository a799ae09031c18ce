/**
 * What the runner gives every plan, on the graph, budgets and ways back of each plan that is found by convention: its steps are played by numbers, on the
 * model of the table. What its own steps do when a call is refused, lost or late, the plan's emulator test shows (test/emulator/recovery).
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, RetryableError } from '../../../functions/engine/errors.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { runsUnderWay } from '../../../functions/engine/plan-items.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { Store } from '../../../functions/engine/store.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import type { PlanManifest } from '../../../functions/recovery/manifest.ts';
import { longestSeconds, stagesOf, wayBack } from '../../../functions/recovery/plan.ts';
import { discover } from '../../../infra/discover.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';
import { Player } from '../../support/plan-player.ts';

const { plans, remediations } = await discover();
const RUN = 'run-1';
let store: Store;
let plan: Player;

type Steps = ReadonlySet<string>;
/** A point of no return that was begun is one that was passed: nobody knows how far it came. */
const isFinal = ({ steps }: PlanManifest, begun: Steps) =>
  steps.some(({ name, undo }) => begun.has(name) && undo.kind === 'point-of-no-return');

const incident = async () => readIncident(store, (await plan.run(RUN))?.incidentId ?? '');
const kinds = async () => (await incident())?.timeline.map(({ kind }) => kind) ?? [];
const calls = async () => (await kinds()).filter((kind) => kind === 'escalated').length;

/**
 * Nothing of it is in hand any more, and the world is as it was at the start, but for what the plan's data lists: steps that aren't taken back, and all of them behind
 * a point of no return.
 * @param begun steps whose change was written down; those of them that were made are in `plan.writes`.
 */
async function isTakenBack(manifest: PlanManifest, begun: Steps, how: string): Promise<void> {
  const final = isFinal(manifest, begun);
  const stays = ({ name, undo }: PlanManifest['steps'][number]) =>
    plan.writes[name] !== undefined && (final || undo.kind !== 'compensate');
  expect(how).toBe(final ? 'needs-person' : 'backed-out');
  expect(plan.numbers).toEqual(Object.fromEntries(manifest.steps.map((step) => [step.name, stays(step) ? 7 : 0])));
  const compensated = wayBack(manifest).filter(
    ({ name, undo }) => !final && plan.writes[name] !== undefined && undo.kind === 'compensate',
  );
  expect(plan.undone).toEqual(compensated.map(({ name }) => name));
  const { leaseHolder, handsOffUntil = 0 } = await readTarget(store, plan.target);
  expect([leaseHolder, await runsUnderWay(store, manifest.name)]).toEqual([undefined, []]);
  // A person has to look first at what could not be taken back.
  expect(handsOffUntil > plan.clock).toBe(final);
}
const begun = (...also: readonly string[]): Steps => new Set([...Object.keys(plan.writes), ...also]);

describe.each(plans.map(({ manifest }) => [manifest.name, manifest] as const))('%s', (name, manifest) => {
  const steps = stagesOf(manifest)
    .flat()
    .map((step) => step.name);
  const all = Object.fromEntries(steps.map((step) => [step, 7]));
  const frozenMs = longestSeconds(manifest) * 1000;

  async function frozen(step: string): Promise<void> {
    await setSwitch(store, 'freeze', 'person:jane', 'looking');
    const since = { ...plan.writes };
    for (const until = plan.clock + frozenMs; plan.clock < until; ) {
      const answer = await plan.take({ do: 'step', run: RUN, step });
      if (answer.kind !== 'wait') throw new Error(`${step}: ${answer.kind}`);
      plan.clock += answer.seconds * 1000;
    }
    expect(plan.writes).toEqual(since);
    await setSwitch(store, 'run', 'person:jane', 'seen');
  }

  beforeEach(() => {
    const table = new TableModel();
    store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
    plan = new Player({ store, config }, name, {}, manifest);
  });

  it('takes each step once, and gives back what it had in hand', async () => {
    const holders = new Set<string | undefined>();
    const look = async () => {
      holders.add((await readTarget(store, plan.target)).leaseHolder);
    };
    expect(await plan.play(RUN, { to: 7 }, look)).toBe('done');
    expect([plan.numbers, plan.writes]).toEqual([all, Object.fromEntries(steps.map((step) => [step, 1]))]);
    expect([...holders]).toEqual([`plan:${RUN}`]);
    expect((await readTarget(store, plan.target)).leaseHolder).toBeUndefined();
    expect([(await incident())?.state, await calls()]).toEqual(['resolved', 0]);
  });

  it.each(steps)('fails at %s, is taken back to the start, and calls a person', async (failing) => {
    plan.hooks.before = (step, way) => {
      if (step === failing && way === 'forward') throw new ActionFailedError('it was refused');
    };
    const how = await plan.play(RUN);
    await isTakenBack(manifest, begun(failing), how);
    expect(await calls()).toBeGreaterThan(0);
    expect((await plan.run(RUN))?.why).toBe(`${failing}: it was refused`);
  });

  it.each(steps)('does not make the change of %s twice when its function dies right after it', async (dying) => {
    const dies = new Set([dying]);
    plan.hooks.after = (step) => {
      if (dies.delete(step)) throw new RetryableError('the answer was lost');
    };
    expect(await plan.play(RUN)).toBe('done');
    expect([plan.numbers, plan.writes]).toEqual([all, Object.fromEntries(steps.map((step) => [step, 1]))]);
  });

  it.each(steps)('is refused a second time while %s is to begin, and the first run goes on', async (during) => {
    let second: unknown;
    const how = await plan.play(RUN, { to: 7 }, async (step) => {
      if (step === during)
        second = await plan.take({ do: 'open', run: 'run-2', input: { to: 7 } }).catch((error: unknown) => error);
    });
    expect(second).toMatchObject({ name: 'PlanRefusedError', message: expect.stringMatching(/under way: run-1/) });
    expect([how, plan.numbers]).toEqual(['done', all]);
  });

  it.each(steps)(
    'is stopped by a person before %s, and taken back to the start, and calls nobody who need not come',
    async (before) => {
      const how = await plan.play(RUN, { to: 7 }, async (step) => {
        if (step === before)
          await store.transact([
            requestStop('journal', { plan: name, run: RUN }, { by: 'person:jane', at: plan.clock, reason: 'no' }),
          ]);
      });
      await isTakenBack(manifest, begun(), how);
      expect(plan.writes[before]).toBeUndefined();
      expect(await calls()).toBe(isFinal(manifest, begun()) ? 1 : 0);
    },
  );

  it.each(steps)(
    'is frozen before %s for as long as all budgets together, changes nothing meanwhile, and goes on',
    async (before) => {
      // One step after the other: steps side by side would go on being asked while the switch is turned.
      await plan.ask({ do: 'open', run: RUN, input: { to: 7 } });
      for (const step of steps) {
        if (step === before) await frozen(step);
        await plan.ask({ do: 'step', run: RUN, step });
      }
      const { kind: how } = await plan.ask({ do: 'close', run: RUN });
      expect([how, plan.numbers, await calls()]).toEqual(['done', all, 0]);
      expect((await plan.run(RUN))?.frozenMs).toBeGreaterThanOrEqual(frozenMs);
    },
  );

  it.each(steps)('is taken back to the start when %s isn’t done within its budget', async (stuck) => {
    plan.stuck = stuck;
    // However long the budget: a run is played for some hundred turns at most.
    plan.stuckSeconds = Math.max(30, frozenMs / 100_000);
    const how = await plan.play(RUN);
    await isTakenBack(manifest, begun(), how);
    expect((await plan.run(RUN))?.why).toMatch(
      new RegExp(`^${stuck}: not done within its time budget of .*it never is`),
    );
    expect(await calls()).toBeGreaterThan(0);
  });

  it('changes nothing in a rehearsal, and has nothing in hand', async () => {
    expect(await plan.play(RUN, { to: 7, rehearse: true })).toBe('done');
    expect([plan.writes, (await plan.run(RUN))?.targets]).toEqual([{}, []]);
  });
});

describe('a rung that starts a plan', () => {
  const rungs = remediations.flatMap(({ manifest }) => (manifest.startsPlan === undefined ? [] : [manifest]));
  const planOf = (name: string | undefined) => plans.find(({ manifest }) => manifest.name === name)?.manifest;

  it('is there for each plan that says that alarms may start it, and for no other', () => {
    const allowed = plans.flatMap(({ manifest }) => (manifest.byAlarm ? [manifest.name] : []));
    expect(rungs.map(({ startsPlan }) => startsPlan).sort()).toEqual(allowed.sort());
    expect(rungs.length).toBeGreaterThan(0);
  });

  it.each(rungs.map((rung) => [rung.name, rung] as const))(
    '%s asks where its plan says so, and waits for its end',
    (_, rung) => {
      const manifest = planOf(rung.startsPlan);
      if (!manifest) throw new Error(`${rung.startsPlan} is no plan`);
      expect(manifest.targetKinds).toContain(rung.targetKind);
      if (manifest.byAlarm === 'approved') expect(rung.approval?.people).toBeGreaterThanOrEqual(1);
      else expect(rung.risk).toBe('high');
      const back = manifest.steps.reduce(
        (sum, { undo }) => sum + (undo.kind === 'compensate' ? undo.budgetSeconds : 0),
        0,
      );
      expect(rung.defaults.verifyWithinSeconds).toBeGreaterThanOrEqual(longestSeconds(manifest) + back);
    },
  );
});
