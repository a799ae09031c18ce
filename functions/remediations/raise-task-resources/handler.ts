/** The AWS side of `raise-task-resources`: a new revision of the task definition, and its roll-out. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import {
  ECSClient,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { type Definition, readDefinition } from '../../ecs/definition.ts';
import { readServiceGuards, tasksOf } from '../../ecs/guards.ts';
import { listDeployments, withRevisions } from '../../ecs/history.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { readTasks } from '../../ecs/tasks.ts';
import { primaryOf, shortName } from '../../ecs/types.ts';
import {
  CHANGING_CALL_BUDGET_MS,
  changingClientDefaults,
  clientDefaults,
  onceClientDefaults,
} from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError, OutOfTimeError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { OUT_OF_MEMORY } from '../../engine/sources/ecs-task.ts';
import {
  afterOf,
  alreadyApplied,
  type Before,
  beforeOf,
  costPerHourUsd,
  type DefinitionSeen,
  decide,
  type Observation,
  sizeOf,
  verify,
} from './decide.ts';
import { manifest } from './manifest.ts';
import { greaterRevision, raisedFromOf } from './revision.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());
/** Registering has no token: an answer that was lost is looked for by tag, not asked for again. */
const registers = new ECSClient(onceClientDefaults());
/** As many of the newest revisions of a family are looked through for one of ours. */
const LOOKED_THROUGH = 5;

async function observe(target: ServiceConfig): Promise<Observation> {
  const [service, deployments, stopped] = await Promise.all([
    readService(ecs, target),
    listDeployments(ecs, target),
    readTasks(ecs, target, 'STOPPED'),
  ]);
  if (service.kind === 'missing') return service;
  const running = primaryOf(service)?.taskDefinition;
  const outOfMemory = stopped
    .filter(({ containers }) => containers?.some(({ reason }) => reason?.startsWith(OUT_OF_MEMORY)))
    .flatMap(({ taskDefinitionArn }) => (taskDefinitionArn ? [taskDefinitionArn] : []));
  const [definition, history] = await Promise.all([
    running === undefined ? NONE : readDefinition(ecs, running).then(seen),
    withRevisions(ecs, deployments),
  ]);
  return { ...service, definition, history, outOfMemory: [...new Set(outOfMemory)] };
}

/** Of a service without a deployment, which nothing is decided about. */
const NONE: DefinitionSeen = {
  ...{ cpuUnits: 0, memoryMib: 0, fargate: false, system: 'LINUX', architecture: 'X86_64', roles: [] },
};

function seen({ definition, tags }: Definition): DefinitionSeen {
  const { cpu, memory, requiresCompatibilities = [], runtimePlatform, taskRoleArn, executionRoleArn } = definition;
  const raisedFrom = raisedFromOf(definition.taskDefinitionArn ?? '', tags);
  return {
    cpuUnits: Number(cpu ?? 0),
    memoryMib: Number(memory ?? 0),
    fargate: requiresCompatibilities.includes('FARGATE'),
    system: runtimePlatform?.operatingSystemFamily ?? 'LINUX',
    architecture: runtimePlatform?.cpuArchitecture ?? 'X86_64',
    roles: [taskRoleArn, executionRoleArn].filter((role) => role !== undefined),
    ...(raisedFrom !== undefined && { raisedFrom }),
  };
}

/** The revision comes first: one that was registered before somebody died is found by its tag. One re-read lies directly before the roll-out. */
async function act(
  target: ServiceConfig,
  change: Change,
  remaining: RemainingMs,
  _config: RuntimeConfig,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const [before, after] = [beforeOf(change), afterOf(change)];
  const { cluster, service } = target;
  await assertUnchanged(target, before);
  const revision = after.taskDefinition ?? (await revisionFor(change, remaining, mayGoOn));
  const what = `set the task definition of ${cluster}/${service} to ${shortName(revision)}, with ${sizeOf(after)}`;
  await Promise.all([assertUnchanged(target, before), mayGoOn()]);
  assertTime(remaining, what);
  try {
    await changes.send(new UpdateServiceCommand({ cluster, service, taskDefinition: revision }));
  } catch (error) {
    throw classifyAwsError(what, error);
  }
  return {
    summary: `${what} (had ${sizeOf(before)})`,
    data: { taskDefinition: revision, cpuUnits: after.cpuUnits, memoryMib: after.memoryMib },
  };
}

/** @returns the ARN of the revision of that size made from the one that ran. */
async function revisionFor(change: Change, remaining: RemainingMs, mayGoOn: MayGoOn): Promise<string> {
  const { raisedFrom = '', ...size } = afterOf(change);
  const [from] = await Promise.all([readDefinition(ecs, raisedFrom), mayGoOn()]);
  const found = await registered(from.definition.family ?? '', raisedFrom, size);
  if (found !== undefined) return found;
  const what = `register a revision of ${shortName(raisedFrom)} with ${sizeOf(size)}`;
  assertTime(remaining, what);
  try {
    const input = greaterRevision(from.definition, from.tags, size);
    const reply = await sendOnce(() => registers.send(new RegisterTaskDefinitionCommand(input)));
    return reply.taskDefinition?.taskDefinitionArn ?? '';
  } catch (error) {
    throw classifyAwsError(what, error);
  }
}

/** An active revision that says of itself to have been made from that one, with that size. */
async function registered(
  family: string,
  raisedFrom: string,
  size: { readonly cpuUnits: number; readonly memoryMib: number },
): Promise<string | undefined> {
  const newest = await newestOf(family);
  const read = await Promise.all(newest.map((arn) => readDefinition(ecs, arn)));
  const ours = read.find(({ definition, tags }) => {
    const { cpu, memory, status, taskDefinitionArn = '' } = definition;
    const fits = Number(cpu) === size.cpuUnits && Number(memory) === size.memoryMib;
    return fits && status === 'ACTIVE' && raisedFromOf(taskDefinitionArn, tags) === raisedFrom;
  });
  return ours?.definition.taskDefinitionArn;
}

async function newestOf(familyPrefix: string): Promise<readonly string[]> {
  try {
    const reply = await ecs.send(
      new ListTaskDefinitionsCommand({ familyPrefix, status: 'ACTIVE', sort: 'DESC', maxResults: LOOKED_THROUGH }),
    );
    return reply.taskDefinitionArns ?? [];
  } catch (error) {
    throw classifyAwsError(`list the revisions of ${familyPrefix}`, error);
  }
}

/** What came before may have taken long; a later delivery goes on from there. */
function assertTime(remaining: RemainingMs, what: string): void {
  if (remaining() < CHANGING_CALL_BUDGET_MS)
    throw new OutOfTimeError(`${what}: ${remaining()} ms left, too little to finish it`);
}

/** @throws ChangedBySomeoneElseError when another deployment than the recorded one is the primary, or in an undo another revision than ours. */
async function assertUnchanged(target: ServiceConfig, before: Before): Promise<void> {
  const live = await readService(ecs, target);
  const primary = live.kind === 'missing' ? undefined : primaryOf(live);
  if (primary && before.deploymentId !== undefined && primary.id === before.deploymentId) return;
  if (primary && before.deploymentId === undefined) {
    const { tags } = await readDefinition(ecs, primary.taskDefinition);
    if (raisedFromOf(primary.taskDefinition, tags) === before.raisedFrom) return;
  }
  const expected = before.deploymentId ?? `a revision raised from ${shortName(before.raisedFrom ?? '')}`;
  const found = primary ? `${shortName(primary.taskDefinition)} in ${primary.id}` : 'no such service';
  throw new ChangedBySomeoneElseError(`${target.cluster}/${target.service}`, expected, found);
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  // New tasks of a service whose database is in trouble would be no better, and connect anew all at once.
  ...ofService,
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  guards: tasksOf,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
  costPerHourUsd: (change, _target, config) => costPerHourUsd(change, config),
};

export const handler = remediationHandler(remediation);
