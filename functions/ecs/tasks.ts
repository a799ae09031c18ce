/** The tasks of a service. */
import { DescribeTasksCommand, type ECSClient, ListTasksCommand, type Task } from '@aws-sdk/client-ecs';
import type { ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';

/** DescribeTasks takes at most 100 (its API page), ListTasks gives as many on a page: more aren't looked at. */
const LOOKED_AT = 100;

/**
 * Tasks that are to run, or that have stopped (ECS keeps those for about an hour); empty for a service that isn't there.
 * @throws EngineError when they can't be read.
 */
export async function readTasks(
  ecs: ECSClient,
  { cluster, service }: Pick<ServiceConfig, 'cluster' | 'service'>,
  desiredStatus: 'RUNNING' | 'STOPPED',
): Promise<readonly Task[]> {
  try {
    const { taskArns = [] } = await ecs.send(
      new ListTasksCommand({ cluster, serviceName: service, desiredStatus, maxResults: LOOKED_AT }),
    );
    if (taskArns.length === 0) return [];
    return (await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))).tasks ?? [];
  } catch (error) {
    if (error instanceof Error && ['ServiceNotFoundException', 'ClusterNotFoundException'].includes(error.name))
      return [];
    throw classifyAwsError(`read the tasks of ECS service ${cluster}/${service}`, error);
  }
}
