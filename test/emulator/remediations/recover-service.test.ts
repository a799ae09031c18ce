/** The rung's own handler code, and the plan that it starts: its real state machine, its function's code, and services with real tasks. */
import { CreateStateMachineCommand, DeleteStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import { orderFor, vote } from '../../../functions/engine/approvals.ts';
import type { RuntimeConfig, ServiceConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, InFlightError, RetryableError } from '../../../functions/engine/errors.ts';
import { workKey, workOf } from '../../../functions/engine/items.ts';
import { nextIn } from '../../../functions/engine/ladder.ts';
import type { Remediation } from '../../../functions/engine/remediation.ts';
import type { PlanSeen } from '../../../functions/plan-rungs/decide.ts';
import type { PlanCode } from '../../../functions/recovery/around.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { readRuns } from '../../../functions/recovery/items.ts';
import type { PlanOrder } from '../../../functions/recovery/order.ts';
import { planDefinition } from '../../../infra/constructs/plan-definition.ts';
import type { RunResult } from '../../../local/stand-ins/lambda/types.ts';
import { createStepFunctions, type LocalStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import type { Fault } from '../../../local/world/types.ts';
import { RUNBOOKS } from '../../../runbooks/index.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { config as base, service as baseService } from '../../support/fixtures.ts';
import { eventually, REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
const PLAN = 'service-recovery';
const MACHINE = `arn:aws:states:${REGION}:000000000000:stateMachine:nightshift-test-${PLAN}`;
const FUNCTION = `arn:aws:lambda:${REGION}:000000000000:function:nightshift-test-${PLAN}`;
/** Beyond the lease of a delivery that gave up. */
const later = () => Date.now() + 90_000;

let w: EcsRemediationWorld<PlanSeen>;
let restart: Remediation<ServiceConfig, PlanSeen>;
let code: PlanCode<{ readonly service: string }>;
let stepFunctions: LocalStepFunctions;
let sfn: SFNClient;
/** Of the plan's function, by run: what it throws instead of its next answers. */
const failing = new Map<string, Error>();
const ladder = RUNBOOKS.find(({ name }) => name === 'restart-service');
const { startedBy = [], severity = 'P2' } = ladder ?? {};
const LADDERS: RuntimeConfig['ladders'] = {
  'restart-service': { rungs: ladder?.rungs ?? [], startedBy, severity, guards: [] },
  'recover-service': { rungs: ['recover-service'], startedBy, severity, guards: [] },
};
const limits = { mode: 'auto', cooldownSeconds: 60, perTargetPerHour: 5, perRunbookPerHour: 500 } as const;
const YEARS_END = {
  name: 'the whole time',
  kind: 'freeze',
  begins: '2000-01-01T00:00:00Z',
  ends: '2100-01-01T00:00:00Z',
} as const;
const configured = (name: string): RuntimeConfig => ({
  ...base,
  region: REGION,
  services: { [name]: { ...baseService, name, service: name, minTasks: 1, dependsOn: [] } },
  runbooks: { 'recover-service': limits, 'restart-service': limits },
  ladders: LADDERS,
  fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
});

/** The plan's function, as Step Functions invokes it. */
async function invoke(order: PlanOrder): Promise<RunResult> {
  try {
    const failure = failing.get(order.run);
    if (failure) throw failure;
    const input = order.do === 'open' ? (order.input as { service?: string }) : undefined;
    const run = (await readRuns(w.store, PLAN, 100)).find((each) => each.run === order.run);
    const name = input?.service ?? (run?.input as { service?: string } | undefined)?.service ?? '';
    const answer = await takeOrder(
      {
        ...{ code, store: w.store, config: configured(name), now: Date.now, random: Math.random },
        ...{ requestId: `${order.run}-${Math.random()}`, remaining: () => 30_000 },
      },
      order,
    );
    return { kind: 'ok', payload: JSON.stringify(answer), logTail: '' };
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    return { kind: 'function-error', payload: JSON.stringify({ errorType, errorMessage }), errorType, logTail: '' };
  }
}

beforeAll(async () => {
  process.env.NIGHTSHIFT_TABLE = 'journal';
  process.env.NIGHTSHIFT_MACHINES = JSON.stringify({ [PLAN]: MACHINE });
  w = await openEcsRemediation(() => import('../../../functions/remediations/recover-service/handler.ts'));
  const first = await import('../../../functions/remediations/restart-service/handler.ts');
  restart = first.remediation as unknown as typeof restart;
  ({ code } = await import('../../../functions/recovery/service-recovery/handler.ts'));
  const lambda = {
    invoke: (_name: string, _region: string, payload: unknown) => invoke(payload as PlanOrder),
    invokeAsync: async () => ({ requestId: '' }),
  };
  stepFunctions = createStepFunctions(w.world.world, w.world.gateway, {
    ...{ lambda, events: { publish: async () => ({ id: '' }) }, waitScale: 0.02 },
  });
  sfn = new SFNClient(w.world.config);
  await makeMachine();
});
afterEach(() => {
  w.calm();
  failing.clear();
});
afterAll(async () => {
  sfn?.destroy();
  await w?.close();
});

const makeMachine = () =>
  sfn.send(
    new CreateStateMachineCommand({
      name: `nightshift-test-${PLAN}`,
      roleArn: 'arn:aws:iam::000000000000:role/test',
      definition: JSON.stringify(
        planDefinition(code.manifest, { partition: 'aws', functionArn: FUNCTION, answerSeconds: 35 }),
      ),
    }),
  );

type Told = NonNullable<Parameters<typeof w.deliver>[2]>;
const deliver = (name: string, event: unknown, { config, ...told }: Told = {}) =>
  w.deliver(name, event, { ...told, config: { ...configured(name), ...config } });
const alarm = (name: string, state: 'ALARM' | 'OK' = 'ALARM') => w.alarm(name, 'MemoryUtilization', state);
const fault = (kind: Fault['kind'], times?: number) =>
  w.world.gateway.faults.add({
    name: `start-${kind}`,
    match: { service: 'states', operation: 'StartExecution', caller: 'nightshift-under-test' },
    kind,
    ...(times !== undefined && { times }),
    ...(kind === 'timeout-after' && { delayMs: 100 }),
  });
const keyOf = (name: string) => `ecs-service/orders/${name}`;
const executions = (name: string, rung = 'recover-service') =>
  readTarget(w.store, keyOf(name)).then(({ openIncidentId = 'none' }) =>
    stepFunctions.executions().filter(({ arn }) => arn.endsWith(`:${openIncidentId}-${rung}`)),
  );
const runOf = async (name: string) =>
  (await readRuns(w.store, PLAN, 100)).find(({ input }) => (input as { service?: string } | null)?.service === name);
const ended = (name: string) =>
  eventually(`the run about ${name} is over`, async () => {
    const run = await runOf(name);
    return run?.phase === 'ended' ? run : undefined;
  });

/** A service with a sick task, which ECS would wait an hour to replace. */
async function sick(name: string): Promise<void> {
  await w.create(name, {}, { desiredCount: 2, healthCheckGracePeriodSeconds: 3600 });
  await w.sicken(name);
}

/** The yes of one person. @returns the order that it gives. */
async function approve(outcome: Outcome) {
  const asked = (await w.incident(outcome))?.timeline.find(({ kind }) => kind === 'approval-requested');
  const voted = await vote(w.store, String(asked?.data.approvalId), { decision: 'approve', by: 'person:jane' });
  if (voted.kind !== 'complete') throw new Error(`the approval is ${voted.kind}`);
  return orderFor(voted.approval);
}

/** Told and approved: the order that starts the run. */
async function approved(name: string) {
  const outcome = await deliver(name, alarm(name));
  expect(outcome).toMatchObject({ kind: 'awaiting-approval' });
  return approve(outcome);
}
const settle = (name: string, options: Told = {}) => deliver(name, alarm(name, 'OK'), options);
const timeline = async (outcome: Outcome) => (await w.incident(outcome))?.timeline ?? [];

const LIMITED = [
  ['is in a window in which nothing is changed', { windows: [YEARS_END] }],
  [
    'was started as often as its budget allows',
    { runbooks: { 'recover-service': { ...limits, perTargetPerHour: 0 } } },
  ],
] as const;

describe('recover-service', () => {
  it('gets what restarting could not mend, asks, starts the plan once, tells its end, and is verified', async () => {
    await sick('climbed');
    const event = w.alarm('climbed', 'MemoryUtilization');
    Object.assign((event.detail as { alarmTags: object }).alarmTags, { 'nightshift:runbook': 'restart-service' });
    const act = async () => {
      throw new ActionFailedError('there is no capacity');
    };
    const handedOn = await deliver('climbed', event, { by: { ...restart, act } });
    expect(handedOn).toMatchObject({ kind: 'handed-on', to: 'recover-service' });
    const next = (await timeline(handedOn)).flatMap((entry) => nextIn(entry) ?? []).at(-1);
    const asked = await deliver('climbed', next?.command);
    expect(asked).toMatchObject({ kind: 'awaiting-approval' });
    expect(await executions('climbed')).toEqual([]);
    const started = await deliver('climbed', await approve(asked));
    expect(started).toMatchObject({ kind: 'remediated', incidentId: (asked as { incidentId: string }).incidentId });
    const run = await ended('climbed');
    expect(run).toMatchObject({
      ...{ verdict: 'recovered', run: `${(asked as { incidentId: string }).incidentId}-recover-service` },
      startedBy: `incident:${(asked as { incidentId: string }).incidentId}`,
    });
    await settle('climbed');
    const over = await w.incident(started);
    expect(over).toMatchObject({ state: 'resolved' });
    expect(over?.actions.at(-1)).toMatchObject({ remediation: 'recover-service', status: 'verified' });
    const told = over?.timeline.map(({ summary }) => summary).join('\n') ?? '';
    expect(told).toContain(`started the run ${run.run} of ${PLAN}`);
    expect(told).toContain(`run ${run.run} of ${PLAN} ended as recovered`);
    expect(told).toContain(`its report is that of ${run.incidentId}`);
    // The service is well, and nobody's any more.
    expect((await readTarget(w.store, keyOf('climbed'))).leaseHolder).toBeUndefined();
  });

  it('calls a person, with what came of it, when the run fails; and is not run again in that incident', async () => {
    await w.create('failed');
    const order = await approved('failed');
    // Its first step can't be written down: what was done is taken back.
    w.fault('UpdateService', 'refused');
    w.fault('DescribeServices', 'refused');
    const started = await deliver('failed', order);
    const run = await ended('failed');
    expect(run.verdict).toBe('backed-out');
    w.calm();
    // Due since the run has ended, long before the deadline.
    await eventually('its verification is due', async () => {
      const key = workKey('verify', workOf(keyOf('failed'), 'recover-service'));
      return Number((await w.store.read(key))?.dueAt) <= Date.now();
    });
    await deliver('failed', { nightshift: 1, command: 'settle', target: keyOf('failed'), alarms: {} });
    const lines = await timeline(started);
    const [said] = lines.filter(({ kind }) => kind === 'not-verified');
    expect(said?.summary).toContain(`run ${run.run} of ${PLAN} ended as backed-out`);
    expect(lines.filter(({ kind, data }) => kind === 'escalated' && data.asks === undefined)).toHaveLength(1);
    const again = await deliver('failed', alarm('failed'), { now: () => Date.now() + 2 * 3_600_000 });
    expect(again.kind).not.toBe('remediated');
    expect(await executions('failed')).toHaveLength(1);
  });

  it('has the run begin once the rung has given its lease back, also when it died before it could', async () => {
    await w.create('leased');
    const order = await approved('leased');
    fault('timeout-after', 2);
    await expect(deliver('leased', order)).rejects.toBeInstanceOf(RetryableError);
    // Started, and kept waiting by the lease of the rung that nobody has given back.
    expect(await executions('leased')).toHaveLength(1);
    expect(await runOf('leased')).toBeUndefined();
    w.calm();
    expect(await deliver('leased', order, { now: later })).toMatchObject({ kind: 'remediated' });
    expect((await ended('leased')).verdict).toBe('recovered');
    expect(await executions('leased')).toHaveLength(1);
  });

  it('does nothing where its run has recovered the service since the alarm', async () => {
    await w.create('since');
    const event = alarm('since');
    const started = await deliver('since', await approved('since'));
    await ended('since');
    expect(started).toMatchObject({ kind: 'remediated' });
    const rechecked = { ...event, id: 'event-since-2' };
    const { result } = await w.callsDuring(() => deliver('since', rechecked, { now: () => Date.now() + 61_000 }));
    expect(result).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('ended as recovered') });
    expect(await executions('since')).toHaveLength(1);
  });

  it.each(LIMITED)('changes nothing where it %s', async (what, config) => {
    const name = what.replace(/[^a-z]/g, '');
    const { result, changing } = await w.callsDuring(() => deliver(name, alarm(name), { config }));
    expect([result.kind, changing]).toEqual(['refused', []]);
  });

  it('calls a person when the plan’s state machine is missing', async () => {
    const order = await approved('gone');
    await sfn.send(new DeleteStateMachineCommand({ stateMachineArn: MACHINE }));
    try {
      const outcome = await eventually('the machine is gone', async () => {
        const said = await deliver('gone', order);
        return said;
      });
      expect(outcome).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('StateMachineDoesNotExist') });
    } finally {
      await makeMachine();
    }
  });

  it('calls a person when IAM refuses the start', async () => {
    const order = await approved('refused');
    fault('refused');
    expect(await deliver('refused', order)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('AccessDenied'),
    });
    expect(await executions('refused')).toEqual([]);
  });

  it('keeps the intent when throttled three times, and starts it later', async () => {
    const order = await approved('throttled');
    fault('throttled', 3);
    await expect(deliver('throttled', order)).rejects.toBeInstanceOf(RetryableError);
    await expect(deliver('throttled', order)).rejects.toBeInstanceOf(InFlightError);
    expect(await executions('throttled')).toEqual([]);
    w.calm();
    expect(await deliver('throttled', order, { now: later })).toMatchObject({ kind: 'remediated' });
    expect(await executions('throttled')).toHaveLength(1);
  });

  it('starts one run when the answer to its start was lost', async () => {
    const order = await approved('lost');
    fault('timeout-after', 2);
    await expect(deliver('lost', order)).rejects.toBeInstanceOf(RetryableError);
    w.calm();
    expect(await deliver('lost', order, { now: later })).toMatchObject({ kind: 'remediated' });
    expect(await executions('lost')).toHaveLength(1);
  });

  it('asks once and starts one run when the same event comes ten times at once, and so does the yes', async () => {
    const event = alarm('tenfold');
    const told = await Promise.allSettled(Array.from({ length: 10 }, () => deliver('tenfold', event)));
    const asked = told.flatMap((each) =>
      each.status === 'fulfilled' && each.value.kind === 'awaiting-approval' ? [each.value] : [],
    );
    const [first] = asked;
    if (!first) throw new Error('nobody was asked');
    expect((await timeline(first)).filter(({ kind }) => kind === 'approval-requested')).toHaveLength(1);
    const order = await approve(first);
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 10 }, () => deliver('tenfold', order))),
    );
    expect(changing).toEqual(['StartExecution']);
    expect(await executions('tenfold')).toHaveLength(1);
  });

  it('leaves the service to a run that somebody else has started, also between the question and the yes', async () => {
    await w.create('taken');
    const order = await approved('taken');
    // A person's run, which is under way.
    const open = { do: 'open', run: 'janes-run', input: { service: 'taken', startedBy: 'person:jane' } } as const;
    expect(await invoke(open)).toMatchObject({ kind: 'ok' });
    const { result, changing } = await w.callsDuring(() => deliver('taken', order));
    expect([result.kind, changing]).toEqual(['joined', []]);
    expect(await executions('taken')).toEqual([]);
  });

  it('makes no changing call in observe mode, and says what it would start', async () => {
    const { result, changing } = await w.callsDuring(() =>
      deliver('watched', alarm('watched'), {
        config: { runbooks: { 'recover-service': { ...limits, mode: 'observe' } } },
      }),
    );
    expect(result).toMatchObject({ kind: 'would-act', change: `start the recovery plan ${PLAN} for watched` });
    expect(changing).toEqual([]);
  });
});
