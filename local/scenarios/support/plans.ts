/** Recovery plans as a person starts them, and what is measured of them: through AWS's API, and by a client that keeps sending requests. */
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Store } from '../../../functions/engine/store.ts';
import { type RunItem, readRun, stepOf } from '../../../functions/recovery/items.ts';
import { createLoad, type Load } from '../../services/load.ts';
import { OPERATOR } from '../../world/clients.ts';
import type { World } from '../../world/world.ts';
import type { Stage } from '../types.ts';

/** A deployment of the world's, in which plans are run. */
export interface PlanPlace {
  readonly deployment: string;
  readonly region: string;
  readonly store: Store;
}

/** The journal, as the command line reads it. */
export const storeOf = (world: World): Store =>
  new Store(world.deployed.outputs.JournalTable ?? '', world.clients().dynamodb);

const homeOf = (world: World): PlanPlace => ({
  ...{ deployment: 'demo', region: world.context.region, store: storeOf(world) },
});

/** Starts a run, as the console would, and again when a remediation had the target in hand just then. @returns its name. */
export function startPlan(
  world: World,
  stage: Stage,
  plan: string,
  input: object,
  place: PlanPlace = homeOf(world),
): Promise<string> {
  let run = '';
  return stage.until(`a run of ${plan} to begin`, async () => {
    run ||= await startExecution(world, place, plan, input);
    const found = await readRun(place.store, plan, run);
    if (!found) return undefined;
    if (found.verdict !== 'refused' || !found.why?.includes('try again')) return run;
    run = '';
    return undefined;
  });
}

async function startExecution(
  world: World,
  { deployment, region }: PlanPlace,
  plan: string,
  input: object,
): Promise<string> {
  const { accountId } = world.context;
  const sfn = new SFNClient({
    ...{ endpoint: world.endpoint, region, userAgentAppId: OPERATOR },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const name = `${plan}-${Date.now()}`;
  try {
    await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: `arn:aws:states:${region}:${accountId}:stateMachine:nightshift-${deployment}-${plan}`,
        name,
        input: JSON.stringify(input),
      }),
    );
  } finally {
    sfn.destroy();
  }
  return name;
}

/** Waits until the run has ended. */
export function untilEnded(
  world: World,
  stage: Stage,
  plan: string,
  run: string,
  withinMs: number,
  { store }: PlanPlace = homeOf(world),
): Promise<RunItem> {
  let seen = 'nothing';
  return stage.until(
    `the run ${run} to end`,
    async () => {
      const found = await readRun(store, plan, run);
      const steps = Object.entries(found?.steps ?? {}).map(([name, { status, forward }]) =>
        [name, status, forward?.note].filter(Boolean).join(' '),
      );
      seen = `${found?.phase}; ${steps.join('; ')}`;
      return found?.phase === 'ended' ? found : undefined;
    },
    { withinMs, seen: () => seen },
  );
}

/** How long a step took, in milliseconds. */
export function tookMs(run: RunItem, step: string): number {
  const { forward } = stepOf(run, step);
  return forward?.endedAt === undefined ? 0 : forward.endedAt - forward.beganAt;
}

const WATCH_EVERY_MS = 50;

/** A client that keeps sending requests, and knows from when to when they failed. */
export interface Client {
  readonly load: Load;
  /** From the first failure that was seen to the last one; 0 without any. */
  downtimeMs(): number;
  stop(): void;
}

export function watchingClient(url: string, requestsPerSecond: number): Client {
  const load = createLoad({ url, requestsPerSecond, timeoutMs: 2_000 });
  let [first, last, failed] = [0, 0, 0];
  const timer = setInterval(() => {
    const present = load.stats().failed;
    if (present > failed) {
      last = Date.now();
      first ||= last;
    }
    failed = present;
  }, WATCH_EVERY_MS);
  return {
    load,
    downtimeMs: () => last - first,
    stop: () => {
      clearInterval(timer);
      load.stop();
    },
  };
}
