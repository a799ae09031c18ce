/**
 * A remediation of databases through the API, as its handler's own code runs it: a real journal and the RDS stand-in behind the gateway, whose record
 * tells which calls were made. Instances have real servers behind them when their name begins with `pair-`.
 */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  DescribeDBInstancesCommand,
} from '@aws-sdk/client-rds';
import type { IncidentWithTimeline } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { DatabaseConfig, Protected, RunbookLimits, RuntimeConfig } from '../../functions/engine/config.ts';
import { handle } from '../../functions/engine/handler.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import type { Remediation } from '../../functions/engine/remediation.ts';
import { Store } from '../../functions/engine/store.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import type { RdsOptions } from '../../local/stand-ins/rds/rds.ts';
import type { Fault, RecordedCall } from '../../local/world/types.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../emulator/rds/harness.ts';
import { journalTable } from './engine-world.ts';
import { alarmEvent, config as base, database, limits } from './fixtures.ts';

export interface FireOptions {
  readonly event?: object;
  readonly limits?: Partial<RunbookLimits>;
  readonly target?: Partial<DatabaseConfig>;
  readonly config?: Partial<RuntimeConfig>;
  /** The function's clock. */
  readonly now?: () => number;
  readonly requestId?: string;
  /** Done once the intent is recorded, right before the remediation acts on it. */
  readonly beforeAct?: () => Promise<unknown>;
}

export interface RdsRemediationWorld<O, T extends Protected = DatabaseConfig> {
  readonly world: TestWorld;
  readonly store: Store;
  readonly remediation: Remediation<T, O>;
  /** Makes an instance and waits until it is available. */
  create(id: string, options?: Partial<CreateDBInstanceCommandInput>): Promise<void>;
  /** The event of an alarm on the instance; each call makes another event. */
  alarm(id: string, metricName: string, state?: 'ALARM' | 'OK'): Record<string, unknown>;
  /** Delivers an event of that instance. */
  deliver(id: string, event: unknown, options?: FireOptions): Promise<Outcome>;
  /** Adds a fault for one RDS operation; `calm` takes all away. */
  fault(operation: string, kind: Fault['kind'], times?: number): void;
  calm(): void;
  /** What was asked of RDS while `work` ran, by whoever. */
  callsDuring<T>(work: () => Promise<T>): Promise<{ result: T; changing: string[]; calls: readonly RecordedCall[] }>;
  incident(outcome: Outcome): Promise<IncidentWithTimeline>;
  /** The RDS client is somebody else's: `tester`. */
  describe(id: string): ReturnType<typeof describeInstance>;
  untilAvailable(id: string): Promise<void>;
  /** How often RDS told of that happening to the instance, such as `RDS-EVENT-0006` (restarted). */
  told(id: string, eventId: string): number;
  untilTold(id: string, eventId: string, times?: number): Promise<void>;
  close(): Promise<void>;
}

const describeInstance = async ({ client }: TestWorld, id: string) =>
  (await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];

/** @param load imports the handler, once the environment says where AWS is. */
export async function openRdsRemediation<O, T extends Protected = DatabaseConfig>(
  load: () => Promise<{ remediation: Remediation<T, O> }>,
  options: Partial<RdsOptions> = {},
): Promise<RdsRemediationWorld<O, T>> {
  const world = await openTestWorld({ hasServer: (id) => id.startsWith('pair-'), ...options });
  world.gateway.upstreamUrl = (await startMinistack(world.world, { endpointUrl: world.gateway.url })).url;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: world.gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const { remediation } = await load();
  const dynamodb = new DynamoDBClient({
    endpoint: world.gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await dynamodb.send(journalTable('journal'));
  const store = new Store('journal', dynamodb);
  const { name } = remediation.manifest;
  let ids = 0;

  const describe = (id: string) => describeInstance(world, id);
  const untilAvailable = async (id: string): Promise<void> => {
    await eventually(
      `${id} available`,
      () => describe(id),
      (seen) => seen?.DBInstanceStatus === 'available',
    );
  };
  const told = (id: string, eventId: string): number =>
    world.events.filter(
      ({ resources, detail }) =>
        resources[0]?.endsWith(`:${id}`) && (detail as { EventID?: string }).EventID === eventId,
    ).length;
  return {
    world,
    store,
    remediation,
    describe,
    untilAvailable,
    async create(id, more = {}) {
      await world.client.send(
        new CreateDBInstanceCommand({
          DBInstanceIdentifier: id,
          Engine: 'postgres',
          DBInstanceClass: 'db.t4g.micro',
          AllocatedStorage: 20,
          MasterUsername: 'postgres',
          MasterUserPassword: 'for-tests-only',
          ...more,
        }),
      );
      await untilAvailable(id);
    },
    alarm: (id, metricName, state = 'ALARM') =>
      alarmEvent({
        id: `event-${++ids}`,
        resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${id}-${metricName}`],
        detail: {
          alarmName: `${id}-${metricName}`,
          state: { value: state, reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
          configuration: {
            metrics: [
              {
                id: 'm1',
                metricStat: {
                  metric: { namespace: 'AWS/RDS', name: metricName, dimensions: { DBInstanceIdentifier: id } },
                },
              },
            ],
          },
          alarmTags: { 'nightshift:runbook': name },
        },
      }),
    told,
    async untilTold(id, eventId, times = 1) {
      await eventually(
        `${eventId} of ${id}`,
        () => told(id, eventId),
        (n) => n >= times,
      );
    },
    deliver: (id, event, told = {}) =>
      handle(event, {
        remediation: withBeforeAct(remediation, told.beforeAct),
        store,
        config: {
          ...base,
          databases: { [id]: { ...database, ...told.target, name: id } },
          runbooks: { [name]: { ...limits, perRunbookPerHour: 500, ...told.limits } },
          fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
          ...told.config,
        },
        now: told.now ?? Date.now,
        requestId: told.requestId ?? `request-${++ids}`,
        remaining: () => 30_000,
        random: Math.random,
      }),
    fault: (operation, kind, times) =>
      world.gateway.faults.add({
        name: `${operation} ${kind}`,
        match: { service: 'rds', operation },
        kind,
        ...(times !== undefined && { times }),
        ...(kind.startsWith('timeout') && { delayMs: 20 }),
      }),
    calm: () => {
      for (const { name: each } of world.gateway.faults.list()) world.gateway.faults.remove(each);
    },
    async callsDuring(work) {
      const { next } = world.gateway.callsSince(Number.MAX_SAFE_INTEGER);
      const result = await work();
      const calls = world.gateway.callsSince(next).calls.filter(({ service }) => service === 'rds');
      return { result, calls, changing: calls.filter((each) => each.changing).map(({ operation }) => operation) };
    },
    async incident(outcome) {
      const found = 'incidentId' in outcome ? await readIncident(store, outcome.incidentId) : undefined;
      if (!found) throw new Error(`${outcome.kind}: no incident`);
      return found;
    },
    async close() {
      dynamodb.destroy();
      await world.close();
    },
  };
}

const withBeforeAct = <T extends Protected, O>(
  remediation: Remediation<T, O>,
  beforeAct: FireOptions['beforeAct'],
): Remediation<T, O> =>
  beforeAct
    ? {
        ...remediation,
        act: async (...args) => {
          await beforeAct();
          return remediation.act(...args);
        },
      }
    : remediation;
