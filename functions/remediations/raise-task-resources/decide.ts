/** Which size the tasks of a service get, and how it is seen that they have it. Pure. */
import { isFargateSize, moreCpu, moreMemory, type TaskSize } from '../../ecs/fargate.ts';
import { recentRelease } from '../../ecs/release.ts';
import { mayRoll } from '../../ecs/rolling.ts';
import {
  type Deployment,
  type Missing,
  type PastDeployment,
  primaryOf,
  type RunningService,
  shortName,
  stackOf,
} from '../../ecs/types.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

/** The revision that runs. */
export interface DefinitionSeen extends TaskSize {
  readonly fargate: boolean;
  /** API page "RuntimePlatform": absent means LINUX and X86_64. */
  readonly system: string;
  readonly architecture: string;
  /** ARNs of its task role and its task execution role, as far as it has them. */
  readonly roles: readonly string[];
  /** Our tag: the revision that it was made from, by giving it more. */
  readonly raisedFrom?: string;
}

export type Observation =
  | Missing
  | (RunningService & {
      readonly definition: DefinitionSeen;
      /** Task definitions of tasks that were killed for want of memory; ECS knows of them for about an hour. */
      readonly outOfMemory: readonly string[];
      /** Newest first. */
      readonly history: readonly PastDeployment[];
    });
type Seen = Exclude<Observation, Missing>;

/** Before: what runs, as it was found. */
export interface Before extends TaskSize {
  readonly deploymentId?: string;
  readonly taskDefinition?: string;
  /** Of an undo: it is made only while our revision runs. */
  readonly raisedFrom?: string;
}
/** After: a revision made from another one, or in an undo one that there is. */
export interface After extends TaskSize {
  readonly raisedFrom?: string;
  readonly taskDefinition?: string;
  readonly tasks: number;
  readonly architecture: string;
}
export const beforeOf = ({ before }: Pick<Change, 'before'>): Before => before as unknown as Before;
export const afterOf = ({ after }: Pick<Change, 'after'>): After => after as unknown as After;

const STOP_FOR_SECONDS = 3_600;
const ECHOES = [{ source: 'ecs-deployment', what: 'SERVICE_DEPLOYMENT_IN_PROGRESS' }] as const;

export function decide({ signal, target, observation, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  // Events of tasks name no metric: they are about tasks that were killed, whose successors may be starting.
  const killed = signal.evidence.metricName === undefined;
  const may = mayRoll(observation, target, config, 'given greater tasks', killed ? 'go-on' : 'wait');
  if (may.kind === 'no') return may.decision;
  const { primary } = may;
  const { definition } = observation;
  if (killed && !observation.outOfMemory.includes(primary.taskDefinition))
    return { kind: 'fine', reason: `no task of ${shortName(primary.taskDefinition)} was killed for want of memory` };
  if (definition.raisedFrom !== undefined && primary.createdAtMs > Date.parse(signal.at))
    return { kind: 'fine', reason: `${shortName(primary.taskDefinition)} has more than when the trouble began` };
  const blame = releaseToBlame(observation, primary.taskDefinition, target, signal.at);
  if (blame) return { kind: 'escalate', reason: `${target.name} isn't given greater tasks: ${blame}` };
  const unfit = cannotBeRaised(observation, target);
  if (unfit) return { kind: 'escalate', reason: `${target.name} isn't given greater tasks: ${unfit}` };
  const most = { cpuUnits: target.maxTaskCpuUnits, memoryMib: target.maxTaskMemoryMib };
  const short = signal.evidence.metricName === 'CPUUtilization' ? 'CPU' : 'memory';
  const greater = short === 'CPU' ? moreCpu(definition, most) : moreMemory(definition, most);
  if (!greater) {
    return {
      kind: 'escalate',
      reason: `${target.name} is short of ${short}, its tasks have ${sizeOf(definition)} and may not have more than maxTaskCpuUnits ${most.cpuUnits} and maxTaskMemoryMib ${most.memoryMib}`,
    };
  }
  return { kind: 'act', change: raise(observation, primary, greater, target, config) };
}

/** A release that needs more than the one before is taken back, or raised by who made it: greater tasks would only hide it. Ours is no release. */
function releaseToBlame(
  { definition, history }: Seen,
  current: string,
  { rollBackWithinSeconds }: ServiceConfig,
  signalAt: string,
): string | undefined {
  if (definition.raisedFrom !== undefined) return undefined;
  const release = recentRelease(history, current, Date.parse(signalAt), rollBackWithinSeconds);
  if (!release) return undefined;
  const [name, before] = [shortName(current), shortName(release.before)];
  return `${name} had run for ${release.ageSeconds} s when the trouble began, so within rollBackWithinSeconds ${rollBackWithinSeconds} its release is to blame; going back to ${before}, which was steady, is the better step`;
}

/** Why no greater revision can be made of that one. */
function cannotBeRaised({ definition, fargate: runsThere }: Seen, { taskRoles }: ServiceConfig): string | undefined {
  if (!runsThere) return 'its tasks do not run on Fargate, or not all of them';
  const { fargate, system, cpuUnits, memoryMib, roles } = definition;
  if (!fargate) return 'its task definition does not require FARGATE, so its size depends on its instances';
  if (system !== 'LINUX') return `its tasks run on ${system}, for which other sizes hold`;
  if (!isFargateSize(cpuUnits, memoryMib)) return `${sizeOf(definition)} is no size that Fargate is known to have`;
  const unknown = roles.filter((role) => !taskRoles.includes(role));
  if (unknown.length > 0) return `taskRoles does not list ${unknown.join(' and ')}, so it may not be passed`;
  return undefined;
}

function raise(
  { desired, definition, ...seen }: Seen,
  primary: Deployment,
  size: TaskSize,
  target: ServiceConfig,
  config: RuntimeConfig,
): Change {
  const { taskDefinition, id: deploymentId } = primary;
  const { cpuUnits, memoryMib, architecture } = definition;
  const [from, to] = [sizeOf(definition), sizeOf(size)];
  const change = {
    before: { taskDefinition, deploymentId, cpuUnits, memoryMib },
    after: { ...size, raisedFrom: taskDefinition, tasks: desired, architecture },
  };
  const cost = costPerHourUsd(change, config);
  const stack = stackOf({ desired, ...seen });
  const told = [
    ...(cost === undefined ? [] : [`about ${cost.toFixed(4)} USD an hour more`]),
    ...(stack ? [`CloudFormation stack ${stack} still says ${shortName(taskDefinition)} and must be told`] : []),
  ];
  return {
    ...change,
    summary: [`give the ${desired} tasks of ${target.name} ${to} each instead of ${from}`, ...told].join('; '),
    echoes: ECHOES,
    undo: `set the task definition of ${target.cluster}/${target.service} back to ${shortName(taskDefinition)}`,
    undoChange: {
      summary: `give the tasks of ${target.name} ${from} each again, by ${shortName(taskDefinition)}`,
      before: { ...size, raisedFrom: taskDefinition },
      after: { cpuUnits, memoryMib, taskDefinition, tasks: desired, architecture },
      echoes: ECHOES,
      undo: 'raise its task size again',
    },
  };
}

export const sizeOf = ({ cpuUnits, memoryMib }: TaskSize): string => `${cpuUnits} CPU units and ${memoryMib} MiB`;

/** AWS Fargate pricing, on-demand, Linux, US dollars an hour for a vCPU and for a GB, looked up 2026-11-21: in us-east-1, other regions differ. */
const PRICES: Readonly<Record<string, Readonly<Record<string, { readonly vcpu: number; readonly gb: number }>>>> = {
  'us-east-1': { X86_64: { vcpu: 0.04048, gb: 0.004445 }, ARM64: { vcpu: 0.03238, gb: 0.00356 } },
};

/** What the change costs more, over all tasks; undefined where the price isn't known. */
export function costPerHourUsd(
  change: Pick<Change, 'before' | 'after'>,
  { region }: Pick<RuntimeConfig, 'region'>,
): number | undefined {
  const [before, after] = [beforeOf(change), afterOf(change)];
  const price = PRICES[region]?.[after.architecture];
  if (!price) return undefined;
  const vcpus = (after.cpuUnits - before.cpuUnits) / 1024;
  const gigabytes = (after.memoryMib - before.memoryMib) / 1024;
  return after.tasks * (vcpus * price.vcpu + gigabytes * price.gb);
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  const primary = observation.kind === 'missing' ? undefined : primaryOf(observation);
  if (observation.kind === 'missing' || !primary) return 'unclear';
  const [before, after] = [beforeOf(change), afterOf(change)];
  const { definition } = observation;
  if (after.taskDefinition !== undefined) {
    if (primary.taskDefinition === after.taskDefinition) return 'yes';
    return definition.raisedFrom === before.raisedFrom ? 'no' : 'unclear';
  }
  if (primary.id === before.deploymentId) return 'no';
  return definition.raisedFrom === after.raisedFrom && isSize(definition, after) ? 'yes' : 'unclear';
}

const isSize = (a: TaskSize, b: TaskSize): boolean => a.cpuUnits === b.cpuUnits && a.memoryMib === b.memoryMib;

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { definition, running, desired, outOfMemory } = observation;
  const primary = primaryOf(observation);
  const before = beforeOf(change).taskDefinition;
  if (!primary) return { kind: 'not-yet', detail: 'it has no deployment' };
  const name = shortName(primary.taskDefinition);
  const bad = (detail: string): Verification => ({ kind: 'bad', detail, stopForSeconds: STOP_FOR_SECONDS });
  if (primary.taskDefinition === before) return bad(`it runs ${name} again, with the size that it had`);
  if (!isSize(definition, afterOf(change)))
    return { kind: 'not-yet', detail: `it runs ${name} with ${sizeOf(definition)}: somebody else deployed it` };
  const detail = `${name} is ${primary.rolloutState}, ${running} of ${desired} tasks are running`;
  if (primary.rolloutState === 'FAILED') return { kind: 'worse', detail, stopForSeconds: STOP_FOR_SECONDS };
  if (outOfMemory.includes(primary.taskDefinition))
    return bad(`tasks of ${name} are killed for want of memory with ${definition.memoryMib} MiB, too`);
  const done = primary.rolloutState === 'COMPLETED' && running === desired && observation.deployments.length === 1;
  return { kind: done ? 'good' : 'not-yet', detail };
}
