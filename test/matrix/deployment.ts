/** Functions and journal under test: several functions of one remediation, so that a fault meets one point's calls and nobody else's. */

import { CreateFunctionCommand } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { strToU8, zipSync } from 'fflate';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { discover } from '../../infra/discover.ts';
import { journalTable } from '../support/engine-world.ts';
import type { SeededBug } from './bugs.ts';
import { type Assets, buildAssets } from './build.ts';
import { type Place, REGION } from './place.ts';

/** The asset of a function that is one line of code. */
export const programOf = (code: string): Uint8Array => zipSync({ 'index.cjs': strToU8(code) });
/** A function that takes everything and does nothing. */
export const DEAF = programOf('exports.handler = async () => ({});');

export interface Deployment {
  readonly table: string;
  /** How many lanes there are. */
  readonly lanes: number;
  readonly config: RuntimeConfig;
  /** The remediation's function to which a point's own deliveries go. */
  laneOf(remediation: string, lane: number): string;
  readonly reconciler: string;
  /** Whether that function is one that the reconciler gives its orders to. */
  orderTaker(functionName: string): boolean;
  /** Request ids of the events in the failure queue. */
  failures(): Promise<ReadonlySet<string>>;
}

interface DeploymentOptions {
  /** Part of every name; one deployment for each. */
  readonly name: string;
  readonly config: RuntimeConfig;
  /** Functions of each remediation, beside the one that the reconciler gives its orders to. */
  readonly lanes: number;
  readonly remediations: readonly string[];
  readonly bug?: SeededBug;
}

/** Builds, and makes journal table, failure queue and functions. */
export async function deploy(place: Place, options: DeploymentOptions): Promise<Deployment> {
  const { name, config, lanes, bug } = options;
  const found = await discover();
  const remediations = found.remediations.filter(({ manifest }) => options.remediations.includes(manifest.name));
  const units = [...remediations, ...found.incidentFunctions.filter(({ manifest }) => manifest.name === 'reconciler')];
  const entries = units.map(({ manifest, handler }) => ({ name: manifest.name, handler }));
  const table = `${name}-journal`;
  const [assets, queue] = await Promise.all([
    buildAssets(entries, config, bug),
    makeQueue(place, `${name}-failures`),
    place.clients.journal.send(journalTable(table)),
  ]);
  const make = (unit: string, functionName: string, timeoutSeconds: number, environment = {}) =>
    makeFunction(place, { asset: assetOf(assets, unit), functionName, timeoutSeconds, environment, table, queue });
  const laneOf = (remediation: string, lane: number) => `${name}-${remediation}-${lane}`;
  const functions = Object.fromEntries(remediations.map(({ manifest }) => [manifest.name, `${name}-${manifest.name}`]));
  const reconciler = `${name}-reconciler`;
  // The matrix has no follow-through: what the reconciler orders of it is taken and nothing is done.
  const nobody = `${name}-nobody`;
  await Promise.all([
    makeFunction(place, { asset: DEAF, functionName: nobody, timeoutSeconds: 10, environment: {}, table, queue }),
    make('reconciler', reconciler, 60, {
      NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions),
      // The lanes share one failure queue, in which faults leave their messages on purpose: it isn't counted.
      NIGHTSHIFT_FAILURE_QUEUES: '[]',
      // The matrix's journal has no stream, so nobody follows it, and the reconciler says so in its log.
      NIGHTSHIFT_STREAM: `arn:aws:dynamodb:${REGION}:${place.world.accountId}:table/${table}/stream/none`,
      NIGHTSHIFT_FOLLOW_FUNCTION: nobody,
      NIGHTSHIFT_HEARTBEAT_QUEUE: await heartbeatQueue(place, config.standbyRegion, `${name}-heartbeat`),
    }),
    ...remediations.flatMap(({ manifest }) =>
      [functions[manifest.name] ?? '', ...Array.from({ length: lanes }, (_, lane) => laneOf(manifest.name, lane))].map(
        (each) => make(manifest.name, each, manifest.timeoutSeconds, machineOf(place, manifest.startsPlan)),
      ),
    ),
  ]);
  const takers = new Set([...Object.values(functions), nobody]);
  const orderTaker = (functionName: string) => takers.has(functionName);
  return { table, config, lanes, laneOf, reconciler, orderTaker, failures: () => queue.requestIds() };
}

/** Where a remediation that starts a recovery plan finds its machine. */
export const machineOf = (place: Place, plan: string | undefined): Record<string, string> =>
  plan === undefined
    ? {}
    : {
        NIGHTSHIFT_MACHINES: JSON.stringify({
          [plan]: `arn:aws:states:${REGION}:${place.world.accountId}:stateMachine:matrix-${plan}`,
        }),
      };

export function assetOf(assets: Assets, unit: string): Uint8Array {
  const asset = assets.get(unit);
  if (!asset) throw new Error(`no bundle for ${unit}`);
  return asset;
}

export interface FunctionOptions {
  readonly asset: Uint8Array;
  readonly functionName: string;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly table: string;
  readonly queue: FailureQueue;
}

/** As `infra/constructs/nightshift-function.ts` deploys it: two retries, then the failure queue. */
export async function makeFunction(place: Place, options: FunctionOptions): Promise<void> {
  const { functionName, table, environment } = options;
  await place.clients.lambda.send(
    new CreateFunctionCommand({
      FunctionName: functionName,
      Role: `arn:aws:iam::${place.world.accountId}:role/matrix`,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: options.timeoutSeconds,
      MemorySize: 512,
      Code: { ZipFile: options.asset },
      Environment: { Variables: { NIGHTSHIFT_TABLE: table, AWS_SDK_UA_APP_ID: functionName, ...environment } },
    }),
  );
  place.lambda.registerInvokeConfig(functionName, REGION, { maximumRetryAttempts: 2, onFailureArn: options.queue.arn });
}

/** @returns its URL. */
export async function heartbeatQueue(place: Place, region: string, QueueName: string): Promise<string> {
  const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
  const sqs = new SQSClient({ endpoint: place.gateway.upstreamUrl ?? '', region, credentials });
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName }));
  sqs.destroy();
  return QueueUrl;
}

export interface FailureQueue {
  readonly arn: string;
  requestIds(): Promise<ReadonlySet<string>>;
}

export async function makeQueue(place: Place, name: string): Promise<FailureQueue> {
  const sqs = new SQSClient({
    endpoint: place.gateway.upstreamUrl ?? '',
    region: REGION,
    credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
  });
  place.world.onStop('the failure queue’s client', () => sqs.destroy());
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { VisibilityTimeout: '3600' } }),
  );
  const seen = new Set<string>();
  const more = async (): Promise<number> => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: QueueUrl ?? '', MaxNumberOfMessages: 10 }),
    );
    for (const { Body } of Messages) {
      const record = JSON.parse(Body ?? '{}') as { requestContext?: { requestId?: string } };
      seen.add(record.requestContext?.requestId ?? '');
    }
    return Messages.length;
  };
  return {
    arn: `arn:aws:sqs:${REGION}:${place.world.accountId}:${name}`,
    async requestIds() {
      while ((await more()) > 0);
      return seen;
    },
  };
}
