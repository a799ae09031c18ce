/**
 * Tasks of ECS services. What happened is the stop code of a task that stopped (API page "Task": `EssentialContainerExited`,
 * `TaskFailedToStart`, `UserInitiated` ...), `OutOfMemoryError` where that ended one of its containers ("Stopped tasks error codes"), and its
 * last status before that.
 */
import { ecsTask } from '../../../events/sources/ecs-task/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

/** Not a stop code: the beginning of the reason of a container that was killed because of memory. */
export const OUT_OF_MEMORY = 'OutOfMemoryError';

export const source: EventSource = {
  name: 'ecs-task',
  eventPattern: (what) => ({
    source: ['aws.ecs'],
    'detail-type': ['ECS Task State Change'],
    ...(what.length > 0 && {
      detail: {
        lastStatus: ['STOPPED'],
        // A container that was killed is an essential one that exited; toSignal tells the two apart.
        stopCode: [...new Set(what.map((each) => (each === OUT_OF_MEMORY ? 'EssentialContainerExited' : each)))],
      },
    }),
  }),
  toSignal(event, { region }) {
    const parsed = ecsTask.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, detail } = parsed.data;
    const { clusterArn, taskArn, group = '', taskDefinitionArn, startedBy, containers = [] } = detail;
    const service = /^service:(.+)$/.exec(group)?.[1];
    const serviceArn = clusterArn.replace(/:cluster\/([^/]+)$/, `:service/$1/${service}`);
    const target = oneTarget(
      id,
      service ? targetsOfArn(serviceArn, region) : [],
      `task ${taskArn}, of group "${group}",`,
    );
    if (typeof target !== 'string') return target;
    const killed = containers.find(({ reason }) => reason?.startsWith(OUT_OF_MEMORY));
    const exited = killed ?? containers.find(({ exitCode = 0 }) => exitCode !== 0);
    const stopped = detail.lastStatus === 'STOPPED';
    const what = !stopped ? detail.lastStatus : killed ? OUT_OF_MEMORY : (detail.stopCode ?? 'STOPPED');
    return happened('ecs-task', {
      ...{ id, time, target, what },
      reason: killed?.reason ?? detail.stoppedReason ?? what,
      facts: { taskArn, taskDefinitionArn, deploymentId: startedBy, exitCode: exited?.exitCode },
    });
  },
};
