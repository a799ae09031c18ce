/** A revision that differs from another one only in what its tasks get. Pure. */
import type { ContainerDefinition, RegisterTaskDefinitionCommandInput, Tag, TaskDefinition } from '@aws-sdk/client-ecs';
import type { TaskSize } from '../../ecs/fargate.ts';

/** The number of the revision of the same family that it was made from: so that it is found again, and known as ours. */
const RAISED_TAG = 'nightshift:raised-from';

/** ARN of the revision that this one was made from by giving it more; undefined for all that aren't ours. */
export function raisedFromOf(taskDefinition: string, tags: Readonly<Record<string, string>>): string | undefined {
  const revision = tags[RAISED_TAG];
  return revision === undefined ? undefined : taskDefinition.replace(/:\d+$/, `:${revision}`);
}

/**
 * Everything is kept, also what this code doesn't know; only what ECS says of a revision, and can't be registered, is left out (API pages
 * "TaskDefinition" and "RegisterTaskDefinition"). Limits of containers grow with the task, else they would be short as before.
 */
export function greaterRevision(
  definition: TaskDefinition,
  tags: Readonly<Record<string, string>>,
  size: TaskSize,
): RegisterTaskDefinitionCommandInput {
  const {
    taskDefinitionArn: _arn,
    revision,
    status: _status,
    requiresAttributes: _requiresAttributes,
    compatibilities: _compatibilities,
    registeredAt: _registeredAt,
    deregisteredAt: _deregisteredAt,
    registeredBy: _registeredBy,
    deleteRequestedAt: _deleteRequestedAt,
    ...kept
  } = definition;
  const memory = size.memoryMib / Number(definition.memory);
  const cpu = size.cpuUnits / Number(definition.cpu);
  return {
    ...kept,
    family: definition.family,
    containerDefinitions: definition.containerDefinitions?.map((each) => greaterContainer(each, memory, cpu)),
    cpu: String(size.cpuUnits),
    memory: String(size.memoryMib),
    tags: withTag(tags, String(revision)),
  };
}

/** Rounded down, so that all of them together still fit into the task. */
function greaterContainer(container: ContainerDefinition, memory: number, cpu: number): ContainerDefinition {
  const grown = (value: number | undefined, factor: number) =>
    value === undefined ? undefined : Math.floor(value * factor);
  const limits = {
    memory: grown(container.memory, memory),
    memoryReservation: grown(container.memoryReservation, memory),
    cpu: grown(container.cpu, cpu),
  };
  return { ...container, ...limits };
}

/** Keys beginning with `aws:` are AWS's own and can't be given ("Tagging your Amazon ECS resources"). */
const withTag = (tags: Readonly<Record<string, string>>, from: string): Tag[] =>
  Object.entries({ ...tags, [RAISED_TAG]: from })
    .filter(([key]) => !key.startsWith('aws:'))
    .map(([key, value]) => ({ key, value }));
