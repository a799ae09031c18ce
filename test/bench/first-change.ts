/** In a whole local world: from an alarm's state change to the first call that changes something, cold and warm, and the round trips before it; and how soon a pause holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Store } from '../../functions/engine/store.ts';
import { setSwitch } from '../../functions/engine/switch.ts';
import { callsOfOurs, deleteAlarms, makeAlarms, setAlarms } from '../../local/scenarios/support/storm.ts';
import { FLEET, fleetServices, seedFleet } from '../../local/services/fleet.ts';
import type { RecordedCall } from '../../local/world/types.ts';
import { startWorld, type World } from '../../local/world/world.ts';
import { CUSTODIAN, custodianMs, installCustodian } from './custodian.ts';
import { median, type Runs, roundTrips } from './figures.ts';

/** Below the tenth, which would be a storm. */
const SERVICES = 9;
const COLD = 5;
const CHANGE = { functionName: 'nightshift-demo-scale-out-service', operation: 'UpdateService' } as const;
const LIMIT_MS = 120_000;
const QUIET_WITHIN_MS = 8_000;

export async function measureFirstChange(say: (line: string) => void): Promise<Runs[]> {
  const names = fleetServices(SERVICES);
  const world = await startWorld({ name: 'bench', report: say, environment: { [FLEET.variable]: String(SERVICES) } });
  try {
    await seedFleet(world.clients().ecs, names, SERVICES);
    await makeAlarms(world, names);
    // An alarm that fires at its very first evaluation is looked at twice.
    await setAlarms(world, names, ['cpu'], 'OK');
    await quiet(world);
    const [cold, warm, trips]: [number[], number[], number[]] = [[], [], []];
    for (const [index, name] of names.entries()) {
      const isCold = index < COLD;
      if (isCold) world.lambda.killWorker({ functionName: CHANGE.functionName });
      const fires = () => setAlarms(world, [name], ['cpu'], 'ALARM');
      const { ms, before } = await firstChange(world, { ...CHANGE, resource: name }, fires);
      (isCold ? cold : warm).push(ms);
      trips.push(roundTrips(before.map(({ at, durationMs }) => ({ endMs: Date.parse(at) + durationMs, durationMs }))));
      say(
        `${name}: ${isCold ? 'cold' : 'warm'} ${ms} ms, ${trips.at(-1)} round trips: ${before.map(({ operation }) => operation).join(' ')}`,
      );
      await quiet(world);
    }
    const peer = await peerMs(world, say).catch((error: unknown) => `failed: ${String(error).slice(0, 200)}`);
    const pause = await pauseMs(world);
    await deleteAlarms(world, names);
    const place = 'in a local world: Node.js processes without a limit of CPU, no network';
    return [
      {
        name: 'cold-change-ecs',
        unit: 'ms',
        values: cold,
        ...(typeof peer !== 'string' && { peer }),
        goal: { text: '<= 1,500 ms, and <= 1/2 of the peer', atMost: 1500, ratioToPeerAtMost: 0.5 },
        note: `${place}; the peer is Cloud Custodian ${CUSTODIAN} in a fresh process with one policy on the same services, ${typeof peer === 'string' ? peer : `median ${Math.round(median(peer))} ms`}`,
      },
      { name: 'warm-change-ecs', unit: 'ms', values: warm, goal: { text: 'none' }, note: place },
      {
        name: 'round-trips',
        unit: 'sequential round trips before the first change',
        values: trips,
        goal: { text: '<= 4', atMost: 4 },
      },
      {
        name: 'pause',
        unit: 's',
        values: [pause / 1000],
        goal: { text: '<= 10 s to no new change', atMost: 10 },
        note: 'until every copy of the switch is written, after which no commit is let through',
      },
    ];
  } finally {
    await world.stop();
  }
}

/** Nothing of ours waits any more, or as good as: what runs by the clock goes on meanwhile. */
export async function quiet(world: World): Promise<void> {
  const until = performance.now() + QUIET_WITHIN_MS;
  for (let still = 0; still < 10 && performance.now() < until; still++) {
    if (world.lambda.pending() > 0) still = 0;
    await sleep(100);
  }
}

/** A change, by who makes it, its operation and a part of its resource. */
export interface AwaitedChange {
  readonly functionName: string;
  readonly operation: string;
  readonly resource: string;
}

/**
 * From the moment at which `fires` is called to the begin of the first such change, and that function's calls before it.
 * @throws Error when it isn't made within two minutes.
 */
export async function firstChange(
  world: World,
  { functionName, operation, resource }: AwaitedChange,
  fires: () => Promise<void>,
): Promise<{ readonly ms: number; readonly before: readonly RecordedCall[] }> {
  const position = world.gateway.callsSince(Number.MAX_SAFE_INTEGER).next;
  const begun = Date.now();
  await fires();
  while (Date.now() < begun + LIMIT_MS) {
    const calls = callsOfOurs(world, position).filter(({ caller }) => caller === functionName);
    const change = calls.find((call) => call.operation === operation && call.resource.includes(resource));
    if (change) {
      // `at` of a recorded call is when it began.
      const changedAt = Date.parse(change.at);
      return {
        ms: changedAt - begun,
        before: calls.filter(({ at, durationMs }) => Date.parse(at) + durationMs <= changedAt),
      };
    }
    await sleep(5);
  }
  throw new Error(`${functionName} made no ${operation} of ${resource} within ${LIMIT_MS / 1000} s`);
}

async function pauseMs(world: World): Promise<number> {
  const client = new DynamoDBClient({
    endpoint: world.endpoint,
    region: world.context.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const begun = performance.now();
    await setSwitch(new Store(world.deployed.outputs.JournalTable ?? '', client), 'pause', 'person:bench', 'measured');
    return performance.now() - begun;
  } finally {
    client.destroy();
  }
}

const PEER_RUNS = 3;

/** From the start of Custodian's process to its `UpdateService`, the same change on one of the same services. */
async function peerMs(world: World, say: (line: string) => void): Promise<number[]> {
  const custodian = await installCustodian(say);
  const [name = ''] = fleetServices(1);
  const values: number[] = [];
  for (let run = 0; run < PEER_RUNS; run++) {
    const policy = {
      name: 'scale-out',
      resource: 'aws.ecs-service',
      filters: [{ serviceName: name }, { clusterArn: `arn:aws:ecs:us-east-1:000000000000:cluster/${FLEET.cluster}` }],
      actions: [{ type: 'modify', update: { desiredCount: 3 + (run % 2) } }],
    };
    values.push(await custodianMs(world, custodian, policy, { operation: CHANGE.operation, resource: name }));
    say(`Cloud Custodian: ${values.at(-1)} ms`);
  }
  return values;
}
