/** Recovery plans of a place: which exist and are deployed, their state machines, and how a run is told. */
import { pathToFileURL } from 'node:url';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
  StateMachineDoesNotExist,
} from '@aws-sdk/client-sfn';
import type { Execution } from '../events/published/plans.ts';
import { clientDefaults } from '../functions/engine/clients.ts';
import type { Store } from '../functions/engine/store.ts';
import type { PlanCode } from '../functions/recovery/around.ts';
import { type RunItem, readRun, stepOf } from '../functions/recovery/items.ts';
import type { PlanManifest } from '../functions/recovery/manifest.ts';
import { discover } from '../infra/discover.ts';
import { UsageError } from '../local/world/errors.ts';
import { deploymentOf } from './deployment.ts';
import type { Place } from './place.ts';

/** The state machines of a place's plans. */
export interface Machines {
  isDeployed(plan: string): Promise<boolean>;
  /** @throws the SDK's error when it can't be started. */
  start(plan: string, execution: string, input: object): Promise<void>;
  /** What Step Functions says of an execution; undefined when it knows none. */
  statusOf(plan: string, execution: string): Promise<string | undefined>;
}

/** "Amazon Resource Names", AWS General Reference: partitions of China and of GovCloud have names of their own. */
const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';

export function openMachines(place: Place): Machines {
  const sfn = new SFNClient({ ...clientDefaults(), ...place.clientSettings });
  const { region, account } = place;
  const arn = (kind: string, plan: string) =>
    `arn:${partitionOf(region)}:states:${region}:${account}:${kind}:nightshift-${deploymentOf(place)}-${plan}`;
  return {
    isDeployed: (plan) =>
      known(
        sfn.send(new DescribeStateMachineCommand({ stateMachineArn: arn('stateMachine', plan) })),
        StateMachineDoesNotExist,
      ).then((found) => found !== undefined),
    start: async (plan, name, input) => {
      await sfn.send(
        new StartExecutionCommand({ stateMachineArn: arn('stateMachine', plan), name, input: JSON.stringify(input) }),
      );
    },
    statusOf: (plan, execution) =>
      known(
        sfn.send(new DescribeExecutionCommand({ executionArn: `${arn('execution', plan)}:${execution}` })),
        ExecutionDoesNotExist,
      ).then((found) => found?.status),
  };
}

async function known<T>(asked: Promise<T>, missing: new (...given: never[]) => Error): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof missing) return undefined;
    throw error;
  }
}

export interface KnownPlan {
  readonly manifest: PlanManifest;
  /** Its code, for checking an input before anything is started. */
  load(): Promise<Pick<PlanCode<unknown>, 'readInput' | 'targetsOf'>>;
}

/** The plans that this checkout knows. */
export async function knownPlans(): Promise<KnownPlan[]> {
  const { plans } = await discover();
  return plans.map(({ manifest, handler }) => ({
    manifest,
    load: async () => ((await import(pathToFileURL(handler).href)) as { code: PlanCode<unknown> }).code,
  }));
}

/** @throws UsageError naming the plans there are. */
export function choosePlan(name: string | undefined, plans: readonly KnownPlan[]): KnownPlan {
  const found = plans.find(({ manifest }) => manifest.name === name);
  if (found) return found;
  const names = plans.map(({ manifest }) => manifest.name).join(', ');
  throw new UsageError(name === undefined ? `name a plan: ${names}` : `there is no plan "${name}"; there are ${names}`);
}

/** The run of that name, of whichever plan: what the console starts is named by chance. @throws UsageError when there is none. */
export async function findRun(
  store: Store,
  run: string,
  plans: readonly KnownPlan[],
): Promise<{ readonly manifest: PlanManifest; readonly found: RunItem }> {
  for (const { manifest } of plans) {
    const found = await readRun(store, manifest.name, run);
    if (found) return { manifest, found };
  }
  throw new UsageError(`there is no run "${run}": see "nightshift executions"`);
}

/** A name that sorts by time; Step Functions lets at most 80 characters. */
export const nameOfRun = (plan: string, now: number, random: () => number): string =>
  `${plan}-${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0')}`;

const iso = (ms: number): string => new Date(ms).toISOString();

/** A run as it is published. Pure. */
export function executionOf(run: RunItem, { steps, targets }: Pick<PlanManifest, 'steps' | 'targets'>): Execution {
  const { plan, phase, verdict, summary, rehearse, startedBy, startedAt, endedAt, incidentId, figures } = run;
  return {
    ...{ run: run.run, plan, phase, rehearse, startedBy, startedAt: iso(startedAt), targets: [...run.targets] },
    ...(verdict && { verdict }),
    ...(summary && { summary }),
    ...(incidentId && { incidentId }),
    ...(endedAt !== undefined && { endedAt: iso(endedAt), recoveryTimeMs: endedAt - startedAt - run.frozenMs }),
    targetRecoveryTimeMs: targets.recoveryTimeSeconds * 1000,
    ...(figures?.dataLossMs !== undefined && { dataLossMs: figures.dataLossMs }),
    ...(figures?.targetDataLossMs !== undefined && { targetDataLossMs: figures.targetDataLossMs }),
    steps: steps.map(({ name, budgetSeconds }) => {
      const { status, forward, undo } = stepOf(run, name);
      const note = undo?.note ?? forward?.note;
      return {
        ...{ name, status, budgetMs: budgetSeconds * 1000 },
        ...(forward?.endedAt !== undefined && { tookMs: forward.endedAt - forward.beganAt }),
        ...(note && { note }),
      };
    }),
  };
}
