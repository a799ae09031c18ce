/**
 * Each guardrail and each reason to hold, on a real journal: what it stops up to its boundary, when the signal is due again, and that what is brought up
 * at the boundary is acted on. A guardrail without a row here doesn't compile.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GUARDRAILS, type Guardrail, HOLD_REASONS, type HoldReason, type Outcome } from '../../../events/outcome.ts';
import { writeTarget } from '../../../functions/engine/action.ts';
import type { RunbookLimits, RuntimeConfig } from '../../../functions/engine/config.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { takenOver } from '../../../functions/engine/target-state.ts';
import type { Window } from '../../../functions/engine/windows.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, numberAlarm, openEngineWorld, RAISE } from '../../support/engine-world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(async () => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
  await setSwitch(world.store, 'run', 'person:test', 'the row is over');
});

/** What a step of a row works with. */
interface Scene {
  /** Of the target that the row is about; a row that needs others derives their names from it. */
  readonly name: string;
  /** When the row begins (epoch milliseconds). */
  readonly begin: number;
  /** An alarm's own event at `at`; its state changed a second before. */
  fire(at: number, options?: { of?: string; changedAt?: number; firstEvaluation?: boolean }): Promise<Outcome>;
  ok(at: number, of?: string): Promise<Outcome>;
  /** What is due for the target at `at`, as the reconciler would order it while the alarm fires; undefined: nothing, or it waits. */
  again(at: number, of?: string, actionsEnabled?: boolean): Promise<Outcome | undefined>;
  /** Writes the target's item. */
  write(change: Parameters<typeof takenOver>[0] extends infer Item ? (item: Item) => Item : never): Promise<void>;
}

interface Row {
  readonly name: string;
  /** When it begins; a day of its own when left out. */
  readonly begin?: string;
  readonly config?: () => Partial<RuntimeConfig>;
  readonly limits?: Partial<RunbookLimits>;
  readonly run: (scene: Scene) => Promise<void>;
}

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const iso = (at: number) => new Date(at).toISOString();
const acted = { kind: 'remediated' };
let days = 1;

async function play(row: Row, name: string): Promise<void> {
  const begin = row.begin ? Date.parse(row.begin) : Math.ceil(Date.now() / DAY) * DAY + days++ * DAY;
  const limits = { ...world.config.runbooks[RAISE], cooldownSeconds: 0, ...row.limits } as RunbookLimits;
  const config = { ...world.config, runbooks: { ...world.config.runbooks, [RAISE]: limits }, ...row.config?.() };
  let events = 0;
  const deliver = (event: unknown, at: number) => world.deliver(event, { config, now: () => at });
  await row.run({
    name,
    begin,
    fire: (at, { of = name, changedAt = at - SECOND, firstEvaluation = false } = {}) =>
      deliver(numberAlarm(of, 'ALARM', { id: `${of}-${events++}`, at: changedAt, firstEvaluation }), at),
    ok: (at, of = name) => deliver(numberAlarm(of, 'OK', { id: `${of}-${events++}`, at }), at),
    again: async (at, of = name, actionsEnabled = true) => {
      const [work] = (await world.due(at)).filter(({ kind, target }) => kind === 'recheck' && target === keyOf(of));
      if (!work?.signal) return undefined;
      const arn = work.signal.subject;
      const live = { arn, name: of, state: 'ALARM' as const, stateAt: Date.parse(work.signal.at), actionsEnabled };
      const order = orderFor(work, new Map([[arn, live]]));
      return typeof order === 'object' ? deliver(order, at) : undefined;
    },
    write: (change) => writeTarget(world.store, keyOf(name), (present) => ({ next: change(present), items: [] })),
  });
}

/** Stopped at each of these times until `until`, brought up not a millisecond earlier, and then acted on. */
async function stoppedUntil(
  { name, fire, again }: Scene,
  times: readonly number[],
  stopped: object,
  until: number,
): Promise<void> {
  for (const at of times) expect(await fire(at)).toMatchObject({ ...stopped, recheckAt: iso(until) });
  expect(world.target(name).changes).toBe(0);
  expect(await again(until - 1)).toBeUndefined();
  expect(await again(until)).toMatchObject(acted);
}

const windowed = (window: Window) => ({ windows: [window] });
const frozen = (change: Partial<Extract<Window, { timeZone: string }>>): Window => ({
  name: 'frozen',
  kind: 'freeze',
  timeZone: 'UTC',
  days: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
  from: '00:00',
  to: '01:00',
  ...change,
});
const refusedBy = (guardrail: Guardrail) => ({ kind: 'refused', guardrail });
const heldFor = (reason: HoldReason) => ({ kind: 'held', reason });
const windowRow = (name: string, begin: string, window: Window, stopped: readonly string[], until: string): Row => ({
  name,
  begin,
  config: () => windowed(window),
  run: (scene) =>
    stoppedUntil(
      scene,
      stopped.map((at) => Date.parse(at)),
      refusedBy('window'),
      Date.parse(until),
    ),
});

/** A budget of one: a second target is refused until an hour after the first one's change. */
const budgetRow = (guardrail: Guardrail, change: Pick<Row, 'config' | 'limits'>): Row => ({
  name: 'a budget of one, to the end of its hour',
  ...change,
  run: async (scene) => {
    expect(await scene.fire(scene.begin, { of: `${scene.name}-first` })).toMatchObject(acted);
    const until = scene.begin + HOUR;
    await stoppedUntil(scene, [scene.begin + MINUTE, until - 1], refusedBy(guardrail), until);
  },
});

const byGuardrail: Record<Guardrail, readonly Row[]> = {
  switch: [
    {
      name: 'a pause, until it is over',
      run: async ({ name, begin, fire, again }) => {
        await setSwitch(world.store, 'pause', 'person:test', 'a test');
        expect(await fire(begin)).toMatchObject({ ...heldFor('paused'), recheckAt: iso(begin + 30 * SECOND) });
        expect(await again(begin + 30 * SECOND)).toMatchObject(heldFor('paused'));
        expect(world.target(name).changes).toBe(0);
        await setSwitch(world.store, 'run', 'person:test', 'over');
        expect(await again(begin + HOUR)).toMatchObject(acted);
      },
    },
    {
      name: 'a pause that comes between the look and the commit',
      run: async ({ name, begin, fire }) => {
        world.hooks.observe = () => setSwitch(world.store, 'pause', 'person:test', 'a test');
        expect(await fire(begin)).toMatchObject(heldFor('paused'));
        expect(world.target(name).changes).toBe(0);
      },
    },
  ],
  window: [
    windowRow(
      'a freeze over a leap day',
      '2024-02-28T23:00:00Z',
      { name: 'leap', kind: 'freeze', begins: '2024-02-29T00:00:00Z', ends: '2024-03-01T00:00:00Z' },
      ['2024-02-29T00:00:00.000Z', '2024-02-29T23:59:59.999Z'],
      '2024-03-01T00:00:00Z',
    ),
    {
      name: 'nothing before a freeze begins',
      begin: '2024-02-28T23:59:59.999Z',
      config: () =>
        windowed({ name: 'leap', kind: 'freeze', begins: '2024-02-29T00:00:00Z', ends: '2024-03-01T00:00:00Z' }),
      run: async ({ begin, fire }) => expect(await fire(begin)).toMatchObject(acted),
    },
    windowRow(
      'a freeze of two hours by the clock, one of which Paris skips',
      '2026-03-29T00:00:00Z',
      frozen({ timeZone: 'Europe/Paris', days: ['sun'], from: '01:30', to: '03:30' }),
      ['2026-03-29T00:30:00.000Z', '2026-03-29T01:29:59.999Z'],
      '2026-03-29T01:30:00Z',
    ),
    windowRow(
      'a freeze of one hour by the clock, which New York has twice',
      '2026-11-01T04:00:00Z',
      frozen({ timeZone: 'America/New_York', days: ['sun'], from: '01:00', to: '02:00' }),
      ['2026-11-01T05:00:00.000Z', '2026-11-01T06:59:59.999Z'],
      '2026-11-01T07:00:00Z',
    ),
    windowRow(
      'everything outside of a change window',
      '2026-11-20T20:00:00Z',
      frozen({ kind: 'change', timeZone: 'Europe/Paris', from: '22:00', to: '23:00' }),
      ['2026-11-20T20:59:59.999Z'],
      '2026-11-20T21:00:00Z',
    ),
  ],
  lease: [
    {
      name: 'another action’s lease, also when its time is over, until that action has ended',
      run: async ({ name, begin, fire, again, write }) => {
        const leaseUntil = begin + MINUTE;
        await write((item) => ({ ...item, leaseHolder: 'act-other', leaseUntil }));
        expect(await fire(begin)).toMatchObject({ ...heldFor('lease'), recheckAt: iso(leaseUntil) });
        expect(await again(leaseUntil - 1)).toBeUndefined();
        expect(await again(leaseUntil)).toMatchObject({ kind: 'joined' });
        expect(world.target(name).changes).toBe(0);
        await write(({ leaseHolder: _holder, leaseUntil: _until, ...item }) => item);
        expect(await again(leaseUntil + HOUR)).toMatchObject(acted);
      },
    },
  ],
  version: [
    {
      name: 'what moved since it was looked at: it is looked at again',
      run: async ({ begin, fire, write }) => {
        let looks = 0;
        world.hooks.observe = async () => {
          if (looks++ === 0) await write((item) => item);
        };
        expect(await fire(begin)).toMatchObject(acted);
        expect(looks).toBe(2);
      },
    },
    {
      name: 'what moves each time: it is put aside and due again',
      run: async ({ name, begin, fire, again, write }) => {
        world.hooks.observe = () => write((item) => item);
        const until = begin + 30 * SECOND;
        expect(await fire(begin)).toMatchObject({ kind: 'contended', recheckAt: iso(until) });
        expect(world.target(name).changes).toBe(0);
        delete world.hooks.observe;
        expect(await again(until)).toMatchObject(acted);
      },
    },
  ],
  cooldown: [
    {
      name: 'a second change before the cooldown is over',
      limits: { cooldownSeconds: 300 },
      run: async ({ name, begin, fire, again }) => {
        expect(await fire(begin)).toMatchObject(acted);
        const until = begin + 300 * SECOND;
        expect(await fire(until - 1)).toMatchObject({ ...refusedBy('cooldown'), recheckAt: iso(until) });
        expect(world.target(name).changes).toBe(1);
        expect(await again(until)).toMatchObject(acted);
      },
    },
  ],
  'target-budget': [
    {
      name: 'more changes of one target than its hour allows',
      limits: { perTargetPerHour: 2 },
      run: async ({ name, begin, fire, again }) => {
        expect(await fire(begin)).toMatchObject(acted);
        expect(await fire(begin + MINUTE)).toMatchObject(acted);
        const until = begin + HOUR;
        expect(await fire(until - 1)).toMatchObject({ ...refusedBy('target-budget'), recheckAt: iso(until) });
        expect(world.target(name).changes).toBe(2);
        expect(await again(until)).toMatchObject(acted);
      },
    },
  ],
  'runbook-budget': [budgetRow('runbook-budget', { limits: { perRunbookPerHour: 1 } })],
  'fleet-budget': [
    budgetRow('fleet-budget', { config: () => ({ fleet: { ...world.config.fleet, changesPerHour: 1 } }) }),
  ],
  'removal-budget': [
    {
      name: 'a second hand-back within the hour',
      config: () => ({ fleet: { ...world.config.fleet, removalsPerHour: 1 } }),
      run: async ({ name, begin, fire, ok }) => {
        const other = `${name}-first`;
        for (const target of [other, name]) {
          await fire(begin, { of: target });
          await ok(begin + SECOND, target);
        }
        const config = { ...world.config, fleet: { ...world.config.fleet, removalsPerHour: 1 } };
        const handBack = (of: string, at: number) =>
          world.deliver({ nightshift: 1, command: 'hand-back', target: keyOf(of) }, { config, now: () => at });
        const first = begin + 10 * MINUTE;
        expect(await handBack(other, first)).toMatchObject(acted);
        const until = first + HOUR;
        expect(await handBack(name, until - 1)).toMatchObject({ kind: 'held', recheckAt: iso(until) });
        const due = (await world.due(until)).filter((work) => work.kind === 'hand-back' && work.target === keyOf(name));
        expect(due.map(({ dueAt }) => dueAt)).toEqual([until]);
        expect(await handBack(name, until)).toMatchObject(acted);
      },
    },
  ],
  'alarm-recovered': [
    {
      name: 'an event that is older than the last OK, not one that is newer',
      run: async ({ name, begin, fire, ok }) => {
        await ok(begin);
        expect(await fire(begin + SECOND, { changedAt: begin })).toMatchObject({ kind: 'already-fine' });
        expect(world.target(name).changes).toBe(0);
        expect(await fire(begin + SECOND, { changedAt: begin + 1 })).toMatchObject(acted);
      },
    },
    {
      name: 'a commit while the alarm goes back to OK',
      run: async ({ name, begin, fire, ok }) => {
        world.hooks.observe = async () => void (await ok(begin));
        expect(await fire(begin)).toMatchObject({ kind: 'already-fine' });
        expect(world.target(name).changes).toBe(0);
      },
    },
  ],
};

/** The remediation itself asks for time. */
const decided = (reason: 'maintenance' | 'change-under-way'): Row => ({
  name: 'for as long as the remediation asks',
  run: async (scene) => {
    world.hooks.decide = () => ({ kind: 'hold', reason, detail: 'a test', recheckAfterSeconds: 60 });
    const until = scene.begin + MINUTE;
    expect(await scene.fire(scene.begin)).toMatchObject({ ...heldFor(reason), recheckAt: iso(until) });
    expect(await scene.again(until)).toMatchObject(heldFor(reason));
    delete world.hooks.decide;
    expect(await scene.again(until + MINUTE)).toMatchObject(acted);
  },
});

const byReason: Record<HoldReason, readonly Row[]> = {
  paused: byGuardrail.switch,
  lease: byGuardrail.lease,
  maintenance: [decided('maintenance')],
  'change-under-way': [decided('change-under-way')],
  'first-evaluation': [
    {
      name: 'an alarm’s first evaluation, once',
      run: async ({ begin, fire, again }) => {
        const until = begin + world.config.firstEvaluationHoldSeconds * SECOND;
        const first = await fire(begin, { firstEvaluation: true });
        expect(first).toMatchObject({ ...heldFor('first-evaluation'), recheckAt: iso(until) });
        expect(await again(until - 1)).toBeUndefined();
        expect(await again(until)).toMatchObject(acted);
      },
    },
  ],
  stale: [
    {
      name: 'an event older than the limit, and it is looked at again at once',
      run: async ({ name, begin, fire, again }) => {
        const limit = world.config.staleAfterSeconds * SECOND;
        expect(await fire(begin, { changedAt: begin - limit - 1 })).toMatchObject({
          ...heldFor('stale'),
          recheckAt: iso(begin),
        });
        expect(world.target(name).changes).toBe(0);
        expect(await again(begin)).toMatchObject(acted);
        expect(await fire(begin, { of: `${name}-edge`, changedAt: begin - limit })).toMatchObject(acted);
      },
    },
  ],
  'upstream-in-trouble': [
    {
      name: 'while what it depends on has an open incident',
      run: async ({ name, begin, fire, ok, again }) => {
        const upstream = `${name}-upstream`;
        await fire(begin, { of: upstream });
        world.hooks.upstreams = () => [keyOf(upstream)];
        const until = begin + 30 * SECOND;
        expect(await fire(begin)).toMatchObject({ ...heldFor('upstream-in-trouble'), recheckAt: iso(until) });
        expect(await again(until)).toMatchObject(heldFor('upstream-in-trouble'));
        expect(world.target(name).changes).toBe(0);
        await ok(until + SECOND, upstream);
        expect(await again(until + MINUTE)).toMatchObject(acted);
      },
    },
  ],
  storm: [
    {
      name: 'while more targets than the limit are in trouble',
      config: () => ({ storm: { targets: 2, withinSeconds: 300 } }),
      run: async (scene) => {
        const { name, begin, fire } = scene;
        expect(await fire(begin, { of: `${name}-1` })).toMatchObject(acted);
        expect(await fire(begin, { of: `${name}-2` })).toMatchObject(acted);
        await stoppedUntil(scene, [begin + 1], heldFor('storm'), begin + 1 + 300 * SECOND);
      },
    },
  ],
  'hands-off': [
    {
      name: 'until the time that was set when somebody else’s change was seen',
      run: async (scene) => {
        const until = scene.begin + HOUR;
        await scene.write((item) => ({ ...item, handsOffUntil: until }));
        await stoppedUntil(scene, [scene.begin, until - 1], heldFor('hands-off'), until);
      },
    },
    {
      name: 'until the end of a person’s take-over',
      run: async (scene) => {
        const until = scene.begin + HOUR;
        const taken = { by: 'person:jane', since: iso(scene.begin), until, reason: 'a test' };
        await scene.write((item) => takenOver(item, taken));
        await stoppedUntil(scene, [scene.begin, until - 1], heldFor('hands-off'), until);
      },
    },
  ],
  'actions-disabled': [
    {
      name: 'what is due of an alarm with its actions disabled, until they are enabled again',
      run: async ({ begin, fire, again, name }) => {
        const until = begin + 60 * SECOND;
        world.hooks.decide = () => ({ kind: 'hold', reason: 'maintenance', detail: 'first', recheckAfterSeconds: 60 });
        await fire(begin);
        delete world.hooks.decide;
        expect(await again(until, name, false)).toBeUndefined();
        expect(await again(until + HOUR, name, true)).toMatchObject(acted);
      },
    },
  ],
};

const rowsOf = (tables: Readonly<Record<string, readonly Row[]>>) =>
  Object.entries(tables).flatMap(([what, rows]) =>
    rows.map((row, index): [string, string, Row, string] => [what, row.name, row, `${what}-${index}`]),
  );

describe('a guardrail', () => {
  it('has rows here, each of them', () => {
    expect(Object.keys(byGuardrail)).toEqual([...GUARDRAILS]);
    expect(Object.values(byGuardrail).every((rows) => rows.length > 0)).toBe(true);
  });

  it.each(rowsOf(byGuardrail))('%s stops %s', (_what, _name, row, id) => play(row, `guard-${id}`));
});

describe('a reason to hold', () => {
  it('has rows here, each of them', () => {
    expect(Object.keys(byReason).sort()).toEqual([...HOLD_REASONS].sort());
    expect(Object.values(byReason).every((rows) => rows.length > 0)).toBe(true);
  });

  // Those that are guardrails, too, have been played above.
  const others = rowsOf(byReason).filter(([what]) => what !== 'paused' && what !== 'lease');
  it.each(others)('%s holds %s', (_what, _name, row, id) => play(row, `hold-${id}`));
});
