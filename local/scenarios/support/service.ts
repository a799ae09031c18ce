/** The demo's services as scenarios look at them: through AWS's API, as their owner would. Where no service is named, it is `backend`. */
import { GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { DEMO, imageOf } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { ScenarioFailure, type Stage } from '../types.ts';

const PERIOD_SECONDS = 10;
/** Samples of a period may come this long after it ended. */
const INGESTION_MS = 1_000;

export interface ServiceState {
  readonly desired: number;
  readonly running: number;
  /** One deployment, and it is complete. */
  readonly steady: boolean;
}

interface ServicePlace {
  readonly cluster: string;
  readonly region?: string;
}

async function describe(
  world: World,
  service: string,
  { cluster, region }: ServicePlace = { cluster: DEMO.cluster },
): Promise<Service> {
  const { services } = await world
    .clients(region)
    .ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  const found = services?.[0];
  if (!found) throw new ScenarioFailure(`service ${cluster}/${service} is gone`);
  return found;
}

export async function serviceState(
  world: World,
  service: string = DEMO.service,
  place?: ServicePlace,
): Promise<ServiceState> {
  const found = await describe(world, service, place);
  const { desiredCount = 0, runningCount = 0, deployments = [] } = found;
  return {
    desired: desiredCount,
    running: runningCount,
    steady: deployments.length === 1 && deployments[0]?.rolloutState === 'COMPLETED',
  };
}

/** Waits until the service wants and runs exactly `tasks`. */
export async function untilTasks(
  world: World,
  stage: Stage,
  tasks: number,
  withinMs: number,
  service: string = DEMO.service,
): Promise<void> {
  let seen = '';
  await stage.until(
    `${service} to want and run ${tasks} tasks`,
    async () => {
      const { desired, running, steady } = await serviceState(world, service);
      seen = `desired ${desired}, running ${running}${steady ? '' : ', deploying'}`;
      return desired === tasks && running === tasks && steady ? true : undefined;
    },
    { withinMs, seen: () => seen },
  );
}

export async function setTasks(world: World, desiredCount: number, service: string = DEMO.service): Promise<void> {
  await world.clients().ecs.send(new UpdateServiceCommand({ cluster: DEMO.cluster, service, desiredCount }));
}

/** Average CPU per task, in percent, over the first whole period that began at or after `since` (epoch milliseconds). */
export async function cpuPercentAfter(world: World, stage: Stage, since: number): Promise<number> {
  const periodMs = PERIOD_SECONDS * 1000;
  const start = Math.ceil(since / periodMs) * periodMs;
  const end = start + periodMs;
  return stage.until(
    'CPU datapoints of one whole period',
    async () => {
      if (Date.now() < end + INGESTION_MS) return undefined;
      const { Datapoints } = await world.clients().cloudwatch.send(
        new GetMetricStatisticsCommand({
          Namespace: 'AWS/ECS',
          MetricName: 'CPUUtilization',
          Dimensions: [
            { Name: 'ClusterName', Value: DEMO.cluster },
            { Name: 'ServiceName', Value: DEMO.service },
          ],
          StartTime: new Date(start),
          EndTime: new Date(end),
          Period: PERIOD_SECONDS,
          Statistics: ['Average'],
        }),
      );
      return Datapoints?.[0]?.Average;
    },
    { withinMs: 3 * periodMs },
  );
}

/** ARN of the task definition that the service is to run. */
export async function presentRevision(world: World, service: string = DEMO.service): Promise<string> {
  return (await describe(world, service)).taskDefinition ?? '';
}

/**
 * Deploys a new revision: what runs now with another release's image, more environment and other sizes.
 * @returns its ARN.
 */
export async function release(
  world: World,
  { name, environment = {}, ...sizes }: { name: string; environment?: Record<string, string>; memory?: string },
  service: string = DEMO.service,
): Promise<string> {
  const { ecs } = world.clients();
  const taskDefinition = await presentRevision(world, service);
  const present = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
  const [container] = present.taskDefinition?.containerDefinitions ?? [];
  const made = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: service,
      cpu: present.taskDefinition?.cpu,
      memory: present.taskDefinition?.memory,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      executionRoleArn: present.taskDefinition?.executionRoleArn,
      ...sizes,
      containerDefinitions: [
        {
          ...container,
          image: imageOf(name, service),
          environment: [
            ...(container?.environment ?? []),
            ...Object.entries(environment).map(([key, value]) => ({ name: key, value })),
          ],
        },
      ],
      tags: present.tags,
    }),
  );
  const arn = made.taskDefinition?.taskDefinitionArn ?? '';
  await deploy(world, arn, service);
  return arn;
}

export async function deploy(world: World, taskDefinition: string, service: string = DEMO.service): Promise<void> {
  const change = { cluster: DEMO.cluster, service, taskDefinition };
  await world.clients().ecs.send(new UpdateServiceCommand(change));
}
