/** Deployments that go wrong on the ECS stand-in, with real processes: what its API and its events say of them. */
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  TagResourceCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, openTestWorld, type TestWorld } from './support.ts';

jest.setTimeout(60_000);
const BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } };
let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld({ startDelayMs: 10, drainMs: 10, killAfterMs: 500, healthEveryMs: 60 });
  await world.clients.ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
});
afterAll(() => world?.close());

async function register(family: string, environment: Record<string, string> = {}, memory = '512'): Promise<string> {
  const { taskDefinition } = await world.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      cpu: '256',
      memory,
      requiresCompatibilities: ['FARGATE'],
      containerDefinitions: [
        {
          name: family,
          image: `${family}@sha256:${'0'.repeat(64)}`,
          environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
        },
      ],
      tags: [{ key: 'nightshift:schema', value: '1' }],
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? '';
}

async function create(name: string, taskDefinition: string, more = {}): Promise<void> {
  await world.clients.ecs.send(
    new CreateServiceCommand({ cluster: 'orders', serviceName: name, taskDefinition, desiredCount: 1, ...more }),
  );
}

const describeService = async (name: string) =>
  (await world.clients.ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: [name] }))).services?.[0];

const steady = (name: string) =>
  eventually(`${name} is steady`, async () => {
    const [only, ...others] = (await describeService(name))?.deployments ?? [];
    return only?.rolloutState === 'COMPLETED' && others.length === 0 && only;
  });

const deploymentsOf = async (name: string) =>
  (await world.clients.ecs.send(new ListServiceDeploymentsCommand({ cluster: 'orders', service: name })))
    .serviceDeployments ?? [];

async function tasks(name: string, desiredStatus: 'RUNNING' | 'STOPPED') {
  const { taskArns = [] } = await world.clients.ecs.send(
    new ListTasksCommand({ cluster: 'orders', serviceName: name, desiredStatus }),
  );
  if (taskArns.length === 0) return [];
  return (await world.clients.ecs.send(new DescribeTasksCommand({ cluster: 'orders', tasks: taskArns }))).tasks ?? [];
}

describe('the subnets of a service', () => {
  const inSubnets = (...subnets: string[]) => ({ networkConfiguration: { awsvpcConfiguration: { subnets } } });

  it('are where its tasks are, and others begin a deployment into them', async () => {
    await create('spread', await register('spread'), { desiredCount: 2, ...inSubnets('subnet-1a', 'subnet-1b') });
    const first = await steady('spread');
    const zones = async () => (await tasks('spread', 'RUNNING')).map(({ availabilityZone }) => availabilityZone).sort();
    expect(await zones()).toEqual(['eu-west-1a', 'eu-west-1b']);
    const update = (change: object) =>
      world.clients.ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'spread', ...change }));
    // The same ones begin none.
    await update(inSubnets('subnet-1a', 'subnet-1b'));
    expect(await steady('spread')).toMatchObject({ id: first.id });
    await update(inSubnets('subnet-1b', 'subnet-1c'));
    const second = await steady('spread');
    expect(second).toMatchObject(inSubnets('subnet-1b', 'subnet-1c'));
    expect(second.id).not.toBe(first.id);
    expect(await zones()).toEqual(['eu-west-1b', 'eu-west-1c']);
    const [task] = await tasks('spread', 'RUNNING');
    expect(task?.attachments?.[0]?.details).toEqual([
      { name: 'subnetId', value: expect.stringMatching(/^subnet-1[bc]$/) },
    ]);
  });
});

describe('a revision that fails its health checks', () => {
  it('is rolled back by the circuit breaker, as one service deployment that tells the revision brought back', async () => {
    const good = await register('sick');
    await create('sick', good, { deploymentConfiguration: BREAKER });
    await steady('sick');
    const bad = await register('sick', { SERVICE_FAIL_HEALTH: '1' });
    await world.clients.ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'sick', taskDefinition: bad }));
    await eventually(
      'it is rolled back',
      async () => (await deploymentsOf('sick'))[0]?.status === 'ROLLBACK_SUCCESSFUL',
    );
    const [failed, first, ...others] = await deploymentsOf('sick');
    expect(others).toEqual([]);
    expect(first?.status).toBe('SUCCESSFUL');
    const { serviceDeployments } = await world.clients.ecs.send(
      new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [failed?.serviceDeploymentArn ?? ''] }),
    );
    expect(serviceDeployments?.[0]?.rollback?.serviceRevisionArn).toBe(first?.targetServiceRevisionArn);
    expect((await describeService('sick'))?.taskDefinition).toBe(good);
    const names = world.events
      .filter(({ detailType, resources }) => /Deployment|Action/.test(detailType) && resources[0]?.endsWith('/sick'))
      .map(({ detail }) => (detail as { eventName: string }).eventName);
    expect(names).toEqual(expect.arrayContaining(['SERVICE_DEPLOYMENT_FAILED', 'SERVICE_TASK_START_IMPAIRED']));
  });
});

describe('a task that needs more memory than it may have', () => {
  it('is killed with 137 and says that it was memory, and runs with more', async () => {
    await create('hungry', await register('hungry', { SERVICE_MEMORY_MIB: '700' }));
    const [task] = await eventually('a task was killed', async () => {
      const stopped = await tasks('hungry', 'STOPPED');
      return stopped.length > 0 && stopped;
    });
    expect(task).toMatchObject({ stopCode: 'EssentialContainerExited' });
    expect(task?.containers?.[0]).toMatchObject({ exitCode: 137, reason: expect.stringContaining('OutOfMemoryError') });
    const larger = await register('hungry', { SERVICE_MEMORY_MIB: '700' }, '1024');
    await world.clients.ecs.send(
      new UpdateServiceCommand({ cluster: 'orders', service: 'hungry', taskDefinition: larger }),
    );
    await steady('hungry');
  });
});

describe('an unhealthy task within the grace period', () => {
  it('stays, is told as UNHEALTHY, and gets no request', async () => {
    const definition = await register('graced', { SERVICE_FAIL_HEALTH: '1' });
    await create('graced', definition, { healthCheckGracePeriodSeconds: 600 });
    await eventually(
      'it is unhealthy',
      async () => (await tasks('graced', 'RUNNING'))[0]?.healthStatus === 'UNHEALTHY',
    );
    expect((await fetch(world.ecs.serviceUrl('orders', 'graced'))).status).toBe(503);
  });
});

describe('task definitions', () => {
  it('keep their tags, and their revisions the digest of each image', async () => {
    const arn = await register('tagged');
    await world.clients.ecs.send(
      new TagResourceCommand({ resourceArn: arn, tags: [{ key: 'nightshift:schema', value: '2' }] }),
    );
    const described = await world.clients.ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: arn, include: ['TAGS'] }),
    );
    expect(described.tags).toEqual([{ key: 'nightshift:schema', value: '2' }]);
    await create('tagged', arn);
    const [deployment] = await deploymentsOf('tagged');
    const { serviceRevisions } = await world.clients.ecs.send(
      new DescribeServiceRevisionsCommand({ serviceRevisionArns: [deployment?.targetServiceRevisionArn ?? ''] }),
    );
    expect(serviceRevisions?.[0]).toMatchObject({
      taskDefinition: arn,
      containerImages: [{ containerName: 'tagged', imageDigest: `sha256:${'0'.repeat(64)}` }],
    });
  });
  it('are refused when Fargate has no such size', async () => {
    await expect(register('odd', {}, '600')).rejects.toThrow(/No Fargate configuration exists/);
  });
});

describe('a service of another deployment controller', () => {
  it('doesn’t take a task definition by UpdateService', async () => {
    await create('blue', await register('blue'), { deploymentController: { type: 'CODE_DEPLOY' } });
    const taskDefinition = await register('blue');
    const update = new UpdateServiceCommand({ cluster: 'orders', service: 'blue', taskDefinition });
    await expect(world.clients.ecs.send(update)).rejects.toThrow(/CODE_DEPLOY deployment controller/);
  });
});
