/**
 * The follow-through as it is deployed: its state machine on the local Step Functions, its function's and the publisher's code, the journal on the real
 * emulator. Only SNS, CloudWatch and the remediations are written down instead of called. A minute lasts a fifth of a second, for functions and
 * state machine alike.
 */

import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { CreateStateMachineCommand, SFNClient, UpdateStateMachineCommand } from '@aws-sdk/client-sfn';
import type { SNSClient } from '@aws-sdk/client-sns';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { EntryKind, IncidentWithTimeline, JournalEntry, Severity } from '../../events/journal.ts';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { type FollowItem, readFollowing } from '../../functions/engine/following.ts';
import { entryKey } from '../../functions/engine/items.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { Store } from '../../functions/engine/store.ts';
import { entryMaker, newId, putEntry } from '../../functions/engine/writes.ts';
import { type FollowContext, handle } from '../../functions/incidents/follow-through/handler.ts';
import { turnsIn } from '../../functions/incidents/follow-through/turns.ts';
import { publish } from '../../functions/incidents/publisher/handler.ts';
import { takeUpUnfollowed } from '../../functions/incidents/reconciler/follow.ts';
import { startFollowing } from '../../functions/incidents/wake.ts';
import { followThroughDefinition } from '../../infra/constructs/follow-through-definition.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../local/gateway/index.ts';
import type { RunResult } from '../../local/stand-ins/lambda/types.ts';
import { createStepFunctions, type LocalStepFunctions } from '../../local/stand-ins/step-functions/index.ts';
import { openWorld } from '../../local/world/context.ts';
import { journalTable } from './engine-world.ts';
import { config as baseConfig } from './fixtures.ts';
import { ALARM, START } from './timeline.ts';

const SCALE = 1 / 300;
const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:follow-through';
export const EVERYBODY = 'arn:aws:sns:us-east-1:000000000000:pages';
export const SECOND = 'arn:aws:sns:us-east-1:000000000000:pages-2';

export interface Page {
  readonly topic: string;
  readonly message: string;
}

export interface FollowWorld {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly stepFunctions: LocalStepFunctions;
  readonly config: RuntimeConfig;
  readonly pages: Page[];
  /** Orders that remediations got. */
  readonly orders: { readonly functionName: string; readonly command: Record<string, unknown> }[];
  /** When CloudWatch was asked, and the turns that were drawn for it. */
  readonly asked: number[];
  readonly turns: number[];
  /** What CloudWatch says of the one alarm. */
  alarm: { state: 'ALARM' | 'OK'; since: number };
  /** Called before a request of the state machine is answered; what it throws, the function dies of. */
  hook: ((asked: Record<string, unknown>) => void | Promise<void>) | undefined;
  /** Calls a second that looks may make; half of it is theirs. */
  describesPerSecond: number;
  /** Which topics refuse pages. */
  readonly refusing: Set<string>;
  now(): number;
  /** Opens an incident with one firing alarm. @returns its id. */
  open(severity?: Severity): Promise<string>;
  write(
    incidentId: string,
    kind: EntryKind,
    data?: Record<string, unknown>,
    summary?: string,
    by?: string,
  ): Promise<JournalEntry>;
  /** The publisher reads the stream, or doesn't for a while; what it missed it reads when it is back. */
  readonly publisher: { isOn: boolean };
  reconcile(): Promise<string[]>;
  ask(event: unknown): Promise<unknown>;
  /** Starts an execution, as the follow-through's function does. */
  start(incidentId: string, generation: number): Promise<boolean>;
  incident(id: string): Promise<IncidentWithTimeline>;
  following(id: string): Promise<FollowItem | undefined>;
  /** Replaces the state machine's definition, as a deployment does. */
  redeploy(change: (definition: string) => string): Promise<void>;
  until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T>;
  close(): Promise<void>;
}

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export async function openFollowWorld(): Promise<FollowWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-follow-test-'));
  const world = await openWorld({ name: 'follow', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const gateway = await startGateway(world);
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  const client = new DynamoDBClient({ endpoint: gateway.url, region: 'us-east-1', credentials });
  const sfn = new SFNClient({ endpoint: gateway.url, region: 'us-east-1', credentials });
  await client.send(journalTable('journal'));
  const store = new Store('journal', client);
  const realStart = Date.now();
  const now = () => Math.round(START + (Date.now() - realStart) / SCALE);
  const escalation = {
    ...baseConfig.escalation,
    levels: [
      { name: 'primary', afterMinutes: 0, channels: [] },
      { name: 'secondary', afterMinutes: 4, channels: [] },
      { name: 'lead', afterMinutes: 8, channels: [] },
    ],
    acknowledgeWithinMinutes: { P1: 4, P2: 4, P3: 4, P4: 4 },
    repeatEveryMinutes: 5,
  };
  const config: RuntimeConfig = { ...baseConfig, verifyWithinSeconds: 300, escalation };
  const pages: Page[] = [];
  const orders: FollowWorld['orders'] = [];
  const asked: number[] = [];
  const turns: number[] = [];
  const refusing = new Set<string>();
  const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:follow-through';
  const machine = { sfn, arn: machineArn };
  const sns = {
    send: async ({ input }: { input: { TopicArn: string; Message: string } }) => {
      if (refusing.has(input.TopicArn))
        throw Object.assign(new Error('no such topic'), {
          name: 'NotFoundException',
          $metadata: { httpStatusCode: 404 },
        });
      pages.push({ topic: input.TopicArn, message: input.Message });
      return {};
    },
  } as unknown as Pick<SNSClient, 'send'>;
  const cloudwatch = {
    send: async () => {
      asked.push(now());
      return {
        MetricAlarms: [
          {
            AlarmArn: ALARM,
            AlarmName: 'backend-cpu',
            StateValue: self.alarm.state,
            StateTransitionedTimestamp: new Date(self.alarm.since),
          },
        ],
      };
    },
  } as unknown as Pick<CloudWatchClient, 'send'>;
  const lambda = {
    send: async ({ input }: { input: { FunctionName: string; Payload: string } }) => {
      const command = JSON.parse(input.Payload) as Record<string, unknown>;
      if (input.FunctionName === 'follow-through') void handle(command, context).catch(() => {});
      else orders.push({ functionName: input.FunctionName, command });
      return {};
    },
  } as unknown as Pick<LambdaClient, 'send'>;
  const context: FollowContext = {
    store,
    cloudwatchIn: () => cloudwatch,
    lambda,
    functions: { 'scale-out-service': 'scale-out', 'restart-service': 'restart' },
    config,
    machine,
    now,
    takeTurn: async (calls) => {
      const turn = await turnsIn(client, 'journal', self.describesPerSecond, now)(calls);
      turns.push(turn);
      return turn;
    },
  };
  const invoke = async (_name: string, _region: string, payload: unknown): Promise<RunResult> => {
    try {
      await self.hook?.(payload as Record<string, unknown>);
      return { kind: 'ok', payload: JSON.stringify(await handle(payload, context)), logTail: '' };
    } catch (error) {
      const errorType = error instanceof Error ? error.name : 'Error';
      return {
        kind: 'function-error',
        payload: JSON.stringify({ errorType, errorMessage: String(error) }),
        errorType,
        logTail: '',
      };
    }
  };
  const stepFunctions = createStepFunctions(world, gateway, {
    lambda: { invoke, invokeAsync: async () => ({ requestId: '' }) },
    events: { publish: async () => ({ id: '' }) },
    waitScale: SCALE,
  });
  // Functions work in real time, so what they have of it isn't shortened: a busy machine would end looks that are well.
  const definition = JSON.stringify(
    followThroughDefinition({ functionArn: FUNCTION, pageTopicArn: EVERYBODY, deployment: 'test' }),
  ).replaceAll('"TimeoutSeconds":60', `"TimeoutSeconds":${60 / SCALE}`);
  const roleArn = 'arn:aws:iam::000000000000:role/test';
  await sfn.send(new CreateStateMachineCommand({ name: 'follow-through', definition, roleArn }));
  const opened: string[] = [];
  const told = new Set<string>();
  const publisher = { isOn: true };
  let isClosed = false;
  const stream = (async () => {
    while (!isClosed) {
      await sleep(30);
      if (!publisher.isOn) continue;
      const entries = (await Promise.all(opened.map((id) => readIncident(store, id)))).flatMap(
        (each) => each?.timeline ?? [],
      );
      const fresh = entries.filter(({ id }) => !told.has(id)).map(recordOf);
      if (fresh.length === 0) continue;
      const { batchItemFailures } = await publish(fresh, {
        deployment: 'test',
        store,
        sns,
        topics: { everybody: EVERYBODY, own: { 2: SECOND } },
        rules: config,
        now,
        machine,
        remaining: () => 30_000,
      });
      const failed = fresh.findIndex(
        ({ dynamodb }) => dynamodb?.SequenceNumber === batchItemFailures[0]?.itemIdentifier,
      );
      for (const { dynamodb } of failed < 0 ? fresh : fresh.slice(0, failed)) told.add(dynamodb?.SequenceNumber ?? '');
    }
  })();
  const self: FollowWorld = {
    gateway,
    store,
    stepFunctions,
    config,
    pages,
    orders,
    asked,
    turns,
    refusing,
    alarm: { state: 'ALARM', since: START },
    hook: undefined,
    describesPerSecond: config.fleet.describesPerSecond,
    publisher,
    now,
    open: async (severity = 'P2') => {
      const id = `inc-${newId(now())}`;
      const data = {
        title: 'backend-cpu',
        target: 'ecs-service/orders/backend',
        severity,
        remediation: 'scale-out-service',
      };
      await self.write(id, 'opened', data);
      const evidence = { reason: 'CPU is high', metricName: 'CPUUtilization', datapoints: [91] };
      const said = {
        signalId: 's-1',
        subject: ALARM,
        name: 'backend-cpu',
        at: new Date(now()).toISOString(),
        evidence,
      };
      await self.write(id, 'signal', said, 'alarm backend-cpu is firing');
      opened.push(id);
      return id;
    },
    write: async (incidentId, kind, data = {}, summary = kind, by = 'scale-out-service') => {
      const entry = entryMaker(incidentId, by, now())(kind, summary, data);
      await store.transact([putEntry(store.table, entry)]);
      return entry;
    },
    reconcile: () => takeUpUnfollowed({ store, lambda, functionName: 'follow-through', now }),
    ask: (event) => handle(event, context),
    start: (incidentId, generation) => startFollowing(machine, incidentId, generation),
    incident: async (id) => {
      const found = await readIncident(store, id);
      if (!found) throw new Error(`no ${id}`);
      return found;
    },
    following: (id) => readFollowing(store, id),
    redeploy: async (change) => {
      await sfn.send(new UpdateStateMachineCommand({ stateMachineArn: machineArn, definition: change(definition) }));
    },
    until: async (what, look) => {
      // On a machine that does much else, everything takes its time.
      for (const end = Date.now() + 60_000; Date.now() < end; await sleep(25)) {
        const found = await look();
        if (found !== undefined && found !== false) return found;
      }
      throw new Error(`still not: ${what}`);
    },
    close: async () => {
      isClosed = true;
      await stream;
      client.destroy();
      sfn.destroy();
      await world.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
  return self;
}

/** An entry as the stream tells it; its id is the sequence number. */
export const recordOf = (entry: JournalEntry): DynamoDBRecord => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber: entry.id,
    NewImage: marshall({ ...entryKey(entry.incidentId, entry.id), ...entry }) as never,
  },
});
