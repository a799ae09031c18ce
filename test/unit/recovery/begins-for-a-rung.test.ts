/** When a run begins that nobody stands beside: one that a rung of an incident started, or a schedule; on the model of the table. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { startedByDrill } from '../../../functions/engine/drills.ts';
import { InFlightError } from '../../../functions/engine/errors.ts';
import { NEW_TARGET, type TargetItem, workKey, workOf } from '../../../functions/engine/items.ts';
import { leaseHolderOf, runOfRung, startedByIncident } from '../../../functions/engine/plan-items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import type { Window } from '../../../functions/engine/windows.ts';
import { putTarget, putWork } from '../../../functions/engine/writes.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';
import { Player } from '../../support/plan-player.ts';

const INCIDENT = 'inc-1';
const RUNG = 'recover-service';
const RUN = runOfRung(INCIDENT, RUNG);
/** The rung has started the run, and written that down. */
const STARTED = { openIncidentId: INCIDENT, verifying: { [RUNG]: 'act-1' } };
let store: Store;
let plan: Player;

beforeEach(() => {
  const table = new TableModel();
  store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
  plan = playerWith([]);
});
const playerWith = (windows: readonly Window[]) =>
  new Player({ store, config: { ...config, windows } satisfies RuntimeConfig }, 'tested');

async function targetIs(item: Partial<TargetItem>): Promise<void> {
  const { version } = await readTarget(store, plan.target);
  await store.transact([putTarget('journal', plan.target, version, { ...NEW_TARGET, ...item })]);
}
const open = (startedBy: string, more: object = {}) =>
  plan.take({ do: 'open', run: RUN, input: { to: 7, startedBy, ...more } });
const opened = () => open(startedByIncident(INCIDENT));
const holder = async () => (await readTarget(store, plan.target)).leaseHolder;

describe('a run that a rung started', () => {
  it('waits while the rung has the target in hand, also while Nightshift is paused, and begins after that', async () => {
    await targetIs({ openIncidentId: INCIDENT, leaseHolder: 'act-1', leaseUntil: plan.clock + 60_000 });
    await setSwitch(store, 'pause', 'person:jane', 'looking');
    await expect(opened()).rejects.toBeInstanceOf(InFlightError);
    await setSwitch(store, 'run', 'person:jane', 'seen');
    await expect(opened()).rejects.toBeInstanceOf(InFlightError);
    expect(await plan.run(RUN)).toBeUndefined();
    await targetIs(STARTED);
    expect(await opened()).toEqual({ kind: 'done' });
    expect(await holder()).toBe(leaseHolderOf(RUN));
  });

  it.each<[string, Partial<TargetItem>]>([
    ['the rung was resumed and did not start it after all', { openIncidentId: INCIDENT }],
    ['its incident is over', {}],
    ['another incident is open by now', { ...STARTED, openIncidentId: 'inc-2' }],
  ])('does not begin when %s', async (_why, item) => {
    await targetIs(item);
    await expect(opened()).rejects.toMatchObject({ name: 'PlanRefusedError' });
    expect([await holder(), (await plan.run(RUN))?.verdict]).toEqual([undefined, 'refused']);
  });

  it('has its rung judged at once when it is refused', async () => {
    await targetIs(STARTED);
    await setSwitch(store, 'pause', 'person:jane', 'looking');
    const id = workOf(plan.target, RUNG);
    const [kind, dueAt] = ['verify', plan.clock + 2_100_000] as const;
    await store.transact([
      putWork('journal', { kind, id, remediation: RUNG, target: plan.target, dueAt, attempts: 0 }),
    ]);
    await expect(opened()).rejects.toMatchObject({ name: 'PlanRefusedError' });
    expect((await store.read(workKey(kind, id)))?.dueAt).toBe(plan.clock);
  });
});

describe('a run that a schedule started', () => {
  const freeze: Window = {
    ...{ name: 'the whole time', kind: 'freeze', targets: ['ecs-service/orders/tested'] },
    ...{ begins: '2000-01-01T00:00:00Z', ends: '2100-01-01T00:00:00Z' },
  };
  const drill = startedByDrill('passwords');

  it('is refused for now while a window of its target forbids changes', async () => {
    plan = playerWith([freeze]);
    await expect(open(drill)).rejects.toThrow('freeze window the whole time is open');
    expect(await plan.run(RUN)).toMatchObject({ verdict: 'refused', passes: true });
  });

  it.each<[string, string, object, Window]>([
    ['a person started it', 'person:jane', {}, freeze],
    ['it is a rehearsal', drill, { rehearse: true }, freeze],
    ['the window is about something else', drill, {}, { ...freeze, targets: ['ecs-service/orders/other'] }],
  ])('begins where %s', async (_why, startedBy, more, window) => {
    plan = playerWith([window]);
    expect(await open(startedBy, more)).toEqual({ kind: 'done' });
  });
});
