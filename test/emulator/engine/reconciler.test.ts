/** One run of the reconciler on the real journal; CloudWatch and Lambda are told what to answer. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { InvokeCommand } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import type { WorkItem } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { releaseRunLease, takeRunLease } from '../../../functions/engine/run-lease.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putWork } from '../../../functions/engine/writes.ts';
import type { CloudWatch } from '../../../functions/incidents/reconciler/alarms.ts';
import { reconcile, type Surroundings } from '../../../functions/incidents/reconciler/run.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { clientConfig, keptEvents, quietWorld, REGION } from '../../unit/cloudwatch/support.ts';

const MINUTE = 60_000;
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());
afterEach(async () => {
  // Every test has a journal without due work of the others.
  for (const work of await world.due(Number.MAX_SAFE_INTEGER))
    await world.store.transact([
      { label: 'work', item: { Delete: { TableName: 'journal', Key: { pk: { S: work.pk }, sk: { S: work.sk } } } } },
    ]);
  delete world.hooks.decide;
});

/** The journal whose index still shows what was there. */
class LaggingStore extends Store {
  readonly #shown: WorkItem[];
  constructor(shown: WorkItem[]) {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    super('journal', new DynamoDBClient({ endpoint: world.gateway.url, region: 'us-east-1', credentials }));
    this.#shown = shown;
  }
  override async query(): Promise<Record<string, unknown>[]> {
    return this.#shown.splice(0) as unknown as Record<string, unknown>[];
  }
}

const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;
const keyOf = (name: string) => `ecs-service/orders/${name}`;
const firing = (name: string, at = Date.now()) => numberAlarm(name, 'ALARM', { id: `reconciled-${name}`, at });

interface Answers {
  readonly alarms?: Readonly<Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA'>>;
  readonly at: number;
  /** Names of alarms whose actions are disabled. */
  readonly disabled?: readonly string[];
  readonly functions?: Record<string, string>;
  readonly failing?: (payload: string) => boolean;
  readonly remaining?: () => number;
  /** Orders that wait in Lambda's queue. */
  readonly undelivered?: () => boolean;
  readonly config?: RuntimeConfig;
  /** Instead of `alarms`: a CloudWatch that has them. */
  readonly cloudwatch?: CloudWatch;
}

/** Runs the reconciler once; what it orders is delivered to the remediation as Lambda would. */
async function run({
  alarms = {},
  at,
  functions = { 'raise-number': 'f' },
  config = world.config,
  ...answers
}: Answers) {
  const { failing, undelivered, remaining, disabled = [] } = answers;
  const orders: string[] = [];
  let tagsRead = 0;
  const described = (names: readonly string[]) =>
    names
      .filter((name) => alarms[name])
      .map((name) => ({
        AlarmName: name,
        AlarmArn: arnOf(name),
        StateValue: alarms[name],
        StateTransitionedTimestamp: new Date(at - 2 * MINUTE),
        ActionsEnabled: !disabled.includes(name),
      }));
  const told = {
    send: async (command: DescribeAlarmsCommand | ListTagsForResourceCommand) => {
      if (!(command instanceof DescribeAlarmsCommand)) {
        tagsRead++;
        return { Tags: [] };
      }
      const { AlarmNames, StateValue } = command.input;
      const names = Object.keys(alarms).filter((name) => !StateValue || alarms[name] === StateValue);
      return { MetricAlarms: described(AlarmNames ?? names) };
    },
  } as unknown as CloudWatch;
  const lambda = {
    send: async (command: InvokeCommand) => {
      const payload = String(command.input.Payload);
      if (failing?.(payload)) throw Object.assign(new Error('no such function'), { name: 'ResourceNotFoundException' });
      orders.push(payload);
      return {};
    },
  } as unknown as Surroundings['lambda'];
  const cloudwatch = answers.cloudwatch ?? told;
  const cloudwatchIn = () => cloudwatch;
  const around = {
    store: world.store,
    cloudwatch,
    cloudwatchIn,
    lambda,
    config,
    functions,
    requestId: 'run',
    now: () => at,
  };
  const report = await reconcile({ ...around, remaining: remaining ?? (() => 60_000) });
  const outcomes = [];
  for (const order of undelivered?.() ? [] : orders)
    outcomes.push(await world.deliver(JSON.parse(order), { now: () => at }));
  return { report, orders, outcomes, tagsRead };
}

async function hold(name: string): Promise<string> {
  world.hooks.decide = () => ({ kind: 'hold', reason: 'maintenance', detail: 'backing up', recheckAfterSeconds: 60 });
  await world.deliver(firing(name, Date.now() - 1000));
  delete world.hooks.decide;
  return (await readTarget(world.store, keyOf(name))).openIncidentId ?? '';
}

describe('a held signal whose alarm', () => {
  it('has too little data stays due until it can be judged', async () => {
    await hold('quiet');
    const at = Date.now() + 2 * MINUTE;
    await run({ alarms: { 'quiet-cpu': 'INSUFFICIENT_DATA' }, at });
    await run({ alarms: { 'quiet-cpu': 'ALARM' }, at: at + 6 * MINUTE });
    expect(world.target('quiet').changes).toBe(1);
  });

  it('was deleted ends its incident and calls a person once, instead of staying open for ever', async () => {
    const id = await hold('deleted');
    const at = Date.now() + 2 * MINUTE;
    await run({ at });
    const kinds = (await readIncident(world.store, id))?.timeline.map((entry) => entry.kind);
    expect(kinds?.slice(-2)).toEqual(['escalated', 'resolved']);
    expect((await readTarget(world.store, keyOf('deleted'))).openIncidentId).toBeUndefined();
    expect((await run({ at: at + 6 * MINUTE })).report.due).toBe(0);
  });
});

describe('an alarm whose actions are disabled', () => {
  const NAME = 'silenced';
  const ALARM = `${NAME}-cpu`;

  it('is held at its own event, is not acted on while they stay so, and is afterwards', async () => {
    const at = Date.now();
    await run({ alarms: { [ALARM]: 'OK' }, disabled: [ALARM], at: at - MINUTE });
    expect(await world.deliver(firing(NAME, at))).toMatchObject({ kind: 'held', reason: 'actions-disabled' });
    await run({ alarms: { [ALARM]: 'ALARM' }, disabled: [ALARM], at: at + 2 * MINUTE });
    expect(world.target(NAME).changes).toBe(0);
    // Nothing is made of it: an incident that calls nobody would keep others waiting for its end.
    expect((await readTarget(world.store, keyOf(NAME))).openIncidentId).toBeUndefined();
    // The first run after that takes the note back, the next one brings it up.
    await run({ alarms: { [ALARM]: 'ALARM' }, at: at + 4 * MINUTE });
    await run({ alarms: { [ALARM]: 'ALARM' }, at: at + 8 * MINUTE });
    expect(world.target(NAME).changes).toBe(1);
  });

  it('is held while a mute rule keeps it quiet, and acted on at the end of that if it still fires', async () => {
    const at = Date.now();
    const muteWindowEnd = new Date(at + 30 * MINUTE).toISOString();
    const event = firing('muted', at) as { detail: object };
    const muted = { ...event, detail: { ...event.detail, muteDetail: { mutedByArn: 'arn:x', muteWindowEnd } } };
    const recheckAt = muteWindowEnd;
    expect(await world.deliver(muted)).toMatchObject({ kind: 'held', reason: 'actions-disabled', recheckAt });
    await run({ alarms: { 'muted-cpu': 'ALARM' }, at: at + 29 * MINUTE });
    expect(world.target('muted').changes).toBe(0);
    expect((await readTarget(world.store, keyOf('muted'))).openIncidentId).toBeUndefined();
    await run({ alarms: { 'muted-cpu': 'ALARM' }, at: at + 31 * MINUTE });
    expect(world.target('muted').changes).toBe(1);
  });

  it('is acted on at its own event once nobody has said for a while that they are', async () => {
    const at = Date.now();
    const minutes = (world.config.reconcileEverySeconds * 6) / 60 + 1;
    await run({ alarms: { 'once-cpu': 'OK' }, disabled: ['once-cpu'], at: at - minutes * MINUTE });
    expect(await world.deliver(firing('once', at))).toMatchObject({ kind: 'remediated' });
  });
});

describe('a change whose alarm was deleted', () => {
  it('is not called verified; a person is called, and the change is handed back', async () => {
    await world.deliver(firing('renamed', Date.now() - 1000));
    const id = (await readTarget(world.store, keyOf('renamed'))).openIncidentId ?? '';
    const at = Date.now() + 11 * MINUTE;
    await run({ at });
    const incident = await readIncident(world.store, id);
    expect(incident?.timeline.map((entry) => entry.kind)).not.toContain('verified');
    expect(incident?.timeline.map((entry) => entry.kind)).toContain('escalated');
    await run({ at: at + 10 * MINUTE });
    expect(world.target('renamed')).toMatchObject({ value: 2, changes: 2 });
  });
});

describe('work of a remediation that is no longer deployed', () => {
  it('calls a person once and lets go of the target', async () => {
    await world.deliver(firing('orphan', Date.now() - 1000));
    const id = (await readTarget(world.store, keyOf('orphan'))).openIncidentId ?? '';
    const at = Date.now() + 11 * MINUTE;
    const { report } = await run({ at, functions: {} });
    expect(report.orphaned).toBe(2);
    const escalated = (await readIncident(world.store, id))?.timeline.filter((entry) => entry.kind === 'escalated');
    expect(escalated).toHaveLength(1);
    expect(escalated?.[0]?.summary).toContain('number is still 3 instead of 2');
    const target = await readTarget(world.store, keyOf('orphan'));
    expect([target.openIncidentId, target.holds, target.leaseHolder]).toEqual([undefined, [], undefined]);
    expect((await run({ at: at + 6 * MINUTE, functions: {} })).report.due).toBe(0);
  });
});

describe('a run', () => {
  const many = async (prefix: string, count: number, dueAt: number) => {
    for (let index = 0; index < count; index++) {
      const target = keyOf(`${prefix}-${index}`);
      await world.store.transact([
        putWork('journal', { kind: 'hand-back', id: target, remediation: 'raise-number', target, dueAt, attempts: 0 }),
      ]);
    }
  };

  it('gives every other order when one of them fails, and then counts as failed', async () => {
    const at = Date.now();
    await many('failing', 20, at);
    let given = 0;
    const failing = (payload: string) => {
      given++;
      return payload.includes('failing-0"');
    };
    await expect(run({ at, failing })).rejects.toBeInstanceOf(RetryableError);
    expect(given).toBe(20);
  });

  it('that runs out of time leaves the rest due, and still looks for forgotten alarms', async () => {
    const at = Date.now();
    await many('slow', 30, at);
    let left = 25_160;
    const remaining = () => {
      left -= 60;
      return left;
    };
    const { report, tagsRead } = await run({ at, alarms: { 'stranger-cpu': 'ALARM' }, remaining });
    expect(report.ordered).toBeGreaterThan(0);
    expect(report.ordered).toBeLessThan(30);
    expect(tagsRead).toBe(1);
    expect((await run({ at })).report.ordered).toBe(30 - report.ordered);
  });

  it('never drops work that was put in place of what it read', async () => {
    const target = keyOf('replaced');
    const at = Date.now();
    const work = { kind: 'recheck' as const, id: 'replaced', remediation: 'raise-number', target, attempts: 0 };
    await world.store.transact([putWork('journal', { ...work, dueAt: at })]);
    const stale = await world.due(at);
    await world.store.transact([putWork('journal', { ...work, dueAt: at + 1 })]);
    const lagging = new LaggingStore(stale);
    const around = {
      store: lagging,
      functions: { 'raise-number': 'f' },
      config: world.config,
      requestId: 'run',
    };
    const nothing = { send: async () => ({}) } as unknown as CloudWatch & Surroundings['lambda'];
    await reconcile({
      ...around,
      cloudwatch: nothing,
      cloudwatchIn: () => nothing,
      lambda: nothing,
      now: () => at,
      remaining: () => 60_000,
    });
    expect(await world.due(at + 1)).toHaveLength(1);
  });
});

describe('two runs at once', () => {
  const lease = (holder: string, now: number, until: number) =>
    takeRunLease(world.store, 'reconciler', holder, now, until);

  it('are one: the second does nothing, and nothing keeps the next one back', async () => {
    await hold('alone');
    const at = Date.now() + 2 * MINUTE;
    await lease('other', at, at + 1);
    expect((await run({ at, alarms: { 'alone-cpu': 'ALARM' } })).report).toMatchObject({ skipped: true, ordered: 0 });
    await releaseRunLease(world.store, 'reconciler', 'other');
    expect((await run({ at, alarms: { 'alone-cpu': 'ALARM' } })).report).toMatchObject({ skipped: false, ordered: 1 });
    expect((await run({ at: at + 1 })).report.skipped).toBe(false);
  });

  it('are not forever: a run that died is followed by one when its time is over', async () => {
    const at = Date.now();
    expect(await lease('dead', at, at + 10)).toBe(true);
    expect(await lease('next', at + 9, at + 20)).toBe(false);
    expect(await lease('dead', at + 9, at + 10)).toBe(true);
    expect(await lease('next', at + 10, at + 20)).toBe(true);
    await releaseRunLease(world.store, 'reconciler', 'dead');
    expect(await lease('third', at + 11, at + 20)).toBe(false);
    await releaseRunLease(world.store, 'reconciler', 'next');
  });
});

describe('orders that nobody takes up', () => {
  const slow = () => ({ ...world.config, fleet: { ...world.config.fleet, describesPerSecond: 5 } });

  it('keep the others of the same remediation back, so that all of them are not carried out in one moment', async () => {
    for (const name of ['queued-1', 'queued-2', 'queued-3']) await hold(name);
    const at = Date.now() + 2 * MINUTE;
    const alarms = { 'queued-1-cpu': 'ALARM', 'queued-2-cpu': 'ALARM', 'queued-3-cpu': 'ALARM' } as const;
    const orders = async () => {
      let left = 26_000;
      return (await run({ at, alarms, config: slow(), remaining: () => (left -= 200) })).report.ordered;
    };
    expect(await orders()).toBe(1);
    // Its order was carried out after the run: the next one may go.
    expect(await orders()).toBe(1);
  });

  it('are taken for lost after a while', async () => {
    for (const name of ['lost-1', 'lost-2']) await hold(name);
    const start = Date.now() + 2 * MINUTE;
    const alarms = { 'lost-1-cpu': 'ALARM', 'lost-2-cpu': 'ALARM' } as const;
    const orders = async (at: number) => {
      let left = 26_000;
      const answers = { at, alarms, config: slow(), remaining: () => (left -= 200), undelivered: () => true };
      return (await run(answers)).report.ordered;
    };
    expect(await orders(start)).toBe(1);
    expect(await orders(start + 29_000)).toBe(0);
    expect(await orders(start + 30_000)).toBe(1);
  });
});

describe('a composite alarm', () => {
  const tag = { Key: 'nightshift:runbook', Value: 'raise-number' };
  const dimensionsOf = (name: string) => [
    { Name: 'ClusterName', Value: 'orders' },
    { Name: 'ServiceName', Value: name },
  ];

  /** Those alarms fire on those targets, and the composite over all of them; then the reconciler looks. */
  async function sweepOver(composite: string, targets: Readonly<Record<string, string>>, tags = [tag]) {
    const standIn = createCloudWatch(quietWorld(), {
      events: keptEvents(),
      now: () => new Date(),
      publishToSns: async () => {},
      lambda: { invokeAsync: async () => ({ requestId: 'r' }) },
    });
    const cloudwatch = new CloudWatchClient(clientConfig(standIn));
    for (const [AlarmName, name] of Object.entries(targets)) {
      const metric = { Namespace: 'AWS/ECS', MetricName: 'CPUUtilization', Dimensions: dimensionsOf(name) };
      const limit = { Threshold: 70, ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1 } as const;
      const alarm = { AlarmName, ...metric, ...limit, Statistic: 'Average', Period: 60 } as const;
      await cloudwatch.send(new PutMetricAlarmCommand(alarm));
      await cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue: 'ALARM', StateReason: 'test' }));
    }
    const AlarmRule = Object.keys(targets)
      .map((name) => `ALARM(${name})`)
      .join(' AND ');
    await cloudwatch.send(new PutCompositeAlarmCommand({ AlarmName: composite, AlarmRule, Tags: tags }));
    const config = { ...world.config, region: REGION };
    const again = (at: number) => run({ at, cloudwatch, config });
    return { ...(await again(Date.now() + MINUTE)), again };
  }

  it('that asks for a runbook is answered on the target of the alarms that it is made of, once', async () => {
    const { outcomes, again } = await sweepOver('overloaded', { 'composed-1': 'composed', 'composed-2': 'composed' });
    expect(outcomes).toMatchObject([{ kind: 'remediated' }]);
    expect(world.target('composed').changes).toBe(1);
    const { alarms } = await readTarget(world.store, keyOf('composed'));
    expect(alarms).toEqual({ [arnOf('overloaded').replace('us-east-1', REGION)]: 'ALARM' });
    const { orders } = await again(Date.now() + 3 * MINUTE);
    expect(orders.filter((order) => order.includes('sweep-'))).toEqual([]);
    expect(world.target('composed').changes).toBe(1);
  });

  it('over two targets changes neither, and says why', async () => {
    const { outcomes } = await sweepOver('everywhere', { 'spread-1': 'spread-1', 'spread-2': 'spread-2' });
    expect(outcomes).toMatchObject([
      { kind: 'rejected', reason: 'no-target', detail: expect.stringMatching(/spread-1 and .*spread-2/) },
    ]);
    expect([world.target('spread-1').changes, world.target('spread-2').changes]).toEqual([0, 0]);
  });

  it('with a tag is about what the tag names, whatever it is made of', async () => {
    const named = { Key: 'nightshift:target', Value: keyOf('named') };
    const { outcomes } = await sweepOver('by-tag', { 'unlike-1': 'unlike-1', 'unlike-2': 'unlike-2' }, [tag, named]);
    expect(outcomes).toMatchObject([{ kind: 'remediated' }]);
    expect(world.target('named').changes).toBe(1);
    expect([world.target('unlike-1').changes, world.target('unlike-2').changes]).toEqual([0, 0]);
  });
});
