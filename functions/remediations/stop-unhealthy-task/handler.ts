/** The AWS side of `stop-unhealthy-task`. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DescribeTasksCommand, ECSClient, StopTaskCommand, type Task } from '@aws-sdk/client-ecs';
import { readServiceGuards, tasksOf } from '../../ecs/guards.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { readTasks } from '../../ecs/tasks.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { alreadyApplied, decide, idOf, type Observation, sickness, type TaskSeen, taskOf, verify } from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());

async function observe(target: ServiceConfig): Promise<Observation> {
  const [service, tasks] = await Promise.all([readService(ecs, target), readTasks(ecs, target, 'RUNNING')]);
  return service.kind === 'missing' ? service : { ...service, tasks: tasks.map(asSeen) };
}

function asSeen({
  taskArn = '',
  lastStatus = '',
  healthStatus,
  createdAt,
  startedAt,
  availabilityZone: zone,
}: Task): TaskSeen {
  const since = startedAt ?? createdAt;
  const inStatusForSeconds = since ? Math.max(0, Math.floor((Date.now() - since.getTime()) / 1000)) : 0;
  const seen = { arn: taskArn, status: lastStatus, health: healthStatus ?? 'UNKNOWN', inStatusForSeconds };
  return { ...seen, ...(zone !== undefined && { zone }) };
}

/** ECS can't compare before it stops, so one re-read comes directly before: a task that recovered is left alone. */
async function act(target: ServiceConfig, change: Change): Promise<ActReport> {
  const { task } = taskOf(change);
  const { cluster } = target;
  const live = await readTask(cluster, task);
  if (!live || live.desiredStatus === 'STOPPED' || sickness(asSeen(live), target) === undefined) {
    const found = live ? `${live.lastStatus}, ${live.healthStatus}, to be ${live.desiredStatus}` : 'no such task';
    throw new ChangedBySomeoneElseError(`task ${idOf(task)} of ${cluster}/${target.service}`, 'a sick task', found);
  }
  try {
    await changes.send(
      new StopTaskCommand({ cluster, task, reason: `Nightshift: the task ${sickness(asSeen(live), target)}` }),
    );
  } catch (error) {
    throw classifyAwsError(`stop task ${idOf(task)}`, error);
  }
  return { summary: `told ECS to stop task ${idOf(task)} of ${cluster}/${target.service}`, data: { task } };
}

async function readTask(cluster: string, task: string): Promise<Task | undefined> {
  try {
    return (await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }))).tasks?.[0];
  } catch (error) {
    throw classifyAwsError(`describe task ${idOf(task)}`, error);
  }
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  // Tasks are unhealthy while their database is: another one would be no better.
  ...ofService,
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  guards: tasksOf,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
};

export const handler = remediationHandler(remediation);
