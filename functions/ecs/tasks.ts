/** The tasks of a service. */
import { DescribeTasksCommand, type ECSClient, ListTasksCommand, type Task } from '@aws-sdk/client-ecs';
import type { ServiceConfig } from '../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';

/** DescribeTasks takes at most 100 (its API page), ListTasks gives as many on a page. */
const LOOKED_AT = 100;

/**
 * Tasks that are to run, or that have stopped (ECS keeps those for about an hour); empty for a service that isn't there.
 * @param pages that are looked at when every task counts; undefined: the first, and no more.
 * @throws EngineError when they can't be read; ActionFailedError when there are more than `pages`.
 */
export async function readTasks(
  ecs: ECSClient,
  { cluster, service }: Pick<ServiceConfig, 'cluster' | 'service'>,
  desiredStatus: 'RUNNING' | 'STOPPED',
  pages?: number,
): Promise<readonly Task[]> {
  const found: Task[] = [];
  let nextToken: string | undefined;
  try {
    for (let page = 0; page < (pages ?? 1); page++) {
      const listed = await ecs.send(
        new ListTasksCommand({
          ...{ cluster, serviceName: service, desiredStatus, maxResults: LOOKED_AT },
          ...(nextToken !== undefined && { nextToken }),
        }),
      );
      const { taskArns: tasks = [] } = listed;
      if (tasks.length > 0) found.push(...((await ecs.send(new DescribeTasksCommand({ cluster, tasks }))).tasks ?? []));
      nextToken = listed.nextToken;
      if (nextToken === undefined || pages === undefined) return found;
    }
  } catch (error) {
    if (error instanceof Error && ['ServiceNotFoundException', 'ClusterNotFoundException'].includes(error.name))
      return [];
    throw classifyAwsError(`read the tasks of ECS service ${cluster}/${service}`, error);
  }
  throw new ActionFailedError(`ECS service ${cluster}/${service} has more than ${pages} pages of tasks`);
}
