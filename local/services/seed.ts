/** The demo company's services in cluster `orders`: `backend` with two tasks, and whichever others a scenario asks for. Made through the SDK, as a user would. */
import { createHash } from 'node:crypto';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';

export const DEMO = {
  cluster: 'orders',
  service: 'backend',
  tasks: 2,
  /** CPU of one request: at `baseRequestsPerSecond` two tasks are at 40 %, at twice that at 80 %, three then at 53 %. */
  costMs: 40,
  baseRequestsPerSecond: 20,
  /** In which the demo's metrics are published; AWS's services do it every 60 s. */
  metricPeriodSeconds: 10,
} as const;

export const EXECUTION_ROLE = 'arn:aws:iam::000000000000:role/orders-task-execution';

/** A service's image of a release, named by its digest as a pipeline would. */
export const imageOf = (release: string, service: string = DEMO.service): string =>
  `${service}@sha256:${createHash('sha256').update(release).digest('hex')}`;

/** A service that the company has. */
export interface SeededService {
  readonly name: string;
  readonly tasks: number;
  /** Of its tasks (`task.ts`). */
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthCheckGracePeriodSeconds?: number;
}

/**
 * Makes the cluster, the demo's service and the `others` at `endpointUrl`, and waits until their tasks run.
 * @throws Error of the SDK when a call is refused or the tasks don't run within 60 seconds.
 */
export async function seedServices(
  endpointUrl: string,
  region: string,
  others: readonly SeededService[] = [],
): Promise<void> {
  const client = new ECSClient({
    endpoint: endpointUrl,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const services = [{ name: DEMO.service, tasks: DEMO.tasks }, ...others];
  try {
    const settings = [{ name: 'containerInsights' as const, value: 'enabled' }];
    await client.send(new CreateClusterCommand({ clusterName: DEMO.cluster, settings }));
    for (const service of services) await seedService(client, service);
    const asked = { cluster: DEMO.cluster, services: services.map(({ name }) => name) };
    await waitUntilServicesStable({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, asked);
  } finally {
    client.destroy();
  }
}

/** Its task definition and the service in `cluster`, which must be there. @throws Error of the SDK when a call is refused. */
export async function seedService(
  client: ECSClient,
  { name, tasks, environment = {}, ...more }: SeededService,
  cluster: string = DEMO.cluster,
): Promise<void> {
  const variables = { SERVICE_COST_MS: String(DEMO.costMs), ...environment };
  const { taskDefinition } = await client.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      executionRoleArn: EXECUTION_ROLE,
      containerDefinitions: [
        {
          name,
          image: imageOf('1', name),
          essential: true,
          environment: Object.entries(variables).map(([key, value]) => ({ name: key, value })),
        },
      ],
      // A revision is rolled back to only if it was made for the same schema of the service's database.
      tags: [{ key: 'nightshift:schema', value: '1' }],
    }),
  );
  await client.send(
    new CreateServiceCommand({
      cluster,
      serviceName: name,
      taskDefinition: taskDefinition?.taskDefinitionArn,
      desiredCount: tasks,
      launchType: 'FARGATE',
      ...more,
    }),
  );
}
