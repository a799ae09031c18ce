/**
 * The engine's function dies at each of its writes to the journal, before it took effect and after it; then its event is delivered again and the
 * reconciler does its rounds. Whatever was killed, the end is the same: nothing held, nobody's lease, one incident that was resolved once, and
 * nobody forgotten. Runs in the world project for its length; it needs no deployment.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTarget } from '../../functions/engine/context.ts';
import { EngineError, RetryableError } from '../../functions/engine/errors.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import type { Labelled, Store, TransactResult } from '../../functions/engine/store.ts';
import { type LiveAlarm, orderFor } from '../../functions/incidents/reconciler/plan.ts';
import { type EngineWorld, LADDER, numberAlarm, openEngineWorld, RAISE, RAISE_MORE } from '../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

type Side = 'before its effect' | 'after its effect';

/** Dies once, at the n-th write of the journal. */
function dying(store: Store, at: number, side: Side): { store: Store; died: () => boolean } {
  let writes = 0;
  const killed = new Proxy(store, {
    get(target, key) {
      if (key === 'transactOnce')
        return async (items: readonly Labelled[]): Promise<TransactResult> => {
          const mine = ++writes;
          if (mine !== at) return target.transactOnce(items);
          if (side === 'after its effect') await target.transactOnce(items);
          throw new RetryableError('killed here');
        };
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'transact')
        return (items: readonly Labelled[]) =>
          (killed as unknown as { transactOnce: Store['transactOnce'] }).transactOnce(items);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: killed, died: () => writes >= at };
}

interface Step {
  readonly event: unknown;
  readonly to: string;
  readonly at: number;
}

interface Play {
  readonly what: string;
  steps(name: string, from: number): readonly Step[];
  /** When the alarms are OK again. */
  readonly okAfterMinutes: number;
  /** Hooks that make the target behave so; they hold for the whole play. */
  readonly hooks: EngineWorld['hooks'];
  /** `firing`: the number after some rounds of the reconciler, while the alarm still fires. */
  readonly end: {
    readonly firing?: number;
    readonly value: number;
    readonly escalated: boolean;
    readonly by: readonly string[];
  };
}

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const alarmOf = (name: string, runbook: string) => `${name}-${runbook}`;
const tell = (name: string, runbook: string, state: 'ALARM' | 'OK', at: number) =>
  numberAlarm(name, state, { id: `${name}-${runbook}-${state}`, at, runbook, alarm: alarmOf(name, runbook) });
const settle = (name: string) => ({ nightshift: 1, command: 'settle', target: keyOf(name), alarms: {} });

const PLAYS: readonly Play[] = [
  {
    what: 'two remediations act, are verified and hand back',
    hooks: {},
    okAfterMinutes: 1,
    steps: (name, from) => [
      { event: tell(name, RAISE, 'ALARM', from), to: RAISE, at: from },
      { event: tell(name, RAISE_MORE, 'ALARM', from), to: RAISE_MORE, at: from },
      { event: tell(name, RAISE, 'OK', from + MINUTE), to: RAISE, at: from + MINUTE },
      { event: tell(name, RAISE_MORE, 'OK', from + MINUTE), to: RAISE_MORE, at: from + MINUTE },
    ],
    end: { value: 2, escalated: false, by: [RAISE, RAISE_MORE] },
  },
  {
    what: 'a rung hands on, and the next one helps',
    okAfterMinutes: 9,
    hooks: { verify: (name) => (name === RAISE ? { kind: 'bad', detail: 'no', stopForSeconds: 600 } : good) },
    steps: (name, from) => [
      { event: tell(name, LADDER, 'ALARM', from), to: RAISE, at: from },
      { event: settle(name), to: RAISE, at: from + MINUTE },
    ],
    end: { value: 2, escalated: false, by: [RAISE, RAISE_MORE] },
  },
  {
    what: 'a change makes it worse and is undone',
    okAfterMinutes: 20,
    hooks: { verify: () => ({ kind: 'worse', detail: 'worse', stopForSeconds: 60_000 }) },
    steps: (name, from) => [
      { event: tell(name, LADDER, 'ALARM', from), to: RAISE, at: from },
      { event: settle(name), to: RAISE, at: from + MINUTE },
    ],
    end: { firing: 2, value: 2, escalated: true, by: [RAISE] },
  },
];
const good = { kind: 'good', detail: 'good' } as const;

/** A delivery as Lambda makes it: tried again a minute later when it fails. */
async function deliver({ event, to, at }: Step, store: Store): Promise<void> {
  try {
    await world.deliver(event, { to, now: () => at, store });
  } catch (error) {
    if (!(error instanceof EngineError && error.retryable)) throw error;
    await world.deliver(event, { to, now: () => at + MINUTE }).catch(passing);
  }
}

function passing(error: unknown): void {
  if (!(error instanceof EngineError && error.retryable)) throw error;
}

/** The reconciler's rounds; the alarms fire until `okFrom`. */
async function reconcile(name: string, from: number, until: number, okFrom: number): Promise<void> {
  for (let at = from; at < until; at += 5 * MINUTE) {
    const due = (await world.due(at)).filter(({ target }) => target === keyOf(name));
    for (const work of due) {
      const { alarms } = await readTarget(world.store, keyOf(name));
      const arns = [...new Set([...Object.keys(alarms), ...(work.signal ? [work.signal.subject] : [])])];
      const live = arns.map((arn): LiveAlarm => {
        const isOk = at >= okFrom;
        return { arn, name, state: isOk ? 'OK' : 'ALARM', stateAt: isOk ? okFrom : from, actionsEnabled: true };
      });
      const order = orderFor(work, new Map(live.map((alarm) => [alarm.arn, alarm])));
      if (order && order !== 'wait') await world.deliver(order, { to: work.remediation, now: () => at }).catch(passing);
    }
  }
}

let plays = 0;
async function playOnce(play: Play, at: number, side: Side): Promise<{ died: boolean; name: string; firing: number }> {
  Object.assign(world.hooks, { verify: undefined }, play.hooks);
  const name = `killed-${++plays}`;
  const from = Date.now();
  const { store, died } = dying(world.store, at, side);
  for (const step of play.steps(name, from)) await deliver(step, store);
  const okFrom = from + play.okAfterMinutes * MINUTE;
  await reconcile(name, from + 2 * MINUTE, okFrom, okFrom);
  const firing = world.target(name).value;
  await reconcile(name, Math.max(okFrom, from + MINUTE) + MINUTE, from + 90 * MINUTE, okFrom);
  return { died: died(), name, firing };
}

async function expectEnd(name: string, { end }: Play): Promise<void> {
  const target = await readTarget(world.store, keyOf(name));
  expect(target).toMatchObject({ holds: [], verifying: {}, alarms: {} });
  expect([target.openIncidentId, target.leaseHolder]).toEqual([undefined, undefined]);
  expect(world.target(name).value).toBe(end.value);
  const left = (await world.due(Date.now() + 600 * MINUTE)).filter((work) => work.target === keyOf(name));
  expect(left).toEqual([]);
  const ids = await incidentsOf(name);
  for (const id of ids) {
    const incident = await readIncident(world.store, id);
    expect(incident?.state).toBe('resolved');
    expect(incident?.timeline.filter(({ kind }) => kind === 'resolved')).toHaveLength(1);
    const called = incident?.timeline.some(({ kind }) => kind === 'escalated');
    expect(called).toBe(end.escalated);
    // Nobody else was at work, so nothing was left for somebody else's sake.
    expect(incident?.timeline.map(({ kind }) => kind)).not.toContain('left-as-is');
    expect([...new Set(incident?.actions.map(({ remediation }) => remediation))].sort()).toEqual(end.by);
    const intents = incident?.actions.filter(({ status }) => status === 'intended') ?? [];
    expect(intents).toEqual([]);
  }
  expect(ids).toHaveLength(1);
}

async function incidentsOf(name: string): Promise<string[]> {
  const month = new Date().toISOString().slice(0, 7);
  const items = await world.store.query(
    {
      IndexName: 'incidents',
      KeyConditionExpression: 'incidentsPk = :month',
      ExpressionAttributeValues: { ':month': { S: `INCIDENTS#${month}` } },
    },
    Number.POSITIVE_INFINITY,
  );
  return items
    .filter((item) => (item.data as { target?: string }).target === keyOf(name))
    .map((item) => String(item.incidentId));
}

describe.each(PLAYS.map((play): [string, Play] => [play.what, play]))('%s', (_what, play) => {
  it.each<Side>(['before its effect', 'after its effect'])(
    'ends the same when a function dies at any of its writes, %s',
    async (side) => {
      let at = 1;
      for (; at < 60; at++) {
        const { died, name, firing } = await playOnce(play, at, side);
        try {
          if (play.end.firing !== undefined) expect(firing).toBe(play.end.firing);
          await expectEnd(name, play);
        } catch (error) {
          throw new Error(`killed at write ${at}, ${side}: ${error instanceof Error ? error.message : error}`);
        }
        if (!died) break;
      }
      // Each play writes some times before the reconciler takes over; one that isn't killed at all proves nothing.
      expect(at).toBeGreaterThan(3);
    },
    300_000,
  );
});
