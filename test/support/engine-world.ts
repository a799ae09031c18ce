/** The journal on the real emulator behind the gateway, and a remediation whose target is a number, so that the protocol itself can be tested. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Outcome } from '../../events/outcome.ts';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import type { Context } from '../../functions/engine/context.ts';
import type { GuardReadings } from '../../functions/engine/guard-metrics.ts';
import { handle } from '../../functions/engine/handler.ts';
import type { WorkItem } from '../../functions/engine/items.ts';
import { duePartitions } from '../../functions/engine/items.ts';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import type { Change, Decision, Remediation, Verification } from '../../functions/engine/remediation.ts';
import type { Ladder } from '../../functions/engine/runbook.ts';
import { Store } from '../../functions/engine/store.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../local/gateway/index.ts';
import { openWorld } from '../../local/world/context.ts';
import { alarmEvent, config as baseConfig } from './fixtures.ts';

/** A target that is a number; `changes` counts every write it received. */
export interface NumberTarget {
  readonly severity: 'P2';
  value: number;
  changes: number;
}

/** Both change the same number: the second by more. */
export const RAISE = 'raise-number';
export const RAISE_MORE = 'raise-number-more';
const STEP: Readonly<Record<string, number>> = { [RAISE]: 1, [RAISE_MORE]: 3 };

/** Runbook of both, the second when the first can't go on. */
export const LADDER = 'number-ladder';
const METRIC = { namespace: 'AWS/ECS', metricName: 'CPUUtilization', dimensions: ['ClusterName', 'ServiceName'] };
const ladder = (...rungs: string[]): Ladder => ({
  rungs,
  startedBy: [METRIC],
  severity: 'P1',
  guards: ['errorRate', 'healthyHosts'],
});
const LADDERS = { [RAISE]: ladder(RAISE), [RAISE_MORE]: ladder(RAISE_MORE), [LADDER]: ladder(RAISE, RAISE_MORE) };

const manifestOf = (name: string): RemediationManifest => ({
  name,
  summary: 'Adds to a number.',
  targetKind: 'ecs-service',
  triggers: [METRIC],
  permissions: [],
  network: 'none',
  holds: ['number'],
  risk: 'low',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 20 },
  timeoutSeconds: 30,
  memoryMegabytes: 128,
});

type Hook = (target: NumberTarget, change: Change) => void | Promise<void>;

export interface EngineWorld {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly config: RuntimeConfig;
  /** Targets by name, `ecs-service/orders/<name>`; made when first asked for. */
  target(name: string): NumberTarget;
  /** Faults of the target: before it is observed, before it is changed, after it was changed. */
  readonly hooks: {
    observe?: () => unknown;
    beforeChange?: Hook;
    afterChange?: Hook;
    decide?: () => Decision | undefined;
    verify?: (remediation: string) => Verification;
    /** What guard metrics are seen to be; none unless said otherwise. */
    guards?: () => GuardReadings;
    /** The same of those that are read on their own. */
    readGuards?: () => GuardReadings;
    /** Says that a target isn't in the configuration any more. */
    unconfigured?: (key: string) => boolean;
    /** Targets that every target depends on. */
    upstreams?: (target: NumberTarget) => readonly string[];
  };
  /** Delivers an event or command as Lambda would; `clock` is the function's time. */
  deliver(
    event: unknown,
    options?: Partial<Pick<Context<NumberTarget, unknown>, 'requestId' | 'now' | 'store'>> & {
      readonly config?: RuntimeConfig;
      /** Name of the remediation; `RAISE` unless said otherwise. */
      readonly to?: string;
    },
  ): Promise<Outcome>;
  due(at: number): Promise<WorkItem[]>;
  close(): Promise<void>;
}

/** An alarm event for the number target of that name. */
export function numberAlarm(
  name: string,
  state: 'ALARM' | 'OK',
  options: { id: string; at?: number; alarm?: string; firstEvaluation?: boolean; runbook?: string },
) {
  const alarm = options.alarm ?? `${name}-cpu`;
  const at = new Date(options.at ?? Date.now()).toISOString();
  const dimensions = { ClusterName: 'orders', ServiceName: name };
  return alarmEvent({
    id: options.id,
    time: at,
    resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${alarm}`],
    detail: {
      alarmName: alarm,
      state: { value: state, reason: 'Threshold Crossed', timestamp: at },
      ...(options.firstEvaluation && {
        previousState: { value: 'INSUFFICIENT_DATA', reason: 'Unchecked: Initial alarm creation' },
      }),
      configuration: {
        metrics: [{ id: 'm1', metricStat: { metric: { namespace: 'AWS/ECS', name: 'CPUUtilization', dimensions } } }],
      },
      alarmTags: { 'nightshift:runbook': options.runbook ?? RAISE },
    },
  });
}

export async function openEngineWorld(): Promise<EngineWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-engine-test-'));
  const world = await openWorld({ name: 'engine', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const gateway = await startGateway(world);
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  const client = new DynamoDBClient({
    endpoint: gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const store = new Store('journal', client);
  await client.send(journalTable('journal'));
  const targets = new Map<string, NumberTarget>();
  const hooks: EngineWorld['hooks'] = {};
  const target = (name: string): NumberTarget => {
    const found = targets.get(name) ?? { severity: 'P2', value: 2, changes: 0 };
    targets.set(name, found);
    return found;
  };
  const limits = { mode: 'auto' as const, cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 500 };
  const config: RuntimeConfig = {
    ...baseConfig,
    runbooks: { [RAISE]: limits, [RAISE_MORE]: limits },
    ladders: { ...baseConfig.ladders, ...LADDERS },
    fleet: { changesPerHour: 1000, removalsPerHour: 1000, describesPerSecond: 1000 },
  };
  const remediations = new Map(Object.keys(STEP).map((name) => [name, numberRemediation(name, target, hooks)]));
  let requests = 0;
  return {
    gateway,
    store,
    config,
    target,
    hooks,
    deliver: async (event, options = {}) => {
      const remediation = remediations.get(options.to ?? RAISE);
      if (!remediation) throw new Error(`no remediation ${options.to}`);
      return handle(event, {
        remediation,
        store: options.store ?? store,
        config: options.config ?? config,
        now: options.now ?? Date.now,
        requestId: options.requestId ?? `request-${++requests}`,
        remaining: () => 30_000,
        random: Math.random,
      });
    },
    due: async (at) => {
      const pages = duePartitions().map((partition) =>
        store.query({
          IndexName: 'due',
          KeyConditionExpression: 'duePk = :pk AND dueAt <= :at',
          ExpressionAttributeValues: { ':pk': { S: partition }, ':at': { N: String(at) } },
        }),
      );
      return (await Promise.all(pages)).flat() as unknown as WorkItem[];
    },
    close: async () => {
      client.destroy();
      await world.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function numberRemediation(
  name: string,
  target: (name: string) => NumberTarget,
  hooks: EngineWorld['hooks'],
): Remediation<NumberTarget, number> {
  return {
    manifest: manifestOf(name),
    targetOf: (key) =>
      key.startsWith('ecs-service/orders/') && !hooks.unconfigured?.(key)
        ? target(key.slice('ecs-service/orders/'.length))
        : undefined,
    upstreamsOf: (each) => hooks.upstreams?.(each) ?? [],
    observe: async (each) => {
      await hooks.observe?.();
      return each.value;
    },
    decide: ({ observation }) => {
      const after = observation + (STEP[name] ?? 1);
      return (
        hooks.decide?.() ?? {
          kind: 'act',
          change: {
            summary: `raise from ${observation} to ${after}`,
            before: observation,
            after,
            undo: `set to ${observation}`,
            hold: { field: 'number', baseline: observation, value: after, stabiliseForSeconds: 60 },
          },
        }
      );
    },
    act: async (each, change, _remaining, _config, mayGoOn) => {
      await hooks.beforeChange?.(each, change);
      await mayGoOn();
      each.value = change.after as number;
      each.changes++;
      await hooks.afterChange?.(each, change);
      return { summary: `set to ${each.value}`, data: {} };
    },
    alreadyApplied: (change, observation) =>
      observation === change.after ? 'yes' : observation === change.before ? 'no' : 'unclear',
    verify: () => hooks.verify?.(name) ?? { kind: 'good', detail: 'as wanted' },
    guards: () => hooks.guards?.() ?? {},
    readGuards: async () => hooks.readGuards?.() ?? {},
    decideHandBack: ({ hold, observation }) =>
      observation === hold.value
        ? {
            kind: 'restore',
            change: { summary: `hand back to ${hold.baseline}`, before: hold.value, after: hold.baseline, undo: '' },
          }
        : { kind: 'leave', detail: `found ${observation}` },
  };
}

export function journalTable(name: string): CreateTableCommand {
  const string = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  const index = (IndexName: string, hash: string, range: string) => ({
    IndexName,
    KeySchema: [
      { AttributeName: hash, KeyType: 'HASH' as const },
      { AttributeName: range, KeyType: 'RANGE' as const },
    ],
    Projection: { ProjectionType: 'ALL' as const },
  });
  return new CreateTableCommand({
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      string('pk'),
      string('sk'),
      string('duePk'),
      { AttributeName: 'dueAt', AttributeType: 'N' },
      string('incidentsPk'),
      string('incidentsSk'),
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [index('due', 'duePk', 'dueAt'), index('incidents', 'incidentsPk', 'incidentsSk')],
  });
}
