/** The demo company's service: cluster `orders`, service `backend` with two tasks. Made through the SDK, as a user would. */
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
} as const;

/** The service's image of a release, named by its digest as a pipeline would. */
export const imageOf = (release: string): string =>
  `${DEMO.service}@sha256:${createHash('sha256').update(release).digest('hex')}`;

/**
 * Makes the cluster, task definition and service at `endpointUrl`, and waits until the tasks run.
 * `environment` is added to the tasks' own (see `task.ts`).
 * @throws Error of the SDK when a call is refused or the tasks don't run within 60 seconds.
 */
export async function seedServices(
  endpointUrl: string,
  region: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = new ECSClient({
    endpoint: endpointUrl,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const variables = { SERVICE_COST_MS: String(DEMO.costMs), ...environment };
  try {
    await client.send(new CreateClusterCommand({ clusterName: DEMO.cluster }));
    const { taskDefinition } = await client.send(
      new RegisterTaskDefinitionCommand({
        family: DEMO.service,
        cpu: '256',
        memory: '512',
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        executionRoleArn: 'arn:aws:iam::000000000000:role/orders-task-execution',
        containerDefinitions: [
          {
            name: DEMO.service,
            image: imageOf('1'),
            essential: true,
            environment: Object.entries(variables).map(([name, value]) => ({ name, value })),
          },
        ],
        // A revision is rolled back to only if it was made for the same schema of the service's database.
        tags: [{ key: 'nightshift:schema', value: '1' }],
      }),
    );
    await client.send(
      new CreateServiceCommand({
        cluster: DEMO.cluster,
        serviceName: DEMO.service,
        taskDefinition: taskDefinition?.taskDefinitionArn,
        desiredCount: DEMO.tasks,
        launchType: 'FARGATE',
      }),
    );
    const asked = { cluster: DEMO.cluster, services: [DEMO.service] };
    await waitUntilServicesStable({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, asked);
  } finally {
    client.destroy();
  }
}
