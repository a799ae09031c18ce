/** Where the matrix runs: gateway, emulator and stand-ins of the local world, without deployment, schedules and demonstration. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { startMinistack } from '../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../local/gateway/index.ts';
import { type Acm, createAcm } from '../../local/stand-ins/acm/acm.ts';
import { createApplicationAutoScaling } from '../../local/stand-ins/application-auto-scaling/application-auto-scaling.ts';
import { type CloudWatch, createCloudWatch } from '../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { createEcs, type Ecs } from '../../local/stand-ins/ecs/ecs.ts';
import { createLambda, type LocalLambda } from '../../local/stand-ins/lambda/index.ts';
import { objectSink } from '../../local/stand-ins/rds/exports.ts';
import { createRds, type Rds } from '../../local/stand-ins/rds/rds.ts';
import { createRoute53, type Route53 } from '../../local/stand-ins/route53/route53.ts';
import { type OpenWorld, openWorld } from '../../local/world/context.ts';
import { CACHE_DIR } from '../../local/world/state.ts';
import type { AwsEvent } from '../../local/world/types.ts';
import { Observer } from './observer.ts';

export const REGION = 'us-east-1';
/** Lambda waits one and two minutes before its retries; here 0.3 s and 0.6 s. */
const TIME_SCALE = 0.005;

export interface Place {
  readonly world: OpenWorld;
  readonly gateway: Gateway;
  readonly lambda: LocalLambda;
  readonly cloudwatch: CloudWatch;
  readonly ecs: Ecs;
  readonly rds: Rds;
  readonly route53: Route53;
  readonly acm: Acm;
  readonly observer: Observer;
  readonly clients: {
    readonly cloudwatch: CloudWatchClient;
    readonly lambda: LambdaClient;
    /** Past the gateway: what the matrix itself reads and writes meets no fault and isn't recorded. */
    readonly journal: DynamoDBClient;
  };
  readonly alarmClock: AlarmClock;
  /** Events of alarms, which the matrix delivers itself: oldest first. */
  readonly events: readonly AwsEvent[];
  close(): Promise<void>;
}

/** CloudWatch's clock, which can be behind for one call: how an alarm comes to have been set a while ago. */
export class AlarmClock {
  #behindMs = 0;
  #last: Promise<unknown> = Promise.resolve();

  readonly now = (): Date => new Date(Date.now() - this.#behindMs);

  /** Runs `work` with the clock behind, alone. */
  use<Result>(behindMs: number, work: () => Promise<Result>): Promise<Result> {
    const run = async () => {
      this.#behindMs = behindMs;
      try {
        return await work();
      } finally {
        this.#behindMs = 0;
      }
    };
    const result = this.#last.then(run, run);
    this.#last = result;
    return result;
  }
}

/** Opens it; `close` ends every process and removes its folder. */
export async function openPlace(): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-matrix-'));
  const world = await openWorld({
    name: 'matrix',
    timeScale: TIME_SCALE,
    report: () => {},
    root: join(root, 'worlds'),
  });
  try {
    return await fill(world, root);
  } catch (error) {
    await world.stop();
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function fill(world: OpenWorld, root: string): Promise<Place> {
  const gateway = await startGateway(world);
  const { url } = await startMinistack(world, { endpointUrl: gateway.url });
  gateway.upstreamUrl = url;
  const events: AwsEvent[] = [];
  const none = { put: () => {} };
  const bus = { publish: async (event: AwsEvent) => ({ id: String(events.push(event)) }) };
  const unheard = { publish: async () => ({ id: '' }) };
  const observer = new Observer(gateway);
  const lambda = await createLambda(world, gateway);
  const alarmClock = new AlarmClock();
  const cloudwatch = createCloudWatch(world, { events: bus, now: alarmClock.now });
  // No metrics of their own: an alarm keeps the state that a point gave it.
  const ecs = createEcs(world, { metrics: none, events: unheard }, { startDelayMs: 10, drainMs: 10, killAfterMs: 500 });
  const rds = createRds(world, {
    metrics: none,
    events: unheard,
    objects: objectSink(gateway),
    cacheDir: CACHE_DIR,
    transitionMs: 10,
    // A server for each point would be too much: those of a case's own are named so.
    hasServer: (id) => id.startsWith('server-'),
  });
  const route53 = createRoute53(world, { metrics: none, checkEveryMs: 200 });
  const acm = createAcm(world, { metrics: none, events: unheard, cname: route53.cname });
  for (const standIn of [cloudwatch, ecs, createApplicationAutoScaling(world, { ecs }), rds, route53, acm])
    gateway.register(standIn);
  await route53.start();
  await rds.start();
  const settings = { region: REGION, credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' } };
  const clients = {
    cloudwatch: new CloudWatchClient({ ...settings, endpoint: gateway.url }),
    lambda: new LambdaClient({ ...settings, endpoint: gateway.url }),
    journal: new DynamoDBClient({ ...settings, endpoint: url }),
  };
  return {
    ...{ world, gateway, lambda, cloudwatch, ecs, rds, route53, acm, observer, clients, alarmClock, events },
    async close() {
      for (const client of Object.values(clients)) client.destroy();
      await ecs.stop();
      await world.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
