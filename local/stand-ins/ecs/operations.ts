/** ECS's API operations (their API pages) on what the stand-in keeps. Services are in `service-operations.ts`. */
import type {
  CreateClusterRequest,
  DeregisterTaskDefinitionRequest,
  DescribeClustersRequest,
  DescribeTaskDefinitionRequest,
  DescribeTasksRequest,
  ListTagsForResourceRequest,
  ListTaskDefinitionsRequest,
  ListTasksRequest,
  RegisterTaskDefinitionRequest,
  RunTaskRequest,
  StopTaskRequest,
  Tag,
  TagResourceRequest,
  TaskDefinition,
  UntagResourceRequest,
} from '@aws-sdk/client-ecs';
import { isFargateSize } from '../../../functions/ecs/fargate.ts';
import type { AwsCall } from '../../world/types.ts';
import { AwsFault } from '../../world/types.ts';
import { page } from '../cloudwatch/describe.ts';
import type { Operation, Wire } from '../cloudwatch/wire.ts';
import { operation } from '../cloudwatch/wire.ts';
import { describeCluster, describeTask, wired } from './describe.ts';

import type { ClusterRecord, RegionRecord } from './model.ts';
import type { Runner } from './runner.ts';
import type { Scheduler } from './scheduler.ts';

export interface OperationContext {
  region(name: string): RegionRecord;
  scheduler: Scheduler;
  runner: Runner;
}

/** Declares an operation on the region of the call. */
export const regional =
  (context: OperationContext) =>
  <Input>(run: (region: RegionRecord, input: Wire<Input>) => unknown): Operation =>
    operation<Input>((input, call: AwsCall) => run(context.region(call.region), input));

/** The last part of an ARN, or the name itself. */
export const nameOf = (nameOrArn: string): string => nameOrArn.split('/').at(-1) ?? nameOrArn;
export const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);

/** @throws AwsFault `ClusterNotFoundException`. */
export function clusterOf(region: RegionRecord, nameOrArn: string | undefined): ClusterRecord {
  const cluster = region.clusters.get(nameOf(nameOrArn ?? 'default'));
  if (!cluster) throw new AwsFault('ClusterNotFoundException', 'Cluster not found.');
  return cluster;
}

/** A task definition by `family`, `family:revision` or ARN; without a revision the newest active one. @throws AwsFault `ClientException`. */
export function definitionOf(region: RegionRecord, nameOrArn: string | undefined): TaskDefinition {
  const [family = '', revision] = nameOf(nameOrArn ?? '').split(':');
  const revisions = region.definitions.get(family) ?? [];
  const found = revision
    ? revisions[Number(revision) - 1]
    : revisions.findLast((definition) => definition.status === 'ACTIVE');
  if (!found)
    throw new AwsFault('ClientException', `Unable to describe task definition ${nameOrArn}: TaskDefinition not found.`);
  return found;
}

function register(
  region: RegionRecord,
  input: Wire<RegisterTaskDefinitionRequest>,
): { taskDefinition: TaskDefinition; tags: Tag[] } {
  // The request holds no dates, so on the wire it is what the SDK's type says.
  const { family, tags = [], ...rest } = input as RegisterTaskDefinitionRequest;
  if (rest.requiresCompatibilities?.includes('FARGATE') && !isFargateSize(Number(rest.cpu), Number(rest.memory)))
    throw new AwsFault(
      'ClientException',
      `No Fargate configuration exists for given values: ${rest.cpu} CPU, ${rest.memory} memory. See the Amazon ECS documentation for the valid values.`,
    );
  if (!family || !rest.containerDefinitions?.length)
    throw new AwsFault(
      'ClientException',
      'family, containerDefinitions: a task definition needs a family and a container',
    );
  const revisions = region.definitions.get(family) ?? [];
  const revision = revisions.length + 1;
  const taskDefinition: TaskDefinition = {
    ...rest,
    family,
    revision,
    taskDefinitionArn: `arn:aws:ecs:${region.name}:${region.accountId}:task-definition/${family}:${revision}`,
    status: 'ACTIVE',
    compatibilities: ['EC2', 'FARGATE'],
    registeredAt: new Date(),
  };
  region.definitions.set(family, [...revisions, taskDefinition]);
  region.definitionTags.set(taskDefinition.taskDefinitionArn ?? '', [...tags]);
  return { taskDefinition, tags };
}

/** Tags only when they are asked for (API page "DescribeTaskDefinition", include). */
function describeDefinition(region: RegionRecord, input: Wire<DescribeTaskDefinitionRequest>): unknown {
  const taskDefinition = definitionOf(region, input.taskDefinition);
  const tags = region.definitionTags.get(taskDefinition.taskDefinitionArn ?? '') ?? [];
  return wired({ taskDefinition, ...(input.include?.includes('TAGS') && { tags }) });
}

function deregister(region: RegionRecord, input: Wire<DeregisterTaskDefinitionRequest>): unknown {
  const found = definitionOf(region, input.taskDefinition);
  const inactive: TaskDefinition = { ...found, status: 'INACTIVE', deregisteredAt: new Date() };
  const revisions = region.definitions.get(found.family ?? '') ?? [];
  region.definitions.set(
    found.family ?? '',
    revisions.map((other) => (other === found ? inactive : other)),
  );
  return wired({ taskDefinition: inactive });
}

function listDefinitions(region: RegionRecord, input: Wire<ListTaskDefinitionsRequest>): unknown {
  const status = input.status ?? 'ACTIVE';
  const arns = [...region.definitions]
    .filter(([family]) => !input.familyPrefix || family === input.familyPrefix)
    .flatMap(([, revisions]) => revisions)
    .filter((definition) => definition.status === status)
    .map((definition) => definition.taskDefinitionArn ?? '');
  if (input.sort === 'DESC') arns.reverse();
  const { items, next } = page(arns, input.maxResults ?? 100, input.nextToken);
  return { taskDefinitionArns: items, ...(next && { nextToken: next }) };
}

function listTasks(region: RegionRecord, input: Wire<ListTasksRequest>): unknown {
  const desired = input.desiredStatus ?? 'RUNNING';
  const arns = [...clusterOf(region, input.cluster).tasks.values()]
    .filter(
      (task) =>
        task.desiredStatus === desired &&
        (!input.serviceName || task.service?.name === nameOf(input.serviceName)) &&
        (!input.family || task.definition.family === input.family) &&
        (!input.startedBy || task.startedBy === input.startedBy),
    )
    .map((task) => task.arn);
  const { items, next } = page(arns, input.maxResults ?? 100, input.nextToken);
  return { taskArns: items, ...(next && { nextToken: next }) };
}

function describeTasks(region: RegionRecord, input: Wire<DescribeTasksRequest>): unknown {
  const cluster = clusterOf(region, input.cluster);
  const found = (input.tasks ?? []).map((asked) => ({ asked, task: cluster.tasks.get(nameOf(asked)) }));
  return wired({
    tasks: found.flatMap(({ task }) => (task ? [describeTask(task)] : [])),
    failures: found.flatMap(({ asked, task }) => (task ? [] : [{ arn: asked, reason: 'MISSING' }])),
  });
}

/** The tags of a cluster, service, task or task definition, to be changed in place. @throws AwsFault `InvalidParameterException`. */
function tagsOf(region: RegionRecord, arn: string | undefined): Tag[] {
  const definitionTags = region.definitionTags.get(arn ?? '');
  if (definitionTags) return definitionTags;
  for (const cluster of region.clusters.values()) {
    const all = [cluster, ...cluster.services.values(), ...cluster.tasks.values()];
    const found = all.find((resource) => resource.arn === arn);
    if (found) return found.tags;
  }
  throw invalid(`resourceArn: there is no cluster, service, task or task definition ${arn}`);
}

function setTags(tags: Tag[], added: readonly Tag[], removed: readonly string[]): void {
  const gone = [...removed, ...added.map((tag) => tag.key)];
  tags.splice(0, tags.length, ...tags.filter((tag) => !gone.includes(tag.key ?? '')), ...added);
}

export function createOperations(context: OperationContext): Readonly<Record<string, Operation>> {
  const on = regional(context);
  return {
    CreateCluster: on<CreateClusterRequest>((region, input) => {
      const name = input.clusterName ?? 'default';
      const arn = `arn:aws:ecs:${region.name}:${region.accountId}:cluster/${name}`;
      const setting = input.settings?.find((each) => each.name === 'containerInsights')?.value ?? 'disabled';
      const containerInsights = setting !== 'disabled';
      const made: ClusterRecord = {
        ...{ name, arn, region, services: new Map(), tasks: new Map(), tags: input.tags ?? [] },
        containerInsights,
        hasCapacity: true,
      };
      // Creating one that exists gives that one, as on AWS.
      const cluster = region.clusters.get(name) ?? made;
      region.clusters.set(name, cluster);
      return wired({ cluster: describeCluster(cluster) });
    }),
    DescribeClusters: on<DescribeClustersRequest>((region, input) => {
      const asked = input.clusters ?? ['default'];
      const found = asked.map((name) => region.clusters.get(nameOf(name)));
      const failures = asked.filter((_, i) => !found[i]).map((arn) => ({ arn, reason: 'MISSING' }));
      return wired({ clusters: found.flatMap((cluster) => (cluster ? [describeCluster(cluster)] : [])), failures });
    }),
    ListClusters: on<object>((region) => ({
      clusterArns: [...region.clusters.values()].map((cluster) => cluster.arn),
    })),
    RegisterTaskDefinition: on<RegisterTaskDefinitionRequest>((region, input) => wired(register(region, input))),
    DeregisterTaskDefinition: on<DeregisterTaskDefinitionRequest>(deregister),
    DescribeTaskDefinition: on<DescribeTaskDefinitionRequest>((region, input) => describeDefinition(region, input)),
    ListTaskDefinitions: on<ListTaskDefinitionsRequest>(listDefinitions),
    ListTasks: on<ListTasksRequest>(listTasks),
    DescribeTasks: on<DescribeTasksRequest>(describeTasks),
    RunTask: on<RunTaskRequest>((region, input) => {
      const cluster = clusterOf(region, input.cluster);
      const definition = definitionOf(region, input.taskDefinition);
      const about = {
        ...(input.group && { group: input.group }),
        ...(input.startedBy && { startedBy: input.startedBy }),
      };
      const tasks = Array.from({ length: input.count ?? 1 }, () =>
        context.scheduler.startTask(cluster, definition, about),
      );
      return wired({ tasks: tasks.map(describeTask), failures: [] });
    }),
    StopTask: on<StopTaskRequest>((region, input) => {
      const task = clusterOf(region, input.cluster).tasks.get(nameOf(input.task ?? ''));
      if (!task) throw invalid('The referenced task was not found.');
      context.runner.stop(task, 'UserInitiated', input.reason ?? 'Task stopped by user');
      return wired({ task: describeTask(task) });
    }),
    TagResource: on<TagResourceRequest>((region, input) =>
      setTags(tagsOf(region, input.resourceArn), input.tags ?? [], []),
    ),
    UntagResource: on<UntagResourceRequest>((region, input) =>
      setTags(tagsOf(region, input.resourceArn), [], input.tagKeys ?? []),
    ),
    ListTagsForResource: on<ListTagsForResourceRequest>((region, input) => ({
      tags: tagsOf(region, input.resourceArn),
    })),
  };
}
