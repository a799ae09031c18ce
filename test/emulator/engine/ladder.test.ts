/** A runbook of two rungs, and signals that no event ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import type { Signal } from '../../../events/signal.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, PermissionError } from '../../../functions/engine/errors.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { nextIn } from '../../../functions/engine/ladder.ts';
import { orderFor } from '../../../functions/incidents/reconciler/plan.ts';
import {
  type EngineWorld,
  LADDER,
  numberAlarm,
  openEngineWorld,
  RAISE,
  RAISE_MORE,
} from '../../support/engine-world.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(() => {
  for (const hook of Object.keys(world.hooks) as (keyof EngineWorld['hooks'])[]) delete world.hooks[hook];
});

const keyOf = (name: string) => `ecs-service/orders/${name}`;
const targetOf = (name: string) => readTarget(world.store, keyOf(name));
let ids = 0;
const fire = (name: string) =>
  world.deliver(numberAlarm(name, 'ALARM', { id: `ladder-${++ids}`, at: Date.now() - 1000, runbook: LADDER }));
const settle = (name: string, to: string, at: number) =>
  world.deliver({ nightshift: 1, command: 'settle', target: keyOf(name), alarms: {} }, { to, now: () => at });
const timelineOf = async (outcome: Outcome) => {
  const incident = 'incidentId' in outcome ? await readIncident(world.store, outcome.incidentId) : undefined;
  if (!incident) throw new Error(`${outcome.kind} leads to no incident`);
  return incident.timeline;
};
const kindsOf = async (outcome: Outcome) => (await timelineOf(outcome)).map(({ kind }) => kind);
/** The order that the journal names for the next rung, as the follow-through gives it. */
const nextOf = async (outcome: Outcome) => {
  const next = (await timelineOf(outcome)).map(nextIn).find((each) => each !== undefined);
  if (!next) throw new Error('no entry names a next rung');
  return next;
};

describe('a rung that can not go on', () => {
  it('names the next one in the journal, calls nobody, and leaves it as due work', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'there is nothing to raise' });
    const outcome = await fire('handed');
    expect(outcome).toMatchObject({ kind: 'handed-on', to: RAISE_MORE });
    expect(await kindsOf(outcome)).toEqual(['opened', 'signal', 'handed-on']);
    const due = (await world.due(Date.now() + MINUTE)).filter(({ target }) => target === keyOf('handed'));
    expect(due).toMatchObject([{ kind: 'recheck', remediation: RAISE_MORE, signal: { rung: 1, runbook: LADDER } }]);
    delete world.hooks.decide;
    const { remediation, command } = await nextOf(outcome);
    expect(await world.deliver(command, { to: remediation })).toMatchObject({ kind: 'remediated' });
    expect(world.target('handed').value).toBe(5);
    // The same order again, as when follow-through and reconciler both give it.
    expect(await world.deliver(command, { to: remediation })).toMatchObject({ kind: 'duplicate' });
    expect(world.target('handed').changes).toBe(1);
  });

  it('is followed by a person after the last one, with what was tried', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'there is nothing to raise' });
    const outcome = await fire('exhausted');
    const { remediation, command } = await nextOf(outcome);
    expect(await world.deliver(command, { to: remediation })).toMatchObject({ kind: 'escalated' });
    const escalated = (await timelineOf(outcome)).filter(({ kind }) => kind === 'escalated');
    expect(escalated.map(({ summary }) => summary)).toEqual([
      `there is nothing to raise; nothing is left of runbook ${LADDER} (${RAISE}, ${RAISE_MORE})`,
    ]);
  });

  it('calls a person at once, too, when it says that one is needed', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'a grant is missing', needsPerson: true });
    expect(await kindsOf(await fire('needed'))).toEqual(['opened', 'signal', 'escalated', 'handed-on']);
  });

  it.each([
    ['AWS refuses the change', () => new ActionFailedError('no such value'), ['act-failed', 'handed-on']],
    ['a permission is missing', () => new PermissionError('not allowed'), ['act-failed', 'escalated', 'handed-on']],
  ])('hands on when %s', async (what, error, told) => {
    const name = what.replaceAll(' ', '-');
    world.hooks.beforeChange = () => {
      throw error();
    };
    const outcome = await fire(name);
    expect(outcome).toMatchObject({ kind: 'handed-on', to: RAISE_MORE });
    expect((await kindsOf(outcome)).slice(3)).toEqual(told);
    delete world.hooks.beforeChange;
    const { remediation, command } = await nextOf(outcome);
    expect(await world.deliver(command, { to: remediation })).toMatchObject({ kind: 'remediated' });
  });

  it('hands on when its change is not verified by its deadline, also by the reconciler alone', async () => {
    const outcome = await fire('late');
    const later = Date.now() + 11 * MINUTE;
    expect(await settle('late', RAISE, later)).toMatchObject({ kind: 'handed-on', to: RAISE_MORE });
    expect((await kindsOf(outcome)).slice(4)).toEqual(['not-verified', 'handed-on']);
    const [work] = (await world.due(later + MINUTE)).filter(
      ({ target, kind }) => target === keyOf('late') && kind === 'recheck',
    );
    if (!work?.signal) throw new Error('nothing is due');
    const arn = work.signal.subject;
    const alarm = { arn, name: 'late-cpu', state: 'ALARM', stateAt: Date.now() - 1000, actionsEnabled: true } as const;
    const order = orderFor(work, new Map([[arn, alarm]]));
    const again = await world.deliver(order, { to: work.remediation, now: () => later + MINUTE });
    expect(again).toMatchObject({ kind: 'remediated' });
    // The second rung has a deadline of its own: nobody is called because the first one used up its time.
    expect(await kindsOf(outcome)).not.toContain('escalated');
    expect(Object.keys((await targetOf('late')).verifying)).toEqual([RAISE_MORE]);
  });

  it('hands on what its own limits refuse for good', async () => {
    const outcome = await fire('refused');
    await settle('refused', RAISE, Date.now() + 11 * MINUTE);
    const signal = { ...(await nextOf(outcome)).command.signal, rung: 0, id: 'refused-again' };
    const limits = { mode: 'auto' as const, cooldownSeconds: 7200, perTargetPerHour: 1, perRunbookPerHour: 500 };
    const config = { ...world.config, runbooks: { ...world.config.runbooks, [RAISE]: limits } };
    const later = Date.now() + 12 * MINUTE;
    const again = await world.deliver({ nightshift: 1, command: 'signal', signal }, { config, now: () => later });
    expect(again).toMatchObject({ kind: 'handed-on', to: RAISE_MORE });
  });

  it('hands nothing on that is quiet by then: a person looks at it', async () => {
    world.hooks.verify = () => ({ kind: 'not-yet', detail: 'not as wanted' });
    const outcome = await fire('quiet');
    await world.deliver(numberAlarm('quiet', 'OK', { id: `ladder-${++ids}`, runbook: LADDER }));
    expect(await settle('quiet', RAISE, Date.now() + 11 * MINUTE)).toMatchObject({ kind: 'escalated' });
    expect(await kindsOf(outcome)).not.toContain('handed-on');
  });
});

describe('something that happened, without a level', () => {
  const happened = (name: string): Signal => ({
    id: `happened-${++ids}`,
    source: 'ecs-deployment',
    subject: `ecs-deployment:${keyOf(name)}:SERVICE_DEPLOYMENT_FAILED`,
    name: 'SERVICE_DEPLOYMENT_FAILED',
    state: 'firing',
    at: new Date().toISOString(),
    target: keyOf(name),
    firstEvaluation: false,
    recheck: 0,
    runbook: LADDER,
    rung: 0,
    evidence: { reason: 'tasks failed to start', datapoints: [] },
  });
  const tell = (signal: Signal, at = Date.now()) =>
    world.deliver({ nightshift: 1, command: 'signal', signal }, { now: () => at });
  const dueOf = async (name: string, at: number) =>
    (await world.due(at)).filter(({ target }) => target === keyOf(name));

  it('is over as soon as the change that answers it is verified', async () => {
    const outcome = await tell(happened('mended'));
    expect(outcome).toMatchObject({ kind: 'remediated' });
    expect((await dueOf('mended', Date.now())).map(({ kind }) => kind)).toEqual(['verify']);
    await settle('mended', RAISE, Date.now());
    const kinds = await kindsOf(outcome);
    expect(kinds.slice(-2)).toEqual(['verified', 'resolved']);
    expect(await targetOf('mended')).toMatchObject({ alarms: {}, verifying: {} });
    expect((await dueOf('mended', Date.now() + 60 * MINUTE)).map(({ kind }) => kind)).toEqual(['hand-back']);
  });

  it('stays open while its change is not verified, and is handed on at the deadline', async () => {
    world.hooks.verify = () => ({ kind: 'not-yet', detail: 'not steady' });
    const outcome = await tell(happened('unmended'));
    await settle('unmended', RAISE, Date.now());
    expect((await targetOf('unmended')).openIncidentId).toBeDefined();
    expect(await settle('unmended', RAISE, Date.now() + 11 * MINUTE)).toMatchObject({ kind: 'handed-on' });
    expect(await kindsOf(outcome)).toContain('not-verified');
  });

  it('that is over when it is looked at opens no incident', async () => {
    world.hooks.decide = () => ({ kind: 'fine', reason: 'the service is steady' });
    expect(await tell(happened('steady'))).toMatchObject({ kind: 'already-fine' });
    expect((await targetOf('steady')).openIncidentId).toBeUndefined();
    expect(await dueOf('steady', Date.now() + 60 * MINUTE)).toEqual([]);
  });

  it('that was held is looked at again by the reconciler, and ends its incident when it is over', async () => {
    world.hooks.decide = () => ({ kind: 'hold', reason: 'change-under-way', detail: '', recheckAfterSeconds: 60 });
    await tell(happened('held'));
    const id = (await targetOf('held')).openIncidentId ?? '';
    const [work] = await dueOf('held', Date.now() + 2 * MINUTE);
    if (!work) throw new Error('nothing is due');
    world.hooks.decide = () => ({ kind: 'fine', reason: 'the service is steady' });
    const order = orderFor(work, new Map());
    expect(await world.deliver(order, { now: () => Date.now() + 2 * MINUTE })).toMatchObject({ kind: 'already-fine' });
    expect((await readIncident(world.store, id))?.state).toBe('resolved');
    expect(await dueOf('held', Date.now() + 60 * MINUTE)).toEqual([]);
  });

  it('keeps an incident open that an alarm belongs to, too, until both are over', async () => {
    const outcome = await tell(happened('both'));
    await world.deliver(numberAlarm('both', 'ALARM', { id: `ladder-${++ids}`, runbook: LADDER }));
    await settle('both', RAISE, Date.now());
    expect((await targetOf('both')).openIncidentId).toBeDefined();
    await world.deliver(numberAlarm('both', 'OK', { id: `ladder-${++ids}`, at: Date.now() + 1000, runbook: LADDER }));
    expect((await kindsOf(outcome)).at(-1)).toBe('resolved');
  });

  it('in observe mode is looked at until it is over', async () => {
    const observe = { mode: 'observe' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 500 };
    const config = { ...world.config, runbooks: { ...world.config.runbooks, [RAISE]: observe } };
    await world.deliver({ nightshift: 1, command: 'signal', signal: happened('observed') }, { config });
    const id = (await targetOf('observed')).openIncidentId ?? '';
    const later = Date.now() + 11 * MINUTE;
    const work = (await dueOf('observed', later)).find(({ kind }) => kind === 'recheck');
    if (!work) throw new Error('nothing looks again');
    world.hooks.decide = () => ({ kind: 'fine', reason: 'the service is steady' });
    await world.deliver(orderFor(work, new Map()), { config, now: () => later });
    expect((await readIncident(world.store, id))?.state).toBe('resolved');
    expect(world.target('observed').changes).toBe(0);
  });
});
