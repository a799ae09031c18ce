import {
  ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListServiceDeploymentsCommand,
  ListServicesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, openTestWorld, type TestWorld } from './support.ts';

// Tasks are real processes, and a circuit breaker waits between its tries.
jest.setTimeout(60_000);
const cluster = 'orders';
let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld({ startDelayMs: 50, drainMs: 50, healthEveryMs: 200 });
  await world.clients.ecs.send(new CreateClusterCommand({ clusterName: cluster }));
});
afterAll(() => world.close());

async function definition(family: string, environment: Record<string, string> = {}) {
  const variables = Object.entries(environment).map(([name, value]) => ({ name, value }));
  const { taskDefinition } = await world.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      containerDefinitions: [{ name: family, image: `${family}:1`, environment: variables }],
    }),
  );
  return taskDefinition?.taskDefinitionArn;
}
async function create(serviceName: string, desiredCount: number, more: object = {}) {
  const taskDefinition = await definition(serviceName);
  await world.clients.ecs.send(
    new CreateServiceCommand({ cluster, serviceName, taskDefinition, desiredCount, ...more }),
  );
  await stable(serviceName);
}
const update = (service: string, more: Partial<UpdateServiceCommandInput>) =>
  world.clients.ecs.send(new UpdateServiceCommand({ cluster, service, ...more }));
async function describeService(service: string) {
  const { services } = await world.clients.ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  return services?.[0];
}
const stable = (service: string) =>
  waitUntilServicesStable(
    { client: world.clients.ecs, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
    { cluster, services: [service] },
  );
const eventsOf = (detailType: string, service: string) =>
  world.events.filter((event) => event.detailType === detailType && JSON.stringify(event).includes(service));
const answers = async (service: string) => (await fetch(world.ecs.serviceUrl(cluster, service))).status;

describe('a service', () => {
  it('starts its tasks through the states of AWS, tells each, and answers behind one address', async () => {
    await create('life', 2);
    const service = await describeService('life');
    expect(service).toMatchObject({ status: 'ACTIVE', runningCount: 2, pendingCount: 0 });
    expect(service?.deployments).toMatchObject([{ status: 'PRIMARY', rolloutState: 'COMPLETED', runningCount: 2 }]);
    expect(service?.events?.[0]?.message).toBe('(service life) has reached a steady state.');
    const states = eventsOf('ECS Task State Change', 'service:life').map(
      (e) => (e.detail as { lastStatus: string }).lastStatus,
    );
    expect(states.slice().sort()).toEqual(['PENDING', 'PENDING', 'PROVISIONING', 'PROVISIONING', 'RUNNING', 'RUNNING']);
    const rollout = eventsOf('ECS Deployment State Change', 'service/orders/life');
    expect(rollout.map((event) => (event.detail as { eventName: string }).eventName)).toEqual([
      'SERVICE_DEPLOYMENT_IN_PROGRESS',
      'SERVICE_DEPLOYMENT_COMPLETED',
    ]);
    expect(eventsOf('ECS Service Action', 'service/orders/life')).toHaveLength(1);
    expect(await answers('life')).toBe(200);
  });

  it('replaces a task whose process was killed', async () => {
    await create('killed', 2);
    const [victim] = world.ecs.processes(cluster, 'killed');
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    const stopped = await eventually('the task is stopped', async () => {
      const found = await world.clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: [victim?.taskArn ?? ''] }));
      return found.tasks?.[0]?.lastStatus === 'STOPPED' && found.tasks[0];
    });
    expect(stopped).toMatchObject({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 137 }] });
    await stable('killed');
    const now = world.ecs.processes(cluster, 'killed').map((task) => task.taskArn);
    expect(now).toHaveLength(2);
    expect(now).not.toContain(victim?.taskArn);
  });

  it('replaces a task that a person stopped, and keeps the reason', async () => {
    await create('stopped', 1);
    const { taskArns } = await world.clients.ecs.send(new ListTasksCommand({ cluster, serviceName: 'stopped' }));
    await world.clients.ecs.send(new StopTaskCommand({ cluster, task: taskArns?.[0] ?? '', reason: 'drill' }));
    await eventually('another task runs', async () => {
      const service = await describeService('stopped');
      const next = await world.clients.ecs.send(new ListTasksCommand({ cluster, serviceName: 'stopped' }));
      return service?.runningCount === 1 && next.taskArns?.[0] !== taskArns?.[0];
    });
    const { tasks } = await world.clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
    expect(tasks?.[0]).toMatchObject({ desiredStatus: 'STOPPED', stopCode: 'UserInitiated', stoppedReason: 'drill' });
  });

  it('is rolled out without a request lost, and shows the state between', async () => {
    await create('rolled', 2);
    const statuses: number[] = [];
    let rolling = true;
    const client = (async () => {
      while (rolling) statuses.push(await answers('rolled'));
    })();
    const before = world.ecs.processes(cluster, 'rolled').map((task) => task.taskArn);
    const { service } = await update('rolled', { forceNewDeployment: true });
    expect(service?.deployments).toMatchObject([
      { status: 'PRIMARY', rolloutState: 'IN_PROGRESS', runningCount: 0 },
      { status: 'ACTIVE', rolloutState: 'COMPLETED', runningCount: 2 },
    ]);
    await stable('rolled');
    rolling = false;
    await client;
    expect(new Set(statuses)).toEqual(new Set([200]));
    const after = world.ecs.processes(cluster, 'rolled').map((task) => task.taskArn);
    expect(after.filter((arn) => before.includes(arn))).toEqual([]);
  });

  it('answers 503 without tasks', async () => {
    await create('empty', 0);
    expect(await answers('empty')).toBe(503);
  });

  it('rolls a deployment that can’t start back by its circuit breaker', async () => {
    const deploymentCircuitBreaker = { enable: true, rollback: true };
    await create('broken', 1, { deploymentConfiguration: { deploymentCircuitBreaker } });
    const good = (await describeService('broken'))?.taskDefinition;
    await update('broken', { taskDefinition: await definition('broken', { SERVICE_FAIL_START: '1' }) });
    await eventually('it is back', async () => {
      const [primary] = (await describeService('broken'))?.deployments ?? [];
      return primary?.taskDefinition === good && primary?.rolloutState === 'COMPLETED';
    });
    const names = eventsOf('ECS Deployment State Change', 'service/orders/broken').map(
      (event) => (event.detail as { eventName: string }).eventName,
    );
    expect(names).toContain('SERVICE_DEPLOYMENT_FAILED');
    expect(await answers('broken')).toBe(200);
    const { serviceDeployments } = await world.clients.ecs.send(
      new ListServiceDeploymentsCommand({ cluster, service: 'broken' }),
    );
    expect(serviceDeployments?.map((d) => d.status)).toEqual(['ROLLBACK_SUCCESSFUL', 'SUCCESSFUL']);
  });

  it('is gone after its deletion, and says so', async () => {
    await create('deleted', 1);
    await expect(
      world.clients.ecs.send(new DeleteServiceCommand({ cluster, service: 'deleted' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await world.clients.ecs.send(new DeleteServiceCommand({ cluster, service: 'deleted', force: true }));
    await eventually('it is inactive', async () => (await describeService('deleted'))?.status === 'INACTIVE');
    await expect(update('deleted', { desiredCount: 1 })).rejects.toMatchObject({ name: 'ServiceNotActiveException' });
    const { serviceArns } = await world.clients.ecs.send(new ListServicesCommand({ cluster, maxResults: 100 }));
    expect(serviceArns?.some((arn) => arn.endsWith('/deleted'))).toBe(false);
  });
});

describe('what isn’t there', () => {
  it('is told by AWS’s errors', async () => {
    const missing = await world.clients.ecs.send(new DescribeServicesCommand({ cluster, services: ['nobody'] }));
    expect(missing.failures).toMatchObject([{ reason: 'MISSING' }]);
    await expect(update('nobody', { desiredCount: 1 })).rejects.toMatchObject({ name: 'ServiceNotFoundException' });
    const elsewhere = world.clients.ecs.send(new DescribeServicesCommand({ cluster: 'nowhere', services: ['x'] }));
    await expect(elsewhere).rejects.toMatchObject({ name: 'ClusterNotFoundException' });
    await create('typo', 0);
    await expect(update('typo', { taskDefinition: 'nope:9' })).rejects.toMatchObject({ name: 'ClientException' });
    await expect(update('typo', { desiredCount: -1 })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

describe('a task by itself', () => {
  it('runs until it is stopped, and isn’t replaced', async () => {
    const taskDefinition = await definition('alone');
    const ran = await world.clients.ecs.send(new RunTaskCommand({ cluster, taskDefinition, startedBy: 'me' }));
    const task = ran.tasks?.[0]?.taskArn ?? '';
    const status = async () =>
      (await world.clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }))).tasks?.[0]?.lastStatus;
    await eventually('it runs', async () => (await status()) === 'RUNNING');
    await world.clients.ecs.send(new StopTaskCommand({ cluster, task }));
    await eventually('it is stopped', async () => (await status()) === 'STOPPED');
    const { taskArns } = await world.clients.ecs.send(new ListTasksCommand({ cluster, startedBy: 'me' }));
    expect(taskArns).toEqual([]);
  });
});

describe('a scalable target', () => {
  it('raises and lowers the desired count into its limits, unless suspended', async () => {
    await create('scaled', 1);
    const client = new ApplicationAutoScalingClient(world.config);
    const ResourceId = 'service/orders/scaled';
    const target = { ServiceNamespace: 'ecs', ScalableDimension: 'ecs:service:DesiredCount', ResourceId } as const;
    const register = (more: object) => client.send(new RegisterScalableTargetCommand({ ...target, ...more }));
    const desired = (count: number) =>
      eventually(`desired count ${count}`, async () => (await describeService('scaled'))?.desiredCount === count);
    await register({ MinCapacity: 2, MaxCapacity: 4 });
    await desired(2);
    await register({ MinCapacity: 3 });
    await desired(3);
    await update('scaled', { desiredCount: 1 });
    await desired(3);
    await register({ MinCapacity: 1, MaxCapacity: 2 });
    await desired(2);
    await register({ SuspendedState: { DynamicScalingOutSuspended: true } });
    await register({ MinCapacity: 2, MaxCapacity: 5 });
    const { ScalableTargets } = await client.send(
      new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', ResourceIds: [ResourceId] }),
    );
    expect(ScalableTargets).toMatchObject([
      { MinCapacity: 2, MaxCapacity: 5, SuspendedState: { DynamicScalingOutSuspended: true } },
    ]);
    await expect(register({ MinCapacity: 6 })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(register({ ResourceId: 'service/orders/nobody', MinCapacity: 1, MaxCapacity: 1 })).rejects.toThrow();
    client.destroy();
  });
});

describe('stopping', () => {
  it('leaves no process behind', async () => {
    const other = await openTestWorld({ startDelayMs: 10 });
    await other.clients.ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const { taskDefinition } = await other.clients.ecs.send(
      new RegisterTaskDefinitionCommand({ family: 'x', containerDefinitions: [{ name: 'x', image: 'x' }] }),
    );
    const asked = { cluster, serviceName: 'x', desiredCount: 2, taskDefinition: taskDefinition?.taskDefinitionArn };
    await other.clients.ecs.send(new CreateServiceCommand(asked));
    const pids = await eventually('both run', () => {
      const tasks = other.ecs.processes(cluster, 'x');
      return (
        tasks.length === 2 && tasks.every((task) => task.status === 'RUNNING') && tasks.map((task) => task.pid ?? 0)
      );
    });
    await other.close();
    const alive = (pid: number) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false; // No such process: the answer.
      }
    };
    await eventually('both are gone', () => pids.every((pid) => !alive(pid)));
  });
});
