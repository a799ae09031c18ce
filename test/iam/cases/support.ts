/** What the cases have in common: making a deployed alarm fire, and waiting for what a function was seen to ask for. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApplicationAutoScalingClient,
  DeregisterScalableTargetCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { type Labelled, Store } from '../../../functions/engine/store.ts';
import { hold, untilIdle } from '../../../local/scenarios/support/database.ts';
import type { Stage } from '../../../local/scenarios/types.ts';
import { DEMO } from '../../../local/services/seed.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { RecordedCall } from '../../../local/world/types.ts';
import type { World } from '../../../local/world/world.ts';

export const CPU_ALARM = 'nightshift-demo-backend-cpu';
export const CONNECTIONS_ALARM = 'nightshift-demo-orders-db-connections';
export const SCALE_OUT = 'nightshift-demo-scale-out-service';
export const RELEASE = 'nightshift-demo-release-idle-connections';
export const RECONCILER = 'nightshift-demo-reconciler';
export const PUBLISHER = 'nightshift-demo-publisher';
export const SERVICE_TARGET = `ecs-service/${DEMO.cluster}/${DEMO.service}`;

/** Puts an alarm into ALARM; CloudWatch's next evaluation takes it back, as on AWS. */
export async function fire(world: World, alarmName: string): Promise<void> {
  const state = { AlarmName: alarmName, StateValue: 'ALARM', StateReason: 'set for a permission case' } as const;
  await world.clients().cloudwatch.send(new SetAlarmStateCommand(state));
}

const FIRE_EVERY_MS = 4_000;

/** Fires again and again, because what is looked for may be refused at first, for a passing reason. @returns what `seen` gives. */
export async function fireUntil<T>(world: World, alarmName: string, seen: Promise<T>): Promise<T> {
  const over = new AbortController();
  const firing = (async () => {
    while (!over.signal.aborted) {
      await fire(world, alarmName);
      await sleep(FIRE_EVERY_MS, undefined, { signal: over.signal }).catch(() => {}); // It was seen, or given up.
    }
  })();
  const found = await seen.finally(() => over.abort());
  await firing;
  return found;
}

/** Waits for one more call of a function, after those that were recorded when this was called. */
export const nextCall = (world: World, stage: Stage, caller: string, operation: string, withinMs = 60_000) =>
  next(
    world,
    stage,
    `${operation} by ${caller}`,
    (call) => call.caller === caller && call.operation === operation,
    withinMs,
  );

/** Waits for one more call of a function that needs this permission. */
export const nextUse = (world: World, stage: Stage, caller: string, action: string, withinMs = 60_000) =>
  next(
    world,
    stage,
    `${action} by ${caller}`,
    ({ caller: by, needs = [] }) => by === caller && needs.some((need) => need.action === action),
    withinMs,
  );

function next(
  world: World,
  stage: Stage,
  what: string,
  isIt: (call: RecordedCall) => boolean,
  withinMs: number,
): Promise<RecordedCall> {
  const { next: from } = world.gateway.callsSince(Number.MAX_SAFE_INTEGER);
  return stage.until(`${what} to be asked for`, () => world.gateway.callsSince(from).calls.find(isIt), {
    withinMs,
    everyMs: 50,
  });
}

/** Application Auto Scaling owns the demo's service between these limits, until the case ends. */
export async function autoScale(world: World, stage: Stage, min: number, max: number): Promise<void> {
  const client = new ApplicationAutoScalingClient({
    endpoint: world.endpoint,
    region: world.context.region,
    userAgentAppId: OPERATOR,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const target = {
    ServiceNamespace: 'ecs',
    ScalableDimension: 'ecs:service:DesiredCount',
    ResourceId: `service/${DEMO.cluster}/${DEMO.service}`,
  } as const;
  await client.send(new RegisterScalableTargetCommand({ ...target, MinCapacity: min, MaxCapacity: max }));
  stage.restore('the service without auto scaling', async () => {
    await client.send(new DeregisterScalableTargetCommand(target));
    client.destroy();
  });
}

/** With others that are connected anyway, more than the demo's threshold of 64. */
const SESSIONS = 66;

/** Takes connections until the alarm would fire, by sessions that count as idle; closed with the case. */
export async function fillConnections(world: World, stage: Stage): Promise<void> {
  await hold(world, stage, 'orders_app', { count: SESSIONS, application: 'orders-web', state: 'idle' });
  await untilIdle(stage);
}

/** Not in the index of incidents: so many at once would be a storm, and hold what other cases do. */
export function unlisted(opened: Labelled): Labelled {
  const { Put } = opened.item;
  if (!Put?.Item) throw new Error('an entry is put');
  const { incidentsPk: _pk, incidentsSk: _sk, ...Item } = Put.Item;
  return { ...opened, item: { Put: { ...Put, Item } } };
}

/** The journal as an operator reads and writes it. */
export const journalOf = (world: World): Store =>
  new Store(world.deployed.outputs.JournalTable ?? '', world.clients().dynamodb);
